"""Migration steps of the portal's data (ADR 0007)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData

from services.portal.store import pages_tables
from shared.messaging import edits
from shared.storage.database import ddl
from shared.storage.migrations import Note, Steps


async def add_pages_and_edits(connection: Any, note: Note) -> None:
    """Version 11: browser sessions and drafts, edits of dead letters. As declared now, while 11 is not released."""
    metadata = MetaData()
    pages_tables(metadata)
    for statement in ddl(metadata):
        await connection.execute(statement)
    await connection.execute(edits.ADD_COLUMNS_SQL)


STEPS: Steps = {11: add_pages_and_edits}
