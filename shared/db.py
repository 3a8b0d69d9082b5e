"""The drawer's lock and key: SQLAlchemy declares the tables, asyncpg carries the statements (ADR 0002)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection
log = structlog.get_logger()

DATA_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
)  # SQLSTATE 22, 23: the data, not the machine
SCHEMA_LOCK = 0x4C54  # advisory lock: two roles of one service start at the same moment
SCHEMA_VERSION = 3  # raised by every change of a table; older data is refused with a sentence until migrations come


class OldSchema(Exception):
    """The database was made by another version of this software."""


class Database:
    """A pool of connections to one service's own database, opened once, closed once."""

    def __init__(self, url: str, *, size: int, transaction_timeout: timedelta) -> None:
        self._url, self._size = url, size
        self._timeout = transaction_timeout
        self._pool: asyncpg.Pool | None = None

    async def open(self, metadata: MetaData, first_rows: Sequence[str] = ()) -> None:
        """Connect (with backoff, as long as it takes) and make the tables that are not there yet."""
        wait = 0.05  # s, doubling to 2 s: PostgreSQL starts in 0.1-0.7 s beside us
        while True:
            try:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=1,
                    max_size=self._size,
                    reset=_keep,
                    server_settings={
                        "transaction_timeout": str(int(self._timeout.total_seconds() * 1000)),
                        "lock_timeout": str(int(self._timeout.total_seconds() * 1000)),
                        "timezone": "UTC",
                        "jit": "off",
                    },
                )
                await self._make_tables(metadata, first_rows)
                return
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                await self.close()
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
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        return await self.pool.fetch(sql, *values)

    async def _make_tables(self, metadata: MetaData, first_rows: Sequence[str]) -> None:
        async with self.transaction() as connection:
            await connection.execute("SET LOCAL transaction_timeout = 0; SET LOCAL lock_timeout = 0")  # a busy disk
            await connection.execute(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
            await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version int PRIMARY KEY)")
            version = await connection.fetchval("SELECT version FROM schema_version")
            if version == SCHEMA_VERSION:
                return
            if version is not None:
                raise OldSchema(
                    f"This database has schema {version}, this software needs {SCHEMA_VERSION}. "
                    "Run `lienthong reset` to begin anew, or start the version that made it."
                )
            for statement in ddl(metadata):
                await connection.execute(statement)
            for row in first_rows:
                await connection.execute(row)
            await connection.execute(f"INSERT INTO schema_version VALUES ({SCHEMA_VERSION})")


async def _keep(_: object) -> None:
    """asyncpg's own reset costs a round trip per request; no code here leaves anything behind in a session."""


def ddl(metadata: MetaData) -> list[str]:
    """The statements that make the tables and indexes of `metadata`, as PostgreSQL reads them."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    return statements
