"""Data of an older version is brought to today's, and what was under way goes on from there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.messaging.http_outbox import Callers
from shared.storage.database import SCHEMA_VERSION
from shared.storage.migrations import OLDEST
from tests.service.core.old_data import a_runtime, bring_to, load, opened
from tests.support.country import Citizen, Country, Sandbox, a_country
from tests.support.databases import Databases
from tests.support.factories import PROVINCE, told

MIDWAY, MONEY = "s183b3d469fdd", "s7404d661632f"  # the two sandboxes in it
EIGHT, NINE = "H42.14464-20260609-000000", "H42.14464-20260610-000000"
# In MIDWAY: whose it is, its code, and where version 2 left it.
RETURNED, REFUSED, WITHDRAWN = ("lan", f"{EIGHT}1"), ("lan", f"{EIGHT}2"), ("lan", f"{EIGHT}3")
IN_PROCESSING, WITHDRAWING = ("lan", f"{EIGHT}4"), ("minh", f"{EIGHT}5")
RESULT_READY, RECEIVED, SUBMITTED = ("huong", f"{NINE}1"), ("huong", f"{NINE}5"), ("huong", f"{NINE}6")
OWING, TRYING, PAID = ("minh", f"{NINE}2"), ("minh", f"{NINE}3"), ("minh", f"{NINE}4")
# In MONEY, all of duc.
TO_REFUND, TO_CONFIRM, UNSENT = f"{EIGHT}1", f"{EIGHT}2", f"{EIGHT}3"


@pytest.fixture(scope="module")
async def country(database_url: Databases) -> AsyncIterator[Country]:
    """Today's services over the data of version 2."""
    old = iter([database_url(load(name)) for name in ("portal", "province_gateway", "identity", "payment")])
    async with a_country(lambda: next(old)) as country:  # type: ignore[arg-type]
        yield country


def midway(country: Country) -> Sandbox:
    return Sandbox(country, {"id": MIDWAY, "now": "2026-06-10T16:00:00+07:00"})


async def until_it_ends(sandbox: Sandbox, persona: str, code: str) -> dict[str, Any]:
    """The dossier once nothing more falls due for it."""
    while due := await sandbox.country.gateway.database.fetch(
        "SELECT due FROM timers WHERE sandbox = $1 AND subject = $2 ORDER BY due", sandbox.id, code
    ):
        await turn(sandbox, due[0]["due"])
    return await (await sandbox.sign_in(persona)).dossier(code)


async def turn(sandbox: Sandbox, to: datetime) -> None:
    """Turn the clock, never back, from one due moment to the next."""
    while due := await sandbox.country.gateway.database.fetch(
        "SELECT min(due) AS due FROM timers WHERE sandbox = $1 HAVING min(due) <= $2", sandbox.id, to
    ):
        now = datetime.fromisoformat((await sandbox.clock())["now"])
        await sandbox.country.portal.ownership.set_clock(sandbox.id, max(now, due[0]["due"]))
        await sandbox.fire()


@asynccontextmanager
async def background(country: Country) -> AsyncIterator[None]:
    """The portal's calls, which its worker makes."""
    calls = asyncio.create_task(Callers(country.portal.database, country.portal.callers, poll_seconds=0.02).run())
    try:
        yield
    finally:
        calls.cancel()


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            pass


@pytest.mark.parametrize("version", range(OLDEST, SCHEMA_VERSION))
@pytest.mark.parametrize("service", ["portal", "province_gateway", "identity", "payment"])
async def test_a_migrated_database_is_made_like_a_fresh_one(
    database_url: Databases, service: str, version: int
) -> None:
    old, fresh = database_url(load(service)), database_url()
    await bring_to(version, a_runtime(service, old), old)
    for url in (old, fresh):
        await opened(a_runtime(service, url))
    assert await picture(old) == await picture(fresh)


