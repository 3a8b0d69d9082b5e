"""A sandbox in a browser, which sends no headers of ours: chosen by an address, kept in a cookie, at portal and province."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.country import URLS, Citizen, Country, Sandbox, problem

COOKIE = "lienthong-sandbox"
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
    assert (home.status_code, home.headers["location"], browser.cookies[COOKIE]) == (303, "/docs", "default")
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
