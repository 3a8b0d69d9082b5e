"""The journal: what happened to a subject besides its events, such as requests, logins and callbacks.

Timelines merge it with the events when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.sandbox.clock import wire
from shared.storage.database import Connection, Database


def journal_table(metadata: MetaData) -> Table:
    moment = DateTime(timezone=True)
    return Table(
        "journal",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("subject", Text, nullable=False),
        Column("at", moment, nullable=False),  # sandbox time
        Column("real_at", moment, nullable=False, server_default=text("clock_timestamp()")),
        Column("kind", Text, nullable=False),
        Column("text_vi", Text, nullable=False),
        Column("text_en", Text, nullable=False),
        Column("data", JSONB, nullable=False),
        Index("journal_subject", "sandbox", "subject", "id"),
    )


class Line(NamedTuple):
    """`subject` is a dossier code, or a reference that carries one; `at` is sandbox time."""

    subject: str
    at: datetime
    kind: str
    text_vi: str
    text_en: str
    data: Mapping[str, object]


async def note(
    connection: Connection,
    sandbox_id: str,
    subject: str,
    at: datetime,
    kind: str,
    text_vi: str,
    text_en: str,
    **data: object,
) -> None:
    """Write one line in the caller's transaction."""
    await note_all(connection, sandbox_id, [Line(subject, at, kind, text_vi, text_en, data)])


async def note_all(connection: Connection, sandbox_id: str, lines: Iterable[Line]) -> None:
    """Write lines in the caller's transaction."""
    await connection.executemany(
        "INSERT INTO journal (sandbox, subject, at, kind, text_vi, text_en, data) VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)",
        [(sandbox_id, *line[:-1], msgspec.json.encode(line.data).decode()) for line in lines],
    )


async def lines(database: Database, service: str, sandbox_id: str, subject: str) -> list[dict[str, Any]]:
    """The journal of `subject` as timeline entries, oldest first."""
    rows = await database.fetch(
        "SELECT * FROM journal WHERE sandbox = $1 AND subject = $2 ORDER BY id", sandbox_id, subject
    )
    return [
        {
            "at": wire(row["at"]),
            "real_at": wire(row["real_at"]),
            "service": service,
            "kind": row["kind"],
            "text_vi": row["text_vi"],
            "text_en": row["text_en"],
            "data": msgspec.json.decode(row["data"]),
        }
        for row in rows
    ]
