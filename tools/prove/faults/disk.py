"""Faults: a disk is full. What was acknowledged stays, and nothing has to be repaired when there is space again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from tools.prove.scene import NotConverged, Scene

FULL_SECONDS = 5.0
FULL = b"No space left on device"


async def fill_disk_of_database(scene: Scene) -> str:
    return await _fill(scene, "postgres")


async def fill_disk_of_broker(scene: Scene) -> str:
    return await _fill(scene, "kafka")


async def _fill(scene: Scene, server: str) -> str:
    """Nothing more can be written for a while; its own log says so."""
    disk, log = scene.disks[server], scene.stack.plan.log(server)
    begun = log.stat().st_size
    used = disk.fill()
    try:
        with suppress(NotConverged):
            await scene.until("the disk is not full for the server", lambda: _says(log, begun), FULL_SECONDS)
        await asyncio.sleep(FULL_SECONDS / 2)
    finally:
        disk.free()
    times = _count(log, begun)
    return f"{used / 1e6:.0f} MB, and full: {times} times in its log" if times else ""


async def _says(log: Path, begun: int) -> bool:
    return _count(log, begun) > 0


def _count(log: Path, begun: int) -> int:
    with log.open("rb") as file:
        file.seek(begun)
        return file.read().count(FULL)
