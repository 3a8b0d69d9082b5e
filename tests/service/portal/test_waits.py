"""The doors that wait: for an event, for news of a dossier, for stillness; and what is refused there."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from services.portal.explain import waiting
from services.portal.sandboxes.clock import Timekeeping
from shared.sandbox import registry
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import FREE, an_event, hear
from tests.support.office import Office

NOBODY = "H42.14464-20260609-0000009"


async def wait(sandbox: Sandbox, event: str, code: str, **more: Any) -> dict[str, Any]:
    answer = await sandbox.lab("/wait-for", {"event": event, "dossier": code, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
async def code(sandbox: Sandbox, lan: Citizen) -> str:
    """Of a dossier that its province has."""
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    return code


async def test_an_event_that_is_there_comes_with_its_entry(sandbox: Sandbox, code: str) -> None:
    found = await wait(sandbox, law.DOSSIER_SUBMITTED, code)
    assert (found["verdict"], found["not_before"], found["waiting_for"], found["cause"]) == ("there", None, [], None)
    assert (found["entry"]["event"], found["entry"]["service"]) == (law.DOSSIER_SUBMITTED, "portal")
    assert found["entry"]["data"]["dossier_code"] == code and found["entry"]["status"] == 1
    await Office(sandbox).made(code, law.RECEIVE)
    waiting_still = await wait(sandbox, law.DOSSIER_RECEIVED, code, timeout_seconds=0)
    assert waiting_still["verdict"] == "waiting", "told, and the portal has not read it"
    assert {each["name"] for each in waiting_still["waiting_for"]} == {"unsent-events", "dead-worker"}
    await sandbox.carry()
    found = await wait(sandbox, law.DOSSIER_RECEIVED, code)
    assert (found["verdict"], found["entry"]["service"]) == ("there", "gateway")
    assert "published by gateway, read by portal" in found["sentence_en"]


async def test_a_frozen_clock_says_not_before_when(sandbox: Sandbox, code: str) -> None:
    found = await wait(sandbox, law.DOSSIER_RECEIVED, code, timeout_seconds=100)
    assert (found["verdict"], found["not_before"]) == ("not-before", "2026-06-09T10:00:00.000+07:00")
    assert found["cause"]["name"] == "clock-frozen"
    assert (await wait(sandbox, law.DOSSIER_RECEIVED, code, timeout_seconds=0))["verdict"] == "not-before"


async def test_what_cannot_come_any_more_is_absent(sandbox: Sandbox, code: str) -> None:
    await Office(sandbox).made(code, law.RECEIVE)
    await sandbox.carry()
    for event in (law.DOSSIER_REFUSED, law.DOSSIER_REGISTERED):
        assert (await wait(sandbox, event, code))["verdict"] == "absent"
    assert (await wait(sandbox, law.DOSSIER_RECEIVED, code, count=2))["verdict"] == "absent"


async def test_the_second_event_of_a_type_is_waited_for_by_its_count(sandbox: Sandbox, code: str) -> None:
    for reason in ("Thiếu ảnh", "Thiếu đơn"):
        await Office(sandbox).made(code, law.REQUEST_SUPPLEMENT, reason=reason)
        await sandbox.carry()
        await hear(sandbox.country.gateway, an_event(law.SUPPLEMENT_ANSWERED, sandbox.id, code, request=1))
    found = await wait(sandbox, law.SUPPLEMENT_REQUESTED, code, count=2)
    assert (found["verdict"], found["entry"]["data"]["reason"]) == ("there", "Thiếu đơn")
    assert (await wait(sandbox, law.SUPPLEMENT_REQUESTED, code, count=3))["verdict"] == "not-before"


async def test_a_parked_dossier_is_held(country: Country, sandbox: Sandbox, code: str) -> None:
    await hear(country.portal, an_event(law.DOSSIER_RESULT_RETURNED, sandbox.id, code))
    found = await wait(sandbox, law.DOSSIER_RECEIVED, code)
    assert (found["verdict"], found["cause"]["name"]) == ("held", "parked")


async def test_a_dossier_that_nobody_knows_is_unknown_not_absent(sandbox: Sandbox) -> None:
    found = await wait(sandbox, law.DOSSIER_RECEIVED, NOBODY)
    assert (found["verdict"], found["cause"]["name"]) == ("unknown", "unknown-dossier")
    for odd in ("x", "..", "a/b", "%", "' OR 1=1", "Ổ" * 100):
        assert (await wait(sandbox, law.DOSSIER_RECEIVED, odd))["cause"]["name"] == "unknown-dossier"


async def test_an_unknown_event_is_answered_with_the_nearest_one(sandbox: Sandbox) -> None:
    body = {"event": "dossier.recieved.v1", "dossier": NOBODY}
    answer = await sandbox.lab("/wait-for", body)
    assert pointers(answer) == ["/event"]
    detail = answer.json()["errors"][0]["detail"]
    assert "did you mean dossier.received.v1?" in detail and "payment.refunded.v1" in detail
    for event in ("", "lane.void.v1", "received"):
        assert pointers(await sandbox.lab("/wait-for", {**body, "event": event})) == ["/event"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"dossier": ""}, "/dossier"),
        ({"dossier": "a\x00"}, "/dossier"),
        ({"dossier": "x" * 101}, "/dossier"),
        ({"dossier": None}, "/dossier"),
        ({"count": 0}, "/count"),
        ({"count": "2"}, "/count"),
        ({"timeout_seconds": 121}, "/timeout_seconds"),
        ({"timeout_seconds": -1}, "/timeout_seconds"),
        ({"until": 5}, "/until"),
    ],
    ids=str,
)
async def test_a_wait_that_does_not_fit_is_refused(sandbox: Sandbox, change: dict[str, Any], where: str) -> None:
    body = {"event": law.DOSSIER_RECEIVED, "dossier": NOBODY, **change}
    assert pointers(await sandbox.lab("/wait-for", body)) == [where]


async def test_a_sandbox_that_is_not_there_is_named_at_every_door_that_waits(
    country: Country, sandbox: Sandbox
) -> None:
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    for id, why in (("nobody", "No sandbox has this id"), (sandbox.id, "It was deleted")):
        body = {"event": law.DOSSIER_RECEIVED, "dossier": NOBODY}
        answers = [
            await country.ask("portal", "POST", f"/_lab/sandboxes/{id}/wait-for", json=body),
            await country.ask("portal", "POST", f"/_lab/sandboxes/{id}/settle"),
            await country.ask("portal", "GET", f"/_lab/explain/{NOBODY}", headers={"X-Sandbox": id}),
            await country.ask("portal", "GET", f"/_lab/news/{NOBODY}", headers={"X-Sandbox": id}),
            await country.ask("gateway", "GET", f"/_lab/sandboxes/{id}/pending/{NOBODY}"),
        ]
        for answer in answers:
            assert why in problem(answer, 404, "sandbox-not-found")["detail"]


@pytest.mark.parametrize("door", ["settle", "wait-for", "news", "explain"])
async def test_a_sandbox_deleted_while_somebody_waits_is_gone_at_once(
    country: Country, sandbox: Sandbox, lan: Citizen, door: str
) -> None:
    code = await lan.submitted()  # never carried: there is something to wait for
    looked = asyncio.Event()

    async def watch(request: httpx.Request) -> None:
        if sandbox.id in request.url.path or request.headers.get("X-Sandbox") == sandbox.id:
            looked.set()

    async with country.fault("gateway", watch):
        asked = asyncio.create_task(ask_at(door, sandbox, code))
        await looked.wait()
        assert (await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")).status_code == 204
        async with asyncio.timeout(60):  # they were asked to wait for a hundred seconds, and say 404, no verdict
            assert "deleted" in problem(await asked, 404, "sandbox-not-found")["detail"]


async def ask_at(door: str, sandbox: Sandbox, code: str) -> httpx.Response:
    if door == "news":
        path = f"/_lab/news/{code}?after=99&timeout_seconds=60"
        return await sandbox.country.ask("portal", "GET", path, headers=sandbox.header)
    if door == "explain":
        path = f"/_lab/explain/{code}?timeout_seconds=100"
        return await sandbox.country.ask("portal", "GET", path, headers=sandbox.header)
    body = {"event": law.DOSSIER_RECEIVED, "dossier": code} if door == "wait-for" else {}
    return await sandbox.lab(f"/{door}", {**body, "timeout_seconds": 100})


async def test_while_somebody_turns_the_clock_nothing_is_certain(country: Country, sandbox: Sandbox, code: str) -> None:
    turns = "INSERT INTO turns VALUES ($1, 'somebody', clock_timestamp() + interval '1 min')"
    await country.portal.database.pool.execute(turns, sandbox.id)
    found = await wait(sandbox, law.DOSSIER_RECEIVED, code, timeout_seconds=0.3)
    assert (found["verdict"], found["waiting_for"][0]["name"]) == ("waiting", waiting.CLOCK_CHANGES.name)
    await country.portal.database.pool.execute("DELETE FROM turns WHERE sandbox = $1", sandbox.id)
    assert (await wait(sandbox, law.DOSSIER_RECEIVED, code))["verdict"] == "not-before"


async def test_a_clock_that_is_turned_in_the_middle_of_a_look_is_looked_at_again(
    country: Country, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    timekeeping, real = country.portal.timekeeping, Timekeeping.pending
    before = await registry.read(country.portal.database, sandbox.id)
    await sandbox.move(hours=1)
    looks = []

    async def pending(self: Timekeeping, here: registry.Sandbox) -> Any:
        looks.append(here)
        return await real(self, before if len(looks) == 1 else here)

    monkeypatch.setattr(Timekeeping, "pending", pending)
    async with aclosing(timekeeping.rounds(sandbox.id, 10)) as rounds:
        first, second = await anext(rounds), await anext(rounds)
    assert [each.name for each in first.verdict.waiting_for if each.service == "portal"] == ["clock-behind"]
    assert "clock-behind" not in {each.name for each in second.verdict.waiting_for}


async def test_a_portal_restored_from_a_backup_says_its_row_anew(country: Country, sandbox: Sandbox) -> None:
    database = country.portal.database
    (before,) = await database.fetch("SELECT version, base_at FROM sandboxes WHERE id = $1", sandbox.id)
    await sandbox.move(hours=1)
    back = "UPDATE sandboxes SET version = $2, base_at = $3 WHERE id = $1"
    await database.pool.execute(back, sandbox.id, before["version"], before["base_at"])
    verdict = await country.portal.timekeeping.settle(sandbox.id, 30)
    assert verdict.verdict == "still", verdict.waiting_for
    rows = [
        await app.state.runtime.database.fetch("SELECT version, base_at FROM sandboxes WHERE id = $1", sandbox.id)
        for app in country.apps.values()
    ]
    assert rows[0][0]["version"] > before["version"] and rows.count(rows[0]) == len(rows)


async def test_a_busy_clock_says_what_to_do(country: Country, sandbox: Sandbox) -> None:
    turns = "INSERT INTO turns VALUES ($1, 'somebody', clock_timestamp() + interval '1 min')"
    await country.portal.database.pool.execute(turns, sandbox.id)
    busy = problem(await sandbox.lab("/clock/advance", {"by": "P1D"}), 409, "clock-busy")
    assert "Wait until the other" in busy["detail"] and "send this again" in busy["detail"]


async def test_on_a_running_clock_it_is_waited_until_its_moment_comes(country: Country) -> None:
    """Two hours pass in a second; no worker is here to fire what falls due, so the test does."""
    wish = {"seed": "seed-1", "rate": 1, "start": "2026-06-09T08:00:00+07:00"}
    answer = await country.ask("portal", "POST", "/_lab/sandboxes", json=wish)
    sandbox = Sandbox(country, answer.json())
    code = await (await sandbox.sign_in()).submitted()
    await sandbox.carry()
    assert (await wait(sandbox, law.DOSSIER_RECEIVED, code, timeout_seconds=60))["verdict"] == "not-before"
    await country.portal.ownership.set_rate(sandbox.id, 7200)
    asked = asyncio.create_task(wait(sandbox, law.DOSSIER_RECEIVED, code, timeout_seconds=60))
    while not asked.done():
        await country.gateway.fire(sandbox.id)
        await sandbox.carry()
    assert (await asked)["verdict"] == "there"


async def news(sandbox: Sandbox, code: str, after: int, seconds: float = 60) -> dict[str, Any]:
    path = f"/_lab/news/{code}?after={after}&timeout_seconds={seconds}"
    answer = await sandbox.country.ask("portal", "GET", path, headers=sandbox.header)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_news_come_as_soon_as_the_story_is_longer(sandbox: Sandbox, code: str) -> None:
    first = await news(sandbox, code, 0)
    assert (first["entries"], first["ended"], first["cause"]["name"]) == (1, False, "clock-frozen")
    assert (await news(sandbox, code, 1, 0))["entries"] == 1, "the time is up"
    asked = asyncio.create_task(news(sandbox, code, 1))
    await Office(sandbox).made(code, law.REFUSE, reason="Sai thủ tục")
    second = await asked
    assert (second["entries"], second["ended"]) == (2, False), "the portal has not read it"
    await sandbox.carry()
    assert (await news(sandbox, code, 1))["ended"] is True
    for bad in ("after=-1", "timeout_seconds=61", "after=x"):
        answer = await sandbox.country.ask("portal", "GET", f"/_lab/news/{code}?{bad}", headers=sandbox.header)
        assert pointers(answer)
