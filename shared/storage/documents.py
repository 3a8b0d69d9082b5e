"""Document store of a service: JSON documents by (sandbox, code), locked and saved as sets (ADR 0006)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec
from sqlalchemy import Column, Computed, DateTime, Index, Integer, MetaData, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import CreateColumn, CreateIndex

from shared.storage.database import DIALECT, Connection, Database
from shared.storage.page import Cut, Page

T = TypeVar("T")
ROOM = 80  # % of a page that inserts fill: an update finds room beside its row, and touches no index


@dataclass(frozen=True)
class Listed:
    """Documents that are read in the order of their creation.

    by    column: one list per value of it; "": one list per sandbox
    only  SQL condition of the documents that are in a list; "": all
    """

    by: str = ""
    only: str = ""


class DocumentStore(Generic[T]):
    """The table of one kind of document.

    kind     a frozen msgspec Struct (`shared.storage.value.Value`), stored as JSON
    born     member with the creation time of a document: RFC 3339 as msgspec writes it, always with the same offset
    columns  name → type of a further column, and the SQL expression over `body` that computes it. PostgreSQL then sees
             that an update changes no indexed value; of an index over an expression it would have to write a new entry.
    lists    name of an index → what is read along it
    """

    def __init__(
        self,
        table: str,
        kind: type[T],
        *,
        born: str,
        columns: Mapping[str, tuple[Any, str]] | None = None,
        lists: Mapping[str, Listed] | None = None,
    ) -> None:
        self.table, self._kind, self._lists = table, kind, lists or {}
        # Compared by bytes: with one offset, the order of the texts is the order of time.
        self._columns = {"born": (Text(collation="C"), f"body->>'{born}'"), **(columns or {})}
        self._decoder = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder()

    def encode(self, document: T) -> str:
        return self._encoder.encode(document).decode()

    def decode(self, text: str) -> T:
        return self._decoder.decode(text)

    def add_table(self, metadata: MetaData) -> None:
        computed = (Column(name, kind, Computed(of, persisted=True)) for name, (kind, of) in self._columns.items())
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
            *computed,
            postgresql_with={"fillfactor": ROOM},
        )
        for name, listed in self._lists.items():
            by = (table.c[listed.by],) if listed.by else ()
            only = text(listed.only) if listed.only else None
            Index(f"{self.table}_{name}", table.c.sandbox, *by, table.c.born, table.c.code, postgresql_where=only)

    async def compute_columns(self, connection: Connection) -> None:
        """Version 12 of a schema: the columns beside `body`, and the indexes over them in place of those over expressions."""
        metadata = MetaData()
        self.add_table(metadata)
        table = metadata.tables[self.table]
        old = await connection.fetch(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1 AND indexname <> $2",
            self.table,
            f"{self.table}_pkey",
        )
        for row in old:
            await connection.execute(f"DROP INDEX {row['indexname']}")
        added = ", ".join(
            f"ADD COLUMN {CreateColumn(table.c[name]).compile(dialect=DIALECT)}" for name in self._columns
        )
        await connection.execute(f"ALTER TABLE {self.table} {added}")
        await connection.execute(f"ALTER TABLE {self.table} SET (fillfactor = {ROOM})")
        for index in table.indexes:
            await connection.execute(str(CreateIndex(index).compile(dialect=DIALECT)))

    async def lock(self, connection: Connection, keys: Iterable[tuple[str, str]]) -> list[asyncpg.Record]:
        """Lock and load the documents `keys`, in key order (one lock order everywhere)."""
        ordered = sorted(set(keys))
        return await connection.fetch(
            "SELECT d.sandbox, d.code, d.lane, d.version, d.last_at, d.body, d.traceparent "
            f"FROM {self.table} d JOIN unnest($1::text[], $2::text[]) t (a, b) "
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
        later = f" AND (born, code) {sign} (${position}, ${position + 1})" if page.after is not None else ""
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
        """SQL that reads along the index of the list in `condition`, without sorting."""
        direction = "ASC" if oldest_first else "DESC"
        order = f"born {direction}, code {direction}"
        where = f"sandbox = $1 AND {condition}"
        return f"SELECT body, code, born FROM {self.table} WHERE {where} ORDER BY {order} LIMIT {limit:d}"
