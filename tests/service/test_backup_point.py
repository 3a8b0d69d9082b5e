"""The point in time of a backup: what was written in one database after another is in both snapshots, or in the first only."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from contracts import topics
from lienthong.backup import broker, restoring, writing
from lienthong.backup.psql import Session
from lienthong.embedded import Trouble, elsewhere
from lienthong.embedded.plan import Plan
from shared.storage.database import SCHEMA_VERSION
from tests.support.databases import Databases

WRITERS = 6
POINTS = 5


async def tables(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        f"""CREATE TABLE schema_version (version int, owner text); INSERT INTO schema_version VALUES ({SCHEMA_VERSION}, 'test');
        CREATE TABLE sandboxes (id int PRIMARY KEY); INSERT INTO sandboxes VALUES (1);
        CREATE TABLE numbers (writer int PRIMARY KEY, number int NOT NULL);
        INSERT INTO numbers SELECT writer, 0 FROM generate_series(1, {WRITERS}) writer"""
    )
    await connection.close()


@pytest.fixture
def urls(database_url: Databases) -> dict[str, str]:
    return {name: database_url(tables) for name in ("first", "second")}


async def count(urls: dict[str, str], writer: int, stop: asyncio.Event) -> None:
    """Writes each number into the first database, and then into the second, each in a transaction like ours."""
    connections = [await asyncpg.connect(urls[name]) for name in ("first", "second")]
    while not stop.is_set():
        for connection in connections:
            async with connection.transaction():
                await connection.fetch("SELECT FROM sandboxes WHERE id = 1 FOR KEY SHARE")
                await connection.execute("UPDATE numbers SET number = number + 1 WHERE writer = $1", writer)
    for connection in connections:
        await connection.close()


def numbers(url: str, snapshot: str) -> list[int]:
    with Session("numbers", url) as session:
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ", f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        return [int(number) for number in session.run("SELECT number FROM numbers ORDER BY writer")]


def at_one_point(urls: dict[str, str]) -> tuple[list[int], list[int]]:
    with ExitStack() as stack:
        point = writing.one_point(urls, stack)
        first, second = (numbers(urls[name], point.snapshots[name]) for name in ("first", "second"))
        return first, second


@pytest.fixture
def slow_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time to write between the snapshots of two databases, if anybody could."""
    run = Session.run

    def slowly(session: Session, *statements: str) -> list[str]:
        rows = run(session, *statements)
        if "pg_export_snapshot" in statements[0]:
            run(session, "SELECT pg_sleep(0.05)")
        return rows

    monkeypatch.setattr(Session, "run", slowly)


@pytest.mark.usefixtures("slow_snapshots")
async def test_no_snapshot_has_what_another_has_not_yet(urls: dict[str, str]) -> None:
    stop = asyncio.Event()
    writing_all = [asyncio.create_task(count(urls, writer, stop)) for writer in range(1, WRITERS + 1)]
    seen = [await asyncio.to_thread(at_one_point, urls) for _ in range(POINTS)]
    stop.set()
    await asyncio.gather(*writing_all)
    assert all(here - there in (0, 1) for first, second in seen for here, there in zip(first, second, strict=True))
    totals = [sum(first) for first, _ in seen]
    assert totals == sorted({*totals}), "they wrote between every two points"


async def test_a_transaction_that_goes_on_writing_is_named(
    urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ATTEMPTS", 2)
    connection = await asyncpg.connect(urls["first"])
    async with connection.transaction():
        await connection.execute("UPDATE numbers SET number = 9")
        with pytest.raises(Trouble, match="No point in time was found: some transaction wrote during 2 attempts"):
            await asyncio.to_thread(at_one_point, urls)
    await asyncio.to_thread(at_one_point, urls)
    await connection.close()


async def test_a_backup_makes_no_transaction_the_victim_of_a_deadlock(urls: dict[str, str]) -> None:
    """A service writes, and then wants what the backup holds already, while the backup waits for what it wrote."""
    connection, observer = await asyncpg.connect(urls["second"]), await asyncpg.connect(urls["second"])
    taking = asyncio.create_task(asyncio.to_thread(at_one_point, urls))
    for _ in range(6):
        async with connection.transaction():
            await connection.execute("UPDATE numbers SET number = number + 1")
            while not taking.done() and not await observer.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'numbers'::regclass"
            ):
                pass
            await connection.execute("UPDATE sandboxes SET id = id")
    await asyncio.gather(connection.close(), observer.close())
    await taking


