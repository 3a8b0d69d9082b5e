"""Killing a process of the stack, and waiting until another one has taken over."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from tools.prove.scene import Scene


async def kill(scene: Scene, name: str, then: Callable[[], object] | None = None) -> str:
    before = await scene.process(name)
    pid = await asyncio.to_thread(scene.stack.kill, name, signal.SIGKILL)
    if then is not None:
        await asyncio.to_thread(then)
    await scene.until(f"{name} did not come back", lambda: _came_back(scene, name, pid, before["restarts"]))
    after = await scene.process(name)
    died = after["restarts"] > before["restarts"] and "SIGKILL" in str(after["last_exit"])
    phase = " while producing" if then is not None else ""
    return f"pid {pid} died{phase}, {after['pid']} took over, restarts {after['restarts']}" if died else ""


async def _came_back(scene: Scene, name: str, pid: int, restarts: int) -> bool:
    now = await scene.process(name)
    return bool(now["ready"]) and now["pid"] != pid and now["restarts"] > restarts
