"""Fault: the clock of a sandbox jumps by a year, and everything that is due in that year fires."""

from __future__ import annotations

from datetime import timedelta

from lienthong.client.http import NotRunning, Problem
from tools.prove.clocks import FROZEN
from tools.prove.scene import Scene

YEAR = timedelta(days=365)
JUMP_SECONDS = 120.0


async def jump_a_year(scene: Scene) -> str:
    """In the first sandbox, whose clock is frozen: nothing else moves it."""
    sandbox, clocks = scene.load.sandboxes[FROZEN], scene.load.clocks
    async with clocks.held():
        before = await sandbox.clock.now()
        to, passed = before + YEAR, timedelta()

        async def jumped() -> bool:
            nonlocal passed
            try:
                await sandbox.clock.advance(to=to)
                passed = await sandbox.clock.now() - before
            except (NotRunning, Problem):  # an advance that went on after its answer
                return False
            return passed >= YEAR

        clocks.turning = sandbox.id
        try:
            await scene.until("the clock did not jump", jumped, JUMP_SECONDS)
        finally:
            clocks.turning = None
        clocks.targets[sandbox.id] = to
    return f"{passed.days} days passed" if passed >= YEAR else ""
