"""Data of a platform that knew the portal alone: opened by this version, it can have partners, and nothing else has changed."""

from __future__ import annotations

from typing import Any

import asyncpg

from services.payment_mock.runtime import PaymentRuntime
from services.payment_mock.settings import Settings
from tests.service.payment_mock.partner import SECRET
from tests.service.province_gateway.test_migrating import INDEXES_SQL, SHAPE_SQL
from tests.support.country import SECRET as SERVICE_SECRET
from tests.support.databases import Databases


async def opened(url: str) -> list[Any]:
    """Open the database as the platform does; returns its tables and indexes."""
    runtime = PaymentRuntime(Settings(database_url=url, PAYMENT_PARTNER_SECRET=SECRET, SERVICE_SECRET=SERVICE_SECRET))
    database = runtime.database
    await database.open(runtime.metadata, runtime.first_rows, steps=runtime.steps, owner=runtime.service)
    try:
        return [*map(tuple, await database.fetch(SHAPE_SQL)), *map(tuple, await database.fetch(INDEXES_SQL))]
    finally:
        await database.close()


async def test_partners_are_added_to_older_data(database_url: Databases) -> None:
    url = database_url()
    new = await opened(url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE partners")
        await connection.execute("ALTER TABLE orders DROP COLUMN protocol, DROP COLUMN return_url")
        await connection.execute("UPDATE schema_version SET version = 12")
    finally:
        await connection.close()
    assert await opened(url) == new
