"""docs/pages.md: how the marks of a page are read from its template, without rendering it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.docs.generate import applications
from tools.docs.pages_page import FOLDERS, Page, Reader, every_page, marks_of, pages_of

PARTS = {
    "parts.html": '{% macro field(name, at="") %}<input data-testid="{{ name }}"><p data-testid="error-{{ name }}">{% endmacro %}',
    "around.html": '<html data-testid="bar">{% block content %}{% endblock %}</html>',
    "mode.html": '<b data-testid="mode">',
}


@pytest.mark.parametrize(
    ("template", "marks"),
    [
        ('<a data-testid="home">', ["home"]),
        ('{% if x %}<a data-testid="a">{% elif y %}<a data-testid="b">{% else %}<a data-testid="c">{% endif %}', ["a", "b", "c"]),
        ('{% for x in rows %}<a data-testid="row-{{ x.code }}">{% else %}<p data-testid="no">{% endfor %}', ["no", "row-CODE"]),
        ('{% for n in ("2", "1") %}<a data-testid="{{ name }}-{{ n }}">{% endfor %}', ["NAME-1", "NAME-2"]),
        ('{% import "parts.html" as parts %}{{ parts.field("note") }}', ["error-note", "note"]),
        ('{% import "parts.html" as parts %}{{ parts.field("paper-" ~ each.code, at=does) }}', ["error-paper-CODE", "paper-CODE"]),
        ('{% macro say(name) %}<p data-testid="error-{{ name }}">{% endmacro %}{{ say("pay") }}', ["error-pay"]),
        ('{% extends "around.html" %}{% block content %}<a data-testid="home">{% endblock %}', ["bar", "home"]),
        ('{% include "mode.html" %}', ["mode"]),
    ],
    ids=["plain", "branches", "loop", "loop over constants", "macro", "composed name", "own macro", "parent", "part"],
)  # fmt: skip
def test_every_mark_that_a_template_can_write_is_found(tmp_path: Path, template: str, marks: list[str]) -> None:
    for name, content in {**PARTS, "page.html": template}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    page = Page("page.html", (), marks_of(Reader(tmp_path), "page.html"))
    assert page.names == marks


def test_what_a_page_fills_in_fits_every_value_and_the_rest_fits_itself() -> None:
    (pattern, plain) = Page("x.html", (), ("dossier-\x02CODE\x03", "state")).patterns
    assert pattern.fullmatch("dossier-H42.14464-20260609-0000001") and not pattern.fullmatch("dossier-")
    assert plain.fullmatch("state") and not plain.fullmatch("states")


def test_every_page_has_its_address_and_no_template_is_left_out() -> None:
    apps = applications()
    portal = {page.template: page for page in pages_of(FOLDERS[0], apps["portal"])}
    assert portal["dossier.html"].addresses == ("/dossiers/{code}",)
    assert {"state", "pay", "error-supplement", "send-rating"} <= set(portal["dossier.html"].names)
    assert portal["refused.html"].addresses == (), "it is shown wherever something is refused"
    shown = {page.template for pages in every_page(apps).values() for page in pages}
    services = Path(__file__).parents[2] / "services"
    assert {path.name for path in services.rglob("*.html")} - shown == {"mode.html", "api.html"}, "parts of others"
