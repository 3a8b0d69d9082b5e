"""A database being opened: migrated once, or refused with a sentence that says what to do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from shared.errors import Unfit
from shared.storage import database, migrations
from shared.storage.database import SCHEMA_VERSION, Database, ForeignDatabase, OldSchema
from shared.storage.migrations import StepFailed
from tests.service.core.old_data import a_runtime, load, opened
from tests.support.databases import Databases

REWRITES = 3  # the version whose step makes every document anew


async def test_two_processes_that_start_together_migrate_once(database_url: Databases) -> None:
    url, done = database_url(load("province_gateway")), list[str]()

    async def start() -> None:
        runtime = a_runtime("province_gateway", url)
        step = runtime.steps[REWRITES]

        async def counted(connection: Any, note: migrations.Note) -> None:
            done.append(url)
            await step(connection, note)

        runtime.steps = {**runtime.steps, REWRITES: counted}
        await opened(runtime)

    await asyncio.gather(start(), start())
    assert done == [url]


async def test_a_long_migration_says_how_far_it_is(database_url: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "PIECE", 5)
    monkeypatch.setattr(migrations, "TELL_SECONDS", 0)
    runtime, said = a_runtime("portal", database_url(load("portal"))), list[str]()
    note = runtime.database._note
    monkeypatch.setattr(runtime.database, "_note", lambda doing: (said.append(doing), note(doing)))
    await opened(runtime)
    assert said == [
        "Its data is being brought from version 2 to 3.",
        *(f"Its data is being migrated: {done} of 14 dossiers are done." for done in (5, 10, 14)),
        *(f"Its data is being brought from version {next - 1} to {next}." for next in range(4, SCHEMA_VERSION + 1)),
    ]
    assert runtime.database.waits_for == "", "and nothing when it is over"


async def test_a_step_that_fails_leaves_the_data_as_it_was(database_url: Databases) -> None:
    url = database_url(load("portal"))
    before, runtime = await picture_of_data(url), a_runtime("portal", url)
    step = runtime.steps[REWRITES]

    async def half(connection: Any, note: migrations.Note) -> None:
        await step(connection, note)
        raise KeyError("fee_dong")

    runtime.steps = {**runtime.steps, REWRITES: half}
    with pytest.raises(StepFailed, match=r"from version 2 to 3 and is as it was \(KeyError\('fee_dong'\)\)"):
        await opened(runtime)
    assert await picture_of_data(url) == before
    await opened(a_runtime("portal", url))


async def picture_of_data(url: str) -> tuple[Any, ...]:
    connection = await asyncpg.connect(url)
    try:
        bodies = await connection.fetch("SELECT code, body FROM dossiers ORDER BY sandbox, code")
        return await connection.fetchval("SELECT version FROM schema_version"), *map(tuple, bodies)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (1, f"schema 1, this software needs {SCHEMA_VERSION} and can migrate from 2. Start the version that made it"),
        (SCHEMA_VERSION + 1, f"schema {SCHEMA_VERSION + 1}, this software needs .* newer version. Start that one"),
    ],
)
async def test_data_that_no_step_leads_from_is_refused_with_the_way_out(
    database_url: Databases, version: int, sentence: str
) -> None:
    url = database_url(load("payment"))
    connection = await asyncpg.connect(url)
    await connection.execute(f"UPDATE schema_version SET version = {version}")
    await connection.close()
    with pytest.raises(OldSchema, match=sentence) as refused:
        await opened(a_runtime("payment", url))
    assert "`lienthong reset`" in str(refused.value)


async def test_the_database_of_another_service_is_refused(database_url: Databases) -> None:
    url = database_url()
    await opened(a_runtime("portal", url))
    with pytest.raises(ForeignDatabase, match="belongs to portal: give gateway an empty one of its own"):
        await opened(a_runtime("province_gateway", url))


async def test_a_database_with_tables_of_others_is_refused_and_left_alone(database_url: Databases) -> None:
    url, metadata = database_url(), MetaData()
    Table("events", metadata, Column("id", Integer, primary_key=True))
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE events (what text)")
    database = Database(url, size=1, transaction_timeout=timedelta(seconds=10))
    with pytest.raises(ForeignDatabase, match=r'not empty: relation "events" already exists\. Give this service an'):
        await database.open(metadata, owner="portal")
    await database.close()
    assert [
        row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ] == ["events"]
    await connection.close()


async def test_a_schema_version_of_somebody_else_is_refused(database_url: Databases) -> None:
    url = database_url()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE schema_version (installed_rank int)")
    await connection.close()
    with pytest.raises(ForeignDatabase, match="schema_version that is not ours"):
        await opened(a_runtime("portal", url))


async def test_a_postgresql_that_is_too_old_is_refused(
    database_url: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TIMEOUT", "timeout_of_tomorrow")  # as an old one sees ours
    with pytest.raises(Unfit, match=r'17 or newer is needed; this one says: unrecognized .*"timeout_of_tomorrow"'):
        await opened(a_runtime("payment", database_url()))


async def test_a_database_that_cannot_be_reached_is_named_where_it_is_waited_for() -> None:
    runtime = a_runtime("payment", "postgresql://lienthong@127.0.0.1:1/payment")
    trying = asyncio.create_task(opened(runtime))
    async with asyncio.timeout(30):
        while not runtime.database.waits_for:
            await asyncio.wait([trying], timeout=0.01)
    trying.cancel()
    assert "127.0.0.1', 1)" in runtime.database.waits_for
