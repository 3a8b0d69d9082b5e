"""The portal's test doors: sandboxes, their clocks, and what is refused there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.topics import TO_PORTAL, TO_PROVINCE
from services.portal.sandboxes.owner import SEND_ROW
from shared.messaging.http_outbox import Call
from tests.support.country import Citizen, Country, Sandbox, pointers, problem

DOORS = [
    ("GET", ""),
    ("DELETE", ""),
    ("GET", "/row"),
    ("GET", "/clock"),
    ("GET", "/pending"),
    ("POST", "/clock/set"),
    ("POST", "/clock/advance"),
    ("POST", "/settle"),
]


async def test_a_sandbox_starts_frozen_at_an_instant_that_its_seed_gives(country: Country) -> None:
    twins = [await country.sandbox(seed="spring") for _ in range(2)]
    assert twins[0].start == twins[1].start and twins[0].id != twins[1].id
    assert [(await twin.clock()) for twin in twins] == [{"now": twins[0].start, "rate": 0}] * 2
    start = datetime.fromisoformat(twins[0].start)
    assert (start.hour, start.minute, start.weekday() < 6) == (8, 0, True)


@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_an_unknown_sandbox_is_not_found(country: Country, method: str, path: str) -> None:
    body = {"to": "2026-06-09T08:00:00+07:00"} if "clock/" in path else None
    answer = await country.ask("portal", method, f"/_lab/sandboxes/nobody{path}", json=body)
    problem(answer, 404, "sandbox-not-found")


@pytest.mark.parametrize("service", ["portal", "gateway", "identity", "payment"])
async def test_a_deleted_sandbox_is_gone_everywhere(country: Country, sandbox: Sandbox, service: str) -> None:
    assert (await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")).status_code == 204
    answer = await country.ask(service, "GET", "/_lab/timeline/x", headers=sandbox.header)
    problem(answer, 404, "sandbox-not-found")
    problem(await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}"), 404, "sandbox-not-found")


async def test_the_default_sandbox_stays(country: Country) -> None:
    problem(await country.ask("portal", "DELETE", "/_lab/sandboxes/default"), 409, "default-stays")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"seed": ""}, ["/seed"]),
        ({"seed": "a\x00"}, ["/seed"]),
        ({"name": "a\x00"}, ["/name"]),
        ({"rate": -1}, ["/rate"]),
        ({"rate": "fast"}, ["/rate"]),
        ({"start": "yesterday"}, ["/start"]),
        ({"start": "2026-06-09T08:00:00"}, ["/start"]),
        ({"start": "9999-12-31T23:59:59-12:00"}, ["/start"]),
        ({"start": "0001-01-01T00:00:00+14:00"}, ["/start"]),
        ({"start": "a\x00"}, ["/start"]),
        ({"sed": "x"}, ["/sed"]),
    ],
    ids=str,
)
async def test_a_wish_that_does_not_fit_is_refused(country: Country, body: dict[str, Any], where: list[str]) -> None:
    assert pointers(await country.ask("portal", "POST", "/_lab/sandboxes", json=body)) == where


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, [""]),
        ({"by": "P1D", "to": "2026-06-10T08:00:00+07:00"}, [""]),
        ({"by": "tomorrow"}, ["/by"]),
        ({"by": ""}, ["/by"]),
        ({"by": "PT"}, ["/by"]),
        ({"by": "-P1D"}, ["/by"]),
        ({"by": "P99999999D"}, ["/by"]),
        ({"by": "P9" + "9" * 30 + "D"}, ["/by"]),
        ({"by": "P400000D"}, ["/by"]),
        ({"to": "10:00"}, ["/to"]),
        ({"to": "9999-12-31T23:59:59+00:00"}, ["/to"]),
        ({"to": 5}, ["/to"]),
        ({"until": "P1D"}, ["/until"]),
    ],
    ids=str,
)
async def test_an_advance_that_does_not_fit_is_refused(
    sandbox: Sandbox, body: dict[str, Any], where: list[str]
) -> None:
    assert pointers(await sandbox.lab("/clock/advance", body)) == where
    assert (await sandbox.clock())["now"] == sandbox.start


async def test_a_clock_never_goes_back(sandbox: Sandbox) -> None:
    for path in ("/clock/advance", "/clock/set"):
        refused = problem(await sandbox.lab(path, {"to": "2026-06-09T07:59:59+07:00"}), 409, "clock-backwards")
        assert "2026-06-09T08:00" in refused["now"]
    assert (await sandbox.clock())["now"] == sandbox.start


async def test_advancing_to_where_the_clock_stands_is_harmless(sandbox: Sandbox) -> None:
    for _ in range(2):
        answer = await sandbox.lab("/clock/advance", {"to": "2026-06-10T08:00:00+07:00"})
        assert (answer.status_code, answer.json()["fired"]) == (200, [])
        assert answer.json()["now"] == "2026-06-10T08:00:00.000+07:00"
        assert answer.json()["verdict"]["proof_of_absence"]


async def test_a_clock_that_is_being_turned_is_busy(country: Country, sandbox: Sandbox) -> None:
    async with held_up(country, "gateway", "/pending") as first:
        turning = asyncio.create_task(sandbox.lab("/clock/advance", {"by": "P1D"}))
        await first.wait()
        for path, body in (("advance", {"by": "P1D"}), ("set", {"to": "2026-06-10T08:00:00+07:00"})):
            problem(await sandbox.lab(f"/clock/{path}", body), 409, "clock-busy")
        neighbour = await country.sandbox()
        assert (await neighbour.clock())["now"] == neighbour.start
    assert (await turning).status_code == 200
    assert (await sandbox.lab("/clock/advance", {"by": "P1D"})).status_code == 200


async def test_a_service_that_lags_is_named_and_told_again(country: Country) -> None:
    async with country.silent("payment", "/_lab/sandboxes"):
        answer = await country.ask("portal", "POST", "/_lab/sandboxes", json={})
        assert (answer.status_code, answer.json()["lagging"]) == (201, ["payment"])
        sandbox = Sandbox(country, answer.json())
        problem(await country.ask("portal", "POST", f"/_lab/sandboxes/{sandbox.id}/settle"), 503, "not-ready")
    await told_again(country, sandbox)
    assert (await sandbox.lab("/settle", {})).json()["verdict"] == "still"


async def test_a_clock_does_not_move_without_every_service(country: Country, sandbox: Sandbox) -> None:
    async with country.silent("identity", "/_lab/sandboxes"):
        answer = await sandbox.lab("/settle", {"timeout_seconds": 0})
        waits = {(waiting["name"], waiting["service"]) for waiting in answer.json()["waiting_for"]}
        assert (answer.json()["verdict"], waits) == ("waiting", {("service-down", "identity")})
        with pytest.raises(Exception, match="sends the change as soon as the service replies"):
            await sandbox.move(days=1)
    await told_again(country, sandbox)
    (row,) = await country.apps["identity"].state.runtime.database.fetch(
        "SELECT base_at FROM sandboxes WHERE id = $1", sandbox.id
    )
    assert row["base_at"] == datetime.fromisoformat(sandbox.start) + timedelta(days=1)


@pytest.mark.parametrize("seconds", [-1, 121, "long", None])
async def test_a_settle_that_does_not_fit_is_refused(sandbox: Sandbox, seconds: Any) -> None:
    assert pointers(await sandbox.lab("/settle", {"timeout_seconds": seconds})) == ["/timeout_seconds"]


async def test_settle_names_what_was_never_sent(sandbox: Sandbox, lan: Citizen) -> None:
    await lan.submitted()
    found = (await sandbox.lab("/settle", {"timeout_seconds": 0})).json()
    assert (found["verdict"], found["proof_of_absence"]) == ("waiting", False)
    assert {"unsent-events", "dead-worker"} == {waiting["name"] for waiting in found["waiting_for"]}
    await sandbox.carry()
    found = (await sandbox.lab("/settle", {"timeout_seconds": 0})).json()
    assert (found["verdict"], found["next_due"]) == ("still", "2026-06-09T10:00:00.000+07:00")


async def test_an_unknown_or_broken_row_is_not_taken_over(country: Country) -> None:
    for body in ({}, {"version": "x"}, {"version": 1, "name": "a\x00"}, []):
        answer = await country.ask("payment", "PUT", "/_lab/sandboxes/sabc", json=body)
        assert pointers(answer)


MOMENTS = dict.fromkeys(("base_at", "base_real", "created_at"), "2026-06-01T00:00:00Z")
ROW = {"version": 1, "name": "x", "seed": "x", "rate": 0, "opened": True, "deleted": False, **MOMENTS}


@pytest.mark.parametrize("service", ["gateway", "identity", "payment"])
async def test_a_row_out_of_all_bounds_is_not_taken_over(country: Country, service: str) -> None:
    async def put(**change: Any) -> httpx.Response:
        return await country.ask(service, "PUT", "/_lab/sandboxes/sbounds", json={**ROW, **change})

    assert pointers(await put(version=(1 << 63) - 1)) == ["/version"]
    assert pointers(await put(version=0)) == ["/version"]
    assert pointers(await put(rate=1e300)) == ["/rate"]
    for far in (
        "0001-01-01T00:00:00+14:00",
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ):
        for name in ("base_at", "base_real", "created_at"):
            assert pointers(await put(**{name: far})) == [f"/{name}"]
    assert (await put()).status_code == 200


@pytest.mark.parametrize("base_real", ["2000-01-01T00:00:00Z", "2199-12-31T00:00:00Z"])
async def test_the_fastest_clock_stops_where_time_can_still_be_written(country: Country, base_real: str) -> None:
    row = {**ROW, "rate": 1_000_000, "base_at": "2199-12-31T00:00:00Z", "base_real": base_real}
    identity = f"sfast{base_real[:4]}"
    assert (await country.ask("gateway", "PUT", f"/_lab/sandboxes/{identity}", json=row)).status_code == 200
    await country.gateway.timers.fire(None)
    answer = await country.ask("gateway", "GET", f"/_lab/sandboxes/{identity}/pending")
    assert (answer.status_code, answer.json()["now"][:4]) == (200, "3199" if base_real < "2026" else "2199"), (
        answer.text
    )


async def test_nobody_tells_the_portal_of_its_own_sandboxes(country: Country, sandbox: Sandbox) -> None:
    answer = await country.ask("portal", "PUT", f"/_lab/sandboxes/{sandbox.id}", json={**ROW, "version": 99})
    problem(answer, 405, "method-not-allowed")
    assert answer.json()["title_vi"] == "Địa chỉ này không nhận phương thức đó."
    assert (await sandbox.clock())["now"] == sandbox.start


@pytest.mark.parametrize("service", ["portal", "gateway"])
async def test_a_reader_from_an_epoch_that_cannot_be_is_refused(country: Country, service: str) -> None:
    async def asked(epoch: int, expected: int) -> httpx.Response:
        body = {"epoch": epoch, "expected": expected}
        return await country.ask(service, "POST", "/_lab/lanes/33/replay", json=body)

    topic = TO_PROVINCE if service == "portal" else TO_PORTAL

    async def given() -> Any:
        return (await country.ask(service, "GET", "/_lab/lanes")).json()["given"][topic]["33"]

    before = await given()
    for far in ((1 << 30) - 1, before[0] + 1001):
        assert pointers(await asked(far, 2)) == ["/epoch"]
    assert pointers(
        await country.ask(service, "POST", "/_lab/lanes/33/replay", json={"epoch": True, "expected": "1"})
    ) == [
        "/epoch",
        "/expected",
    ]
    assert await given() == before
    assert (await asked(before[0] + 1000, 1)).json() == {"epoch": before[0] + 1000, "expected": 1}


async def told_again(country: Country, sandbox: Sandbox) -> None:
    """What the portal's worker does with the rows that the request could not end."""
    rows = await country.portal.database.fetch(
        "SELECT key, data FROM calls WHERE sandbox = $1 AND kind = $2", sandbox.id, SEND_ROW
    )
    for row in rows:
        await country.portal.ownership.send_row_again(
            Call(sandbox.id, SEND_ROW, row["key"], httpx.Response(200, content=row["data"]).json(), 1)
        )


