"""Queues in this process: transactions that would wait for one row in PostgreSQL wait here, without a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class _Queue:
    places: asyncio.Semaphore
    users: int = 0  # that hold a place or wait for one


@dataclass
class Queues:
    """A queue per key, created when it is needed.

    seconds  longest wait for all places of one caller
    """

    seconds: float
    _queues: dict[Hashable, _Queue] = field(default_factory=dict)

    @asynccontextmanager
    async def places(self, wanted: Mapping[Hashable, int]) -> AsyncIterator[None]:
        """Hold a place in the queue of every key. Raises TimeoutError.

        wanted  key → how many callers may hold a place at once; all callers name their keys in one order
        """
        async with AsyncExitStack() as held:
            async with asyncio.timeout(self.seconds):
                for key, size in wanted.items():
                    await held.enter_async_context(self._place(key, size))
            yield

    @asynccontextmanager
    async def _place(self, key: Hashable, size: int) -> AsyncIterator[None]:
        queue = self._queues.setdefault(key, _Queue(asyncio.Semaphore(size)))
        queue.users += 1
        try:
            async with queue.places:
                yield
        finally:
            queue.users -= 1
            if not queue.users:
                del self._queues[key]
