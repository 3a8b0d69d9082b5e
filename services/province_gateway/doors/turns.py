"""One push after the other per province, here and not at its locks in the database: sixty threads push at once.

Clients of the adapter API lose what is answered with a 5xx (integration.md 12.2), so what the machine could not do is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakValueDictionary

from shared.errors import NotReady, Overloaded
from shared.storage.database import is_machine_fault

PATIENCE = 5.0  # seconds for one element of a push; the fastest client gives up after 6 (integration.md 1.1)
PAUSE = 0.05
T = TypeVar("T")


class Busy(Exception):
    """The machine cannot do it now; the same push can succeed later."""


class Turns:
    """The order in which pushes of a province are worked on."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def take(self, place: tuple[str, str], work: Callable[[], Awaitable[T]], since: float | None = None) -> T:
        """The result of `work`, alone at this place; again after a fault of the machine.

        since   when the work on this element began, by the event loop's clock; None: now
        raises  Busy
        """
        loop = asyncio.get_running_loop()
        end, turn = (loop.time() if since is None else since) + PATIENCE, self._turns.get(place) or asyncio.Lock()
        self._turns[place] = turn
        try:
            async with asyncio.timeout_at(end):
                await turn.acquire()
        except TimeoutError as error:
            raise Busy from error
        try:
            while True:
                try:
                    return await work()
                except Exception as error:
                    if not (isinstance(error, Overloaded | NotReady) or is_machine_fault(error)):
                        raise
                    if loop.time() > end:
                        raise Busy from error
                await asyncio.sleep(PAUSE)
        finally:
            turn.release()
