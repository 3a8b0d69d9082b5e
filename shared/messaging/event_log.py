"""The event log, written in the transaction of each change; the queue of the relay, and the numbers that it assigned.

Events are numbered per topic and lane. The epoch rises when the database was created again or restored from a backup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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

from shared.messaging.lanes import EPOCHS_AHEAD, LANES, Log, Place, replay_place
from shared.observability import metrics
from shared.sandbox.clock import wire
from shared.storage.database import Connection, Database, Pool
from shared.storage.page import Cut, Page

FIRST_ROWS = ("INSERT INTO event_log (id, epoch) VALUES (true, NULL)",)


def eventlog_tables(metadata: MetaData) -> None:
    moment = DateTime(timezone=True)
    # `epoch` is NULL until it is agreed with the peers
    Table("event_log", metadata, Column("id", Boolean, primary_key=True), Column("epoch", Integer))
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
        Column("body", Text, nullable=False),  # the JSON text that is sent, unchanged
        Column("traceparent", Text, nullable=False),
        # What was published last, at almost no cost to writers: rows lie in the order of this time.
        Index("events_real_at", "real_at", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
    )
    Table(
        "queue",
        metadata,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("lane", SmallInteger, nullable=False),
        Column("sandbox", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Index("queue_sandbox", "sandbox"),
    )
    Table(
        "posted",
        metadata,
        Column("topic", Text, primary_key=True),
        Column("lane", SmallInteger, primary_key=True),
        Column("epoch", Integer, primary_key=True),
        Column("number", BigInteger, primary_key=True),
        Column("sandbox", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("posted_at", moment, nullable=False, server_default=text("clock_timestamp()")),
        Index("posted_sandbox", "sandbox", "topic", "lane", "epoch", "number"),
    )
    Table(
        "lanes_out",
        metadata,
        Column("topic", Text, primary_key=True),
        Column("lane", SmallInteger, primary_key=True),
        Column("epoch", Integer, nullable=False),
        Column("head", BigInteger, nullable=False),
        Column("sent_epoch", Integer, nullable=False),
        Column("sent_number", BigInteger, nullable=False),
        Column("last_offset", BigInteger, nullable=False),
    )


async def current_epoch(database: Database) -> int | None:
    """The highest epoch of this log; None until it is agreed with the peers."""
    rows = await database.fetch("SELECT epoch FROM event_log")
    epoch: int | None = rows[0]["epoch"]
    return epoch


async def begin_epoch(database: Database, seen: int, topics: Sequence[str]) -> None:
    """Begin the first epoch, one after the highest that the peers have seen. Does nothing if there is an epoch."""
    async with database.transaction() as connection:
        epoch = await connection.fetchval(
            "UPDATE event_log SET epoch = $1 WHERE epoch IS NULL RETURNING epoch", seen + 1
        )
        if epoch is not None:
            await add_lanes(connection, topics)


async def add_lanes(connection: Connection | Pool, topics: Sequence[str]) -> None:
    """Add the lanes of these topics in the current epoch; existing lanes do not change."""
    await connection.execute(
        "INSERT INTO lanes_out SELECT topic, lane, epoch, 0, epoch, 0, -1 "
        "FROM event_log, unnest($1::text[]) topic, generate_series(0, $2::int) lane ON CONFLICT DO NOTHING",
        list(topics),
        LANES - 1,
    )


async def compare_lanes(
    database: Database, source: str, topic: str, places: Mapping[int, Place], seen: Mapping[int, Place]
) -> list[int]:
    """Compare our lanes with what others have `seen`. If they know numbers that we never assigned, a new epoch begins.

    What lies more than EPOCHS_AHEAD epochs ahead of us is not ours, and begins none.

    places  the place that the peer's reader expects: the relay continues from there
    returns the lanes in which a new epoch began
    """
    async with database.transaction() as connection:
        logs = await lock_log(connection, topic, sorted(seen))
        behind = [
            lane
            for lane, log in logs.items()
            if seen[lane][0] <= log.epoch + EPOCHS_AHEAD and log.begin_epoch_if_behind(seen[lane])
        ]
        for lane in behind:
            logs[lane].go_back(places.get(lane, (0, 1)))
            metrics.EPOCHS.labels(source).inc()
        if behind:
            await save_logs(connection, topic, {lane: logs[lane] for lane in behind})
    return behind


def log_of(row: Any) -> Log:
    return Log(row["epoch"], row["head"], (row["sent_epoch"], row["sent_number"]), row["last_offset"])


async def lock_log(connection: Connection, topic: str, lanes: list[int]) -> dict[int, Log]:
    rows = await connection.fetch(
        "SELECT * FROM lanes_out WHERE topic = $1 AND lane = ANY($2) ORDER BY lane FOR UPDATE", topic, lanes
    )
    return {row["lane"]: log_of(row) for row in rows}


# A new epoch is stored for the whole log, so that codes never repeat.
SAVE_LOGS_SQL = """
WITH moved AS (
  UPDATE lanes_out l SET epoch = t.epoch, head = t.head, sent_epoch = t.sent_epoch, sent_number = t.sent_number,
    last_offset = t.last_offset
  FROM unnest($2::int2[], $3::int[], $4::bigint[], $5::int[], $6::bigint[], $7::bigint[])
    t (lane, epoch, head, sent_epoch, sent_number, last_offset)
  WHERE l.topic = $1 AND l.lane = t.lane)