async def test_a_database_without_tables_is_named(urls: dict[str, str], database_url: Databases) -> None:
    with pytest.raises(Trouble, match="The database second is empty: start the country once"):
        await asyncio.to_thread(at_one_point, {**urls, "second": database_url()})


async def test_a_server_that_does_not_answer_is_named(urls: dict[str, str]) -> None:
    nowhere = "postgresql://portal:secret@127.0.0.1:9/portal"
    with pytest.raises(Trouble, match=r"PostgreSQL refused \(second\): .*127\.0\.0\.1") as refused:
        await asyncio.to_thread(at_one_point, {**urls, "second": nowhere})
    assert "secret" not in str(refused.value)


async def test_a_restore_whose_commit_fails_names_what_is_restored(urls: dict[str, str]) -> None:
    def commit() -> None:
        with ExitStack() as stack:
            sessions = {name: stack.enter_context(Session(name, url)) for name, url in urls.items()}
            for session in sessions.values():
                session.run("BEGIN", "UPDATE numbers SET number = 7")
            (pid,) = sessions["second"].run("SELECT pg_backend_pid()")
            stack.enter_context(Session("second", urls["second"])).run(f"SELECT pg_terminate_backend({pid}, 10000)")
            restoring.commit(sessions)

    with pytest.raises(Trouble, match=r"The restore is not complete .*terminat") as incomplete:
        await asyncio.to_thread(commit)
    assert "Restored: first; not confirmed: second. Do not start the country." in str(incomplete.value)
    assert await asyncio.to_thread(at_one_point, urls) == ([7] * WRITERS, [0] * WRITERS)


def test_an_interrupted_commit_names_what_is_restored() -> None:
    class Fake:
        def __init__(self, database: str) -> None:
            self.database = database

        def run(self, statement: str) -> None:
            if self.database == "second":
                raise KeyboardInterrupt

    sessions: Any = {name: Fake(name) for name in ("first", "second", "third")}
    with pytest.raises(Trouble, match=r"\(it was interrupted\)\. Restored: first; not confirmed: second, third\."):
        restoring.commit(sessions)


async def test_a_backup_is_on_disk_before_it_has_its_name(
    urls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "country.tar"
    synced: list[tuple[str, int, bool]] = []  # what, its size, whether the backup has its name

    def fsync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        synced.append((os.readlink(f"/proc/self/fd/{descriptor}"), size, file.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    await asyncio.to_thread(writing.write, urls, file, print)
    fresh, folder = synced
    assert fresh == (f"{file}.{os.getpid()}.new", file.stat().st_size, False)
    assert (folder[0], folder[2]) == (str(tmp_path), True)


def test_the_topics_that_a_restore_deletes_are_those_of_the_lanes() -> None:
    assert set(broker.TOPICS) == {topics.TO_PROVINCE, topics.TO_PORTAL}


def test_a_broker_of_others_is_reached_with_the_login_of_the_services(tmp_path: Path) -> None:
    plan = Plan(tmp_path, external={elsewhere.KAFKA: "broker.example:9092"})
    login = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "we", "KAFKA_SASL_PASSWORD": "p"}
    settings = {"security.protocol": "SASL_SSL", "sasl.username": "we", "sasl.password": "p"}
    assert broker.client(plan, login) == {"bootstrap.servers": "broker.example:9092", **settings}
    with pytest.raises(Trouble, match=r"could not be deleted at 127\.0\.0\.1:9"):
        broker.delete_topics({"bootstrap.servers": "127.0.0.1:9"})
