"""Migration steps of the gateway's data (ADR 0007)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData

from services.province_gateway.doors.legacy_tables import legacy_tables
from services.province_gateway.doors.tables import doors_tables
from services.province_gateway.store import DOSSIERS
from shared.messaging import edits, published
from shared.sandbox import files
from shared.storage.database import ddl
from shared.storage.migrations import Note, Steps


async def add_doors(connection: Any, note: Note) -> None:
    """Version 10: connectors, what they are told and what they say. As declared now, while 10 is not released."""
    metadata = MetaData()
    doors_tables(metadata)
    files.files_tables(metadata)
    for statement in (*ddl(metadata), *files.FIRST_ROWS):
        await connection.execute(statement)
    await connection.execute("ALTER TABLE replanning ADD COLUMN joins text[] NOT NULL DEFAULT '{}'")


async def add_edits(connection: Any, note: Note) -> None:
    """Version 11: edits of dead letters."""
    await connection.execute(edits.ADD_COLUMNS_SQL)


async def compute_columns(connection: Any, note: Note) -> None:
    """Version 12: columns and indexes of the lists, and the index of what was published last."""
    await DOSSIERS.compute_columns(connection)
    await connection.execute(published.ADD_INDEX_SQL)


async def add_legacy(connection: Any, note: Note) -> None:
    """Version 13: the adapter API."""
    metadata = MetaData()
    legacy_tables(metadata)
    for statement in ddl(metadata):
        await connection.execute(statement)


STEPS: Steps = {10: add_doors, 11: add_edits, 12: compute_columns, 13: add_legacy}
