"""Sandboxes as a product: their time to live, their keys and clients, the list of them, clocks that run and stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.country import URLS, VERIFIER, Country, Sandbox, pointers, problem


@asynccontextmanager
async def reaper(country: Country) -> AsyncIterator[None]:
    """The portal's job that ends what has had its time."""
    job = asyncio.create_task(country.portal.ownership.reap())
    try:
        yield
    finally:
        job.cancel()


async def until_gone(country: Country, sandbox: str, service: str = "portal") -> str:
    """The sentence that says why it is not there."""
    path, headers = "/_lab/timeline/x", {"X-Sandbox": sandbox}
    async with asyncio.timeout(20):
        while (answer := await country.ask(service, "GET", path, headers=headers)).status_code == 200:
            pass
    return str(problem(answer, 404, "sandbox-not-found")["detail"])


async def listed(country: Country) -> list[str]:
    answer = await country.ask("portal", "GET", "/_lab/sandboxes?page_size=500")
    return [each["id"] for each in answer.json()]


async def test_a_sandbox_says_how_it_is_chosen(country: Country) -> None:
    shown = (await country.ask("portal", "POST", "/_lab/sandboxes", json={"time_to_live": "1h"})).json()
    left = datetime.fromisoformat(shown["expires_at"]) - datetime.now().astimezone()
    assert timedelta(minutes=58) < left < timedelta(minutes=61)
    assert shown["api_key"].startswith(f"lt.{shown['id']}.")
    assert shown["oidc_client"] == f"lienthong-{shown['id']}"
    assert shown["issuer"] == f"{URLS['identity']}/s/{shown['id']}"


async def test_what_has_had_its_time_is_reaped_and_says_so(country: Country) -> None:
    async with reaper(country):
        sandbox = await country.sandbox(time_to_live="1s")
        for service in ("portal", "gateway", "identity", "payment"):
            assert "Its time was over at 2" in await until_gone(country, sandbox.id, service)
    assert sandbox.id not in await listed(country)


async def test_a_deleted_one_is_told_from_one_that_never_was(country: Country, sandbox: Sandbox) -> None:
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    assert "It was deleted" in await until_gone(country, sandbox.id)
    assert "No sandbox has this id" in await until_gone(country, "nobody")


async def test_a_longer_life_and_another_name(country: Country, sandbox: Sandbox) -> None:
    path = f"/_lab/sandboxes/{sandbox.id}"
    before = (await country.ask("portal", "GET", path)).json()
    shown = (await country.ask("portal", "PATCH", path, json={"time_to_live": "30d"})).json()
    assert shown["expires_at"] > before["expires_at"] and shown["name"] == before["name"]
    shown = (await country.ask("portal", "PATCH", path, json={"name": "Đoàn", "time_to_live": None})).json()
    assert (shown["name"], shown["expires_at"]) == ("Đoàn", None)
    assert (await country.ask("portal", "PATCH", path, json={})).json()["name"] == "Đoàn"


@pytest.mark.parametrize("lives", ["", "soon", "P", "0s", "P5000000D", "-1d", "3 days"])
async def test_a_time_to_live_that_is_none_is_refused(country: Country, sandbox: Sandbox, lives: str) -> None:
    for method, path in (("POST", "/_lab/sandboxes"), ("PATCH", f"/_lab/sandboxes/{sandbox.id}")):
        assert pointers(await country.ask("portal", method, path, json={"time_to_live": lives})) == ["/time_to_live"]


async def test_the_default_sandbox_has_no_end(country: Country) -> None:
    answer = await country.ask("portal", "PATCH", "/_lab/sandboxes/default", json={"time_to_live": "1h"})
    assert pointers(answer) == ["/time_to_live"]


