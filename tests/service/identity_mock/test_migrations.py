"""A database of an older version becomes that of a new one."""

from __future__ import annotations

from fastapi import FastAPI

from services.identity_mock.app import create_app
from shared.storage.database import SCHEMA_VERSION
from tests.service.identity_mock.conftest import settings_of
from tests.support.databases import Databases


async def test_a_database_of_the_version_before_becomes_like_a_new_one(database_url: Databases) -> None:
    url, columns = (
        database_url(),
        "SELECT attname, atttypid, attnotnull FROM pg_attribute WHERE attrelid = $1::regclass",
    )
    seen = []
    for version in ("new", "migrated"):
        app: FastAPI = create_app(settings_of(url))
        async with app.router.lifespan_context(app):
            await app.state.runtime.when_ready()
            database = app.state.runtime.database
            rows = await database.fetch(f"{columns} AND attnum > 0 AND NOT attisdropped", "authorization_codes")
            indexes = await database.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = 'authorization_codes'")
            seen.append(({tuple(row) for row in rows}, {row["indexdef"] for row in indexes}))
            if version == "new":
                await database.pool.execute(
                    "ALTER TABLE authorization_codes DROP COLUMN uses, DROP COLUMN token_id; "
                    "UPDATE schema_version SET version = 7"
                )
            else:
                assert (await database.fetch("SELECT version FROM schema_version"))[0]["version"] == SCHEMA_VERSION
    assert seen[0] == seen[1]
