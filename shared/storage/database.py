"""One service's database: SQLAlchemy declares the tables, asyncpg executes the statements (ADR 0002)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from shared.errors import Unfit
from shared.storage import migrations
from shared.storage.queues import Queues

Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection
Pool = asyncpg.Pool
log = structlog.get_logger()

# SQLSTATE 22 and 23: the data is wrong, not the machine.
DATA_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
# The machine failed or was too slow, not the request: the same one can succeed later.
# SQLSTATE 08, 25P03, 25P04, 25006, 40, 53, 55P03, 57, 58.
MACHINE_FAULTS = (
    OSError,  # with TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
)
# s until a request that gets no connection or no place in a queue is refused; less than peers wait for a reply (5 s)
WAIT_SECONDS = 4.0
SCHEMA_LOCK = 0x4C54  # advisory lock: two processes of one service can start at the same moment
# Raise it with every change that a new default does not cover, and add a step (shared/storage/migrations.py).
SCHEMA_VERSION = 13
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
NO_STEPS: migrations.Steps = {}
TIMEOUT = "transaction_timeout"  # a setting of PostgreSQL since version 17
USE_EMPTY = "Give this service an empty database of its own."
EMPTY = "`lienthong reset` deletes a data folder; elsewhere create the database again"


class OldSchema(Unfit):
    """Another version of this software created the database, and no migration step starts from it."""


class ForeignDatabase(Unfit):
    """The database belongs to another service or another program."""


class _Pool(asyncpg.Pool):
    """A pool in which nobody waits for a connection without limit. Raises TimeoutError."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=timeout or WAIT_SECONDS)


