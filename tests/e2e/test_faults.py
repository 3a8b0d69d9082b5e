"""For each named fault a story: it bites as its description says, and once it is off the world is whole."""

from __future__ import annotations

import os

import httpx
import pytest

from lienthong import sync
from lienthong.client import Country
from lienthong.pytest_plugin import run_of
from tests.e2e.faults import adapter, connectors, http, identity, officers, payment
from tests.support.trouble import trouble

STORIES = {
    **http.STORIES,
    **identity.STORIES,
    **payment.STORIES,
    **officers.STORIES,
    **connectors.STORIES,
    **adapter.STORIES,
}


@pytest.mark.parametrize("fault", STORIES)
async def test_a_fault_bites_and_the_world_is_whole_after(lienthong_sync: sync.Country, fault: str) -> None:
    async with trouble(lienthong_sync.url) as world:
        await STORIES[fault](world)
        await world.whole()


async def test_every_named_fault_has_its_story(lienthong_sync: sync.Country) -> None:
    async with Country(lienthong_sync.url) as country:
        named = {fault["name"] for fault in await country.faults()}
    assert named == set(STORIES) and len(named) >= 30


@pytest.mark.parametrize("fault", ["http-truncated-body", "http-reset", "http-timeout"])
async def test_a_confirmation_outlives_a_bad_connection_between_our_own_services(
    lienthong_sync: sync.Country, fault: str
) -> None:
    async with trouble(lienthong_sync.url) as world:
        code = await world.owing()
        match = {"service": "portal", "path": "/api/v1/payment-platform/confirm"}
        async with world.on(fault, "*", match=match):
            await world.lan.pay(code)
            while not (await world.sandbox.faults.rules())[0]["fired"]:
                pass
            verdict = await world.sandbox.settle(timeout_seconds=0)
            assert "calls-in-flight" in {each["name"] for each in verdict["waiting_for"]}
        await world.still()
        assert await world.fee(code) == "paid" and len(await world.lines(code, "paid", "portal")) <= 1
        await world.whole()


async def test_a_connection_that_a_fault_broke_is_no_error_in_a_log(
    lienthong_sync: sync.Country, pytestconfig: pytest.Config
) -> None:
    if os.environ.get("LIENTHONG_URL"):
        pytest.skip("the logs of a country elsewhere are not ours to read")
    log = run_of(pytestconfig).stack("country").plan.log("portal-api")
    before = log.stat().st_size
    async with trouble(lienthong_sync.url) as world:
        code = await world.submitted()
        for fault in ("http-reset", "http-truncated-body", "http-timeout"):
            settings = {"after": "1s"} if fault == "http-timeout" else None
            async with world.on(fault, code, match={"service": "portal"}, settings=settings):
                with pytest.raises(httpx.TransportError):
                    await world.ask("GET", f"/api/v1/dossiers/{code}")
        assert (await world.ask("GET", f"/api/v1/dossiers/{code}")).status_code == 200
    with log.open(encoding="utf-8") as lines:
        lines.seek(before)
        written = lines.read()
    assert code in written
    assert not [line for line in written.splitlines() if '"level": "error"' in line or "Traceback" in line]
