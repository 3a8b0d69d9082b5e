"""Data of a portal without pages, edits and figures: opened by this version, it has them, and nothing else has changed."""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy import MetaData

from services.portal.runtime import Portal
from services.portal.settings import Settings
from services.portal.store import pages_tables
from tests.support.country import ADDRESSES
from tests.support.databases import Databases

SHAPE_SQL = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, column_name"""
INDEXES_SQL = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
FIGURES = ("commune", "is_online", "due_at", "is_overdue")
LETTER_SQL = """
INSERT INTO dead_letters (sandbox, subject, lane, epoch, number, kind, reason, detail)
VALUES ('s', 'A', 0, 1, 1, 'dossier.received.v1', 'ValidationError', '')"""


async def opened(url: str) -> list[Any]:
    """Open the database as the portal does; returns its tables and indexes."""
    portal = Portal(Settings(PORTAL_DATABASE_URL=url, **ADDRESSES))
    database = portal.database
    await database.open(portal.metadata, portal.first_rows, steps=portal.steps, owner=portal.service)
    try:
        return [tuple(row) for sql in (SHAPE_SQL, INDEXES_SQL) for row in await database.fetch(sql)]
    finally:
        await database.close()


async def test_pages_and_edits_are_added_to_older_data_and_its_dead_letters_were_never_edited(
    database_url: Databases,
) -> None:
    url, pages = database_url(), MetaData()
    new = await opened(url)
    pages_tables(pages)
    connection = await asyncpg.connect(url)
    try:
        for table in pages.tables:
            await connection.execute(f"DROP TABLE {table}")
        await connection.execute("ALTER TABLE dead_letters DROP COLUMN original, DROP COLUMN edited_at")
        await connection.execute("DROP INDEX events_real_at")
        await connection.execute("ALTER TABLE dossiers DROP COLUMN born, DROP COLUMN applicant, DROP COLUMN owner")
        await connection.execute("CREATE INDEX dossiers_applicant ON dossiers (sandbox, (body->>'applicant_id'), code)")
        await connection.execute(
            f"ALTER TABLE reported_dossiers {', '.join(f'DROP COLUMN {each}' for each in FIGURES)}"
        )
        await connection.execute("INSERT INTO reported_dossiers VALUES ('s', 'A', '37', 1)")
        await connection.execute("INSERT INTO projections VALUES ('statistics', 1)")
        await connection.execute(LETTER_SQL)
        await connection.execute("UPDATE schema_version SET version = 10")
        assert await opened(url) == new
        assert tuple(await connection.fetchrow("SELECT original, edited_at FROM dead_letters")) == (None, None)
        counted = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM reported_dossiers), generation FROM projections"
        )
        assert tuple(counted) == (0, 2), "the figures are computed from the first event on"
    finally:
        await connection.close()