class Database:
    """A pool of connections to one service's own database, opened once, closed once."""

    def __init__(self, url: str, *, size: int, transaction_timeout: timedelta) -> None:
        self._url, self._size = url, size
        self._timeout = transaction_timeout
        self._pool: asyncpg.Pool | None = None
        self._queues = Queues(WAIT_SECONDS)
        self.waits_for = ""  # while it is not open: a sentence with the last error, or the current work

    async def open(
        self,
        metadata: MetaData,
        first_rows: Sequence[str] = (),
        *,
        steps: migrations.Steps = NO_STEPS,
        owner: str = "",
    ) -> None:
        """Connect, with backoff and without limit. Create the tables in an empty database, migrate older data.

        steps   migration steps by the version that the data has afterwards
        owner   the service that owns the database; no other service can open it
        raises  OldSchema, ForeignDatabase, migrations.StepFailed, or another Unfit; the data is then unchanged
        """
        wait = 0.05  # s, doubling to 2 s: PostgreSQL starts in 0.1-0.7 s beside us
        while True:
            pool: asyncpg.Pool | None = None
            try:
                pool = await _Pool(
                    self._url,
                    min_size=1,
                    max_size=self._size,
                    max_queries=50_000,  # as `asyncpg.create_pool`, which makes no subclass
                    max_inactive_connection_lifetime=300,
                    loop=None,
                    connection_class=asyncpg.Connection,
                    record_class=asyncpg.Record,
                    reset=_no_reset,
                    server_settings={
                        TIMEOUT: str(int(self._timeout.total_seconds() * 1000)),
                        "lock_timeout": str(int(self._timeout.total_seconds() * 1000)),
                        "timezone": "UTC",
                        "jit": "off",
                        # A statement keeps the plan it got while its table was small, until the next ANALYZE: a minute
                        # in which every request would read a whole table that grew to thousands of rows.
                        "enable_seqscan": "off",
                    },
                )
                await self._make_ready(pool, metadata, first_rows, steps, owner)
                self._pool = pool  # not before: a request would look for tables that do not exist yet
                self.waits_for = ""
                return
            except asyncpg.UndefinedObjectError as error:
                raise Unfit(f"PostgreSQL 17 or newer is needed; this one says: {error}.") from None
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if pool is not None:
                    pool.terminate()
                self.waits_for = f"The last error: {error}."
                log.info("database_not_ready", error=str(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2.0)

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @property
    def pool(self) -> asyncpg.Pool:
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool

    @asynccontextmanager
    async def transaction(self, sandbox_id: str = "", *, rows: Collection[str] = ()) -> AsyncIterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        sandbox_id  whose row a request locks: the requests of one sandbox get half of the connections at most, so that
                    a locked sandbox stops no other
        rows        of this sandbox that a request will lock: requests with the same row wait for each other here, one
                    after the other, and not with a connection each

        raises  TimeoutError if there is no connection, or no place in a queue, within WAIT_SECONDS
        """
        if not sandbox_id:
            async with self.pool.acquire() as connection, connection.transaction():
                yield connection
            return
        # Rows first: who waits for a row takes no share.
        async with self.rows(sandbox_id, rows), self.connection(sandbox_id) as own, own.transaction():
            yield own

    @asynccontextmanager
    async def connection(self, sandbox_id: str) -> AsyncIterator[Connection]:
        """As `transaction`, without one: every statement is a transaction of its own."""
        async with self._queues.places({sandbox_id: max(self._size // 2, 1)}), self.pool.acquire() as connection:
            yield connection

    def rows(self, sandbox_id: str, rows: Collection[str]) -> AbstractAsyncContextManager[None]:
        """Wait here for the rows of a sandbox, not with a connection. Raises TimeoutError."""
        return self._queues.places({(sandbox_id, row): 1 for row in sorted(rows)})  # one order, so no circle of waits

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        return await self.pool.fetch(sql, *values)

    async def _make_ready(
        self, pool: asyncpg.Pool, metadata: MetaData, first_rows: Sequence[str], steps: migrations.Steps, owner: str
    ) -> None:
        """One transaction, one process at a time: the first process creates or migrates the tables, the others wait."""
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL transaction_timeout = 0; SET LOCAL lock_timeout = 0")  # for a busy disk
            await connection.execute(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
            stored = await _stored_version(connection)
            if stored is None:
                await _create_tables(connection, metadata, first_rows)
                await connection.execute("INSERT INTO schema_version VALUES ($1, $2)", SCHEMA_VERSION, owner)
                return
            version, stored_owner = stored
            if stored_owner not in (None, owner):
                raise ForeignDatabase(f"This database belongs to {stored_owner}: give {owner} an empty one of its own.")
            if version != SCHEMA_VERSION:
                _require_migratable(version)
                await migrations.migrate(connection, steps, version, SCHEMA_VERSION, self._note)
            if stored != (SCHEMA_VERSION, owner):
                await connection.execute("UPDATE schema_version SET version = $1, owner = $2", SCHEMA_VERSION, owner)

    def _note(self, progress: str) -> None:
        self.waits_for = progress
        log.info("migrating", doing=progress)


async def _stored_version(connection: Connection) -> tuple[int, str | None] | None:
    """Schema version and owner of the database; None if it is empty."""
    await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version int PRIMARY KEY)")
    await connection.execute("ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS owner text")  # new in version 3
    try:
        row = await connection.fetchrow("SELECT version, owner FROM schema_version")
    except asyncpg.UndefinedColumnError:
        raise ForeignDatabase(f"This database has a schema_version that is not ours. {USE_EMPTY}") from None
    return (row["version"], row["owner"]) if row else None


async def _create_tables(connection: Connection, metadata: MetaData, first_rows: Sequence[str]) -> None:
    try:
        for statement in (*ddl(metadata), *first_rows):
            await connection.execute(statement)
    except asyncpg.DuplicateTableError as error:
        raise ForeignDatabase(f"This database is not empty: {error}. {USE_EMPTY}") from None


def _require_migratable(version: int) -> None:
    if migrations.OLDEST <= version < SCHEMA_VERSION:
        return
    versions = f"This database has schema {version}, this software needs {SCHEMA_VERSION}"
    if version > SCHEMA_VERSION:
        raise OldSchema(
            f"{versions}: it was made by a newer version. Start that one, or start with empty data: {EMPTY}."
        )
    oldest = f"and can migrate from {migrations.OLDEST} or later"
    raise OldSchema(f"{versions} {oldest}. Start the version that made it, or start with empty data: {EMPTY}.")


def is_machine_fault(error: BaseException) -> bool:
    """Whether the machine failed, so that the same request can succeed later."""
    if isinstance(error, asyncpg.InterfaceError):  # asyncpg's own errors: a connection or the pool was closed
        return "clos" in str(error)
    if isinstance(error, asyncpg.InternalClientError):  # a connection was closed while it was given back to the pool
        return "another operation" in str(error)
    return isinstance(error, MACHINE_FAULTS)


async def _no_reset(_: object) -> None:
    """asyncpg's own reset costs a round trip per request; our code leaves no state in a session."""


def ddl(metadata: MetaData) -> list[str]:
    """The PostgreSQL statements that create the tables and indexes of `metadata`."""
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=DIALECT)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=DIALECT)) for index in indexes]
    return statements
