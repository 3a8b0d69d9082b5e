"""Faults: a part is away for a long time, in real time, and comes back."""

from __future__ import annotations

import asyncio

from tools.prove.scene import Scene

PARTS = ("kafka", "postgres", "portal-api", "gateway-api", "identity", "payment", "portal-worker", "gateway-worker")


async def take_away(scene: Scene, part: str) -> str:
    """Stop a part, and start it again after `scene.away` seconds."""
    before = scene.load.ledger.acknowledged
    await asyncio.to_thread(scene.stack.hold, part)
    try:
        await asyncio.sleep(scene.away)
        is_away = not (await scene.process(part))["ready"]
    finally:
        await asyncio.to_thread(scene.stack.release, part)
    acknowledged = scene.load.ledger.acknowledged - before
    async with scene.load.ledger.held():
        pass  # what waited for the part is through, before another part goes away
    return f"away for {scene.away:g} s; {acknowledged} requests acknowledged meanwhile" if is_away else ""
