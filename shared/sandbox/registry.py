"""The sandbox row: many small countries on one port. The portal owns it; every service holds a copy (design: Sandboxes)."""

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
COLUMNS = (*("id", "version", "name", "seed", "rate", "opened", "deleted", "api_key"), *MOMENTS, *DOCUMENTS)
ROW_SQL = f"s.id, s.seed, s.rate, s.version, s.opened, s.modes, s.faults, s.people, {NOW_SQL} AS now"
CREATE_ONE = "Create one with `lienthong sandbox create` or POST /_lab/sandboxes at the portal, or leave X-Sandbox out."


def sandboxes_table(metadata: MetaData) -> Table:
    moment = DateTime(timezone=True)
    return Table(
        "sandboxes",
        metadata,
        Column("id", Text, primary_key=True),
        Column("version", BigInteger, nullable=False),  # raised by the portal with every change
        Column("name", Text, nullable=False),
        Column("seed", Text, nullable=False),
        Column("rate", Float, nullable=False),  # sandbox seconds per real second; 0 = frozen
        Column("base_at", moment, nullable=False),  # sandbox time at `base_real`
        Column("base_real", moment, nullable=False),
        Column("opened", Boolean, nullable=False),  # every service has it
        Column("deleted", Boolean, nullable=False),
        Column("created_at", moment, nullable=False),
        Column("swept", Boolean, nullable=False, server_default="false"),  # our own note: its rows are gone
        Column("begins_at", moment),  # the first instant there; NULL where nobody wrote it down
        Column("expires_at", moment),  # real time: a frozen clock never comes there; NULL = never
        Column("api_key", Text, nullable=False, server_default=""),  # names this sandbox and opens it; "": it has none
        Column("modes", JSONB, nullable=False, server_default=text("'{}'")),  # province → how it acts; for who reads it
        Column(
            "faults", JSONB, nullable=False, server_default=text("'[]'")
        ),  # rules, as `shared.sandbox.faults` reads them
        Column(
            "people", JSONB, nullable=False, server_default=text("'{}'")
        ),  # its own, made with it; for who knows them
    )


@dataclass(frozen=True)
class Sandbox:
    """One sandbox as a transaction sees it, with what time it is there."""

    id: str
    seed: str
    rate: float
    now: datetime
    version: int = 1
    modes: str = "{}"  # JSON, read by whoever has provinces
    faults: str = "[]"  # JSON, read by `shared.sandbox.faults`
    people: str = "{}"  # JSON, read by whoever knows people

    @property
    def frozen(self) -> bool:
        return self.rate == 0

    def draw(self, *key: object) -> float:
        """A number in [0, 1) from the seed and `key` alone: the same for the same question, whatever was asked before."""
        text = "\x1f".join((self.seed, *map(str, key)))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") / (1 << 56)


def of_row(row: Any) -> Sandbox:
    documents = (row[name] for name in DOCUMENTS)
    return Sandbox(row["id"], row["seed"], row["rate"], row["now"], row["version"], *documents)


async def deleted(connection: Connection, ids: list[str]) -> set[str]:
    """Those of `ids` that are marked deleted; an id that is neither living nor deleted has no row here at all."""
    rows = await connection.fetch("SELECT id FROM sandboxes WHERE id = ANY($1) AND deleted", ids)
    return {row["id"] for row in rows}


async def lock(connection: Connection, ids: list[str]) -> dict[str, Sandbox]:
    """The living sandboxes among `ids`, held against clock changes and deletion until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT {ROW_SQL} FROM sandboxes s WHERE s.id = ANY($1) AND NOT s.deleted ORDER BY s.id FOR KEY SHARE", ids
    )
    return {row["id"]: of_row(row) for row in rows}


async def read(database: Database, sandbox: str) -> Sandbox:
    """The sandbox now, without holding it. Raises SandboxNotFound, NotReady."""
    rows = await database.fetch(f"SELECT {ROW_SQL} FROM sandboxes s WHERE s.id = $1 AND NOT s.deleted", sandbox)
    if not rows:
        raise await not_here(database, sandbox)
    if not rows[0]["opened"]:
        raise NotReady("The sandbox is being made known to all services; try again.", sandbox=sandbox)
    return of_row(rows[0])


async def not_here(database: Database | Connection, sandbox: str) -> SandboxNotFound:
    """Why nobody lives there: it never was, its time was over, or it was deleted."""
    row = await row_of(database, sandbox) if IDS.fullmatch(sandbox) else None
    if row is None or not row["deleted"]:
        return SandboxNotFound(f"No sandbox has this id. {CREATE_ONE}", sandbox=sandbox)
    end = row["expires_at"]
    if end is not None and end <= datetime.now(UTC):
        return SandboxNotFound(f"Its time was over at {end:%Y-%m-%dT%H:%M:%SZ}. {CREATE_ONE}", sandbox=sandbox)
    return SandboxNotFound(f"It was deleted; its id is never used again. {CREATE_ONE}", sandbox=sandbox)


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as one service tells it another: JSON values, times as RFC 3339 text."""
    documents = {name: msgspec.json.decode(row[name]) for name in DOCUMENTS}
    told: dict[str, Any] = msgspec.to_builtins({**dict(row), **documents})
    return told


def heard(told: Mapping[str, Any]) -> dict[str, Any]:
    """The row that `told` makes, as a table takes it."""
    moments = {name: datetime.fromisoformat(told[name]) if told.get(name) else None for name in MOMENTS}
    documents = {name: msgspec.json.encode(told[name]).decode() for name in DOCUMENTS}
    return {**told, **moments, **documents}


async def hold(connection: Connection, sandbox: str) -> asyncpg.Record | None:
    """The row, to be changed in this transaction; waits for requests that began before (FOR UPDATE)."""
    return await connection.fetchrow(f"SELECT {', '.join(COLUMNS)} FROM sandboxes WHERE id = $1 FOR UPDATE", sandbox)


async def put(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Take over a row told by its owner; False if ours is as new."""
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS if name != "id")
    places = ", ".join(f"${n}" + ("::jsonb" if name in DOCUMENTS else "") for n, name in enumerate(COLUMNS, start=1))
    done = await connection.execute(
        f"INSERT INTO sandboxes ({', '.join(COLUMNS)}) VALUES ({places}) "
        f"ON CONFLICT (id) DO UPDATE SET {updates} WHERE sandboxes.version < EXCLUDED.version",
        *(row[name] for name in COLUMNS),
    )
    return not done.endswith(" 0")


async def row_of(database: Database | Connection, sandbox: str) -> asyncpg.Record | None:
    rows = await database.fetch(f"SELECT {', '.join(COLUMNS)} FROM sandboxes WHERE id = $1", sandbox)
    return rows[0] if rows else None