UPDATE event_log SET epoch = $8 WHERE epoch < $8"""


async def save_logs(connection: Connection, topic: str, logs: Mapping[int, Log]) -> None:
    """Save lanes that this transaction has locked."""
    rows = [(lane, log.epoch, log.head, *log.sent, log.last_offset) for lane, log in logs.items()]
    columns = list(zip(*rows, strict=True)) or [()] * 6
    highest = max((log.epoch for log in logs.values()), default=0)
    await connection.execute(SAVE_LOGS_SQL, topic, *columns, highest)


async def replay(database: Database, topic: str, lane: int, expected: Place) -> tuple[Place, bool]:
    """Publish again for a reader at `expected`. Returns the place where it continues; True if a new epoch began."""
    async with database.transaction() as connection:
        log = (await lock_log(connection, topic, [lane]))[lane]
        rows = await connection.fetch(
            "SELECT epoch, (SELECT max(number) FROM posted p "
            "WHERE p.topic = $1 AND p.lane = $2 AND p.epoch = g.epoch) AS head "
            "FROM generate_series(1, $3::int) g (epoch)",
            topic,
            lane,
            log.epoch,
        )
        place, is_new_epoch = replay_place(expected, log, {row["epoch"]: row["head"] for row in rows if row["head"]})
        log.go_back(place)
        await save_logs(connection, topic, {lane: log})
    return place, is_new_epoch


# The first event of each lane that fits, and how many events there are from it on.
FIRST_SQL = """
SELECT l.topic, l.lane, p.epoch, p.number, (SELECT count(*) FROM posted q
  WHERE q.topic = l.topic AND q.lane = l.lane AND (q.epoch, q.number) >= (p.epoch, p.number)) AS events
FROM lanes_out l CROSS JOIN LATERAL (
  SELECT epoch, number FROM posted p WHERE p.topic = l.topic AND p.lane = l.lane
    AND ($3::text IS NULL OR (p.sandbox, p.subject) = ($2, $3)) AND ($4::timestamptz IS NULL OR p.posted_at >= $4)
  ORDER BY epoch, number LIMIT 1) p
WHERE $1::int IS NULL OR l.lane = $1 ORDER BY l.topic, l.lane"""


@dataclass(frozen=True)
class Republished:
    """A lane that is published again from a place on: `events` of it, of all sandboxes, under the same numbers."""

    topic: str
    lane: int
    epoch: int
    number: int
    events: int


async def republish(
    database: Database, sandbox_id: str, lane: int | None, subject: str | None, since: datetime | None
) -> list[Republished]:
    """Publish lanes again, each from its first event that fits; readers skip what they have applied.

    lane     None: all
    subject  in the sandbox; None: the events of all
    since    real time at which the relay numbered an event
    """
    rows: Sequence[Any] = await database.fetch(FIRST_SQL, lane, sandbox_id, subject, since)
    lanes = [Republished(**dict(row)) for row in rows]
    async with database.transaction() as connection:
        for topic in dict.fromkeys(each.topic for each in lanes):
            places = {each.lane: (each.epoch, each.number) for each in lanes if each.topic == topic}
            logs = await lock_log(connection, topic, sorted(places))
            for number, log in logs.items():
                log.go_back(places[number])
            await save_logs(connection, topic, logs)
    return lanes


async def events_page(database: Database, service: str, sandbox_id: str, page: Page) -> Cut[dict[str, Any]]:
    """A page of the events of a sandbox. The page token is subject and version of the last event on the page."""
    subject, _, version = (page.after or "").rpartition("/")
    after = int(version) if version.isdigit() and len(version) < 10 else 0
    rows = await database.fetch(
        "SELECT * FROM events WHERE sandbox = $1 AND (subject, version) > ($2, $3) ORDER BY subject, version LIMIT $4",
        sandbox_id,
        subject,
        after,
        page.size + 1,
    )
    events = [
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
    return Cut(events, f"{events[-1]['subject']}/{events[-1]['version']}" if more else None)


async def lines(database: Database, service: str, sandbox_id: str, subject: str) -> list[dict[str, Any]]:
    """The published events of `subject` as timeline entries, in order."""
    rows = await database.fetch(
        "SELECT * FROM events WHERE sandbox = $1 AND subject = $2 ORDER BY version", sandbox_id, subject
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
