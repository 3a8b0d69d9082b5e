"""The citizen pages, as a browser without scripts uses them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.country import URLS, Country, Sandbox
from tests.support.factories import COMMUNE, COPY, PROVINCE
from tests.support.specimens import a_pdf

PORTAL = URLS["portal"]


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

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(urljoin(PORTAL, path), follow_redirects=True)

    async def send(self, page: httpx.Response, action: str, files: Any = None, **fields: str) -> httpx.Response:
        """Send the form of a page whose action ends with `action`."""
        form = next(each for each in Forms(page.text).forms if each["action"].endswith(action))
        address = urljoin(str(page.url), form["action"])
        data = {**form["fields"], **fields}
        return await self.http.post(address, data=data, files=files, follow_redirects=True)

    async def sign_in(self, persona: str = "lan") -> httpx.Response:
        chooser = await self.get("/login")
        (address,) = re.findall(rf'href="([^"]*login_hint={persona}[^"]*)"', chooser.text)
        return await self.http.get(urljoin(str(chooser.url), address.replace("&amp;", "&")), follow_redirects=True)


@pytest.fixture
async def browser(country: Country, sandbox: Sandbox) -> AsyncIterator[Browser]:
    """In the sandbox of the test."""
    mounts = {URLS[name]: street for name, street in country.streets.items()}
    async with httpx.AsyncClient(mounts=mounts, timeout=30) as http:
        browser = Browser(http)
        await browser.get(f"/s/{sandbox.id}")
        yield browser


async def test_a_procedure_is_found_without_diacritics_and_its_page_says_what_is_needed(browser: Browser) -> None:
    found = await browser.get("/?q=trich+luc+ho+tich")
    assert found.status_code == 200 and f"procedure-{COPY}" in Forms(found.text).ids
    page = await browser.get(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    assert {"fee", "limit", "apply"} <= Forms(page.text).ids
    english = await browser.get(f"/language/en?next=/procedures/{COPY}")
    assert 'lang="en"' in english.text and "Time limit" in english.text


async def test_an_application_from_the_page_of_the_procedure_to_the_dossier(browser: Browser, sandbox: Sandbox) -> None:
    page = await browser.get(f"/procedures/{COPY}?province={PROVINCE}&commune={COMMUNE}")
    chooser = await browser.send(page, "/apply")
    assert chooser.url.host == "identity.test", "who applies signs in first"
    (address,) = re.findall(r'href="([^"]*login_hint=lan[^"]*)"', chooser.text)
    form = await browser.http.get(urljoin(str(chooser.url), address.replace("&amp;", "&")), follow_redirects=True)
    assert form.status_code == 200 and "application" in Forms(form.text).ids, form.text
    component = next(each for each in Forms(form.text).ids if each.startswith("file-"))
    wrong = await browser.send(
        form, form.url.path, {component: ("x.pdf", b"not a file", "application/pdf")}, note="Giữ lại"
    )
    assert wrong.status_code == 422 and f"error-{component}" in Forms(wrong.text).ids and "Giữ lại" in wrong.text
    review = await browser.send(
        wrong, form.url.path, {component: ("x.pdf", a_pdf(), "application/pdf")}, note="Giữ lại"
    )
    assert review.url.path.endswith("/review") and "x.pdf" in review.text, review.text
    first = await browser.send(review, "/submit")
    again = await browser.send(review, "/submit")
    assert first.url == again.url and "state" in Forms(first.text).ids, "a double click submits once"
    assert 'data-state="submitted"' in first.text
    await sandbox.carry()
    listed = await browser.get("/dossiers")
    assert str(first.url).rpartition("/")[2] in listed.text
    slip = await browser.get(f"{first.url.path}/slip")
    assert slip.headers["content-type"] == "application/pdf" and slip.content.startswith(b"%PDF")
