"""The services' database tables, read directly, to compare them with every acknowledged request."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from tools.prove.ledger import Key

Position = tuple[int, int]  # (epoch, number)


# A stored dossier leaves out members that have these default values.
DEFAULTS: dict[str, Any] = {
    "demands": [],
    "payments": [],
    "heard": [0, 0],
    "withdrawal": "none",
    "due_at": None,
    "result_number": None,
    "paid_dong": 0,
    "refunded_dong": 0,
}

FILES_SQL = """
SELECT sandbox, sha256, encode(sha256(content), 'hex') <> sha256 OR length(content) <> size AS spoilt
FROM files WHERE sandbox = ANY($1)"""


@dataclass(frozen=True)
class Event:
    """One event in the event log of its source."""

    version: int
    type: str
    at: datetime
    body: str

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.body)
        return facts


@dataclass(frozen=True)
class Figures:
    """What the statistics count of a dossier besides its state; None: nothing was said of it yet."""

    commune: str | None
    is_online: bool | None
    due_at: datetime | None
    is_overdue: bool | None


@dataclass(frozen=True)
class NumberedEvent:
    """The number that the relay assigned to an event."""

    lane: int
    epoch: int
    number: int
    key: Key
    version: int


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter; two are equal if they are about the same event."""

    service: str
    key: Key
    kind: str
    version: int | None  # None: the dead letter is a timer
    reason: str = field(compare=False)


@dataclass
class ServiceTables:
    """The tables of portal or gateway.

    epoch     epoch of its event log
    versions  version of each dossier's last event
    read      position that its reader expects next, by lane of the peer's log
    heads     last position of its own log, by lane
    queued    events without a number
    """

    service: str
    epoch: int
    deadlocks: int
    dossiers: dict[Key, dict[str, Any]]
    versions: dict[Key, int]
    events: dict[Key, list[Event]]
    posted: list[NumberedEvent]
    queued: list[tuple[Key, int]]
    heads: dict[int, Position]
    read: dict[int, Position]
    letters: list[DeadLetter]
    parked: set[Key]
    waiting: set[Key]
    orphans: list[tuple[Key, str]]
    replies: dict[str, int]  # number of stored replies, by Idempotency-Key of the submission
    awaited: set[Key]  # not arrived: only a script for its officers is stored
    reported: dict[
        Key, tuple[str, int]
    ]  # at the portal: province and state of each dossier, as its statistics count it
    figures: dict[Key, Figures] = field(default_factory=dict)  # at the portal: what else they count of it
    files: set[tuple[str, str]] = field(default_factory=set)  # sandbox and SHA-256 of what is stored
    spoilt_files: list[tuple[str, str]] = field(default_factory=list)  # of them, those whose content is another

    @property
    def known(self) -> set[Key]:
        """The dossiers of which anything is stored here, even if it is only an event that waits."""
        return self.dossiers.keys() | self.waiting


@dataclass
class PaymentTables:
    """The tables of payment_mock: orders and refunds, by (sandbox, reference)."""

    orders: dict[tuple[str, str], dict[str, Any]]
    refunds: dict[tuple[str, str], int]
    deadlocks: int


