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
    """The table of one kind of document.

    kind     a frozen msgspec Struct (`shared.storage.value.Value`), stored as JSON
    born     member with the creation time of a document: RFC 3339 as msgspec writes it, always with the same offset
    indexes  name → SQL expression over `body`; each index has sandbox, expression and creation time
    sparse   names of indexes whose expression is NULL for most documents: only the others are indexed
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
        # Compared by bytes: with one offset, the order of the texts is the order of time.
        self._born = f"(body->>'{born}') COLLATE \"C\""
        self._decoder = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder()

    def encode(self, document: T) -> str:
        return self._encoder.encode(document).decode()

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
            Column("traceparent", Text, nullable=False, server_default=""),  # the trace of the whole journey
        )
        for name, expression in self._indexes.items():
            parts = (table.c.sandbox, text(expression), text(self._born), table.c.code)
            only = text(f"{expression} IS NOT NULL") if name in self._sparse else None
            Index(f"{self.table}_{name}", *parts, postgresql_where=only)

    async def lock(self, connection: Connection, keys: Iterable[tuple[str, str]]) -> list[asyncpg.Record]:
        """Lock and load the documents `keys`, in key order (one lock order everywhere)."""
        ordered = sorted(set(keys))
        return await connection.fetch(
            f"SELECT d.* FROM {self.table} d JOIN unnest($1::text[], $2::text[]) t (a, b) "
            "ON d.sandbox = a AND d.code = b ORDER BY d.sandbox, d.code FOR UPDATE OF d",
            [key[0] for key in ordered],
            [key[1] for key in ordered],
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
        """A page of the documents of a sandbox that fulfil any of `conditions` ($2… are `values`), the newest first.

        The page token is creation time and code of the last document on the page, so that new documents shift nothing.
        """
        born, _, code = (page.after or "").partition(" ")
        position = len(values) + 2
        sign = ">" if oldest_first else "<"
        later = f" AND ({self._born}, code) {sign} (${position}, ${position + 1})" if page.after is not None else ""
        rows_by_code: dict[str, asyncpg.Record] = {}
        for condition in conditions:  # each uses its own index; one query for all would have to sort
            sql = self.list_sql(condition + later, page.size + 1, oldest_first=oldest_first)
            rows = await database.fetch(sql, sandbox_id, *values, *([born, code] if later else []))
            rows_by_code |= {row["code"]: row for row in rows}
        ordered = sorted(rows_by_code.values(), key=lambda row: (row["born"], row["code"]), reverse=not oldest_first)
        documents = [self.decode(row["body"]) for row in ordered[: page.size]]
        last = ordered[page.size - 1] if len(ordered) > page.size else None
        return Cut(documents, f"{last['born']} {last['code']}" if last else None)

    def list_sql(self, condition: str, limit: int, *, oldest_first: bool = False) -> str:
        """SQL that reads along the index of the expression in `condition`, without sorting."""
        direction = "ASC" if oldest_first else "DESC"
        columns = f"body, code, {self._born} AS born"
        where = f"sandbox = $1 AND {condition}"
        order = f"{self._born} {direction}, code {direction}"
        return f"SELECT {columns} FROM {self.table} WHERE {where} ORDER BY {order} LIMIT {limit:d}"
