"""Advances the clocks, one sandbox after the other, while the citizens of the other sandboxes continue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from lienthong.client import Sandbox, Verdict
from lienthong.client.http import NotRunning, Problem

FIRST = datetime.fromisoformat("2026-06-08T07:40:00+07:00")  # a Monday; the next public holiday is in September
LAST = datetime.fromisoformat("2027-10-01T00:00:00+07:00")  # the calendar ends with the year
FROZEN = 0  # place among the sandboxes of one whose clock stands unless it is advanced
STRIDE = timedelta(hours=7)  # contains one or two of the four hours at which officers act
PAUSE_SECONDS = 0.2
CLOSING_TRIES = 60  # an advance that a killed portal began can lock the clock for a while


class Clocks:
    """Advances clocks through the test API until `stopping`. `turning` is the sandbox whose citizens pause meanwhile.

    While a process is down, an advance ends early, as documented; it is then repeated to the same instant.
    """

    def __init__(self, sandboxes: Sequence[Sandbox]) -> None:
        self._sandboxes = sandboxes
        self._free = asyncio.Lock()
        self.targets = {sandbox.id: FIRST + STRIDE for sandbox in sandboxes}
        self.turning: str | None = None
        self.turns = 0
        self.stopping = False

    async def keep_turning(self) -> None:
        while not self.stopping:
            for sandbox in self._sandboxes:
                async with self._free:
                    if self.stopping:  # an advance can be slow after a fault
                        return
                    self.turning = sandbox.id
                    try:
                        if await self._turn(sandbox, self.targets[sandbox.id]):
                            self.targets[sandbox.id] = min(self.targets[sandbox.id] + STRIDE, LAST)
                            self.turns += 1
                    finally:
                        self.turning = None
                await asyncio.sleep(PAUSE_SECONDS)

    def held(self) -> asyncio.Lock:
        """While it is held, no clock is advanced."""
        return self._free

    async def _turn(self, sandbox: Sandbox, to: datetime) -> bool:
        """Advance to `to`; returns whether the clock has reached it."""
        try:
            if await sandbox.clock.now() < to:
                await sandbox.clock.advance(to=to)
            return await sandbox.clock.now() >= to
        except (NotRunning, Problem):  # the portal is down, or an earlier advance still runs
            return False

    async def advance(self, sandbox: Sandbox, days: int) -> Verdict | None:
        """For the end of a run: advance, and return the verdict; None if the clock cannot be advanced."""
        to = await sandbox.clock.now() + timedelta(days=days)
        for _ in range(CLOSING_TRIES):
            try:
                return (await sandbox.clock.advance(to=to))["verdict"]
            except (NotRunning, Problem):
                await asyncio.sleep(1.0)
        return None
