"""A submission that reads first and locks nothing: what happens in between to what it has read is found out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.messaging import idempotency
from tests.support.country import Citizen, Country, problem

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


async def test_a_key_that_is_used_meanwhile_has_one_effect(
    country: Country, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lan.submitted()
    look, first = idempotency.look, list[Any]()

    async def look_and_send(connection: Any, sandbox_id: str, key: Any, series: str) -> Any:
        row = await look(connection, sandbox_id, key, series)
        if not first:
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
