"""Fault: deletes sandboxes while their citizens submit. Other sandboxes lose nothing, and no row is left."""

from __future__ import annotations

import asyncio
import random

import asyncpg

from lienthong.client import Sandbox
from lienthong.client.http import NotRunning, Problem
from lienthong.journeys.travel import LEVEL_2
from tools.prove.mix import STRAIGHT
from tools.prove.scene import Scene

SANDBOXES = 3  # sandboxes created and deleted together
BUSY = 30  # dossiers in each before it is deleted
DATABASES = ("portal", "province_gateway", "identity", "payment")
# Kept by design: the mark that an id is never used again, and the numbers of its events, which are replayed as voids.
KEPT_TABLES = ("sandboxes", "posted")
TABLES_SQL = """
SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'sandbox'
AND NOT table_name = ANY($1) ORDER BY table_name"""


async def delete_sandboxes(scene: Scene) -> str:
    """Returns a trace: how many dossiers the sandboxes had, and from how many tables they were deleted."""
    rows = [await scene.load.country.create_sandbox(name="to be deleted") for _ in range(SANDBOXES)]
    sandboxes = [scene.load.country.enter(row["id"]) for row in rows]
    submitted = sum(await asyncio.gather(*(_fill_and_delete(scene, each, scene.rng.random()) for each in sandboxes)))
    names = [each.id for each in sandboxes]
    tables = 0

    async def gone() -> bool:
        nonlocal tables
        results = [await _remaining(scene.stack.database_url(name), names) for name in DATABASES]
        tables = sum(count for count, _ in results)
        return not any(left for _, left in results)

    await scene.until("rows of a deleted sandbox still exist", gone)
    return f"{submitted} dossiers were in {SANDBOXES} sandboxes, deleted from {tables} tables" if submitted else ""


async def _fill_and_delete(scene: Scene, sandbox: Sandbox, seed: float) -> int:
    """Citizens submit without pause until the sandbox is deleted. Returns the number of acknowledged submissions."""
    rng, enough, submitted = random.Random(seed), asyncio.Event(), 0

    async def keep_submitting(persona: str) -> None:
        nonlocal submitted
        citizen = sandbox.citizen(persona)
        while True:
            choice = scene.load.catalogue.draw(rng, STRAIGHT, rng.choice(sorted(scene.load.catalogue.communes)))
            try:
                await citizen.submit(choice.procedure, choice.province, choice.commune)
            except Problem as problem:
                if problem.status < 500:
                    if problem.type != "sandbox-not-found":
                        scene.load.ledger.surprises.append(f"{sandbox.id}: {problem.status} {problem.type}: {problem}")
                    enough.set()
                    return
            except NotRunning:
                pass
            else:
                submitted += 1
                if submitted >= BUSY:
                    enough.set()

    citizens = [asyncio.create_task(keep_submitting(persona)) for persona in LEVEL_2]
    await enough.wait()
    await scene.load.country.delete_sandbox(sandbox.id)
    await asyncio.gather(*citizens)
    return submitted


async def _remaining(url: str, sandboxes: list[str]) -> tuple[int, list[str]]:
    """Number of checked tables, and the tables that still have rows of these sandboxes."""
    connection = await asyncpg.connect(url, timeout=5)
    try:
        tables = [row["table_name"] for row in await connection.fetch(TABLES_SQL, list(KEPT_TABLES))]
        left = [
            table
            for table in tables
            if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{table}" WHERE sandbox = ANY($1))', sandboxes)
        ]
    finally:
        await connection.close()
    return len(tables), left
