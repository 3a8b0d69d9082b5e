"""The page on which the user chooses who signs in. It has plain links, so that a test can follow them without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from services.identity_mock.people import Person

PAGE = """<!doctype html>
<html lang="vi">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Đăng nhập thử nghiệm</title>
<style>body {{ font: 1rem/1.6 system-ui; max-width: 34rem; margin: 3rem auto; padding: 0 1rem }}</style>
<h1>Đăng nhập thử nghiệm</h1>
<p>Ai đăng nhập? Mọi người ở đây đều không có thật.<br><i lang="en">Who signs in? Everybody here is invented.</i></p>
<ul>
{links}
</ul>
</html>
"""


def page(people: Sequence[Person], parameters: Mapping[str, str]) -> str:
    """The page as HTML. `parameters` are those of the authorize request; every link repeats them, but `prompt`: this was it."""
    return PAGE.format(links="\n".join(_link(person, parameters) for person in people))


def _link(person: Person, parameters: Mapping[str, str]) -> str:
    repeated = {name: value for name, value in parameters.items() if name != "prompt"}
    href = escape("?" + urlencode({**repeated, "login_hint": person.hint}))
    return f'<li><a href="{href}">{escape(person.name)}</a>, mức {person.level} <small>({person.hint})</small>'
