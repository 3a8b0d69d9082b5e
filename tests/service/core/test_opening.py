"""A database being opened: migrated once, or refused with a sentence that says what to do."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared.errors import Unfit
from shared.storage import database, migrations
from shared.storage.database import SCHEMA_VERSION, Database, ForeignDatabase, OldSchema
from shared.storage.migrations import OLDEST, StepFailed
from tests.support.databases import Databases

NEXT = SCHEMA_VERSION + 1
DOCUMENTS = 14
PATIENCE = timedelta(seconds=30)


def things() -> MetaData:
    metadata = MetaData()
    Table(
        "things",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("body", JSONB, nullable=False),
    )
    return metadata


async def open_things(url: str, *, steps: migrations.Steps | None = None, owner: str = "portal") -> Database:
    opened = Database(url, size=2, transaction_timeout=PATIENCE)
    await opened.open(things(), steps=steps or {}, owner=owner)
    return opened


@pytest.fixture
async def old(database_url: Databases) -> str:
    """A database of the current version, with documents."""
    url = database_url()
    opened = await open_things(url)
    rows = [("s", f"T{number:02}", json.dumps({"number": number})) for number in range(DOCUMENTS)]
    await opened.pool.executemany("INSERT INTO things VALUES ($1, $2, $3::jsonb)", rows)
    await opened.close()
    return url


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version of the software, which needs one migration more."""
    monkeypatch.setattr(database, "SCHEMA_VERSION", NEXT)
    monkeypatch.setattr(migrations, "PIECE", 5)
    monkeypatch.setattr(migrations, "NOTE_SECONDS", 0)


async def doubled(connection: Any, note: migrations.Note) -> None:
    def change(row: Any) -> dict[str, Any]:
        return {"number": 2 * migrations.document(row["body"])["number"]}

    await migrations.rewrite(connection, "things", "SELECT * FROM things", change, note)


async def numbers(url: str) -> tuple[int, list[int]]:
    """The version of the data, and the numbers in the documents."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT (body->>'number')::int AS number FROM things ORDER BY code")
        return await connection.fetchval("SELECT version FROM schema_version"), [row["number"] for row in rows]
    finally:
        await connection.close()


async def test_two_processes_that_start_together_migrate_once(old: str, newer: None) -> None:
    opened = await asyncio.gather(*(open_things(old, steps={NEXT: doubled}) for _ in range(2)))
    for one in opened:
        await one.close()
    assert await numbers(old) == (NEXT, [2 * number for number in range(DOCUMENTS)])


async def test_a_long_migration_says_how_far_it_is(old: str, newer: None, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    monkeypatch.setattr(Database, "_note", lambda self, progress: notes.append(progress))
    opened = await open_things(old, steps={NEXT: doubled})
    assert notes == [
        f"Its data is being brought from version {SCHEMA_VERSION} to {NEXT}.",
        *(f"Its data is being migrated: {done} of {DOCUMENTS} things are done." for done in (5, 10, 14)),
    ]
    assert opened.waits_for == "", "and nothing when it is over"
    await opened.close()


async def test_a_step_that_fails_leaves_the_data_as_it_was(old: str, newer: None) -> None:
    before = await numbers(old)

    async def half(connection: Any, note: migrations.Note) -> None:
        await doubled(connection, note)
        raise KeyError("fee_dong")

    with pytest.raises(StepFailed, match=rf"from version {SCHEMA_VERSION} to {NEXT} and is as it was \(KeyError"):
        await open_things(old, steps={NEXT: half})
    assert await numbers(old) == before


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (
            OLDEST - 1,
            f"schema {OLDEST - 1}, this software needs {SCHEMA_VERSION} and can migrate from {OLDEST} or later.",
        ),
        (NEXT, f"schema {NEXT}, this software needs .* newer version. Start that one"),
    ],
)
async def test_data_without_a_migration_is_refused_with_advice(old: str, version: int, sentence: str) -> None:
    connection = await asyncpg.connect(old)
    await connection.execute(f"UPDATE schema_version SET version = {version}")
    await connection.close()
    with pytest.raises(OldSchema, match=sentence) as refused:
        await open_things(old)
    assert "`lienthong reset`" in str(refused.value)


async def test_the_database_of_another_service_is_refused(database_url: Databases) -> None:
    url = database_url()
    await (await open_things(url)).close()
    with pytest.raises(ForeignDatabase, match="belongs to portal: give gateway an empty one of its own"):
        await open_things(url, owner="gateway")


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
        await open_things(url)


async def test_a_postgresql_that_is_too_old_is_refused(
    database_url: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TIMEOUT", "timeout_of_tomorrow")  # as unknown as ours to an old version
    with pytest.raises(Unfit, match=r'17 or newer is needed; this one says: unrecognized .*"timeout_of_tomorrow"'):
        await open_things(database_url())


async def test_a_database_that_cannot_be_reached_is_named_where_it_is_waited_for() -> None:
    nowhere = Database("postgresql://lienthong@127.0.0.1:1/payment", size=1, transaction_timeout=PATIENCE)
    trying = asyncio.create_task(nowhere.open(things()))
    async with asyncio.timeout(30):
        while not nowhere.waits_for:
            await asyncio.wait([trying], timeout=0.01)
    trying.cancel()
    assert "127.0.0.1', 1)" in nowhere.waits_for
