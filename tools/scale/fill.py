"""Stored dossiers and sandboxes by the hundred thousand: copies of real ones, row by row, made inside PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Self

import asyncpg

from lienthong.embedded.stack import Stack

DATABASES = {"portal": "portal", "gateway": "province_gateway", "identity": "identity", "payment": "payment"}
COPIES_PER_STATEMENT = 20_000
# Members of a row that a copy has of its own; `new` is what the copied one has behind its name.
OF_A_DOSSIER = {
    "dossiers": "d.sandbox, d.code || new, d.lane, d.version, d.last_at, "
    "jsonb_set(d.body, '{code}', to_jsonb(d.code || new)), d.traceparent",
    "events": "d.sandbox, d.subject || new, d.version, d.id || new, d.type, d.lane, d.at, d.real_at, d.body, d.traceparent",
    "replies": "d.sandbox, d.caller, d.route, d.key || new, d.body_hash, d.status, d.body, d.request, d.requested_at",
    "reported_dossiers": "d.sandbox, d.dossier || new, d.province, d.state, d.commune, d.is_online, d.due_at, d.is_overdue",
}
COLUMNS = {
    "dossiers": "sandbox, code, lane, version, last_at, body, traceparent",
    "events": "sandbox, subject, version, id, type, lane, at, real_at, body, traceparent",
    "replies": "sandbox, caller, route, key, body_hash, status, body, request, requested_at",
    "reported_dossiers": "sandbox, dossier, province, state, commune, is_online, due_at, is_overdue",
}
OF_THE_ORIGINALS = {
    "dossiers": "d.code = ANY($2)",
    "events": "d.subject = ANY($2)",
    "replies": "d.key NOT LIKE '%~%' AND d.key LIKE 'original-%' AND $2::text[] IS NOT NULL",
    "reported_dossiers": "d.dossier = ANY($2)",
}
TABLES = {"portal": (*COLUMNS,), "gateway": ("dossiers", "events", "replies")}
COPY_SANDBOX = """
INSERT INTO sandboxes SELECT (jsonb_populate_record(s, jsonb_build_object(
  'id', 'copy' || i, 'name', 'copy ' || i, 'api_key', s.api_key || i))).*
FROM sandboxes s, generate_series($2::int, $3::int) i WHERE s.id = $1"""


class Databases:
    """Connections to the databases of a stack, for what no door would do as fast."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._exit = stack, AsyncExitStack()
        self.of: dict[str, asyncpg.Connection[Any]] = {}

    async def __aenter__(self) -> Self:
        for service, database in DATABASES.items():
            self.of[service] = await asyncpg.connect(self._stack.database_url(database))
            self._exit.push_async_callback(self.of[service].close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    async def fill(self, sandbox: str, originals: list[str], stored: int, notify: Callable[[str], None]) -> None:
        """Copy ended dossiers, which came under keys that begin with `original-`, until the sandbox has `stored`."""
        known = await self.of["portal"].fetchval("SELECT count(*) FROM dossiers WHERE sandbox = $1", sandbox)
        first = (known - 1) // len(originals)
        for begin in range(first, -(-stored // len(originals)), max(COPIES_PER_STATEMENT // len(originals), 1)):
            end = min(begin + max(COPIES_PER_STATEMENT // len(originals), 1), -(-stored // len(originals))) - 1
            notify(f"storing {min(stored, (end + 1) * len(originals)):,} of {stored:,} dossiers")
            await asyncio.gather(*(self._copy(service, sandbox, originals, begin, end) for service in TABLES))
        await self.analyse()

    async def _copy(self, service: str, sandbox: str, originals: list[str], begin: int, end: int) -> None:
        for table in TABLES[service]:
            await self.of[service].execute(
                f"INSERT INTO {table} ({COLUMNS[table]}) SELECT {OF_A_DOSSIER[table]} FROM {table} d, "
                f"(SELECT '~' || i AS new FROM generate_series($3::int, $4::int) i) copies "
                f"WHERE d.sandbox = $1 AND {OF_THE_ORIGINALS[table]} ON CONFLICT DO NOTHING",
                *(sandbox, originals, begin, end),
                timeout=3600,
            )

    async def add_sandboxes(self, original: str, first: int, last: int) -> None:
        """Copies of a sandbox, number `first` to `last`, in all four services; `original` must be frozen and empty."""
        await asyncio.gather(
            *(connection.execute(COPY_SANDBOX, original, first, last) for connection in self.of.values())
        )
        await self.analyse()

    async def analyse(self) -> None:
        """As autovacuum does by itself after a while."""
        await asyncio.gather(*(connection.execute("VACUUM ANALYZE", timeout=3600) for connection in self.of.values()))

    async def bytes_stored(self) -> dict[str, int]:
        """Size of each database."""
        sql = "SELECT pg_database_size(current_database())"
        return {service: await connection.fetchval(sql) for service, connection in self.of.items()}
