"""State of a proof run: the stack, its databases, the load, the counters, and the effects of the faults so far."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from lienthong.client import Sandbox
from lienthong.client.http import NotRunning
from lienthong.embedded.stack import Stack, process
from tools.prove.connectors import Connectors
from tools.prove.counters import Counters
from tools.prove.disk import SmallDisk
from tools.prove.ledger import Key
from tools.prove.load import Load
from tools.prove.proxy import Proxy
from tools.prove.tables import DeadLetter, Position, ServiceTables

DATABASES = {"portal": "portal", "gateway": "province_gateway"}  # service → database
READERS = {"portal": "gateway", "gateway": "portal"}  # source → its reader
PATIENCE_SECONDS = 60.0  # for the recovery after a fault; far more than needed, so that a slow machine is no violation
PLANTED_SECONDS = 15.0  # the same with a planted bug, which may be why nothing recovers
SHOWN = 3  # lanes named in an error
CONNECT_SECONDS = 20.0  # to a database, on a machine that does much else


NO_ANSWER = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    httpx.HTTPError,
    NotRunning,
)


class NotConverged(Exception):
    """The stack did not recover in time after a fault."""


@dataclass
class Scene:
    """State of a run.

    poison    the expected dead letters
    deleted   the gateway's tables at the moment its database was deleted, one per deletion
    lies      what `settle` said too early
    away      seconds for which a part or a connector is away, in the faults of this kind
    proxies   between the services and `kafka` and `postgres`
    disks     small ones of `kafka` and `postgres`
    """

    stack: Stack
    load: Load
    counters: Counters
    rng: random.Random
    poison: set[DeadLetter] = field(default_factory=set)
    deleted: list[ServiceTables] = field(default_factory=list)
    wiped: bool = False  # the broker has lost what it had, or a restore has deleted it
    uncounted: set[Key] = field(default_factory=set)  # lost with database and broker before the statistics' rebuild
    connectors: Connectors | None = None
    lies: list[str] = field(default_factory=list)
    away: float = 20.0
    patience: float = PATIENCE_SECONDS
    proxies: dict[str, Proxy] = field(default_factory=dict)
    disks: dict[str, SmallDisk] = field(default_factory=dict)

    def sandbox(self, id: str) -> Sandbox:
        return next(sandbox for sandbox in self.load.sandboxes if sandbox.id == id)

    @property
    def sandboxes(self) -> list[str]:
        return [sandbox.id for sandbox in self.load.sandboxes]

    @property
    def lost(self) -> set[Key]:
        """Dossiers of a deleted database; the province may not have them any more."""
        return {key for tables in self.deleted for key in tables.known}

    def url(self, service: str) -> str:
        return self.stack.database_url(DATABASES[service])

    async def process(self, name: str) -> dict[str, Any]:
        return process(await asyncio.to_thread(self.stack.status), name)

    async def fetch(self, service: str, sql: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url(service), timeout=CONNECT_SECONDS)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def request_replays(self, service: str, epochs: Mapping[int, int]) -> None:
        """Request a replay of each lane, as a reader at the beginning of its epoch would. Raises NotConverged."""
        url, headers = f"{self.stack.urls[f'{service}-api']}/_lab/lanes", self.stack.internal_headers
        async with httpx.AsyncClient(timeout=20.0, trust_env=False, headers=headers) as http:

            async def accepted() -> bool:
                asked = (
                    http.post(f"{url}/{lane}/replay", json={"epoch": epoch, "expected": 1})
                    for lane, epoch in epochs.items()
                )
                return all(response.status_code == 200 for response in await asyncio.gather(*asked))

            await self.until(f"{service} accepts no replay", accepted)

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]], seconds: float = 0.0) -> None:
        """Wait until `holds` returns True; connection errors count as False. Raises NotConverged.

        seconds  0: the patience of this run
        """
        loop, seconds = asyncio.get_running_loop(), seconds or self.patience
        end = loop.time() + seconds
        while True:
            try:
                if await holds():
                    return
            except NO_ANSWER:
                pass
            if loop.time() > end:
                raise NotConverged(f"after {seconds:.0f} s: {what}")
            await asyncio.sleep(0.05)

    async def all_ready(self) -> None:
        async def ready() -> bool:
            return bool((await asyncio.to_thread(self.stack.status))["ready"])

        await self.until("not every process is ready", ready)

    async def converged(self) -> None:
        """Wait until all events published so far, in both directions, are read."""
        await self.all_ready()
        for source, reader in READERS.items():
            await self._passed(source, reader)

    async def _passed(self, source: str, reader: str) -> None:
        last: int | None = None
        heads: dict[int, Position] = {}
        behind: dict[int, Position] = {}

        async def numbered() -> bool:
            nonlocal last, heads
            if last is None:
                last = (await self.fetch(source, "SELECT coalesce(max(id), 0) AS id FROM queue"))[0]["id"]
            if await self.fetch(source, "SELECT FROM queue WHERE id <= $1 LIMIT 1", last):
                return False
            heads = {
                row["lane"]: (row["epoch"], row["head"])
                for row in await self.fetch(source, "SELECT lane, epoch, head FROM lanes_out WHERE head > 0")
            }
            return True

        async def read() -> bool:
            nonlocal behind
            rows = await self.fetch(
                reader, "SELECT lane, epoch, expected - 1 AS number FROM positions WHERE listener = ''"
            )
            positions = {row["lane"]: (row["epoch"], row["number"]) for row in rows}
            behind = {
                lane: positions.get(lane, (0, 0)) for lane, head in heads.items() if positions.get(lane, (0, 0)) < head
            }
            return not behind

        await self.until(f"events of {source} have no number yet", numbered)
        try:
            await self.until(f"{reader} has not read all events of {source}", read)
        except NotConverged as error:
            lanes = ", ".join(f"lane {lane} at {at} of {heads[lane]}" for lane, at in list(behind.items())[:SHOWN])
            raise NotConverged(f"{error}: {len(behind)} lanes behind, {lanes}") from None
