"""Dead letters: what could not be applied, with its reason; the thing it concerns is parked until somebody redrives it."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, MetaData, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from shared import telemetry
from shared.db import Connection, Database
from shared.errors import DeadLetterNotFound, Refusal
from shared.events import Event

log = structlog.get_logger()
ALARM = 100  # dead letters in one batch of a worker: an alarm in the log, never a stop (one fuzzing sandbox must not stop all)


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
        Column("record", JSONB),  # what is needed to try again: header values and the body, its bytes as hex
        Column("at", moment, nullable=False, server_default=text("clock_timestamp()")),
        Column("redriven_at", moment),
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


def pack(event: Event) -> str:
    """An event as JSON text that any PostgreSQL keeps, whatever its bytes are."""
    fields = {name: getattr(event, name) for name in Event.__slots__ if name != "body"}
    return msgspec.json.encode({**fields, "body": event.body.hex()}).decode().replace("\\u0000", "\\ufffd")


def unpack(text: str) -> Event:
    fields: dict[str, Any] = msgspec.json.decode(text)
    fields["body"] = bytes.fromhex(fields["body"])
    fields["time"] = msgspec.convert(fields["time"], type=datetime)
    return Event(**fields)


def _why(error: BaseException) -> tuple[str, str]:
    if isinstance(error, Refusal):
        return type(error).__name__, f"{error.detail} {error.facts}"
    return type(error).__name__, "".join(traceback.format_exception(error))


def of_event(event: Event, error: BaseException) -> Letter:
    reason, detail = _why(error)
    keep = (event.sandbox, event.subject, event.lane, event.epoch, event.number, event.type)
    return Letter(*keep, reason, detail.replace("\x00", "\ufffd"), pack(event))


def of_timer(sandbox: str, subject: str, kind: str, lane: int, error: BaseException) -> Letter:
    reason, detail = _why(error)
    return Letter(sandbox, subject, lane, 0, 0, kind, reason, detail.replace("\x00", "\ufffd"), None)


async def save(connection: Connection, letters: Sequence[Letter]) -> None:
    """Keep the letters and park what they concern, in the transaction that could not apply them."""
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
        telemetry.DEAD_LETTERS.labels(letter.reason).inc()
        log.error("dead_letter", sandbox=letter.sandbox, dossier=letter.subject, kind=letter.kind, reason=letter.reason)
    if len(letters) >= ALARM:
        log.critical("many_dead_letters", count=len(letters))


async def listed(database: Database, sandbox: str) -> list[dict[str, Any]]:
    rows = await database.fetch(
        """SELECT d.id, d.subject, d.lane, d.epoch, d.number, d.kind, d.reason, d.at, d.redriven_at,
             (SELECT count(*) FROM waiting w WHERE w.sandbox = d.sandbox AND w.subject = d.subject) AS waiting_behind
           FROM dead_letters d WHERE d.sandbox = $1 ORDER BY d.id""",
        sandbox,
    )
    return [dict(row) for row in rows]


async def shown(database: Database, sandbox: str, letter: int) -> dict[str, Any]:
    rows = await database.fetch("SELECT * FROM dead_letters WHERE sandbox = $1 AND id = $2", sandbox, letter)
    if not rows:
        raise DeadLetterNotFound("GET /_lab/dead-letters lists them.", id=letter)
    found = dict(rows[0])
    if found["record"]:
        found["record"] = {
            **(record := msgspec.json.decode(found["record"])),
            "body": bytes.fromhex(record["body"]).decode(errors="replace"),
        }
    return found
