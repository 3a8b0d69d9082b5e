"""Calls kept so that a run can be made again: who asked what, in order. Secrets are left out: whoever replays has their own.

A call with an Idempotency-Key is kept with its reply (`replies`, in its own transaction); the others that change something
are kept here, before their answer goes out. The default sandbox keeps none: it runs in real time, and nobody replays it.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import asyncpg
import msgspec
from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, MetaData, Table, Text, text

from shared.storage.database import Connection, Database


def recorded_table(metadata: MetaData) -> Table:
    return Table(
        "recorded",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("real_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
        Column("caller", Text, nullable=False),  # as in `replies`: a personal number, or empty
        Column("method", Text, nullable=False),
        Column("path", Text, nullable=False),  # with its query
        Column("media_type", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        info={"sweep_rows": 100},  # a body may hold a paper
    )


class Made(NamedTuple):
    """A call as it is kept: by whom, and what was asked."""

    caller: str
    method: str
    path: str
    media_type: str
    body: bytes


async def keep(database: asyncpg.Pool | Connection, sandbox: str, *calls: Made) -> None:
    """In their order. Nothing is kept of a sandbox that was deleted meanwhile: nobody would sweep it."""
    if not calls:
        return
    await database.executemany(
        "INSERT INTO recorded (sandbox, caller, method, path, media_type, body) "
        "SELECT id, $2, $3, $4, $5, $6 FROM sandboxes WHERE id = $1 AND NOT deleted FOR KEY SHARE",
        [(sandbox, *call) for call in calls],
    )


async def calls_of(database: Database, service: str, sandbox: str) -> list[dict[str, Any]]:
    """What was kept here, oldest first. `body` is JSON, or `{"base64": …, "media_type": …}`."""
    rows = await database.fetch("SELECT * FROM recorded WHERE sandbox = $1 ORDER BY id", sandbox)
    return [
        {
            "real_at": row["real_at"].isoformat(timespec="microseconds"),
            "service": service,
            "caller": row["caller"],
            "method": row["method"],
            "path": row["path"],
            "key": None,
            "body": _body(row["body"], row["media_type"]),
        }
        for row in rows
    ]


async def asked_once(database: Database, service: str, sandbox: str) -> list[dict[str, Any]]:
    """The calls with a key, in the order in which they were decided."""
    rows = await database.fetch(
        "SELECT caller, route, key, asked, asked_at FROM replies WHERE sandbox = $1 ORDER BY asked_at", sandbox
    )
    return [
        {
            "real_at": row["asked_at"].isoformat(timespec="microseconds"),
            "service": service,
            "caller": row["caller"],
            "method": row["route"].partition(" ")[0],
            "path": row["route"].partition(" ")[2],
            "key": row["key"],
            "body": msgspec.json.decode(row["asked"] or "null"),
        }
        for row in rows
    ]


def _body(body: bytes, media_type: str) -> Any:
    if not body:
        return None
    if media_type.partition(";")[0].strip().lower() == "application/json":
        return msgspec.json.decode(body)
    return {"base64": base64.b64encode(body).decode(), "media_type": media_type}