async def read_service(connection: asyncpg.Connection, service: str, sandboxes: Sequence[str]) -> ServiceTables:
    """Read all tables: as one snapshot, if the caller's transaction is repeatable read."""
    parameters = [list(sandboxes)]

    async def rows(sql: str, *values: Any) -> list[asyncpg.Record]:
        return list(await connection.fetch(sql, *values))

    dossiers = await rows("SELECT sandbox, code, version, body FROM dossiers WHERE sandbox = ANY($1)", *parameters)
    events: dict[Key, list[Event]] = defaultdict(list)
    for row in await rows(
        "SELECT * FROM events WHERE sandbox = ANY($1) ORDER BY sandbox, subject, version", *parameters
    ):
        events[row["sandbox"], row["subject"]].append(Event(row["version"], row["type"], row["at"], row["body"]))
    posted = await rows(
        "SELECT lane, epoch, number, sandbox, subject, version FROM posted ORDER BY lane, epoch, number"
    )
    letters = await rows(
        "SELECT sandbox, subject, kind, (record->>'version')::int AS version, reason FROM dead_letters ORDER BY id"
    )
    replies = await rows("SELECT key, count(*) AS n FROM replies WHERE route = 'POST /dossiers' GROUP BY key")
    awaited = {_code(row) for row in dossiers if not json.loads(row["body"])["province"]}
    arrived = [row for row in dossiers if _code(row) not in awaited]
    reported = []
    if service == "portal":
        reported = await rows("SELECT * FROM reported_dossiers WHERE sandbox = ANY($1)", *parameters)
    files = await rows(FILES_SQL, *parameters)
    return ServiceTables(
        service=service,
        epoch=await connection.fetchval("SELECT coalesce(max(epoch), 0) FROM event_log") or 0,
        deadlocks=await deadlocks(connection),
        dossiers={_code(row): DEFAULTS | json.loads(row["body"]) for row in arrived},
        versions={_code(row): row["version"] for row in arrived},
        events=dict(events),
        posted=[NumberedEvent(r["lane"], r["epoch"], r["number"], _key(r), r["version"]) for r in posted],
        queued=[(_key(row), row["version"]) for row in await rows("SELECT sandbox, subject, version FROM queue")],
        heads={r["lane"]: (r["epoch"], r["head"]) for r in await rows("SELECT lane, epoch, head FROM lanes_out")},
        read={
            r["lane"]: (r["epoch"], r["expected"]) for r in await rows("SELECT * FROM positions WHERE listener = ''")
        },
        letters=[DeadLetter(service, _key(r), r["kind"], r["version"], r["reason"]) for r in letters],
        parked={_key(row) for row in await rows("SELECT sandbox, subject FROM parked")},
        waiting={_key(row) for row in await rows("SELECT DISTINCT sandbox, subject FROM waiting")},
        orphans=[
            (_key(row), row["type"])
            for row in await rows("SELECT sandbox, subject, record->>'type' AS type FROM orphans ORDER BY id")
        ],
        replies={row["key"]: row["n"] for row in replies},
        awaited=awaited,
        reported={(row["sandbox"], row["dossier"]): (row["province"], row["state"]) for row in reported},
        figures={
            (row["sandbox"], row["dossier"]): Figures(
                row["commune"], row["is_online"], row["due_at"], row["is_overdue"]
            )
            for row in reported
        },
        files={(row["sandbox"], row["sha256"]) for row in files},
        spoilt_files=[(row["sandbox"], row["sha256"]) for row in files if row["spoilt"]],
    )


async def read_payment(url: str, sandboxes: Sequence[str]) -> PaymentTables:
    connection = await asyncpg.connect(url)
    try:
        orders = await connection.fetch("SELECT * FROM orders WHERE sandbox = ANY($1)", list(sandboxes))
        refunds = await connection.fetch(
            "SELECT sandbox, reference, sum(amount_dong) AS dong FROM refunds WHERE sandbox = ANY($1) GROUP BY 1, 2",
            list(sandboxes),
        )
        return PaymentTables(
            {(row["sandbox"], row["reference"]): dict(row) for row in orders},
            {(row["sandbox"], row["reference"]): int(row["dong"]) for row in refunds},
            await deadlocks(connection),
        )
    finally:
        await connection.close()


async def connect_and_read(url: str, service: str, sandboxes: Sequence[str]) -> ServiceTables:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await read_service(connection, service, sandboxes)
    finally:
        await connection.close()


async def deadlocks(connection: asyncpg.Connection) -> int:
    """Number of deadlocks in this database since it was created."""
    count: int = await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return count


def _key(row: asyncpg.Record) -> Key:
    return row["sandbox"], row["subject"]


def _code(row: asyncpg.Record) -> Key:
    return row["sandbox"], row["code"]
