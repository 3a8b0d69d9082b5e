"""The sandbox row: many isolated sandboxes share one stack. The portal owns the rows; every service has a copy.

Design: Sandboxes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.errors import NotReady, SandboxNotFound
from shared.sandbox.clock import NOW_SQL
from shared.sandbox.names import IDS
from shared.storage.database import Connection, Database

MOMENTS = ("base_at", "base_real", "created_at", "begins_at", "expires_at")
DOCUMENTS = ("modes", "faults", "people")
PLAIN = ("id", "version", "name", "seed", "rate", "opened", "deleted", "api_key")
COLUMNS = (*PLAIN, *MOMENTS, *DOCUMENTS)
ROW_SQL = f"s.id, s.seed, s.rate, s.version, s.opened, s.modes, s.faults, s.people, {NOW_SQL} AS now"
CREATE_ONE = "Create one with `lienthong sandbox create` or POST /_lab/sandboxes at the portal, or leave X-Sandbox out."


def sandboxes_table(metadata: MetaData) -> Table:
    moment = DateTime(timezone=True)
    return Table(
        "sandboxes",
        metadata,
        Column("id", Text, primary_key=True),
        Column("version", BigInteger, nullable=False),  # the portal increases it with every change
        Column("name", Text, nullable=False),
        Column("seed", Text, nullable=False),
        Column("rate", Float, nullable=False),  # sandbox seconds per real second; 0 = frozen
        Column("base_at", moment, nullable=False),  # sandbox time at `base_real`
        Column("base_real", moment, nullable=False),
        Column("opened", Boolean, nullable=False),  # true once every service has the row
        Column("deleted", Boolean, nullable=False),
        Column("created_at", moment, nullable=False),
        Column("swept", Boolean, nullable=False, server_default="false"),  # local: all its rows are removed here
        Column("begins_at", moment),  # sandbox time at its creation; NULL in old rows that lack it
        Column("expires_at", moment),  # real time, because a frozen clock would never reach it; NULL = never
        Column("api_key", Text, nullable=False, server_default=""),  # selects and opens this sandbox; "": no key
        # Province → how it acts; read by the province gateway.
        Column("modes", JSONB, nullable=False, server_default=text("'{}'")),
        # List of rules; read by `shared.sandbox.faults`.
        Column("faults", JSONB, nullable=False, server_default=text("'[]'")),
        # People and organisations of this sandbox; read by identity_mock and the portal.
        Column("people", JSONB, nullable=False, server_default=text("'{}'")),
    )


@dataclass(frozen=True)
class Sandbox:
    """One sandbox as a transaction sees it, with its current time."""

    id: str
    seed: str
    rate: float
    now: datetime
    version: int = 1
    modes: str = "{}"  # JSON, read by the province gateway
    faults: str = "[]"  # JSON, read by `shared.sandbox.faults`
    people: str = "{}"  # JSON, read by identity_mock and the portal

    @property
    def frozen(self) -> bool:
        return self.rate == 0

    def draw(self, *key: object) -> float:
        """A number in [0, 1) that depends only on the seed and `key`: the same key always gives the same number."""
        text = "\x1f".join((self.seed, *map(str, key)))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") / (1 << 56)


def of_row(row: Any) -> Sandbox:
    documents = (row[name] for name in DOCUMENTS)
    return Sandbox(row["id"], row["seed"], row["rate"], row["now"], row["version"], *documents)


async def deleted(connection: Connection, ids: list[str]) -> set[str]:
    """Those of `ids` that are marked as deleted. An id without a row is not among them."""
    rows = await connection.fetch("SELECT id FROM sandboxes WHERE id = ANY($1) AND deleted", ids)
    return {row["id"] for row in rows}


async def lock(connection: Connection, ids: list[str]) -> dict[str, Sandbox]:
    """Those of `ids` that are not deleted, locked against clock changes and deletion until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT {ROW_SQL} FROM sandboxes s WHERE s.id = ANY($1) AND NOT s.deleted ORDER BY s.id FOR KEY SHARE", ids
    )
    return {row["id"]: of_row(row) for row in rows}


async def read(database: Database, sandbox_id: str) -> Sandbox:
    """The sandbox with its current time, without a lock. Raises SandboxNotFound, NotReady."""
    rows = await database.fetch(f"SELECT {ROW_SQL} FROM sandboxes s WHERE s.id = $1 AND NOT s.deleted", sandbox_id)
    if not rows:
        raise await missing(database, sandbox_id)
    if not rows[0]["opened"]:
        raise NotReady("The sandbox is being sent to all services; try again.", sandbox=sandbox_id)
    return of_row(rows[0])


async def missing(database: Database | Connection, sandbox_id: str) -> SandboxNotFound:
    """The error for a sandbox that does not exist, with the reason: never created, expired or deleted."""
    row = await row_of(database, sandbox_id) if IDS.fullmatch(sandbox_id) else None
    if row is None or not row["deleted"]:
        return SandboxNotFound(f"No sandbox has this id. {CREATE_ONE}", sandbox=sandbox_id)
    end = row["expires_at"]
    if end is not None and end <= datetime.now(UTC):
        return SandboxNotFound(f"It expired at {end:%Y-%m-%dT%H:%M:%SZ}. {CREATE_ONE}", sandbox=sandbox_id)
    return SandboxNotFound(f"It was deleted; its id is never used again. {CREATE_ONE}", sandbox=sandbox_id)


def wire_form(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in the form in which services send it to each other: JSON values, times as RFC 3339 text."""
    documents = {name: msgspec.json.decode(row[name]) for name in DOCUMENTS}
    document: dict[str, Any] = msgspec.to_builtins({**dict(row), **documents})
    return document


def from_wire(document: Mapping[str, Any]) -> dict[str, Any]:
    """The table row of a document that `wire_form` made."""
    moments = {name: datetime.fromisoformat(document[name]) if document.get(name) else None for name in MOMENTS}
    documents = {name: msgspec.json.encode(document[name]).decode() for name in DOCUMENTS}
    return {**document, **moments, **documents}


async def hold(connection: Connection, sandbox_id: str) -> asyncpg.Record | None:
    """The row, locked for a change in this transaction. Waits for transactions that `lock` it (FOR UPDATE)."""
    return await connection.fetchrow(f"SELECT {', '.join(COLUMNS)} FROM sandboxes WHERE id = $1 FOR UPDATE", sandbox_id)


async def put(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Store a row that the portal sent; False, and nothing changed, if the stored row is as new or newer."""
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS if name != "id")
    values = ", ".join(f"${n}" + ("::jsonb" if name in DOCUMENTS else "") for n, name in enumerate(COLUMNS, start=1))
    status = await connection.execute(
        f"INSERT INTO sandboxes ({', '.join(COLUMNS)}) VALUES ({values}) "
        f"ON CONFLICT (id) DO UPDATE SET {updates} WHERE sandboxes.version < EXCLUDED.version",
        *(row[name] for name in COLUMNS),
    )
    return not status.endswith(" 0")


async def row_of(database: Database | Connection, sandbox_id: str) -> asyncpg.Record | None:
    rows = await database.fetch(f"SELECT {', '.join(COLUMNS)} FROM sandboxes WHERE id = $1", sandbox_id)
    return rows[0] if rows else None
