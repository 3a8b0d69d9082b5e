"""Counters without gaps, per sandbox and name, for receipts and codes. A transaction that draws numbers locks them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Integer, MetaData, Table, Text

from shared.storage.database import Connection

# Locks each counter and returns its last number; creates missing counters.
LOCK_SQL = """
INSERT INTO counters (sandbox, name, value) SELECT a, b, 0 FROM unnest($1::text[], $2::text[]) t (a, b)
ON CONFLICT (sandbox, name) DO UPDATE SET value = counters.value RETURNING sandbox, name, value"""


def counters_table(metadata: MetaData) -> None:
    Table(
        "counters",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("value", Integer, nullable=False),
    )


async def lock(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The last number of each counter (sandbox, name), locked until the transaction ends.

    Call it after the documents are locked: one lock order everywhere, documents before counters.
    """
    ordered = sorted(keys)
    rows = await connection.fetch(LOCK_SQL, [sandbox for sandbox, _ in ordered], [name for _, name in ordered])
    return {(row["sandbox"], row["name"]): row["value"] for row in rows}
