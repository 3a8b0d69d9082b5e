"""A browser without scripts for the pages: it follows redirects, keeps cookies, sends forms."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx

from tests.support.country import URLS, Country, Sandbox
from tests.support.factories import COMMUNE, COPY, PROVINCE

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"  # of every browser that goes to a page
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# What somebody may write into any field.
HOSTILE = {
    "nothing": "",
    "a script": "<script>alert(1)</script>",
    "a sequence for a terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "NUL": "a\x00b",
    "too much": "x" * 5000,
    "another direction": "\u202egnp.exe",
    "a path": "../../etc/passwd",
    "a format": "{visit.portal}%s{{ 7 * 7 }}",
    "a number": "9" * 4500,
}


class Forms(HTMLParser):
    """The forms of a page: action, method, fields with their values; and its elements with a `data-testid`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        self.ids |= {facts["data-testid"]} if "data-testid" in facts else set()
        if tag == "form":
            self.forms.append({"action": facts.get("action", ""), "fields": {}})
        elif tag == "input" and self.forms and facts.get("type") not in ("file", "radio"):
            self.forms[-1]["fields"][facts.get("name", "")] = facts.get("value", "")


class Browser:
    """A browser without scripts: follows redirects, keeps cookies, sends forms."""

    def __init__(self, http: httpx.AsyncClient, service: str = "portal") -> None:
        self.http, self.base = http, URLS[service]

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(urljoin(self.base, path), follow_redirects=True)

    async def send(self, page: httpx.Response, action: str, files: Any = None, **fields: str) -> httpx.Response:
        """Send the form of a page whose action ends with `action`."""
        form = next(each for each in Forms(page.text).forms if each["action"].endswith(action))
        address = urljoin(str(page.url), form["action"])
        data = {**form["fields"], **fields}
        return await self.http.post(address, data=data, files=files, follow_redirects=True)

    async def sign_in(self, persona: str = "lan") -> httpx.Response:
        return await self.sign_in_at(await self.get("/login"), persona)

    async def sign_in_at(self, chooser: httpx.Response, persona: str = "lan") -> httpx.Response:
        """Choose a person on the sign-in page; returns the page to which this leads."""
        (address,) = re.findall(rf'href="([^"]*login_hint={persona}[^"]*)"', chooser.text)
        return await self.http.get(urljoin(str(chooser.url), address.replace("&amp;", "&")), follow_redirects=True)

    def end_session(self) -> None:
        """As if the time of the session were over; the sandbox stays chosen."""
        for cookie in list(self.http.cookies.jar):
            if cookie.name.startswith("lienthong-citizen"):
                self.http.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)


@asynccontextmanager
async def a_browser(country: Country, sandbox: Sandbox, service: str = "portal") -> AsyncIterator[Browser]:
    """A browser in this sandbox."""
    mounts = {URLS[name]: street for name, street in country.streets.items()}
    async with httpx.AsyncClient(mounts=mounts, timeout=30, headers={"Accept": ACCEPT}) as http:
        browser = Browser(http, service)
        await browser.get(f"/s/{sandbox.id}")
        yield browser


async def begun(browser: Browser) -> httpx.Response:
    """The form of an application, of whoever is signed in."""
    page = await browser.get(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    return await browser.send(page, "/apply")


def component_of(form: httpx.Response) -> str:
    return next(each for each in Forms(form.text).ids if each.startswith("file-"))


def is_calm(page: httpx.Response) -> bool:
    """Whether it is a page in words: no JSON, no trace of a program, nothing that acts in a browser or a terminal."""
    assert page.status_code < 500 or page.status_code == 503, page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8", page.text
    for sign in ("<script>alert", "Traceback", '{"', "None<", "/problems/"):
        assert sign not in page.text, page.text
    assert not CONTROLS.search(page.text), repr(CONTROLS.search(page.text))
    return True


def refusal_of(page: httpx.Response, status: int) -> str:
    """The one sentence of a page that says why something did not work."""
    assert page.status_code == status and is_calm(page), page.text
    (sentence,) = re.findall(r'data-testid="refusal"><p>([^<]*)</p>', page.text)
    assert sentence.count(".") <= 2 and sentence[0].isupper(), sentence
    return str(sentence)


def state_of(page: httpx.Response) -> str:
    """The state of the dossier that a page shows."""
    assert page.status_code == 200, page.text
    (state,) = re.findall(r'data-state="(\w+)"', page.text)
    return str(state)
