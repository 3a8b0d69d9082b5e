"""Wakes those who wait for new rows of a province, in any process of the gateway. After a commit, never inside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

from shared.storage.database import Database

CHANNEL = "doors"  # PostgreSQL NOTIFY channel; the payload is `sandbox/province`
TOGETHER = 0.005  # s; what is rung within it goes out together, so that a busy province costs 200 NOTIFY/s at most
CHECK_SECONDS = 10.0  # between two looks whether the connection that listens is still there
Place = tuple[str, str]  # sandbox, province
EVERYWHERE = ("", "")  # the place of those who wait for new rows of any province


class Bell:
    """Rings for a place: what waits there looks again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rung: set[Place] = set()
        self._to_send = asyncio.Event()
        self._waiting: defaultdict[Place, set[asyncio.Event]] = defaultdict(set)

    def ring(self, sandbox_id: str, province: str) -> None:
        self._rung.add((sandbox_id, province))
        self._to_send.set()

    @contextlib.asynccontextmanager
    async def waiting(self, sandbox_id: str, province: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set at every ring from now on; clear it before you look, then wait for it."""
        place, event = (sandbox_id, province), asyncio.Event()
        self._waiting[place].add(event)
        try:
            yield event
        finally:
            self._waiting[place].discard(event)
            if not self._waiting[place]:
                del self._waiting[place]

    async def send(self) -> None:
        """Job of every process: pass on what was rung here."""
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            rung, self._rung = self._rung, set()
            names = [f"{sandbox_id}/{province}" for sandbox_id, province in rung]
            await self._database.pool.execute(
                f"SELECT pg_notify('{CHANNEL}', name) FROM unnest($1::text[]) name", names
            )
            await asyncio.sleep(TOGETHER)

    async def listen(self) -> None:
        """Job of a process in which somebody waits. The runtime starts it again if the connection is lost."""
        async with self._database.pool.acquire() as connection:
            await connection.add_listener(CHANNEL, self._hear)
            try:
                self._wake_all()  # what was rung before is not heard any more
                while True:
                    await asyncio.sleep(CHECK_SECONDS)
                    await connection.execute("SELECT 1")
            finally:
                with contextlib.suppress(Exception):
                    await connection.remove_listener(CHANNEL, self._hear)

    def _hear(self, connection: object, pid: int, channel: str, payload: object) -> None:
        sandbox_id, _, province = str(payload).rpartition("/")
        for place in ((sandbox_id, province), EVERYWHERE):
            for event in self._waiting.get(place, ()):
                event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()
