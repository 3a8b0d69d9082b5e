"""Idempotency keys: stored with their reply in the transaction of the decision. A repeated request gets that reply."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, text

from shared.errors import KeyReused
from shared.messaging.save_statement import STORED_REPLY
from shared.messaging.unit_of_work import Work
from shared.sandbox import registry
from shared.sandbox.clock import per_day_sql
from shared.storage.database import Connection, Database

# First statement of every request: lock and read the sandbox, claim the key. A concurrent request with it waits here.
OPEN_SQL = f"""
WITH sandbox AS MATERIALIZED (
  SELECT {registry.ROW_SQL} FROM sandboxes s WHERE s.id = $1 AND NOT s.deleted FOR KEY SHARE),
claimed AS (
  INSERT INTO replies (sandbox, caller, route, key, body_hash, request)
  SELECT id, $2, $3, $4, $5, $6 FROM sandbox WHERE $4::text IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING 1)
SELECT sandbox.*, EXISTS (SELECT FROM claimed) AS claimed, (SELECT epoch FROM event_log) AS epoch FROM sandbox"""

# What requests that decide at once read: the sandbox; of each request the last number of its counter of the day, and
# whether its key is used. LIMIT 1, so that both are looked up by their key, whatever the size of their table.
LOOK_SQL = f"""
WITH sandbox AS MATERIALIZED (SELECT {registry.ROW_SQL} FROM sandboxes s WHERE s.id = $1 AND NOT s.deleted AND s.opened),
asked AS (
  SELECT caller, route, key, {per_day_sql("series", "now")} AS counter, ordinal
  FROM sandbox, unnest($2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY a (caller, route, key, series, ordinal))
SELECT sandbox.*, (SELECT epoch FROM event_log) AS epoch, requests.*
FROM sandbox CROSS JOIN (
  SELECT array_agg(counter ORDER BY ordinal) AS counters, array_agg(coalesce(c.value, 0) ORDER BY ordinal) AS numbers,
    array_agg(r.sandbox IS NOT NULL ORDER BY ordinal) AS used
  FROM asked a
  LEFT JOIN LATERAL (SELECT value FROM counters WHERE (sandbox, name) = ($1, a.counter) LIMIT 1) c ON true
  LEFT JOIN LATERAL (
    SELECT sandbox FROM replies WHERE (sandbox, caller, route, key) = ($1, a.caller, a.route, a.key) LIMIT 1) r ON true
) requests"""

STORED_SQL = """
SELECT r.route, r.key, r.body_hash, r.status, r.body FROM unnest($2::text[], $3::text[], $4::text[]) k (caller, route, key)
JOIN replies r ON r.sandbox = $1 AND r.caller = k.caller AND r.route = k.route AND r.key = k.key"""


def replies_table(metadata: MetaData) -> None:
    Table(
        "replies",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("caller", Text, primary_key=True),
        Column("route", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("body_hash", Text, nullable=False),
        Column("status", Integer),  # NULL only inside the transaction that decides
        Column("body", Text),
        Column("request", Text, nullable=False, server_default=""),  # its body, needed for a replay
        Column(
            "requested_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")
        ),  # real
    )


@dataclass(frozen=True)
class RequestKey:
    """An Idempotency-Key as it is stored: with its caller, its route and the body of the request."""

    caller: str
    route: str
    key: str
    body: bytes

    @property
    def name(self) -> tuple[str, str, str]:
        return self.caller, self.route, self.key

    @property
    def row(self) -> str:
        """For `Database.rows`: requests with one key wait for each other."""
        return f"key {self.caller} {self.route} {self.key}"

    @property
    def body_hash(self) -> str:
        return hashlib.blake2b(self.body, digest_size=16).hexdigest()


class KeyTaken(Exception):
    """Another request has used one of the keys of a batch since they were read: read them again."""


class StoredReply(NamedTuple):
    """A reply, and the hash of the body of its request."""

    body_hash: str
    status: int
    body: str

    def to(self, request_key: RequestKey) -> tuple[int, str]:
        """Status and body for a request with this key. Raises KeyReused if its body is another one."""
        if self.body_hash != request_key.body_hash:
            raise KeyReused("Send the same body again, or choose a new key for a new request.", key=request_key.key)
        return self.status, self.body


async def open_request(connection: Connection, sandbox_id: str, request_key: RequestKey | None) -> Any:
    """Lock the sandbox and claim the key. Returns the sandbox row, `claimed` and `epoch`; None if there is no row."""
    if request_key is None:
        return await connection.fetchrow(OPEN_SQL, sandbox_id, None, None, None, None, None)
    key = (request_key.caller, request_key.route, request_key.key, request_key.body_hash, request_key.body.decode())
    return await connection.fetchrow(OPEN_SQL, sandbox_id, *key)


async def look(connection: Connection, sandbox_id: str, keys: Sequence[RequestKey], series: Sequence[str]) -> Any:
    """Read what requests need that decide at once; lock nothing. None for a sandbox that is not open.

    series  of each key: the counter of the day, before `per_day`
    returns the sandbox row, with `epoch`, and with `counters`, `numbers` and `used` in the order of the keys
    """
    names = zip(*(key.name for key in keys), strict=True)
    return await connection.fetchrow(LOOK_SQL, sandbox_id, *names, series)


async def earlier_reply(connection: Connection, sandbox_id: str, request_key: RequestKey) -> tuple[int, str]:
    """Status and body of the stored reply to a key. Raises KeyReused if the key was used with another body."""
    stored = await stored_replies(connection, sandbox_id, [request_key])
    return stored[request_key.route, request_key.key].to(request_key)


async def stored_replies(
    connection: Connection, sandbox_id: str, request_keys: Collection[RequestKey]
) -> dict[tuple[str, str], StoredReply]:
    """Route and key → the stored reply, for those of the keys that were used."""
    columns = [[getattr(each, name) for each in request_keys] for name in ("caller", "route", "key")]
    rows = await connection.fetch(STORED_SQL, sandbox_id, *columns)
    return {(row["route"], row["key"]): StoredReply(row["body_hash"], row["status"], row["body"]) for row in rows}


def keep(work: Work[Any], request_key: RequestKey, status: int, body: str) -> None:
    """Store a reply with a decision, for a key of a batch that nobody has claimed."""
    row = (work.sandbox.id, request_key.caller, request_key.route, request_key.key, status, body)
    work.insert(STORED_REPLY, (*row, request_key.body_hash, request_key.body.decode()))


@contextmanager
def refusing_taken_keys() -> Iterator[None]:
    """Inside, replies are saved. Raises KeyTaken if another request has used one of their keys meanwhile."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.table_name != "replies":
            raise
        raise KeyTaken from error


async def store_reply(database: Database, sandbox_id: str, request_key: RequestKey, status: int, body: str) -> None:
    """Replace the stored reply of a key."""
    await database.pool.execute(
        "UPDATE replies SET status = $5, body = $6 WHERE sandbox = $1 AND caller = $2 AND route = $3 AND key = $4",
        sandbox_id,
        request_key.caller,
        request_key.route,
        request_key.key,
        status,
        body,
    )
