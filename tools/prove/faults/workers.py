"""Faults with more workers than one: a frozen one, three instead of one, and one whose clock is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tools.further import further_process
from tools.prove.scene import Scene

LEASE_SECONDS = 3.0  # the services' default; a frozen worker continues only after the second worker has taken its lanes
LANES = 2 * 34  # relay and reader of every province
WORKERS = (("portal", "portal-worker"), ("gateway", "gateway-worker"))
SHARE = 10  # leases that each of three workers has at least, when they have shared them
WRONG_SECONDS = 300
READS = 5  # how often the position has moved before a wrong clock counts as tried


async def stop_worker(scene: Scene) -> str:
    """Freeze a worker until its leases expire and a second worker takes its lanes; then let it continue."""
    service, role = scene.rng.choice(WORKERS)
    async with further_worker(scene, role) as second:
        await scene.until("the second worker has no lanes", lambda: _holds(scene, service, second, 1))
        frozen = await asyncio.to_thread(scene.stack.kill, role, signal.SIGSTOP)
        try:
            await scene.until(
                "no worker took the lanes of the frozen one", lambda: _holds(scene, service, second, LANES)
            )
            await scene.until("the second worker does not read", lambda: _reads_on(scene, service))
        finally:
            os.kill(frozen, signal.SIGCONT)
        await scene.until("the continued worker has no lanes", lambda: _holds(scene, service, frozen, 1))
    return f"{role}: pid {frozen} frozen, {second} held all 68 leases, {frozen} continued and took its share"


async def scale_workers(scene: Scene) -> str:
    """One worker, then three, then one again: the lanes are shared, and taken back."""
    service, role = scene.rng.choice(WORKERS)
    first = int((await scene.process(role))["pid"])
    async with AsyncExitStack() as further:
        pids = [first, *[await further.enter_async_context(further_worker(scene, role)) for _ in range(2)]]
        for pid in pids:
            await scene.until("three workers do not share the lanes", partial(_holds, scene, service, pid, SHARE))
        shares = [await _lanes_of(scene, service, pid) for pid in pids]
        await scene.until("three workers do not read", lambda: _reads_on(scene, service))
    await scene.until("the first worker does not have all lanes again", lambda: _holds(scene, service, first, LANES))
    return f"{role}: {' + '.join(map(str, shares))} leases of three workers, then {LANES} of pid {first}"


async def differing_clocks(scene: Scene) -> str:
    """A second worker reads and fires beside the first, and its clock is minutes ahead, or behind."""
    (service, role), sign = scene.rng.choice(WORKERS), scene.rng.choice("+-")
    wrong = {"LD_PRELOAD": str(faketime()), "FAKETIME": f"{sign}{WRONG_SECONDS}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    async with further_worker(scene, role, wrong) as pid:
        await scene.until("the second worker has no lanes", lambda: _holds(scene, service, pid, SHARE))
        for _ in range(READS):
            await scene.until("the workers do not read", lambda: _reads_on(scene, service))
        off = _clock_of(further_log(scene, role)) - datetime.now(UTC).timestamp()
    is_wrong = abs(abs(off) - WRONG_SECONDS) < WRONG_SECONDS / 2
    return f"{role}: the clock of pid {pid} was {off:+.0f} s off, and it had lanes" if is_wrong else ""


def faketime() -> Path | None:
    """The library that gives a process another clock (Debian's package faketime); None if it is not installed."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def further_log(scene: Scene, role: str) -> Path:
    return scene.stack.plan.log(f"further-{role}")


def _clock_of(log: Path) -> float:
    """What the process took for the time when it wrote its last line, in seconds since 1970."""
    last = json.loads(log.read_text().splitlines()[-1])
    return datetime.fromisoformat(last["real_at"]).timestamp()


async def _holds(scene: Scene, service: str, pid: int, least: int) -> bool:
    return await _lanes_of(scene, service, pid) >= least


async def _lanes_of(scene: Scene, service: str, pid: int) -> int:
    rows = await scene.fetch(
        service,
        "SELECT count(*) AS n FROM leases WHERE split_part(holder, ':', 2) = $1 "
        "AND split_part(part, ':', 1) IN ('relay', 'reader') AND until > clock_timestamp()",
        str(pid),
    )
    return int(rows[0]["n"])


async def _reads_on(scene: Scene, service: str) -> bool:
    """Whether the reader advances: its position is compared twice."""
    sql = "SELECT sum(next_offset) AS n FROM positions WHERE listener = ''"
    first = (await scene.fetch(service, sql))[0]["n"]
    await asyncio.sleep(0.3)
    return bool((await scene.fetch(service, sql))[0]["n"] > first)


@asynccontextmanager
async def further_worker(scene: Scene, role: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[int]:
    """One more worker process of the same service on its own port; yields its pid and stops it at the end."""
    async with further_process(scene.stack.plan, role, environment) as (pid, url):
        scene.counters.urls[url] = url
        try:
            yield pid
        finally:
            del scene.counters.urls[url]
