"""The faults of a run with connectors; see `tools.prove.connectors`."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg

from tools.prove.connectors import Connectors
from tools.prove.faults.killing import kill
from tools.prove.scene import NotConverged, Scene


async def kill_connector(scene: Scene) -> str:
    """The program over Kafka is killed at any moment, and started again."""
    program = _connectors(scene).programs["kafka"]
    pid = await asyncio.to_thread(program.kill)
    program.start()
    return f"pid {pid} killed, start {program.starts}"


async def connector_away(scene: Scene) -> str:
    return await _away(scene, "kafka")


async def receiver_away(scene: Scene) -> str:
    return await _away(scene, "webhook")


async def _away(scene: Scene, via: str) -> str:
    """A program is away for a while, and until it misses something; then it is told everything that happened meanwhile."""
    connectors, missed = _connectors(scene), 0
    program, before = connectors.programs[via], (await connectors.rows())[via]

    async def misses() -> bool:
        nonlocal missed
        missed = int((await connectors.rows())[via]["deliveries"] - before["deliveries"])
        return missed > 0

    pid = await asyncio.to_thread(program.kill)
    try:
        await asyncio.sleep(scene.away)
        with suppress(NotConverged):
            await scene.until("there was nothing to deliver", misses)
    finally:
        program.start()
    return f"pid {pid} away for {scene.away:g} s, {missed} deliveries meanwhile" if missed else ""


async def rotate_credentials(scene: Scene) -> str:
    """Both connectors get new credentials while they work, and are started with them."""
    connectors = _connectors(scene)
    for via, program in connectors.programs.items():
        old = program.connector.key
        drawn = await connectors.draw_again(via)
        if drawn["key"] == old:
            return ""
        await asyncio.to_thread(program.kill)
        program.start()
    return "new credentials for both doors"


JUDGING_SQL = """
SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND $1 = ANY(pg_blocking_pids(pid))"""


async def kill_worker_judging(scene: Scene) -> str:
    """The worker is killed inside the transaction that judges a connector's records: it waits there for our lock."""
    connectors = _connectors(scene)
    counter = f"verdicts/{connectors.programs['kafka'].connector.province}"
    lock = "SELECT value FROM counters WHERE sandbox = $1 AND name = $2 FOR UPDATE"
    holder = await asyncpg.connect(scene.url("gateway"))
    try:
        await holder.execute("BEGIN; SET LOCAL transaction_timeout = 0")
        pid = holder.get_server_pid()

        async def locked() -> bool:
            return bool(await holder.fetch(lock, connectors.sandbox.id, counter))

        await scene.until("no verdict was given yet", locked)

        async def waits() -> bool:
            return bool((await scene.fetch("gateway", JUDGING_SQL, pid))[0]["n"])

        await scene.until("the worker judges no record", waits)
        return await kill(scene, "gateway-worker")
    finally:
        await holder.close()


def _connectors(scene: Scene) -> Connectors:
    if scene.connectors is None:
        raise NotConverged("this run has no connectors")
    return scene.connectors
