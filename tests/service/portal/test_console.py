"""The console: every view says what the APIs say, and every control is a call of the API."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from contracts.catalogue import PROVINCES
from services.portal.console import boards, diagram
from services.portal.console.views import VIEWS
from tests.support.country import URLS, Citizen, Country, Sandbox
from tests.support.factories import COPY
from tests.support.pages import HOSTILE, Browser, Forms, a_browser, is_calm


@pytest.fixture
async def console(country: Country, sandbox: Sandbox) -> AsyncIterator[Browser]:
    async with a_browser(country, sandbox) as browser:
        yield browser


@pytest.fixture
async def code(lan: Citizen, sandbox: Sandbox) -> str:
    """A dossier that the province has received; its fee is demanded and paid."""
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    await sandbox.move(days=1)
    await sandbox.fire()
    return code


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_is_there_also_in_an_empty_sandbox(console: Browser, view: str, lang: str) -> None:
    await console.get(f"/language/{lang}")
    page = await console.get("/console" if view == "now" else f"/console/{view}")
    assert page.status_code == 200 and f'lang="{lang}"' in page.text
    assert {f"view-{each}" for each in VIEWS} <= Forms(page.text).ids


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
async def test_an_address_of_the_console_can_say_anything(console: Browser, value: str) -> None:
    said = quote(value[:1000], safe="")
    story = f"/console/dossiers/{said or '%20'}"
    for address in (story, f"/console?{{}}={said}", *(f"/console/{view}?{{}}={said}" for view in VIEWS[1:])):
        for name in ("code", "after", "step", "upto", "type", "province", "q"):
            page = await console.get(address.format(name))
            assert is_calm(page) and page.status_code in (200, 404, 422), page.url
    for drawing in ("story.svg", "story.mmd"):
        assert (await console.get(f"{story}/{drawing}")).status_code in (200, 404, 422)


async def test_the_console_of_a_sandbox_that_is_deleted_names_the_way_back(
    console: Browser, country: Country, sandbox: Sandbox
) -> None:
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    for view in VIEWS:
        page = await console.get("/console" if view == "now" else f"/console/{view}")
        assert page.status_code == 404 and {"gone", "way-back"} <= Forms(page.text).ids, view


async def test_the_story_is_drawn_with_an_arrow_for_each_step_and_says_what_it_carries(
    console: Browser, code: str
) -> None:
    page = await console.get(f"/console/dossiers/{code}?step=1")
    assert page.status_code == 200 and {"sequence", "payload", "svg", "mermaid"} <= Forms(page.text).ids
    assert "dossier.submitted.v1" in page.text and code in page.text
    earlier = await console.get(f"/console/dossiers/{code}?upto=1")
    assert len(re.findall('data-testid="step-', earlier.text)) < len(re.findall('data-testid="step-', page.text))
    drawing = await console.get(f"/console/dossiers/{code}/story.svg")
    ElementTree.fromstring(drawing.text)
    text = (await console.get(f"/console/dossiers/{code}/story.mmd")).text
    assert text.startswith("sequenceDiagram") and "portal-)kafka: dossier.submitted.v1" in text


async def test_why_nothing_happens_is_said_as_explain_says_it(
    console: Browser, country: Country, sandbox: Sandbox, code: str
) -> None:
    await console.get("/language/en")
    page = await console.get(f"/console/explain?code={code}")
    api = await country.ask("portal", "GET", f"/_lab/explain/{code}?timeout_seconds=0", headers=sandbox.header)
    first = api.json()["causes"][0]
    assert f'data-cause="{first["name"]}"' in page.text
    assert "unknown" not in (await console.get("/console/explain?code=nothing")).url.path


async def test_a_view_streams_its_part_and_again_when_it_has_changed(
    console: Browser, country: Country, sandbox: Sandbox
) -> None:
    page = await console.get("/console/dossiers")
    (stream,) = re.findall(r'data-stream="([^"]*)"', page.text)
    assert stream == "/console/dossiers?live"


async def test_the_gateway_is_called_in_the_chosen_sandbox(console: Browser, sandbox: Sandbox) -> None:
    listed = await console.get("/console/gateway/_lab/dead-letters")
    assert listed.status_code == 200 and listed.json() == []
    missing = await console.http.post(f"{URLS['portal']}/console/gateway/_lab/dead-letters/7/redrive")
    assert missing.status_code == 404


def test_every_province_has_a_tile_of_its_own() -> None:
    assert set(boards.TILES) == set(PROVINCES) and len(set(boards.TILES.values())) == len(PROVINCES)


def test_a_diagram_runs_nothing_that_stands_in_its_labels() -> None:
    hostile = "<script>alert(1)</script>; end#35;\n\x1b[2J"
    entry = {"at": "2026-06-09T08:00:00+07:00", "service": "gateway", "kind": "mode", "data": {}}
    steps = diagram.steps_of([{**entry, "text_vi": hostile, "text_en": hostile}], "vi")
    lanes = ["Công dân & co", "Cổng", "Kafka", "Tỉnh", "Định danh", "Thanh toán"]
    drawing = diagram.svg(steps, lanes)
    ElementTree.fromstring(drawing)
    assert "<script>" not in drawing and "Công dân &amp; co" in drawing
    text = diagram.mermaid(steps, lanes)
    assert ";" not in text and "#" not in text and len(text.splitlines()) == 1 + len(lanes) + 1
