"""Dead letters: events and timers that could not be applied, with the reason. A redrive applies them again."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, MetaData, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.errors import DeadLetterNotFound, Refusal
from shared.messaging.cloudevents import Event
from shared.messaging.differences import changes, document_of
from shared.observability import metrics, trace_context
from shared.sandbox.clock import wire
from shared.storage.database import Connection, Database
from shared.storage.page import Cut, Page, place_of

log = structlog.get_logger()
ALARM = 100  # dead letters in one batch: a critical log event, never a stop (one fuzzing sandbox must not stop all)


def deadletters_tables(metadata: MetaData) -> None:
    moment = DateTime(timezone=True)
    Table(
        "dead_letters",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("subject", Text, nullable=False),
        Column("lane", SmallInteger, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("number", BigInteger, nullable=False),  # 0: a timer
        Column("kind", Text, nullable=False),  # event type, or kind of timer
        Column("reason", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("record", JSONB),  # the event for a retry, its body as hexadecimal; NULL: a timer
        Column("at", moment, nullable=False, server_default=text("clock_timestamp()")),
        Column("redriven_at", moment),
        Column("original", Text),  # the body before its first edit, as hexadecimal; NULL: it was not edited
        Column("edited_at", moment),  # of the last edit, in sandbox time
    )
    Table(
        "parked",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("subject", Text, primary_key=True),
        Column("reason", Text, nullable=False),
        Column("since", moment, nullable=False, server_default=text("clock_timestamp()")),
    )
    Table(
        "waiting",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("subject", Text, nullable=False),
        Column("lane", SmallInteger, nullable=False),
        Column("record", JSONB, nullable=False),
        Index("waiting_subject", "sandbox", "subject", "id"),
    )
    Table(
        "orphans",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("subject", Text, nullable=False),
        Column("record", JSONB, nullable=False),
        Column("at", moment, nullable=False, server_default=text("clock_timestamp()")),
    )


@dataclass(frozen=True)
class Letter:
    sandbox: str
    subject: str
    lane: int
    epoch: int
    number: int
    kind: str
    reason: str
    detail: str
    record: str | None
    trace_id: str = field(default_factory=trace_context.trace_id)  # of the request that led to it


def pack(event: Event) -> str:
    """An event as JSON text that PostgreSQL can store, whatever its bytes are."""
    fields = {name: getattr(event, name) for name in Event.__struct_fields__ if name != "body"}
    return msgspec.json.encode({**fields, "body": event.body.hex()}).decode().replace("\\u0000", "\\ufffd")


def unpack(text: str) -> Event:
    fields: dict[str, Any] = msgspec.json.decode(text)
    fields["body"] = bytes.fromhex(fields["body"])
    fields["time"] = msgspec.convert(fields["time"], type=datetime)
    return Event(**fields)


def _reason_and_detail(error: BaseException) -> tuple[str, str]:
    if isinstance(error, Refusal):
        return type(error).__name__, f"{error.detail} {error.facts}"
    return type(error).__name__, "".join(traceback.format_exception(error))


def of_event(event: Event, error: BaseException) -> Letter:
    reason, detail = _reason_and_detail(error)
    columns = (event.sandbox, event.subject, event.lane, event.epoch, event.number, event.type)
    return Letter(*columns, reason, detail.replace("\x00", "\ufffd"), pack(event))


def of_timer(sandbox_id: str, subject: str, kind: str, lane: int, error: BaseException) -> Letter:
    reason, detail = _reason_and_detail(error)
    return Letter(sandbox_id, subject, lane, 0, 0, kind, reason, detail.replace("\x00", "\ufffd"), None)


async def save(connection: Connection, letters: Sequence[Letter]) -> None:
    """Store the letters and park their subjects, in the transaction that could not apply them."""
    if not letters:
        return
    columns = ("sandbox", "subject", "lane", "epoch", "number", "kind", "reason", "detail", "record")
    await connection.executemany(
        f"INSERT INTO dead_letters ({', '.join(columns)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)",
        [tuple(getattr(letter, name) for name in columns) for letter in letters],
    )
    await connection.executemany(
        "INSERT INTO parked (sandbox, subject, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        [(letter.sandbox, letter.subject, f"dead letter: {letter.reason}") for letter in letters],
    )
    for letter in letters:
        metrics.DEAD_LETTERS.labels(letter.reason).inc()
        context = {"sandbox": letter.sandbox, "dossier": letter.subject, "trace_id": letter.trace_id}
        log.error("dead_letter", kind=letter.kind, reason=letter.reason, **context)
    if len(letters) >= ALARM:
        log.critical("many_dead_letters", count=len(letters))


@dataclass(frozen=True)
class Stuck:
    """An event that had no effect yet: a dead letter, or an event that waits behind one."""

    waits: bool
    id: int
    event: Event


async def lock_lanes(connection: Connection, sandbox_id: str, subject: str) -> None:
    """Lock the positions of every lane with a stuck event of `subject`: nothing newer is applied meanwhile."""
    await connection.execute(
        """SELECT FROM positions WHERE listener = '' AND (source, lane) IN (
          SELECT record->>'source', lane FROM dead_letters WHERE sandbox = $1 AND subject = $2 AND record IS NOT NULL
          UNION SELECT record->>'source', lane FROM waiting WHERE sandbox = $1 AND subject = $2)
        ORDER BY source, lane FOR UPDATE""",
        sandbox_id,
        subject,
    )


async def next_of(connection: Connection, sandbox_id: str, subject: str) -> Stuck | None:
    row = await connection.fetchrow(
        """SELECT false AS waits, id, record FROM dead_letters
        WHERE sandbox = $1 AND subject = $2 AND redriven_at IS NULL AND record IS NOT NULL
        UNION ALL SELECT true, id, record FROM waiting WHERE sandbox = $1 AND subject = $2
        ORDER BY waits, id LIMIT 1""",
        sandbox_id,
        subject,
    )
    return Stuck(row["waits"], row["id"], unpack(row["record"])) if row else None


async def done(connection: Connection, stuck: Stuck) -> None:
    if stuck.waits:
        await connection.execute("DELETE FROM waiting WHERE sandbox = $1 AND id = $2", stuck.event.sandbox, stuck.id)
    else:
        await connection.execute(
            "UPDATE dead_letters SET redriven_at = clock_timestamp() WHERE sandbox = $1 AND id = $2",
            stuck.event.sandbox,
            stuck.id,
        )


async def refused_again(connection: Connection, stuck: Stuck, letter: Letter) -> None:
    """Store the new reason. An event that waited behind a dead letter becomes one itself."""
    if stuck.waits:
        await done(connection, stuck)
        await save(connection, [letter])
    else:
        await connection.execute(
            "UPDATE dead_letters SET reason = $3, detail = $4 WHERE sandbox = $1 AND id = $2",
            letter.sandbox,
            stuck.id,
            letter.reason,
            letter.detail,
        )


async def release(connection: Connection, sandbox_id: str, subject: str) -> list[int]:
    """Release a subject without stuck events: its timers fire again; returns the ids of those that had failed."""
    await connection.execute("DELETE FROM parked WHERE sandbox = $1 AND subject = $2", sandbox_id, subject)
    rows = await connection.fetch(
        """UPDATE dead_letters SET redriven_at = clock_timestamp()
        WHERE sandbox = $1 AND subject = $2 AND record IS NULL AND redriven_at IS NULL RETURNING id""",
        sandbox_id,
        subject,
    )
    return [row["id"] for row in rows]


async def listed(
    database: Database, sandbox_id: str, page: Page, *, kind: str | None = None, is_open: bool = False
) -> Cut[dict[str, Any]]:
    """A page of the dead letters of a sandbox, oldest first. The page token is the id of its last letter.

    kind     only those of this event type, or kind of timer
    is_open  only those that were not redriven
    """
    rows = await database.fetch(
        """SELECT d.id, d.subject, d.lane, d.epoch, d.number, d.kind, d.reason, d.at, d.redriven_at, d.edited_at,
             (SELECT count(*) FROM waiting w WHERE w.sandbox = d.sandbox AND w.subject = d.subject) AS waiting_behind
           FROM dead_letters d WHERE d.sandbox = $1 AND d.id > $2
             AND ($3::text IS NULL OR d.kind = $3) AND NOT ($4 AND d.redriven_at IS NOT NULL)
           ORDER BY d.id LIMIT $5""",
        sandbox_id,
        place_of(page),
        kind,
        is_open,
        page.size + 1,
    )
    letters = [_with_wire_time(dict(row)) for row in rows[: page.size]]
    return Cut(letters, str(letters[-1]["id"]) if len(rows) > page.size else None)


async def shown(database: Database, sandbox_id: str, letter_id: int) -> dict[str, Any]:
    """One dead letter. `original`: its first body, if it was edited; `changes`: what its body has instead."""
    rows = await database.fetch("SELECT * FROM dead_letters WHERE sandbox = $1 AND id = $2", sandbox_id, letter_id)
    if not rows:
        raise not_found(letter_id)
    letter: dict[str, Any] = {**_with_wire_time(dict(rows[0])), "changes": []}
    if letter["record"]:
        record = msgspec.json.decode(letter["record"])
        body = bytes.fromhex(record["body"])
        letter["record"] = {**record, "body": body.decode(errors="replace")}
        if letter["original"] is not None:
            original = bytes.fromhex(letter["original"])
            letter["original"] = original.decode(errors="replace")
            letter["changes"] = list(changes(document_of(original), document_of(body)))
    return letter


def not_found(letter_id: int) -> DeadLetterNotFound:
    return DeadLetterNotFound("GET /_lab/dead-letters lists them.", id=letter_id)


def _with_wire_time(letter: dict[str, Any]) -> dict[str, Any]:
    return {**letter, "edited_at": wire(letter["edited_at"]) if letter["edited_at"] else None}