async def test_every_living_sandbox_is_listed_page_by_page(country: Country) -> None:
    made = [(await country.sandbox(name=f"n{n}")).id for n in range(5)]
    found: list[str] = []
    path: str | None = "/_lab/sandboxes?page_size=2"
    while path:
        answer = await country.ask("portal", "GET", path)
        found += [each["id"] for each in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert [each for each in found if each in made] == made and len(found) == len(set(found))
    assert int(answer.headers["X-Total-Count"]) == len(found)
    answer = await country.ask("portal", "GET", "/_lab/sandboxes?page_token=eA")
    assert pointers(answer) == ["/query/page_token"]


async def test_a_key_chooses_its_sandbox_at_every_door(country: Country, sandbox: Sandbox) -> None:
    shown = (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).json()
    key = {"X-Api-Key": shown["api_key"]}
    for service in ("portal", "gateway", "identity", "payment"):
        by_key = await country.ask(service, "GET", "/_lab/timeline/x", headers=key)
        assert (by_key.status_code, by_key.json()) == (200, [])
        other = await country.ask(service, "GET", "/_lab/timeline/x", headers={**key, "X-Sandbox": "default"})
        assert problem(other, 403, "sandbox-mismatch")["key_sandbox"] == sandbox.id
        pending = await country.ask(service, "GET", "/_lab/sandboxes/default/pending", headers=key)
        problem(pending, 403, "sandbox-mismatch")
    citizen = await sandbox.sign_in()
    assert (await citizen.ask("GET", "/dossiers", headers=key)).status_code == 200
    stranger = (await country.ask("portal", "POST", "/_lab/sandboxes")).json()["api_key"]
    problem(await citizen.ask("GET", "/dossiers", headers={"X-Api-Key": stranger}), 403, "sandbox-mismatch")


@pytest.mark.parametrize("key", ["", "lt", "lt.default." + "0" * 32, "lt.x.y", "secret"])
async def test_a_key_that_opens_nothing_is_refused(country: Country, key: str) -> None:
    for service in ("portal", "gateway", "identity", "payment"):
        answer = await country.ask(service, "GET", "/_lab/timeline/x", headers={"X-Api-Key": key})
        problem(answer, 401, "api-key-unknown")


async def test_a_key_of_a_deleted_sandbox_finds_nothing(country: Country, sandbox: Sandbox) -> None:
    key = (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).json()["api_key"]
    headers = {"X-Api-Key": key}
    assert (await country.ask("gateway", "GET", "/_lab/timeline/x", headers=headers)).status_code == 200
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    for service in ("portal", "gateway", "identity", "payment"):
        problem(await country.ask(service, "GET", "/_lab/timeline/x", headers=headers), 404, "sandbox-not-found")


async def test_a_client_of_its_own_signs_people_in_at_the_default_issuer(country: Country, sandbox: Sandbox) -> None:
    who = {"client_id": f"lienthong-{sandbox.id}", "redirect_uri": "http://127.0.0.1/back"}
    tokens = await sign_in(country, URLS["identity"], who)
    answer = await country.ask("portal", "GET", "/api/v1/dossiers", headers={"Authorization": f"Bearer {tokens}"})
    assert answer.status_code == 200
    stranger = await country.sandbox()
    asked = {"response_type": "code", "scope": "openid", "login_hint": "lan", **who}
    answer = await country.http.get(f"{URLS['identity']}/s/{stranger.id}/authorize", params=asked)
    problem(answer, 400, "client-unknown")
    answer = await country.http.get(f"{URLS['identity']}/authorize", params={**asked, "client_id": "lienthong-nobody"})
    assert "No sandbox has this id" in problem(answer, 400, "client-unknown")["detail"]


async def sign_in(country: Country, issuer: str, who: dict[str, str]) -> str:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # of VERIFIER: RFC 7636 appendix B
    asked = {"response_type": "code", "scope": "openid", "login_hint": "lan", **who}
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
    answer = await country.http.get(f"{issuer}/authorize", params={**asked, **pkce})
    code = answer.headers["location"].partition("code=")[2].partition("&")[0]
    form: dict[str, Any] = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, **who}
    answer = await country.http.post(f"{issuer}/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def test_a_clock_runs_and_stops_where_it_has_come(country: Country, sandbox: Sandbox) -> None:
    fast = (await sandbox.lab("/clock/rate", {"rate": 86_400})).json()
    assert fast["rate"] == 86_400
    async with asyncio.timeout(20):
        while (await sandbox.clock())["now"] <= fast["now"]:
            pass
    stopped = (await sandbox.lab("/clock/rate", {"rate": 0})).json()
    assert stopped["rate"] == 0 and stopped["now"] > fast["now"]
    assert await sandbox.clock() == stopped
    for service in ("gateway", "identity", "payment"):
        answer = await country.ask(service, "GET", f"/_lab/sandboxes/{sandbox.id}/pending")
        assert answer.json()["version"] > 0


@pytest.mark.parametrize("rate", [-1, "fast", 2_000_000, None])
async def test_a_rate_that_is_none_is_refused(sandbox: Sandbox, rate: Any) -> None:
    assert pointers(await sandbox.lab("/clock/rate", {"rate": rate})) == ["/rate"]
