"""Where a service keeps its one kind of thing: JSON documents by (sandbox, code), locked, saved as sets (ADR 0006)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Generic, TypeVar

import asyncpg
import msgspec
from sqlalchemy import Column, DateTime, Index, Integer, MetaData, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.database import Connection, Database
from shared.storage.page import Cut, Page

T = TypeVar("T")

# One statement for everything a transaction writes; lists may be empty. The queue's ids follow the order of telling.
SAVE_SQL = """
WITH things AS (
  INSERT INTO {table} (sandbox, code, lane, said, last_at, body, traceparent)
  SELECT a, b, c, d, e, f::jsonb, g
  FROM unnest($1::text[], $2::text[], $3::int2[], $4::int[], $5::timestamptz[], $6::text[], $35::text[]) t (a,b,c,d,e,f,g)
  ON CONFLICT (sandbox, code) DO UPDATE SET said = EXCLUDED.said, last_at = EXCLUDED.last_at, body = EXCLUDED.body),
told AS (
  INSERT INTO events (sandbox, subject, version, id, type, lane, at, body, traceparent)
  SELECT * FROM unnest($7::text[], $8::text[], $9::int[], $10::text[], $11::text[], $12::int2[], $13::timestamptz[], $14::text[],
    $15::text[])),
queued AS (
  INSERT INTO queue (lane, sandbox, subject, version)
  SELECT f, a, b, c FROM unnest($7::text[], $8::text[], $9::int[], $12::int2[]) WITH ORDINALITY t (a,b,c,f,n) ORDER BY n),
timers_set AS (
  INSERT INTO timers (sandbox, subject, kind, due, lane, at_once)
  SELECT * FROM unnest($16::text[], $17::text[], $18::text[], $19::timestamptz[], $20::int2[], $39::bool[])
  ON CONFLICT (sandbox, subject, kind) DO UPDATE SET due = EXCLUDED.due, at_once = EXCLUDED.at_once),
timers_dropped AS (
  DELETE FROM timers USING unnest($21::text[], $22::text[], $23::text[]) t (a,b,c)
  WHERE sandbox = a AND subject = b AND kind = c),
called AS (
  INSERT INTO calls (sandbox, kind, key, data, traceparent)
  SELECT a, b, c, d::jsonb, e FROM unnest($24::text[], $25::text[], $26::text[], $27::text[], $28::text[]) t (a,b,c,d,e)
  ON CONFLICT DO NOTHING),
counted AS (
  INSERT INTO counters (sandbox, name, value) SELECT * FROM unnest($36::text[], $37::text[], $38::int[])
  ON CONFLICT (sandbox, name) DO UPDATE SET value = EXCLUDED.value)
