"""What we said, in the same transaction as what we did: the event log, the queue before the relay, and the numbers it gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from shared.messaging.lanes import LANES, Log, Place, answer_to
from shared.observability import metrics
from shared.sandbox.clock import wire
from shared.storage.database import Connection, Database
from shared.storage.page import Cut, Page

FIRST_ROWS = ("INSERT INTO life (id, epoch) VALUES (true, NULL)",)


def eventlog_tables(metadata: MetaData) -> None:
    moment = DateTime(timezone=True)
    # `epoch` is NULL until the neighbour was asked
    Table("life", metadata, Column("id", Boolean, primary_key=True), Column("epoch", Integer))
    Table(
        "events",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("subject", Text, primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("lane", SmallInteger, nullable=False),
        Column("at", moment, nullable=False),
        Column("real_at", moment, nullable=False, server_default=text("clock_timestamp()")),
        Column("body", Text, nullable=False),  # the bytes that are sent; never looked into here
        Column("traceparent", Text, nullable=False),
    )
    Table(
        "queue",
        metadata,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("lane", SmallInteger, nullable=False),
        Column("sandbox", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Index("queue_sandbox", "sandbox"),
    )
    Table(
        "posted",
        metadata,
        Column("lane", SmallInteger, primary_key=True),
        Column("epoch", Integer, primary_key=True),
        Column("number", BigInteger, primary_key=True),
        Column("sandbox", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("posted_at", moment, nullable=False, server_default=text("clock_timestamp()")),
        Index("posted_sandbox", "sandbox", "lane", "epoch", "number"),
    )
    Table(
        "lanes_out",
        metadata,
        Column("lane", SmallInteger, primary_key=True),
        Column("epoch", Integer, nullable=False),
        Column("head", BigInteger, nullable=False),
        Column("sent_epoch", Integer, nullable=False),
        Column("sent_number", BigInteger, nullable=False),
        Column("last_offset", BigInteger, nullable=False),
    )


async def life(database: Database) -> int | None:
    """The epoch in which this database began, or None while nobody has asked the neighbour yet."""
    rows = await database.fetch("SELECT epoch FROM life")
    epoch: int | None = rows[0]["epoch"]
    return epoch


async def begin_life(database: Database, seen: int) -> None:
    """A database that never had a life begins one after the highest that its neighbour has seen; its lanes start there."""
    async with database.transaction() as connection:
        begun = await connection.fetchval("UPDATE life SET epoch = $1 WHERE epoch IS NULL RETURNING epoch", seen + 1)
        if begun is not None:
            await connection.execute(
                "INSERT INTO lanes_out SELECT lane, $1, 0, $1, 0, -1 FROM generate_series(0, $2::int) lane ON CONFLICT DO NOTHING",
                begun,
                LANES - 1,
            )


async def meet(database: Database, source: str, places: Mapping[int, Place], seen: Mapping[int, Place]) -> list[int]:
    """Compare our lanes with what others have `seen` of them; where they know numbers we never gave, a new life begins.

    places  where the neighbour's reader stands: the relay goes on from there
    gives   the lanes that began anew
    """
    async with database.transaction() as connection:
        logs = await lock_log(connection, sorted(seen))
        behind = [lane for lane, log in logs.items() if log.begin_anew_if_behind(seen[lane])]
        for lane in behind:
            logs[lane].go_back(places.get(lane, (0, 1)))
            metrics.EPOCHS.labels(source).inc()
        if behind:
            await save_logs(connection, {lane: logs[lane] for lane in behind})
    return behind


def log_of(row: Any) -> Log:
    return Log(row["epoch"], row["head"], (row["sent_epoch"], row["sent_number"]), row["last_offset"])


async def lock_log(connection: Connection, lanes: list[int]) -> dict[int, Log]:
    rows = await connection.fetch("SELECT * FROM lanes_out WHERE lane = ANY($1) ORDER BY lane FOR UPDATE", lanes)
    return {row["lane"]: log_of(row) for row in rows}


async def save_logs(connection: Connection, logs: Mapping[int, Log]) -> None:
    """Keep lanes under their locks. A new life is remembered for the whole log, so that codes never repeat."""
    kept = list(logs.values())
    await connection.execute(
        "WITH moved AS (UPDATE lanes_out SET epoch = b, head = c, sent_epoch = d, sent_number = e, last_offset = f FROM unnest("
        "$1::int2[], $2::int[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[]) t (a, b, c, d, e, f) WHERE lane = a) "
        "UPDATE life SET epoch = $7 WHERE epoch < $7",
        *([*logs], [log.epoch for log in kept], [log.head for log in kept]),
        *([log.sent[0] for log in kept], [log.sent[1] for log in kept], [log.last_offset for log in kept]),
        max((log.epoch for log in kept), default=0),
    )


async def replay(database: Database, lane: int, asked: Place) -> tuple[Place, bool]:
    """Answer a reader that stands at `asked`: where to go on; the relay publishes from there. True if a new life began."""
    async with database.transaction() as connection:
        log = (await lock_log(connection, [lane]))[lane]
        rows = await connection.fetch(
            "SELECT epoch, (SELECT max(number) FROM posted p WHERE p.lane = $1 AND p.epoch = g.epoch) AS head "
            "FROM generate_series(1, $2::int) g (epoch)",
            *(lane, log.epoch),
        )
        answer, new_life = answer_to(asked, log, {row["epoch"]: row["head"] for row in rows if row["head"]})
        log.go_back(answer)
        await save_logs(connection, {lane: log})
    return answer, new_life


async def told(database: Database, service: str, sandbox: str, page: Page) -> Cut[dict[str, Any]]:
    """A page of the events of a sandbox, by subject and version; its places are both of the row before."""
    subject, _, version = (page.after or "").rpartition("/")
    after = int(version) if version.isdigit() and len(version) < 10 else 0
    rows = await database.fetch(
        "SELECT * FROM events WHERE sandbox = $1 AND (subject, version) > ($2, $3) ORDER BY subject, version LIMIT $4",
        *(sandbox, subject, after, page.size + 1),
    )
    shown = [
        {
            "subject": row["subject"],
            "service": service,
            "version": row["version"],
            "id": row["id"],
            "event": row["type"],
            "at": wire(row["at"]),
            "real_at": wire(row["real_at"]),
            "data": msgspec.json.decode(row["body"]),
        }
        for row in rows[: page.size]
    ]
    more = len(rows) > page.size
    return Cut(shown, f"{shown[-1]['subject']}/{shown[-1]['version']}" if more else None)


async def lines(database: Database, service: str, sandbox: str, subject: str) -> list[dict[str, Any]]:
    """The events told about `subject`, as timeline entries in order."""
    rows = await database.fetch(
        "SELECT * FROM events WHERE sandbox = $1 AND subject = $2 ORDER BY version", sandbox, subject
    )
    return [
        {
            "at": wire(row["at"]),
            "real_at": wire(row["real_at"]),
            "service": service,
            "kind": "event",
            "event": row["type"],
            "version": row["version"],
            "data": msgspec.json.decode(row["body"]),
        }
        for row in rows
    ]
