"""What a connector is told: one row per event of the portal, written in the transaction in which the event has its effect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.faults import connectors as named
from services.province_gateway.doors.legacy_tables import EVENT_SQL
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.work import Work
from shared.messaging.cloudevents import Event
from shared.messaging.consumer import After
from shared.messaging.save_statement import Clause
from shared.sandbox.faults import has_rule
from shared.storage.database import Database

Ring = Callable[[str, str], None]  # sandbox, province: wakes those who wait for deliveries there


class Delivery(NamedTuple):
    """One event for one connector; `number` is its place, from 1 without gaps.

    twist  the fault that a door applies while it sends it; "": none
    """

    number: int
    dossier: str
    id: str
    source: str
    type: str
    at: datetime
    version: int
    traceparent: str
    body: str
    twist: str = ""


# By the index whose first column is the id. With bare columns the planner may read all deliveries of the province for each
# new one, which costs as much to it while the table has no statistics: 2 ms each among 8,000.
KNOWN = """EXISTS (SELECT FROM deliveries d
  WHERE d.id = new.id AND d.sandbox || '' = new.sandbox AND d.province || '' = new.province)"""
UNNUMBERED = 0  # the number of a delivery that is not written yet
# A transaction that writes deliveries of a province holds the position of its lane: so no number is given twice, and
# a reader that has read up to a number has missed none.
DELIVER = Clause(
    "delivered",
    "INSERT INTO deliveries (sandbox, province, number, dossier, id, source, type, at, version, traceparent, body) "
    "SELECT sandbox, province, "
    "coalesce((SELECT max(number) FROM deliveries d WHERE d.sandbox = new.sandbox AND d.province = new.province), 0) "
    "+ row_number() OVER (PARTITION BY sandbox, province ORDER BY ordinal), "
    f"dossier, id, source, type, at, version, traceparent, body FROM {{rows}} WHERE NOT {KNOWN}",
    "sandbox text, province text, dossier text, id text, source text, type text, at timestamptz, version int, "
    "traceparent text, body text",
)
# Instead, while the sandbox has fault rules for deliveries: `conductor` evaluates them, and gives the numbers.
KEEP = Clause(
    "kept",
    "INSERT INTO kept_deliveries (sandbox, province, dossier, id, source, type, at, version, traceparent, body) "
    "SELECT sandbox, province, dossier, id, source, type, at, version, traceparent, body FROM {rows} "
    f"WHERE NOT {KNOWN} ORDER BY ordinal ON CONFLICT DO NOTHING",
    DELIVER.columns,
)
COLUMNS = ", ".join(Delivery._fields)
AFTER_SQL = f"""
SELECT {COLUMNS} FROM deliveries d WHERE sandbox = $1 AND province = $2 AND number > $3 AND {EVENT_SQL}
ORDER BY number LIMIT $4"""
LAST_SQL = "SELECT coalesce(max(number), 0) FROM deliveries WHERE sandbox = $1 AND province = $2"

SPEND_SQL = """
UPDATE deliveries SET twist = '' WHERE sandbox = $1 AND province = $2 AND number = $3 AND twist = $4 RETURNING true"""


def telling(ring: Ring) -> After:
    """Called after every event of the portal: notes that it was heard, and delivers it if a connector decides.

    A dossier that was there before its connector gets its history first (`backfill`); until then nothing else of it is
    delivered, so that its events stay in order.
    """

    def after(event: Event, work: Work) -> None:
        dossier = work.find(event.subject)
        if dossier is None:
            return
        is_external = mode_of(work.sandbox, dossier.province).is_external
        is_told = is_external and (dossier.is_told or event.type in law.BEGUN_BY)
        work.save(dossier.code, replace(dossier, heard=event.version, is_told=is_told))
        if is_told:
            source = f"/{event.source}/{event.sandbox}"
            facts = (dossier.code, event.id, source, event.type, event.time, event.version, event.traceparent)
            tell(work, ring, dossier.province, Delivery(UNNUMBERED, *facts, event.body.decode()))

    return after


def tell(work: Work, ring: Ring, province: str, delivery: Delivery) -> None:
    """Deliver an event, UNNUMBERED. The position of the lane must be locked."""
    sandbox_id = work.sandbox.id
    clause = KEEP if has_rule(work.sandbox, named.DELIVERY) else DELIVER
    work.insert(clause, (sandbox_id, province, *delivery[1:-1]))
    work.when_committed(lambda: ring(sandbox_id, province))


async def after(database: Database, sandbox_id: str, province: str, number: int, limit: int) -> list[Delivery]:
    """The deliveries after a number, at most `limit`."""
    return [Delivery(*row) for row in await database.fetch(AFTER_SQL, sandbox_id, province, number, limit)]


async def last_number(database: Database, sandbox_id: str, province: str) -> int:
    """The number of the last delivery; 0 if there is none."""
    return int(await database.pool.fetchval(LAST_SQL, sandbox_id, province))


async def spend(database: Database, sandbox_id: str, province: str, delivery: Delivery) -> bool:
    """Whether the twist of a delivery is to be applied now; it is applied once."""
    return bool(await database.pool.fetchval(SPEND_SQL, sandbox_id, province, delivery.number, delivery.twist))
