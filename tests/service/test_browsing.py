"""A sandbox in a browser, which sends no headers of ours: chosen by an address, kept in a cookie, at portal and province."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from shared.settings import Settings
from shared.web import sandbox_cookie
from tests.support.country import ADDRESSES, URLS, Citizen, Country, Sandbox, problem

COOKIE = f"lienthong-sandbox-{urlsplit(URLS['portal']).port or 80}"
DOORS = ("portal", "gateway")


@pytest.fixture
async def browser(country: Country) -> AsyncIterator[httpx.AsyncClient]:
    """With cookies of its own."""
    mounts = {URLS[name]: street for name, street in country.streets.items()}
    async with httpx.AsyncClient(mounts=mounts) as browser:
        yield browser


@pytest.fixture
async def code(lan: Citizen, sandbox: Sandbox) -> str:
    """A dossier of which portal and province have something to tell, in one sandbox."""
    code = await lan.submitted()
    await sandbox.carry()
    await sandbox.move(days=1)
    await sandbox.country.gateway.fire(sandbox.id)
    return code


@pytest.mark.parametrize("door", DOORS)
async def test_an_address_chooses_it_and_a_cookie_keeps_it(
    browser: httpx.AsyncClient, country: Country, sandbox: Sandbox, code: str, door: str
) -> None:
    path, at = f"/_lab/timeline/{code}", URLS[door]
    assert (await browser.get(at + path)).json() == [], "in the default sandbox nobody knows of it"
    assert (await browser.get(f"{at}/s/{sandbox.id}{path}?page_size=1")).json() != []
    assert browser.cookies[COOKIE] == sandbox.id
    assert (await browser.get(at + path)).json() != [], "kept"
    for other in DOORS:
        assert (await browser.get(URLS[other] + path)).status_code == 200

    stranger = await country.sandbox()
    assert (await browser.get(at + path, headers=stranger.header)).json() == [], "a header goes first"
    assert (await browser.get(f"{at}/s/{sandbox.id}{path}", headers=stranger.header)).json() == []

    home = await browser.get(f"{at}/s/default")
    assert (home.status_code, home.headers["location"], browser.cookies[COOKIE]) == (303, "/", "default")
    assert (await browser.get(at + path)).json() == []


@pytest.mark.parametrize("door", DOORS)
async def test_what_is_refused_is_not_kept(
    browser: httpx.AsyncClient, country: Country, sandbox: Sandbox, door: str
) -> None:
    at = URLS[door]
    entered = await browser.get(f"{at}/s/{sandbox.id}")
    assert entered.headers["set-cookie"] == f"{COOKIE}={sandbox.id}; Path=/; HttpOnly; SameSite=Lax"
    for path in ("/s/nowhere", "/s/nowhere/_lab/timeline/x"):
        problem(await browser.get(at + path), 404, "sandbox-not-found")
    problem(await browser.get(f"{at}/s/no.where"), 422, "body-does-not-fit")
    problem(await browser.get(f"{at}/s/{sandbox.id}/nothing-here"), 404, "no-such-address")
    assert browser.cookies[COOKIE] == sandbox.id


async def test_whoever_has_a_token_is_in_the_sandbox_of_the_token(
    browser: httpx.AsyncClient, country: Country, lan: Citizen, sandbox: Sandbox
) -> None:
    stranger = await country.sandbox()
    await browser.get(f"{URLS['portal']}/s/{stranger.id}")
    mine = f"{URLS['portal']}/api/v1/dossiers"
    bearer = {"Authorization": f"Bearer {lan.token}"}
    assert (await browser.get(mine, headers=bearer)).status_code == 200, "whatever the cookie says"
    key = {"X-Api-Key": (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).json()["api_key"]}
    assert (await browser.get(f"{URLS['portal']}/_lab/sandboxes/{sandbox.id}", headers=key)).status_code == 200
    at = f"{URLS['portal']}/s/{stranger.id}/api/v1/dossiers"
    problem(await browser.get(at, headers=bearer), 403, "sandbox-mismatch")


async def test_what_a_browser_does_to_another_sandbox_is_recorded_there(
    browser: httpx.AsyncClient, country: Country, sandbox: Sandbox
) -> None:
    chosen, lab = await country.sandbox(), f"{URLS['portal']}/_lab/sandboxes"
    await browser.get(f"{URLS['portal']}/s/{chosen.id}")
    assert (await browser.put(f"{lab}/{sandbox.id}/modes/37", json={"mode": "manual"})).status_code == 200
    recorded = [(await browser.get(f"{lab}/{each.id}/recorded")).json() for each in (sandbox, chosen)]
    assert [len(calls) for calls in recorded] == [1, 0]


@pytest.mark.parametrize("door", DOORS)
async def test_a_chosen_sandbox_that_is_gone_is_named_with_the_way_back(
    browser: httpx.AsyncClient, country: Country, sandbox: Sandbox, door: str
) -> None:
    at, path = URLS[door], "/_lab/timeline/x"
    await browser.get(f"{at}/s/{sandbox.id}")
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    refused = problem(await browser.get(at + path), 404, "sandbox-not-found")
    assert "cookie" in refused["detail"] and "/s/default" in refused["detail"]
    for page in (path, "/docs"):
        shown = await browser.get(at + page, headers={"Accept": "text/html,*/*;q=0.8"})
        assert (shown.status_code, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert f"Sandbox {sandbox.id} không còn" in shown.text and 'href="/s/default"' in shown.text
    by_header = problem(await browser.get(at + path, headers=sandbox.header), 404, "sandbox-not-found")
    assert "cookie" not in by_header["detail"]
    await browser.get(f"{at}/s/default")
    assert (await browser.get(f"{at}/docs", headers={"Accept": "text/html"})).status_code == 200


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://127.0.0.1:8000", "lienthong-sandbox-8000"),
        ("http://127.0.0.1:9100/", "lienthong-sandbox-9100"),
        ("https://portal.example", "lienthong-sandbox-443"),
        ("http://portal.example", "lienthong-sandbox-80"),
    ],
)
async def test_two_countries_on_one_machine_have_cookies_of_their_own(address: str, name: str) -> None:
    """Browsers keep cookies by host, without the port."""
    settings = Settings(**{**ADDRESSES, "PORTAL_URL": address})
    assert sandbox_cookie.name_of(settings) == name
    inner: list[dict[bytes, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        inner.append(dict(scope["headers"]))

    cookies = b"lienthong-sandbox-1=one; %s=mine; lienthong-sandbox=old" % name.encode()
    scope = {"type": "http", "path": "/", "headers": [(b"cookie", cookies)]}
    await sandbox_cookie.SandboxCookieMiddleware(app, name)(scope, None, None)  # type: ignore[arg-type]
    assert inner[0][b"x-sandbox"] == b"mine"
