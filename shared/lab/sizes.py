"""How much one sandbox holds in one service, table by table: what grows, for people who want to know before it is too much."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import MetaData, Table

from shared.storage.database import Database

MOST = 1_000_000  # rows are counted up to here: so many events take 0.2-0.5 s (measured)


@dataclass(frozen=True)
class Size:
    """Of one table, the part of one sandbox. `bytes` is its share of the table on disk by rows; of files, their own bytes."""

    rows: int
    bytes: int


async def of_sandbox(database: Database, metadata: MetaData, sandbox: str) -> dict[str, Size]:
    """Every table whose rows belong to sandboxes, by name."""
    tables = [table for table in metadata.sorted_tables if "sandbox" in table.c]
    rows = await database.fetch(" UNION ALL ".join(map(_statement, tables)), sandbox)
    return {row["name"]: Size(row["rows"], int(row["bytes"])) for row in rows}


def _statement(table: Table) -> str:
    name = table.name
    if "size" in table.c:  # files are of very different lengths: their own bytes, not a share
        held = f"(SELECT coalesce(sum(size), 0) FROM {name} WHERE sandbox = $1)"
    else:
        known = f"greatest((SELECT reltuples FROM pg_class WHERE oid = '{name}'::regclass), rows, 1)"
        held = f"pg_total_relation_size('{name}'::regclass) * rows / {known}"
    counted = f"SELECT count(*) AS rows FROM (SELECT FROM {name} WHERE sandbox = $1 LIMIT {MOST}) r"
    return (
        f"SELECT '{name}' AS name, rows, CASE WHEN rows = 0 THEN 0 ELSE {held} END::bigint AS bytes FROM ({counted}) c"
    )
