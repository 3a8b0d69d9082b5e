"""Queues in this process: transactions that would wait for one row in PostgreSQL wait here, without a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping
from contextlib import asynccontextmanager
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
        queues = [self._queues.setdefault(key, _Queue(asyncio.Semaphore(size))) for key, size in wanted.items()]
        for queue in queues:
            queue.users += 1
        held: list[_Queue] = []
        try:
            if any(queue.places.locked() for queue in queues):
                async with asyncio.timeout(self.seconds):
                    await self._take(queues, held)
            else:  # without a timer, which costs more than the places
                await self._take(queues, held)
            yield
        finally:
            for queue in held:
                queue.places.release()
            for key, queue in zip(wanted, queues, strict=True):
                queue.users -= 1
                if not queue.users:
                    del self._queues[key]

    @staticmethod
    async def _take(queues: Iterable[_Queue], held: list[_Queue]) -> None:
        for queue in queues:
            await queue.places.acquire()
            held.append(queue)