async def picture(url: str) -> dict[str, set[tuple[str, ...]]]:
    """Everything a database is made of, by the names PostgreSQL gives it; the order of columns means nothing to us."""
    questions = {
        "columns": "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, "
        "a.attstorage, a.attcollation::regcollation::text, pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum) "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
        "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "others": "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        "version": "SELECT version, owner FROM schema_version",
    }
    connection = await asyncpg.connect(url)
    try:
        return {name: {unmade(row) for row in await connection.fetch(sql)} for name, sql in questions.items()}
    finally:
        await connection.close()


def unmade(row: Any) -> tuple[str, ...]:
    """A row without the moment at which its table was made, which PostgreSQL keeps as the default of one column."""
    return tuple(re.sub(r"^'\d{4}-[^']*'::timestamp", "'made'::timestamp", str(part)) for part in row)


@pytest.mark.parametrize("version", range(OLDEST, SCHEMA_VERSION))
async def test_a_sandbox_of_before_has_nobody_of_its_own(database_url: Databases, version: int) -> None:
    url = database_url(load("identity"))
    runtime = a_runtime("identity", url)
    await bring_to(version, runtime, url)
    await opened(runtime)
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT id, people FROM sandboxes")
    finally:
        await connection.close()
    assert {MIDWAY, MONEY} <= {row["id"] for row in rows} and {row["people"] for row in rows} == {"{}"}


async def test_both_copies_of_every_dossier_still_agree(country: Country) -> None:
    sandbox = midway(country)
    people = {persona: await sandbox.sign_in(persona) for persona in ("lan", "minh", "huong")}
    expected = {
        RETURNED: ("result_returned", "paid"),
        REFUSED: ("refused_at_reception", None),
        WITHDRAWN: ("withdrawn", "refunded"),
        IN_PROCESSING: ("in_processing", "paid"),
        WITHDRAWING: ("in_processing", "paid"),
        RESULT_READY: ("result_ready", None),
        RECEIVED: ("received", None),
        SUBMITTED: ("submitted", None),
        OWING: ("financial_obligation", "due"),
        TRYING: ("financial_obligation", "due"),
        PAID: ("financial_obligation", "paid"),
    }
    for (persona, code), wanted in expected.items():
        citizens, provinces = await both(people[persona], code)
        fee = citizens["fee"]
        assert (citizens["status"]["slug"], fee and fee["status"]) == wanted, code
        assert citizens["status"] == provinces["status"] and citizens["due_at"] == provinces["due_at"]
        assert provinces["fee_dong"] == (fee and fee["amount_dong"])
        assert fee is None or fee["refunded_dong"] == provinces["refunded_dong"], code
    assert len(expected) == len(await told_of(country.portal, MIDWAY))