@asynccontextmanager
async def held_up(country: Country, service: str, path: str) -> AsyncIterator[asyncio.Event]:
    """Requests for `path` reach a service only when the block ends; the event is set when the first has come."""
    come, go = asyncio.Event(), asyncio.Event()

    async def wait(request: httpx.Request) -> None:
        if path in request.url.path:
            come.set()
            await go.wait()

    async with country.fault(service, wait):
        try:
            yield come
        finally:
            go.set()


async def test_a_service_restored_to_an_older_row_is_told_again(country: Country, sandbox: Sandbox) -> None:
    await sandbox.move(days=2)
    restored = country.apps["gateway"].state.runtime.database
    await restored.pool.execute(
        "UPDATE sandboxes SET version = 1, base_at = base_at - interval '2 days' WHERE id = $1", sandbox.id
    )
    assert (await sandbox.lab("/settle", {})).json()["verdict"] == "still"
    (row,) = await restored.fetch("SELECT base_at FROM sandboxes WHERE id = $1", sandbox.id)
    assert row["base_at"] == datetime.fromisoformat(sandbox.start) + timedelta(days=2)


async def test_a_running_clock_can_be_advanced_too(country: Country) -> None:
    answer = await country.ask("portal", "POST", "/_lab/sandboxes", json={"seed": "runs", "rate": 1000})
    sandbox = Sandbox(country, answer.json())
    for distance in ("PT1S", "PT10S", "P1D"):
        assert (await sandbox.lab("/clock/advance", {"by": distance})).status_code == 200


async def test_a_deletion_is_owed_to_a_service_that_is_silent(country: Country) -> None:
    sandbox = await country.sandbox()
    async with country.silent("payment", "/_lab/sandboxes"):
        answer = await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
        assert (answer.status_code, answer.json()) == (202, {"lagging": ["payment"]})
    owed = "SELECT key FROM calls WHERE sandbox = $1"
    database = country.apps["portal"].state.runtime.database
    assert [row["key"] for row in await database.fetch(owed, sandbox.id)] == ["payment"]
    await told_again(country, sandbox)
    (row,) = await country.apps["payment"].state.runtime.database.fetch(
        "SELECT deleted FROM sandboxes WHERE id = $1", sandbox.id
    )
    assert row["deleted"]