UPDATE replies SET status = $33, body = $34 WHERE sandbox = $29 AND caller = $30 AND route = $31 AND key = $32
"""


class Drawer(Generic[T]):
    """The table of one kind of thing.

    kind     a frozen msgspec Struct (`shared.storage.value.Kept`); its document is what msgspec makes of it
    born     member of the document that says when it began: RFC 3339 as msgspec writes it, always with the same offset
    indexes  SQL expressions over `body`, each made an index with the sandbox in front, in the order of birth
    sparse   names of those whose expression is NULL for most things: the index holds the others alone
    """

    def __init__(
        self,
        table: str,
        kind: type[T],
        *,
        born: str,
        indexes: dict[str, str] | None = None,
        sparse: Collection[str] = (),
    ) -> None:
        self.table, self._kind, self._indexes, self._sparse = table, kind, indexes or {}, sparse
        # By bytes: with one offset the order of the text is that of time.
        self._born = f"(body->>'{born}') COLLATE \"C\""
        self._decoder = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder()
        self._saves: dict[str, str] = {}

    def encode(self, thing: T) -> str:
        return self._encoder.encode(thing).decode()

    def decode(self, text: str) -> T:
        return self._decoder.decode(text)

    def save_sql(self, template: str) -> str:
        if template not in self._saves:
            self._saves[template] = template.replace("{table}", self.table)
        return self._saves[template]

    def tables(self, metadata: MetaData) -> None:
        table = Table(
            self.table,
            metadata,
            Column("sandbox", Text, primary_key=True),
            Column("code", Text, primary_key=True),
            Column("lane", SmallInteger, nullable=False),
            Column("said", Integer, nullable=False),  # events told about it so far: the next dossierversion is one more
            Column("last_at", DateTime(timezone=True)),  # time of the last of them
            Column("body", JSONB, nullable=False),
            Column(
                "traceparent", Text, nullable=False, server_default=""
            ),  # of what brought it here: its journey's trace
        )
        for name, expression in self._indexes.items():
            parts = (table.c.sandbox, text(expression), text(self._born), table.c.code)
            only = text(f"{expression} IS NOT NULL") if name in self._sparse else None
            Index(f"{self.table}_{name}", *parts, postgresql_where=only)
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
            Column("asked", Text, nullable=False, server_default=""),  # the body that was sent, to be sent again
            Column(
                "asked_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")
            ),  # real
        )
        Table(
            "counters",
            metadata,
            Column("sandbox", Text, primary_key=True),
            Column("name", Text, primary_key=True),
            Column("value", Integer, nullable=False),
        )

    async def lock(self, connection: Connection, keys: Iterable[tuple[str, str]]) -> list[asyncpg.Record]:
        """Lock and load what `keys` name, in key order (one lock order everywhere)."""
        wanted = sorted(set(keys))
        return await connection.fetch(
            f"SELECT d.* FROM {self.table} d JOIN unnest($1::text[], $2::text[]) t (a, b) ON d.sandbox = a AND d.code = b "
            "ORDER BY d.sandbox, d.code FOR UPDATE OF d",
            *([key[0] for key in wanted], [key[1] for key in wanted]),
        )

    async def hold_numbers(
        self, connection: Connection, wanted: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], int]:
        """The last number of each counter (sandbox, name), held until the transaction ends and made where there is none.

        Call it after `lock`: one lock order everywhere, dossiers before counters.
        """
        names = sorted(wanted)
        rows = await connection.fetch(
            "INSERT INTO counters (sandbox, name, value) SELECT a, b, 0 FROM unnest($1::text[], $2::text[]) t (a, b) "
            "ON CONFLICT (sandbox, name) DO UPDATE SET value = counters.value RETURNING sandbox, name, value",
            *([name[0] for name in names], [name[1] for name in names]),
        )
        return {(row["sandbox"], row["name"]): row["value"] for row in rows}

    async def find(self, database: Database, sandbox: str, code: str) -> T | None:
        rows = await database.fetch(f"SELECT body FROM {self.table} WHERE sandbox = $1 AND code = $2", sandbox, code)
        return self.decode(rows[0]["body"]) if rows else None

    async def page(
        self,
        database: Database,
        sandbox: str,
        conditions: Sequence[str],
        values: Sequence[object],
        page: Page,
        *,
        oldest_first: bool = False,
    ) -> Cut[T]:
        """The things of a sandbox that fulfil any of `conditions` ($2… are `values`), a page at a time, the newest first.

        A place in the list is the birth and the code of the last thing shown, so what is born meanwhile moves nothing.
        """
        born, _, code = (page.after or "").partition(" ")
        place = len(values) + 2
        sign = ">" if oldest_first else "<"
        later = f" AND ({self._born}, code) {sign} (${place}, ${place + 1})" if page.after is not None else ""
        found: dict[str, asyncpg.Record] = {}
        for condition in conditions:  # each by its own index; together they would have to be sorted
            sql = self.list_sql(condition + later, page.size + 1, oldest_first=oldest_first)
            rows = await database.fetch(sql, sandbox, *values, *([born, code] if later else []))
            found |= {row["code"]: row for row in rows}
        listed = sorted(found.values(), key=lambda row: (row["born"], row["code"]), reverse=not oldest_first)
        things = [self.decode(row["body"]) for row in listed[: page.size]]
        last = listed[page.size - 1] if len(listed) > page.size else None
        return Cut(things, f"{last['born']} {last['code']}" if last else None)

    def list_sql(self, condition: str, limit: int, *, oldest_first: bool = False) -> str:
        """Read along an index that has the expression of `condition` in it: nothing is sorted."""
        way = "ASC" if oldest_first else "DESC"
        columns = f"body, code, {self._born} AS born"
        where = f"sandbox = $1 AND {condition}"
        order = f"{self._born} {way}, code {way}"
        return f"SELECT {columns} FROM {self.table} WHERE {where} ORDER BY {order} LIMIT {limit:d}"
