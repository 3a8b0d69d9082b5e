"""Data of a gateway without doors and edits: opened by this version, it has them, and nothing else has changed."""

from __future__ import annotations

from typing import Any

import asyncpg

from services.province_gateway.runtime import Gateway
from services.province_gateway.settings import Settings
from tests.support.country import ADDRESSES
from tests.support.databases import Databases

NEW = (
    *("connectors", "subscriptions", "deliveries", "kept_deliveries", "attempts", "verdicts", "kafka_doors"),
    *("files", "address_keys"),
    *("legacy_sessions", "legacy_dossiers", "legacy_steps", "legacy_notes", "partner_payments"),
)
SHAPE_SQL = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, column_name"""
INDEXES_SQL = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"


async def opened(url: str) -> list[Any]:
    """Open the database as the gateway does; returns its tables and indexes."""
    gateway = Gateway(Settings(PROVINCE_GATEWAY_DATABASE_URL=url, **ADDRESSES))
    database = gateway.database
    await database.open(gateway.metadata, gateway.first_rows, steps=gateway.steps, owner=gateway.service)
    try:
        rows = [*await database.fetch(SHAPE_SQL), *await database.fetch(INDEXES_SQL)]
        keys = await database.fetch("SELECT count(*) FROM address_keys")
        return [*map(tuple, rows), *map(tuple, keys)]
    finally:
        await database.close()


async def test_doors_and_edits_are_added_to_older_data(database_url: Databases) -> None:
    url = database_url()
    new = await opened(url)
    connection = await asyncpg.connect(url)
    try:
        for table in NEW:
            await connection.execute(f"DROP TABLE {table}")
        await connection.execute("ALTER TABLE replanning DROP COLUMN joins")
        await connection.execute("ALTER TABLE dead_letters DROP COLUMN original, DROP COLUMN edited_at")
        await connection.execute("DROP INDEX events_real_at")
        await connection.execute("ALTER TABLE dossiers DROP COLUMN born, DROP COLUMN province, DROP COLUMN open")
        await connection.execute("CREATE INDEX dossiers_province ON dossiers (sandbox, (body->>'province'), code)")
        await connection.execute("UPDATE schema_version SET version = 9")
    finally:
        await connection.close()
    assert await opened(url) == new
