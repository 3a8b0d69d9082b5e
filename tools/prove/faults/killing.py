"""Faults: processes are killed or frozen at any moment, and come back."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

import httpx

from lienthong.embedded import Trouble
from tools.prove.scene import Scene

BROKER_FROZEN_SECONDS = 0.3  # the load publishes several events in this time; the broker's session timeout is longer
FROZEN_SECONDS = 3.0  # of an API: requests wait, and some clients give up
ANSWER_SECONDS = 0.5  # in which a process that is not frozen answers


async def freeze_api(scene: Scene) -> str:
    """An API is frozen, and then goes on as if nothing had happened."""
    role = scene.rng.choice(("portal-api", "gateway-api"))
    pid = await asyncio.to_thread(scene.stack.kill, role, signal.SIGSTOP)
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
            is_frozen = False
            try:
                await http.get(f"{scene.stack.urls[role]}/healthz")
            except httpx.TimeoutException:
                is_frozen = True
        await asyncio.sleep(FROZEN_SECONDS)
    finally:
        await asyncio.to_thread(scene.stack.kill, role, signal.SIGCONT)
    return f"{role}: pid {pid} did not answer for {FROZEN_SECONDS:g} s" if is_frozen else ""


async def kill_worker(scene: Scene, name: str) -> str:
    """Kill at any moment, or at random while producing: the broker is frozen, so that the relay waits for it."""
    if scene.rng.random() < 0.5:
        return await kill(scene, name)
    await asyncio.to_thread(_signal_broker, scene, signal.SIGSTOP)
    try:
        await asyncio.sleep(BROKER_FROZEN_SECONDS)
        return await kill(scene, name, then=lambda: _signal_broker(scene, signal.SIGCONT))
    finally:
        await asyncio.to_thread(_signal_broker, scene, signal.SIGCONT)


def _signal_broker(scene: Scene, number: signal.Signals) -> None:
    with suppress(Trouble):  # another fault has just ended it
        scene.stack.kill("kafka", number)


async def kill(scene: Scene, name: str, then: Callable[[], object] | None = None) -> str:
    """Kill -9 a process of the stack, and wait until another one has taken over."""
    before, pid = await scene.process(name), 0

    async def killed() -> bool:
        nonlocal before, pid
        with suppress(Trouble):  # it starts again just now, after another fault
            before = await scene.process(name)
            pid = await asyncio.to_thread(scene.stack.kill, name, signal.SIGKILL)
        return pid != 0

    await scene.until(f"{name} does not run", killed)
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
