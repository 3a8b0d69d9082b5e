"""The resources of one process: opened once, closed once, passed to all users. Nothing connects at import."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpx
import structlog
from sqlalchemy import MetaData

from shared import http
from shared.errors import ApiKeyUnknown, NotReady, Unfit
from shared.http import Client
from shared.observability import logs
from shared.sandbox import faults, names, recording, registry
from shared.sandbox.registry import Sandbox
from shared.settings import Settings
from shared.storage.database import NO_STEPS, Connection, Database

log = structlog.get_logger()
KEPT = ("posted", "queue")  # tables whose rows are kept when their sandbox is deleted
RULES_SQL = (
    "SELECT id, version, deleted, faults FROM sandboxes WHERE (NOT deleted AND faults <> $1::jsonb) OR id = ANY($2)"
)
CANCEL_AGAIN_SECONDS = 1.0
SWEEP_SECONDS = 5.0
NO_RULES = (0, faults.NONE)
has_effect: ContextVar[bool] = ContextVar("has_effect", default=True)  # False during a request that may change nothing
EVERYTHING = "*"  # the subject of journal lines about a whole sandbox
SWEEP_ROWS = 5_000


class Runtime:
    """The database, HTTP client and background jobs of one process.

    service    "portal" | "gateway" | "identity" | "payment": the name in timelines and verdicts
    waits_for  what the process waits for; it is ready when this is empty (`/readyz`)
    """

    owns_sandboxes = False
    # "METHOD path" of the calls to record for a replay; calls with an Idempotency-Key are stored with their reply
    records: re.Pattern[str] | None = None
    caller_claim = ""  # the claim of an access token that identifies the caller of a recorded call; "": none
    sweep_when = "true"  # SQL condition on the sandbox row s: whether the rows of a deleted sandbox may be removed

    def __init__(self, service: str, settings: Settings, database_url: str, metadata: MetaData) -> None:
        self.service, self.settings, self.metadata = service, settings, metadata
        self.database = Database(database_url, size=settings.database_pool, transaction_timeout=settings.lease * 2 / 3)
        self.waits_for: set[str] = {"database"}
        self.trouble = ""  # the last error of a background job: a peer, the broker or the database
        self.first_rows: Sequence[str] = ()
        self.steps = NO_STEPS  # migrations of older data
        self.mounts: Mapping[str, httpx.AsyncBaseTransport] = {}  # address → transport; for peers in this process
        self.stopping = asyncio.Event()  # the server stops: a request that waits for something ends now
        self.give_up: Callable[[str], None] = lambda reason: None  # ends the process; set by the code that runs it
        self._http: Client | None = None
        self._internal: Client | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._known: set[str] = set()
        self._keys: dict[str, str] = {}
        # Sandbox id → version and rules of its row; only sandboxes with rules.
        self.faults: dict[str, tuple[int, str]] = {}

    @property
    def http(self) -> Client:
        if self._http is None:
            raise RuntimeError("the runtime is not open")
        return self._http

    @property
    def internal(self) -> Client:
        """The client for internal endpoints of other services: it sends the secret, so it may call nobody else."""
        if self._internal is None:
            raise RuntimeError("the runtime is not open")
        return self._internal

    @asynccontextmanager
    async def opened(self, *jobs: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[Runtime]:
        """Open everything, run `jobs` in the background, close everything. `/readyz` replies while it opens."""
        self._http = Client(self.mounts)
        secret = self.settings.service_secret.get_secret_value()
        self._internal = Client(self.mounts, {http.SECRET_HEADER: secret})
        self._tasks = [asyncio.create_task(self._begin(jobs))]
        try:
            yield self
        finally:
            await _end(self._tasks)
            await self._http.aclose()
            await self._internal.aclose()
            await self.database.close()

    async def _begin(self, jobs: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        try:
            await self.database.open(self.metadata, self.first_rows, steps=self.steps, owner=self.service)
            await self._learn_rules()
            await self.at_open()
        except Exception as error:
            # The process cannot fix this. It ends, so that its supervisor sees the failure and starts it again.
            log.critical("cannot_start", error=str(error), exc_info=None if _explained(error) else error)
            self.give_up(str(error))
            raise
        self.waits_for.discard("database")
        self._tasks += [asyncio.create_task(self._forever(job)) for job in (*jobs, self.sweep)]

    async def when_ready(self) -> None:
        """Wait until `opened` has opened everything; raises the error that stopped it."""
        await asyncio.shield(self._tasks[0])

    async def at_open(self) -> None:
        """Hook: runs after the tables exist and before the service is ready."""

    async def _forever(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a job; after a fault run it again, with backoff. Jobs keep their state in the database."""
        wait = 0.05  # s; it grows by a quarter to 2 s: a job begins soon after a broker that starts beside it
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await job()
                return
            except Unfit as error:
                log.critical("cannot_go_on", job=job.__qualname__, error=str(error))
                self.give_up(str(error))
                raise
            except Exception as error:
                expected = isinstance(error, OSError)  # a peer, the broker or the database is not available
                self.trouble = f"The last error: {error}."
                log.warning("job_failed", job=job.__qualname__, error=repr(error), exc_info=None if expected else error)
            wait = 0.05 if asyncio.get_running_loop().time() - begun > 10 else min(wait * 1.25, 2.0)
            await asyncio.sleep(wait)

    async def sweep(self) -> None:
        """Remove the rows of deleted sandboxes. Numbered and queued events stay: the relay sends them as voids."""
        tables = {  # table → rows per transaction; fewer for tables with large rows
            table.name: int(table.info.get("sweep_rows", SWEEP_ROWS))
            for table in self.metadata.sorted_tables
            if "sandbox" in table.c and table.name not in KEPT
        }
        while True:
            await self._learn_rules()
            for row in await self.database.fetch(
                f"SELECT id FROM sandboxes s WHERE deleted AND NOT swept AND {self.sweep_when}"
            ):
                for table, piece in tables.items():
                    await self._sweep_table(table, row["id"], piece)
                await self.database.pool.execute("UPDATE sandboxes SET swept = true WHERE id = $1", row["id"])
            await asyncio.sleep(SWEEP_SECONDS)

    async def _sweep_table(self, table: str, sandbox_id: str, piece: int) -> None:
        """Delete in pieces, because one short transaction cannot delete all rows of a large sandbox."""
        rows_sql = f"SELECT ctid FROM {table} WHERE sandbox = $1 LIMIT {piece:d}"
        while (
            await self.database.pool.execute(f"DELETE FROM {table} WHERE ctid IN ({rows_sql})", sandbox_id)
        ) != "DELETE 0":
            pass

    async def sandbox(self, sandbox_id: str) -> Sandbox:
        """The sandbox with its current time; its row is fetched from the portal if needed. Raises SandboxNotFound."""
        if self.waits_for & {"database"}:
            raise NotReady("The service is starting; try again in a moment.", waits_for=sorted(self.waits_for))
        if not await self.ensure_sandbox(sandbox_id):
            raise await registry.missing(self.database, sandbox_id)
        logs.concerns(sandbox_id)
        return await registry.read(self.database, sandbox_id)

    async def ensure_sandbox(self, sandbox_id: str) -> bool:
        """Make sure that the row of `sandbox` is stored here, even a deleted one. False if the portal has none.

        raises  Unreachable
        """
        if sandbox_id in self._known:
            return True
        if not names.IDS.fullmatch(sandbox_id):
            return False
        if await registry.row_of(self.database, sandbox_id) is None:
            if self.owns_sandboxes:
                return False
            response = await http.call(
                self.internal, "GET", f"{self.settings.portal_url}/_lab/sandboxes/{sandbox_id}/row"
            )
            if response.status_code != 200:
                return False
            await self.take_over(response.json())
        self._known.add(sandbox_id)
        return True

    async def sandbox_of_key(self, key: str) -> str:
        """Id of the sandbox that an API key belongs to. Raises ApiKeyUnknown, and what `known_sandbox` raises."""
        if key not in self._keys:
            match = names.KEYS.fullmatch(key)
            if match is None:
                raise ApiKeyUnknown("Send the api_key that the sandbox was created with, or leave X-Api-Key out.")
            await known_sandbox(self, match[1])
            row = await registry.row_of(self.database, match[1])
            if row is None or not secrets.compare_digest(row["api_key"], key):
                raise ApiKeyUnknown("Send the api_key that the sandbox was created with.", sandbox=match[1])
            # Never invalidated: keys do not change, and later code refuses deleted sandboxes.
            self._keys[key] = match[1]
        return self._keys[key]

    def forget(self, sandbox_id: str) -> None:
        """Fetch the row from the portal again at the next request. Used if the row is missing (a restored database)."""
        self._known.discard(sandbox_id)

    async def take_over(self, document: dict[str, Any]) -> int:
        """Store a sandbox row that the portal sent, unless the stored row is as new. Returns the stored version."""
        row = registry.from_wire(document)
        async with self.database.transaction(row["id"]) as connection:
            before = await registry.hold(connection, row["id"])
            new = await registry.put(connection, row)
            if new and before is not None:
                await self.row_changes(connection, dict(before), row)
            version = int(await connection.fetchval("SELECT version FROM sandboxes WHERE id = $1", row["id"]))
        if new:
            self.note_row(row)
            # Compares the rows, not the rules in memory: those can already be newer, as `_learn_rules` reads them too.
            rules = faults.rules_of(before["faults"]) if before is not None else ()
            if rules != faults.rules_of(row["faults"]):
                await self.rules_changed(row["id"])
            await self.changed(row["id"])
        return version

    async def _learn_rules(self) -> None:
        """Read the fault rules from the database: another process of this service may have stored newer rows."""
        for row in await self.database.fetch(RULES_SQL, faults.NONE, list(self.faults)):
            self.note_row(dict(row))

    def note_row(self, row: Mapping[str, Any]) -> None:
        """Keep the fault rules of a changed sandbox in memory, unless the rules in memory are newer."""
        if self.faults.get(row["id"], NO_RULES)[0] > row["version"]:
            return
        if row["deleted"] or row["faults"] == faults.NONE:
            self.faults.pop(row["id"], None)
        else:
            self.faults[row["id"]] = (row["version"], row["faults"])

    def watches(self, sandbox_id: str, edge: str) -> bool:
        """Whether a sandbox has a rule at an edge. Reads memory only; a transaction decides whether the rule fires."""
        entry = self.faults.get(sandbox_id)
        return entry is not None and any(rule.edge == edge for rule in faults.rules_of(entry[1]))

    def subject_of(self, path: str) -> str:
        """The subject under which a fault at this path is noted: a dossier code, or EVERYTHING."""
        return EVERYTHING

    def named_in(self, query: str) -> str:
        """Id of the sandbox that a query string names; empty if it names none."""
        return ""

    async def changed(self, sandbox_id: str) -> None:
        """Hook: runs after a new sandbox row is stored and before the portal receives our reply."""

    async def row_changes(self, connection: Connection, before: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """Hook: runs in the transaction that stores a new sandbox row."""

    async def rules_changed(self, sandbox_id: str) -> None:
        """Hook: runs after the fault rules have changed and before the portal receives our reply."""

    # The lab endpoints call the methods below in every service; a service without such data returns nothing.
    async def fire(self, sandbox_id: str, seconds: float = math.inf) -> list[dict[str, Any]]:
        """Fire what is due in a frozen sandbox. Returns one entry per item: at, service, kind, subject.

        seconds  real time after which the rest is left for the next call
        """
        return []

    async def pending(self, sandbox_id: str) -> dict[str, Any]:
        """What can still happen in a sandbox, for `settle`; services/portal/sandboxes/settle.py lists the keys."""
        return {}

    async def recorded(self, sandbox_id: str) -> list[dict[str, Any]]:
        """The recorded calls of this service in order, for a replay."""
        return await recording.calls_of(self.database, self.service, sandbox_id)

    async def pending_of(self, sandbox_id: str, subject: str, reader: tuple[int, int] | None) -> dict[str, Any]:
        """What can still happen to one subject. Full services return their `outlook.Outlook`.

        reader  epoch and number that the reader expects next in the lane of the subject; None: not known
        """
        return {}

    async def timeline(self, sandbox_id: str, subject: str) -> list[dict[str, Any]]:
        """All timeline entries of `subject` in this service, in the order in which they were written.

        The endpoint cuts the list into pages in memory: a dossier has few entries. Only the sign-ins of a person can
        become many.
        """
        return []


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until all have ended: a library can swallow a cancellation that comes at the moment of a result."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)


def _explained(error: Exception) -> bool:
    """Whether the message alone explains the error, so that the log needs no stack trace."""
    return isinstance(error, Unfit) and error.__cause__ is None


async def known_sandbox(runtime: Runtime, sandbox_id: str) -> Sandbox:
    """Like `Runtime.sandbox`, but raises NotReady while the portal does not reply."""
    try:
        return await runtime.sandbox(sandbox_id)
    except http.Unreachable as error:
        raise NotReady(
            "The portal, which owns the sandboxes, does not reply; try again.", sandbox=sandbox_id
        ) from error


@asynccontextmanager
async def in_sandbox(runtime: Runtime, sandbox_id: str) -> AsyncIterator[tuple[Connection, Sandbox]]:
    """One transaction with the sandbox locked against clock changes and deletion; committed when the block ends.

    A request without effect (`has_effect`) runs it, too, but it is rolled back.
    """
    await known_sandbox(runtime, sandbox_id)
    with suppress(_WithoutEffect):
        async with runtime.database.transaction(sandbox_id) as connection:
            locked = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
            if locked is None:
                raise await registry.missing(connection, sandbox_id)
            yield connection, locked
            if not has_effect.get():
                raise _WithoutEffect


class _WithoutEffect(Exception):
    """Rolls a transaction back."""
