"""The page on which the user chooses who signs in. It has plain links, so that a test can follow them without a script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse

from contracts.texts import text
from services.identity_mock.people import Person
from services.identity_mock.problems import NO_STORE
from services.identity_mock.register import register
from services.identity_mock.settings import Settings
from shared.sandbox.names import IDS
from shared.sandbox.registry import Sandbox
from shared.web.pages import Templates, Visit, language_of

SHARED = ("name", "number", "birth", "level", "represents")  # keys of texts.toml: what a client learns of a person


def templates_of(settings: Settings) -> Templates:
    """The renderer; only the authorization endpoint has pages."""
    return Templates(
        (Path(__file__).parent,), text, pages=re.compile(rf"(?:/s/{IDS.pattern})?/authorize"), home=settings.portal_url
    )


def page(request: Request, sandbox: Sandbox, people: Iterable[Person], parameters: Mapping[str, str]) -> HTMLResponse:
    """`parameters` are those of the authorize request; every link repeats them, but `prompt`: this was it."""
    repeated = {name: value for name, value in parameters.items() if name != "prompt"}
    represented = register(sandbox)
    rows = [
        (person, "?" + urlencode({**repeated, "login_hint": person.hint}), represented.get(person.hint, []))
        for person in people
    ]
    path = request.url.path + "?" + urlencode(parameters)
    client = urlsplit(parameters.get("redirect_uri", "")).netloc
    visit = Visit(language_of(request), sandbox, sandbox.id, path)
    templates: Templates = request.app.state.templates
    return templates.render(visit, "login.html", rows=rows, client=client, shared=SHARED, headers=NO_STORE)
