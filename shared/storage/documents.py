"""Document store of a service: JSON documents by (sandbox, code), locked and saved as sets (ADR 0006)."""

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


class DocumentStore(Generic[T]):
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

    def encode(self, thing: T) -> str:
        return self._encoder.encode(thing).decode()

    def decode(self, text: str) -> T:
        return self._decoder.decode(text)

    def add_table(self, metadata: MetaData) -> None:
        table = Table(
            self.table,
            metadata,
            Column("sandbox", Text, primary_key=True),
            Column("code", Text, primary_key=True),
            Column("lane", SmallInteger, nullable=False),
            Column("version", Integer, nullable=False),  # events so far: the next `dossierversion` is one more
            Column("last_at", DateTime(timezone=True)),  # time of the last of them
            Column("body", JSONB, nullable=False),
            Column("traceparent", Text, nullable=False, server_default=""),  # the trace of its whole journey
        )
        for name, expression in self._indexes.items():
            parts = (table.c.sandbox, text(expression), text(self._born), table.c.code)
            only = text(f"{expression} IS NOT NULL") if name in self._sparse else None
            Index(f"{self.table}_{name}", *parts, postgresql_where=only)

    async def lock(self, connection: Connection, keys: Iterable[tuple[str, str]]) -> list[asyncpg.Record]:
        """Lock and load what `keys` name, in key order (one lock order everywhere)."""
        wanted = sorted(set(keys))
        return await connection.fetch(
            f"SELECT d.* FROM {self.table} d JOIN unnest($1::text[], $2::text[]) t (a, b) ON d.sandbox = a AND d.code = b "
            "ORDER BY d.sandbox, d.code FOR UPDATE OF d",
            *([key[0] for key in wanted], [key[1] for key in wanted]),
        )

    async def find(self, database: Database, sandbox_id: str, code: str) -> T | None:
        rows = await database.fetch(f"SELECT body FROM {self.table} WHERE sandbox = $1 AND code = $2", sandbox_id, code)
        return self.decode(rows[0]["body"]) if rows else None

    async def page(
        self,
        database: Database,
        sandbox_id: str,
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
            rows = await database.fetch(sql, sandbox_id, *values, *([born, code] if later else []))
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