async def both(citizen: Citizen, code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    path = f"/api/v1/provinces/{PROVINCE}/dossiers/{code}"
    answer = await citizen.sandbox.country.ask("gateway", "GET", path, headers=citizen.sandbox.header)
    assert answer.status_code == 200, answer.text
    return await citizen.dossier(code), answer.json()


async def told_of(house: Any, sandbox: str) -> dict[str, list[dict[str, Any]]]:
    """Every event of a sandbox by its dossier; each fits today's contract, those of version 2 too."""
    rows = await house.database.fetch("SELECT DISTINCT subject FROM events WHERE sandbox = $1", sandbox)
    return {row["subject"]: await told(house, sandbox, row["subject"]) for row in rows}


async def test_what_was_under_way_goes_on_to_its_end(country: Country) -> None:
    sandbox = midway(country)
    for (persona, code), end in {
        RECEIVED: "result_returned",
        SUBMITTED: "refused_at_reception",  # drawn from the seed, as version 2 would have
        RESULT_READY: "result_returned",
        PAID: "result_returned",
    }.items():
        shown = await until_it_ends(sandbox, persona, code)
        assert shown["status"]["slug"] == end, shown
    async with background(country):
        shown = await until_it_ends(sandbox, *WITHDRAWING)
        lan = await sandbox.sign_in(WITHDRAWING[0])

        async def given_back() -> bool:
            return bool((await lan.dossier(WITHDRAWING[1]))["fee"]["status"] == "refunded")

        await eventually(given_back)
    assert shown["status"]["slug"] == "withdrawn"


async def test_a_dossier_that_waited_for_money_is_paid_and_its_clock_did_not_run_meanwhile(country: Country) -> None:
    sandbox = midway(country)
    await sandbox.move(days=2)
    now = datetime.fromisoformat((await sandbox.clock())["now"])
    minh, (_, code) = await sandbox.sign_in("minh"), TRYING
    before = await minh.dossier(code)
    assert before["fee"]["pay_by"] is not None and before["can"] == ["pay", "withdraw"]
    begun = (await minh.ask("POST", f"/dossiers/{code}/payments", {"amount_dong": 8000})).json()
    await country.http.post(f"{begun['checkout_url']}/pay", json={})

    async def paid() -> bool:
        return bool((await minh.dossier(code))["fee"]["status"] == "paid")

    await eventually(paid)
    (receipt,) = (await minh.dossier(code))["fee"]["receipts"]
    assert (receipt["kind"], receipt["amount_dong"]) == ("registration_fee", 8000), "version 2 did not itemise"
    await sandbox.carry()
    shown = await until_it_ends(sandbox, "minh", code)
    assert shown["status"]["slug"] == "result_returned"
    waited = now - datetime.fromisoformat(before["received_at"])
    assert waited > timedelta() and shown["due_at"] > before["due_at"], "the law pauses the clock; version 2 did not"


async def test_who_never_pays_is_stopped_after_the_term_that_begins_with_the_new_version(country: Country) -> None:
    sandbox = midway(country)
    minh, (_, code) = await sandbox.sign_in("minh"), OWING
    fee = (await minh.dossier(code))["fee"]
    assert fee["pay_by"] == "2026-07-10T17:00:00.000+07:00", "thirty days from the sandbox's now, on a working day"
    shown = await until_it_ends(sandbox, "minh", code)
    assert shown["status"]["slug"] == "processing_stopped"
    (stopped,) = [e for e in (await told_of(country.gateway, MIDWAY))[code] if e["type"] == "dossier.stopped.v1"]
    assert stopped["stopped_at"] > fee["pay_by"]


async def test_what_did_not_reach_its_neighbour_before_reaches_it_after(country: Country) -> None:
    sandbox = Sandbox(country, {"id": MONEY, "now": "2026-06-09T10:00:00+07:00"})
    async with background(country):
        duc = await sandbox.sign_in("duc")

        async def money_is_where_it_belongs() -> bool:
            refunded, confirmed = [(await duc.dossier(code))["fee"] for code in (TO_REFUND, TO_CONFIRM)]
            return bool(refunded["status"] == "refunded" and confirmed["status"] == "paid")

        await eventually(money_is_where_it_belongs)
        await sandbox.carry()
    (refund,) = [e for e in (await told_of(country.portal, MONEY))[TO_REFUND] if e["type"] == "payment.refunded.v1"]
    assert refund["amount_dong"] == 8000
    for code in (TO_CONFIRM, UNSENT):
        shown = await until_it_ends(sandbox, "duc", code)
        assert shown["status"]["slug"] in ("result_returned", "refused_at_reception"), shown
    assert await country.gateway.database.fetch("SELECT FROM parked") == []
    assert await country.portal.database.fetch("SELECT FROM parked") == []


async def test_a_key_of_before_opens_nothing_twice(country: Country) -> None:
    sandbox = Sandbox(country, {"id": MONEY, "now": ""})
    duc = await sandbox.sign_in("duc")
    again = await duc.submit(key="sent-before-the-upgrade", procedure="1.001776")
    assert again.status_code == 409, "a submission says more today, so its body reads as another one"
