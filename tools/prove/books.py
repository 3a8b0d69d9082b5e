"""What the services wrote down, read from their databases directly: the other side of every acknowledgement."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from tools.prove.ledger import Key

Place = tuple[int, int]  # (epoch, number)


# A dossier is written without what is at its default.
LEFT_OUT: dict[str, Any] = {
    "demands": [],
    "payments": [],
    "heard": [0, 0],
    "withdrawal": "none",
    "due_at": None,
    "result_number": None,
    "paid_dong": 0,
    "refunded_dong": 0,
}


@dataclass(frozen=True)
class Told:
    """One event as its source keeps it."""

    version: int
    type: str
    at: datetime
    body: str

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Posted:
    """A number that was given to an event."""

    lane: int
    epoch: int
    number: int
    key: Key
    version: int


@dataclass(frozen=True)
class Letter:
    """A dead letter; two are the same if they name the same event."""

    service: str
    key: Key
    kind: str
    version: int | None  # None: a timer's
    reason: str = field(compare=False)


@dataclass
class HouseBooks:
    """One full house's tables.

    read      where its reader stands: the place it expects next, by lane of its neighbour's log
    given     the last place its own log gave, by lane
    queued    events that have no number yet
    """

    service: str
    life: int
    deadlocks: int
    dossiers: dict[Key, dict[str, Any]]
    said: dict[Key, int]
    events: dict[Key, list[Told]]
    posted: list[Posted]
    queued: list[tuple[Key, int]]
    given: dict[int, Place]
    read: dict[int, Place]
    letters: list[Letter]
    parked: set[Key]
    waiting: set[Key]
    orphans: list[tuple[Key, str]]
    replies: dict[str, int]  # how often a submission's Idempotency-Key is kept
    reported: dict[
        Key, tuple[str, int]
    ]  # of the portal: province and state of each dossier, as its statistics count it


@dataclass
class PaymentBooks:
    """Orders by reference, refunds by reference: as payment_mock has them."""

    orders: dict[tuple[str, str], dict[str, Any]]
    refunds: dict[tuple[str, str], int]
    deadlocks: int


async def read_house(connection: asyncpg.Connection, service: str, sandboxes: Sequence[str]) -> HouseBooks:
    """Everything, as one moment saw it, when the caller's transaction is repeatable."""
    mine = [list(sandboxes)]

    async def rows(sql: str, *values: Any) -> list[asyncpg.Record]:
        return list(await connection.fetch(sql, *values))

    things = await rows("SELECT sandbox, code, version, body FROM dossiers WHERE sandbox = ANY($1)", *mine)
    events: dict[Key, list[Told]] = defaultdict(list)
    for row in await rows("SELECT * FROM events WHERE sandbox = ANY($1) ORDER BY sandbox, subject, version", *mine):
        events[row["sandbox"], row["subject"]].append(Told(row["version"], row["type"], row["at"], row["body"]))
    posted = await rows(
        "SELECT lane, epoch, number, sandbox, subject, version FROM posted ORDER BY lane, epoch, number"
    )
    letters = await rows(
        "SELECT sandbox, subject, kind, (record->>'version')::int AS version, reason FROM dead_letters ORDER BY id"
    )
    replies = await rows("SELECT key, count(*) AS n FROM replies WHERE route = 'POST /dossiers' GROUP BY key")
    reported = (
        await rows("SELECT * FROM reported_dossiers WHERE sandbox = ANY($1)", *mine) if service == "portal" else []
    )
    return HouseBooks(
        service=service,
        life=await connection.fetchval("SELECT coalesce(max(epoch), 0) FROM event_log") or 0,
        deadlocks=await deadlocks(connection),
        dossiers={(row["sandbox"], row["code"]): LEFT_OUT | json.loads(row["body"]) for row in things},
        said={(row["sandbox"], row["code"]): row["version"] for row in things},
        events=dict(events),
        posted=[Posted(r["lane"], r["epoch"], r["number"], _key(r), r["version"]) for r in posted],
        queued=[(_key(row), row["version"]) for row in await rows("SELECT sandbox, subject, version FROM queue")],
        given={r["lane"]: (r["epoch"], r["head"]) for r in await rows("SELECT lane, epoch, head FROM lanes_out")},
        read={
            r["lane"]: (r["epoch"], r["expected"]) for r in await rows("SELECT * FROM positions WHERE listener = ''")
        },
        letters=[Letter(service, _key(r), r["kind"], r["version"], r["reason"]) for r in letters],
        parked={_key(row) for row in await rows("SELECT sandbox, subject FROM parked")},
        waiting={_key(row) for row in await rows("SELECT DISTINCT sandbox, subject FROM waiting")},
        orphans=[
            (_key(row), row["type"])
            for row in await rows("SELECT sandbox, subject, record->>'type' AS type FROM orphans ORDER BY id")
        ],
        replies={row["key"]: row["n"] for row in replies},
        reported={(row["sandbox"], row["dossier"]): (row["province"], row["state"]) for row in reported},
    )


async def read_payment(url: str, sandboxes: Sequence[str]) -> PaymentBooks:
    connection = await asyncpg.connect(url)
    try:
        orders = await connection.fetch("SELECT * FROM orders WHERE sandbox = ANY($1)", list(sandboxes))
        refunds = await connection.fetch(
            "SELECT sandbox, reference, sum(amount_dong) AS dong FROM refunds WHERE sandbox = ANY($1) GROUP BY 1, 2",
            list(sandboxes),
        )
        return PaymentBooks(
            {(row["sandbox"], row["reference"]): dict(row) for row in orders},
            {(row["sandbox"], row["reference"]): int(row["dong"]) for row in refunds},
            await deadlocks(connection),
        )
    finally:
        await connection.close()


async def open_house(url: str, service: str, sandboxes: Sequence[str]) -> HouseBooks:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await read_house(connection, service, sandboxes)
    finally:
        await connection.close()


async def deadlocks(connection: asyncpg.Connection) -> int:
    """How many this database has had since it was made."""
    found: int = await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return found


def _key(row: asyncpg.Record) -> Key:
    return row["sandbox"], row["subject"]
