"""Migration steps of the portal's data (ADR 0007)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData

from services.portal.reporting.projection import ADD_FIGURES_SQL
from services.portal.reporting.projection import NAME as STATISTICS
from services.portal.store import pages_tables
from shared.messaging import edits, projection, published
from shared.storage.database import ddl
from shared.storage.migrations import Note, Steps


async def add_pages_and_edits(connection: Any, note: Note) -> None:
    """Version 11: browser sessions and drafts, edits of dead letters, the index of what was published last; and what the
    view of the country counts, which is computed from the first event on. As declared now, while 11 is not released."""
    metadata = MetaData()
    pages_tables(metadata)
    for statement in ddl(metadata):
        await connection.execute(statement)
    for sql in (edits.ADD_COLUMNS_SQL, published.ADD_INDEX_SQL, ADD_FIGURES_SQL):
        await connection.execute(sql)
    await projection.restart(connection, STATISTICS, ["reported_dossiers"])


STEPS: Steps = {11: add_pages_and_edits}
