"""Recorded calls, so that a run can be replayed: who called what, in order. Secrets are left out; a replay uses new ones.

A call with an Idempotency-Key is stored with its reply (table `replies`, in the transaction of the call). All other calls
that change something are stored here, before their response is sent. The default sandbox records no calls: it runs in real
time and cannot be replayed.
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
        Column("caller", Text, nullable=False),  # as in `replies`: what identifies the caller, or empty
        Column("method", Text, nullable=False),
        Column("path", Text, nullable=False),  # with the query string
        Column("media_type", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        info={"sweep_rows": 100},  # a body may contain an uploaded file
    )


class RecordedCall(NamedTuple):
    """One recorded call: the caller and the request."""

    caller: str
    method: str
    path: str
    media_type: str
    body: bytes


async def record(database: asyncpg.Pool | Connection, sandbox_id: str, *calls: RecordedCall) -> None:
    """Store calls in their order. Stores nothing for a deleted sandbox, because the sweep would not remove it again."""
    if not calls:
        return
    await database.executemany(
        "INSERT INTO recorded (sandbox, caller, method, path, media_type, body) "
        "SELECT id, $2, $3, $4, $5, $6 FROM sandboxes WHERE id = $1 AND NOT deleted FOR KEY SHARE",
        [(sandbox_id, *call) for call in calls],
    )


async def calls_of(database: Database, service: str, sandbox_id: str) -> list[dict[str, Any]]:
    """The recorded calls, oldest first. `body` is JSON, or `{"base64": …, "media_type": …}`."""
    rows = await database.fetch("SELECT * FROM recorded WHERE sandbox = $1 ORDER BY id", sandbox_id)
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


async def calls_with_key(database: Database, service: str, sandbox_id: str) -> list[dict[str, Any]]:
    """The calls with an Idempotency-Key, in the order in which they were processed."""
    rows = await database.fetch(
        "SELECT caller, route, key, request, requested_at FROM replies WHERE sandbox = $1 ORDER BY requested_at",
        sandbox_id,
    )
    return [
        {
            "real_at": row["requested_at"].isoformat(timespec="microseconds"),
            "service": service,
            "caller": row["caller"],
            "method": row["route"].partition(" ")[0],
            "path": row["route"].partition(" ")[2],
            "key": row["key"],
            "body": msgspec.json.decode(row["request"] or "null"),
        }
        for row in rows
    ]


def _body(body: bytes, media_type: str) -> Any:
    if not body:
        return None
    if media_type.partition(";")[0].strip().lower() == "application/json":
        return msgspec.json.decode(body)
    return {"base64": base64.b64encode(body).decode(), "media_type": media_type}
