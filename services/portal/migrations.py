"""Migration steps of the portal's data (ADR 0007)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData

from services.portal.reporting.projection import ADD_FIGURES_SQL
from services.portal.reporting.projection import NAME as STATISTICS
from services.portal.store import DOSSIERS, pages_tables
from shared.messaging import edits, projection, published
from shared.storage.database import ddl
from shared.storage.migrations import Note, Steps


async def add_pages_and_edits(connection: Any, note: Note) -> None:
    """Version 11: browser sessions and drafts, edits of dead letters. As declared now, while 11 is not released."""
    metadata = MetaData()
    pages_tables(metadata)
    for statement in ddl(metadata):
        await connection.execute(statement)
    await connection.execute(edits.ADD_COLUMNS_SQL)


async def compute_columns(connection: Any, note: Note) -> None:
    """Version 12: columns and indexes of the lists, the index of what was published last; and what the view of the country
    counts, which is computed from the first event on."""
    await DOSSIERS.compute_columns(connection)
    for sql in (published.ADD_INDEX_SQL, ADD_FIGURES_SQL):
        await connection.execute(sql)
    await projection.restart(connection, STATISTICS, ["reported_dossiers"])


STEPS: Steps = {11: add_pages_and_edits, 12: compute_columns}
