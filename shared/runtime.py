"""What a process holds: opened once, closed once, handed down; nothing connects at import."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import structlog
from sqlalchemy import MetaData

from shared import http
from shared.errors import ApiKeyUnknown, NotReady, Unfit
from shared.observability import logs
from shared.sandbox import faults, names, recording, registry
from shared.sandbox.registry import Sandbox
from shared.settings import Settings
from shared.storage.database import NO_STEPS, Connection, Database

log = structlog.get_logger()
KEPT = ("posted", "queue")  # tables whose rows outlive their sandbox
RULES_SQL = (
    "SELECT id, version, deleted, faults FROM sandboxes WHERE (NOT deleted AND faults <> $1::jsonb) OR id = ANY($2)"
)
SWEEP_SECONDS = 5.0
NO_RULES = (0, faults.NONE)
EVERYTHING = "*"  # subject of what concerns a whole sandbox
SWEEP_ROWS = 5_000


class Runtime:
    """One role's database, HTTP client and background work.

    service    "portal" | "gateway" | "identity" | "payment": as it is named in timelines and verdicts
    waits_for  what `/readyz` names while it is not empty
    """

    owns_sandboxes = False
    records: re.Pattern[str] | None = None  # "METHOD path" of calls kept for a replay, but for those with a key
    sweep_when = "true"  # SQL over the sandbox row s: may its rows go yet?

    def __init__(self, service: str, settings: Settings, database_url: str, metadata: MetaData) -> None:
        self.service, self.settings, self.metadata = service, settings, metadata
        self.database = Database(database_url, size=settings.database_pool, transaction_timeout=settings.lease * 2 / 3)
        self.waits_for: set[str] = {"database"}
        self.trouble = ""  # what a neighbour, the broker or the database last did to a job
        self.first_rows: Sequence[str] = ()
        self.steps = NO_STEPS  # how older data becomes today's
        self.mounts: Mapping[str, httpx.AsyncBaseTransport] = {}  # neighbours that live in this very process
        self.give_up: Callable[[str], None] = lambda reason: None  # ends the process; what it is depends on who runs it
        self._http: httpx.AsyncClient | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._known: set[str] = set()
        self._keys: dict[str, str] = {}
        self.faults: dict[str, tuple[int, str]] = {}  # sandbox → version and rules of its row, where it has rules

    @property
    def http(self) -> httpx.AsyncClient:
        if self._http is None:
            raise RuntimeError("the runtime is not open")
        return self._http

    @asynccontextmanager
    async def opened(self, *jobs: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[Runtime]:
        """Open everything, keep `jobs` running beside, close everything; the listener answers `/readyz` meanwhile."""
        self._http = http.client(self.mounts)
        self._tasks = [asyncio.create_task(self._begin(jobs))]
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._http.aclose()
            await self.database.close()

    async def _begin(self, jobs: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        try:
            await self.database.open(self.metadata, self.first_rows, steps=self.steps, owner=self.service)
            await self._learn_rules()
            await self.at_open()
        except Exception as error:
            # Nothing here can mend it: end, so that whoever watches us sees it and starts us anew.
            log.critical("cannot_start", error=str(error), exc_info=None if _explained(error) else error)
            self.give_up(str(error))
            raise
        self.waits_for.discard("database")
        self._tasks += [asyncio.create_task(self._forever(job)) for job in (*jobs, self.sweep)]

    async def when_ready(self) -> None:
        """Wait until what `opened` began is done; raises what stopped it."""
        await asyncio.shield(self._tasks[0])

    async def at_open(self) -> None:
        """What a service does once its tables are there and before it is ready."""

    async def _forever(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a job again when the machine fails under it, with backoff; jobs keep their state in rows."""
        wait = 0.05  # s, doubling to 2 s
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
                expected = isinstance(error, OSError)  # a neighbour, the broker or the database is away
                self.trouble = f"It says: {error}."
                log.warning("job_failed", job=job.__qualname__, error=repr(error), exc_info=None if expected else error)
            wait = 0.05 if asyncio.get_running_loop().time() - begun > 10 else min(wait * 2, 2.0)
            await asyncio.sleep(wait)

    async def sweep(self) -> None:
        """Remove the rows of deleted sandboxes. Event numbers and what waits for a number stay: they are sent as voids."""
        tables = {  # rows of some tables are large: a piece of them is fewer
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

    async def _sweep_table(self, table: str, sandbox: str, piece: int) -> None:
        """In pieces: a sandbox may hold more rows than one short transaction can remove."""
        some = f"SELECT ctid FROM {table} WHERE sandbox = $1 LIMIT {piece:d}"
        while (await self.database.pool.execute(f"DELETE FROM {table} WHERE ctid IN ({some})", sandbox)) != "DELETE 0":
            pass

    async def sandbox(self, sandbox: str) -> Sandbox:
        """The sandbox now, pulled from its owner when this service never heard of it. Raises SandboxNotFound."""
        if self.waits_for & {"database"}:
            raise NotReady("The service is starting; ask again in a moment.", waits_for=sorted(self.waits_for))
        if not await self.ensure_sandbox(sandbox):
            raise await registry.not_here(self.database, sandbox)
        logs.concerns(sandbox)
        return await registry.read(self.database, sandbox)

    async def ensure_sandbox(self, sandbox: str) -> bool:
        """Have the row of `sandbox`, living or marked deleted; False if its owner does not know it. Raises Unreachable."""
        if sandbox in self._known:
            return True
        if not names.IDS.fullmatch(sandbox):
            return False
        if await registry.row_of(self.database, sandbox) is None:
            if self.owns_sandboxes:
                return False
            answer = await http.call(self.http, "GET", f"{self.settings.portal_url}/_lab/sandboxes/{sandbox}/row")
            if answer.status_code != 200:
                return False
            await self.take_over(answer.json())
        self._known.add(sandbox)
        return True

    async def key_opens(self, key: str) -> str:
        """The sandbox that an API key belongs to. Raises ApiKeyUnknown, and as `known_sandbox`."""
        if key not in self._keys:
            match = names.KEYS.fullmatch(key)
            if match is None:
                raise ApiKeyUnknown("Send the api_key that the sandbox was created with, or leave X-Api-Key out.")
            await known_sandbox(self, match[1])
            row = await registry.row_of(self.database, match[1])
            if row is None or not secrets.compare_digest(row["api_key"], key):
                raise ApiKeyUnknown("Send the api_key that the sandbox was created with.", sandbox=match[1])
            self._keys[key] = match[1]  # for good: keys do not change, and what is deleted is refused further in
        return self._keys[key]

    def forget(self, sandbox: str) -> None:
        """Ask the owner again when this sandbox is next named: we have no row of it after all (a restored database)."""
        self._known.discard(sandbox)

    async def take_over(self, told: dict[str, Any]) -> int:
        """Keep a sandbox row that the portal told, unless ours is as new; gives the version that we now hold."""
        row = registry.heard(told)
        async with self.database.transaction() as connection:
            before = await registry.hold(connection, row["id"])
            new = await registry.put(connection, row)
            if new and before is not None:
                await self.row_changes(connection, dict(before), row)
            version = int(await connection.fetchval("SELECT version FROM sandboxes WHERE id = $1", row["id"]))
        if new:
            self.note_row(row)
            # By the rows, not by what is remembered: that is also learned from the database, before or after this.
            rules = faults.rules_of(before["faults"]) if before is not None else ()
            if rules != faults.rules_of(row["faults"]):
                await self.rules_changed(row["id"])
            await self.changed(row["id"])
        return version

    async def _learn_rules(self) -> None:
        """What another process of this service was told, or this one before it started."""
        for row in await self.database.fetch(RULES_SQL, faults.NONE, list(self.faults)):
            self.note_row(dict(row))

    def note_row(self, row: Mapping[str, Any]) -> None:
        """Remember the fault rules of a sandbox that changed; not those of a row older than what is remembered."""
        if self.faults.get(row["id"], NO_RULES)[0] > row["version"]:
            return
        if row["deleted"] or row["faults"] == faults.NONE:
            self.faults.pop(row["id"], None)
        else:
            self.faults[row["id"]] = (row["version"], row["faults"])

    def watches(self, sandbox: str, edge: str) -> bool:
        """Whether a sandbox has a rule at an edge: asked in memory, before a transaction is opened to see whether it bites."""
        held = self.faults.get(sandbox)
        return held is not None and any(rule.edge == edge for rule in faults.rules_of(held[1]))

    def subject_of(self, path: str) -> str:
        """Whose story a request to this path belongs to: a dossier's, or that of everything."""
        return EVERYTHING

    def named_in(self, query: str) -> str:
        """The sandbox that a query string names; empty if it names none."""
        return ""

    async def changed(self, sandbox: str) -> None:
        """What follows from another row of a sandbox, once it is kept and before its owner hears that we have it."""

    async def row_changes(self, connection: Connection, before: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """What follows here from a sandbox's new row, in the transaction that keeps it."""

    async def rules_changed(self, sandbox: str) -> None:
        """What follows from other fault rules; also done before the owner hears."""

    # What the lab doors ask every service; a service with nothing of the kind answers with nothing.
    async def fire(self, sandbox: str) -> list[dict[str, Any]]:
        """Fire what is due in a frozen sandbox; one entry per thing that fired: at, service, kind, subject."""
        return []

    async def pending(self, sandbox: str) -> dict[str, Any]:
        """What may still happen in a sandbox, for `settle`; see services/portal/sandboxes/settle.py for the keys."""
        return {}

    async def recorded(self, sandbox: str) -> list[dict[str, Any]]:
        """The calls that changed something here, in order: what is needed to make them again."""
        return await recording.calls_of(self.database, self.service, sandbox)

    async def pending_of(self, sandbox: str, subject: str, reader: tuple[int, int] | None) -> dict[str, Any]:
        """What may still happen to one thing; a house answers with its `outlook.Outlook`, judged by where its reader stands."""
        return {}

    async def timeline(self, sandbox: str, subject: str) -> list[dict[str, Any]]:
        """What this service knows of the story of `subject`, in the order it was written down.

        The whole of it, which the door cuts into pages in memory: it is no longer than what one dossier can do. Only a
        person's sign-ins can become many.
        """
        return []


def _explained(error: Exception) -> bool:
    """Whether its sentence says all there is to say."""
    return isinstance(error, Unfit) and error.__cause__ is None


async def known_sandbox(runtime: Runtime, sandbox: str) -> Sandbox:
    """As `Runtime.sandbox`, with a plain answer while the owner of sandboxes is silent."""
    try:
        return await runtime.sandbox(sandbox)
    except http.Unreachable as error:
        raise NotReady("The portal, which owns the sandboxes, does not answer; try again.", sandbox=sandbox) from error


@asynccontextmanager
async def in_sandbox(runtime: Runtime, sandbox: str) -> AsyncIterator[tuple[Connection, Sandbox]]:
    """One transaction that holds a living sandbox against clock changes; committed when the block ends."""
    await known_sandbox(runtime, sandbox)
    async with runtime.database.transaction() as connection:
        here = (await registry.lock(connection, [sandbox])).get(sandbox)
        if here is None:
            raise await registry.not_here(connection, sandbox)
        yield connection, here
