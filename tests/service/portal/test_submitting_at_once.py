"""A submission that reads first and locks nothing: what happens in between to what it has read is found out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contracts.catalogue import communes_of
from shared.messaging import idempotency
from tests.support.country import Citizen, Country, problem
from tests.support.factories import PROVINCE

DRAW_SQL = "UPDATE counters SET value = value + 1 WHERE sandbox = $1"


def in_between(monkeypatch: pytest.MonkeyPatch, country: Country, sql: str, *values: object) -> list[str]:
    """Run a statement after the next look at the database, before anything is written; returns what was done, and when."""
    look, done = idempotency.look, list[str]()

    async def look_and_wait(*about: Any) -> Any:
        row = await look(*about)
        if not done:
            done.append(sql)
            await country.portal.database.fetch(sql, *values)
        return row

    monkeypatch.setattr(idempotency, "look", look_and_wait)
    return done


async def test_a_number_that_another_portal_has_drawn_is_not_drawn_again(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lan.submitted()
    done = in_between(monkeypatch, country, DRAW_SQL, lan.sandbox.id)
    assert (await lan.submitted()).endswith("-0000003") and done, "2 was drawn by somebody else"
    assert (await lan.submitted()).endswith("-0000004")


async def test_the_first_number_of_a_day_is_drawn_once(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lan.submitted()
    await lan.sandbox.move(days=1)
    lan = await lan.sandbox.sign_in("lan")
    taken = "INSERT INTO counters SELECT sandbox, replace(name, '0609', '0610'), 1 FROM counters WHERE sandbox = $1"
    done = in_between(monkeypatch, country, taken, lan.sandbox.id)
    assert (await lan.submitted()).endswith("-20260610-0000002") and done


async def test_a_sandbox_that_is_deleted_meanwhile_gets_nothing(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lan.submitted()
    gone = "UPDATE sandboxes SET deleted = true WHERE id = $1"
    done = in_between(monkeypatch, country, gone, lan.sandbox.id)
    problem(await lan.submit(), 404, "sandbox-not-found")
    kept = await country.portal.database.fetch("SELECT count(*) FROM events WHERE sandbox = $1", lan.sandbox.id)
    assert done and kept[0]["count"] == 1


async def test_a_clock_that_is_advanced_meanwhile_gets_no_submission_of_an_earlier_day(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lan.submitted()
    look, moved = idempotency.look, list[int]()

    async def look_and_advance(*about: Any) -> Any:
        row = await look(*about)
        if not moved:
            moved.append(1)
            await lan.sandbox.move(days=10)
        return row

    monkeypatch.setattr(idempotency, "look", look_and_advance)
    problem(await lan.submit(), 401, "token-expired")
    days = await country.portal.database.fetch("SELECT at::date::text FROM events WHERE sandbox = $1", lan.sandbox.id)
    assert moved and [row["at"] for row in days] == ["2026-06-09"]


async def test_a_group_with_one_that_postgresql_refuses_is_decided_one_by_one(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lan.submitted()
    check = f"CHECK (sandbox <> '{lan.sandbox.id}' OR position('poison' in body::text) = 0)"
    await country.portal.database.pool.execute(f"ALTER TABLE events ADD CONSTRAINT planted {check} NOT VALID")
    try:
        bad, *good = await asyncio.gather(lan.submit(note="poison"), *(lan.submit() for _ in range(5)))
    finally:
        await country.portal.database.pool.execute("ALTER TABLE events DROP CONSTRAINT planted")
    assert [reply.status_code for reply in (bad, *good)] == [500] + [201] * 5


async def test_a_key_that_is_used_meanwhile_has_one_effect(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lan.submitted()
    look, first = idempotency.look, list[Any]()

    async def look_and_send(connection: Any, sandbox_id: str, keys: Any, series: Any) -> Any:
        row = await look(connection, sandbox_id, keys, series)
        if not first:
            (key,) = keys
            first.append(key)
            async with country.portal.database.transaction() as other:  # as a second portal would
                await other.execute(
                    "INSERT INTO replies (sandbox, caller, route, key, body_hash, status, body) "
                    'VALUES ($1, $2, $3, $4, $5, 201, \'{"code": "by the other"}\')',
                    *(sandbox_id, key.caller, key.route, key.key, key.body_hash),
                )
        return row

    monkeypatch.setattr(idempotency, "look", look_and_send)
    assert await lan.submitted(key="twice") == "by the other" and first
    assert (await lan.submitted()).endswith("-0000002"), "no number was lost"


async def test_many_at_once_get_a_number_each(lan: Citizen) -> None:
    await lan.submitted()
    codes = await asyncio.gather(*(lan.submitted() for _ in range(20)), *(lan.submitted(key="same") for _ in range(5)))
    assert len(set(codes)) == 21 and {int(code[-7:]) for code in codes} == set(range(2, 23))


async def test_those_that_come_together_share_a_transaction(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own reply, its own trace, and its own refusal."""
    database, at_once = country.portal.database, country.portal.at_once
    communes = [each.code for each in communes_of(PROVINCE)[:4]]
    for commune in communes:  # from now on their agencies are known
        await lan.submitted(commune=commune)
    connection, decide, came, all_came = database.connection, at_once.decide, list[Any](), asyncio.Event()

    @asynccontextmanager
    async def when_all_came(sandbox_id: str) -> AsyncIterator[Any]:
        await all_came.wait()
        async with connection(sandbox_id) as own:
            yield own

    async def counted(*about: Any) -> Any:
        came.append(about)
        if len(came) == len(communes):
            all_came.set()
        return await decide(*about)

    monkeypatch.setattr(database, "connection", when_all_came)
    monkeypatch.setattr(at_once, "decide", counted)
    *accepted, refused = await asyncio.gather(
        *(lan.submit(commune=commune) for commune in communes[:3]),
        lan.submit(commune=communes[3], payer_group="nobody"),
    )
    problem(refused, 422, "body-does-not-fit")
    traces = {reply.json()["code"]: reply.headers["traceparent"][:36] for reply in accepted}
    rows = await database.fetch(
        "SELECT subject, traceparent, xmin::text AS by FROM events WHERE sandbox = $1 AND subject = ANY($2)",
        lan.sandbox.id,
        list(traces),
    )
    assert {row["subject"]: row["traceparent"][:36] for row in rows} == traces
    assert len(traces) == 3 and len({row["by"] for row in rows}) == 1
