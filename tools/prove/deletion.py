"""The fault that deletes whole sandboxes while their citizens submit: the others lose nothing, and no row is left behind."""

from __future__ import annotations

import asyncio
import random

import asyncpg

from lienthong.client import Sandbox
from lienthong.client.http import NotRunning, Problem
from tools.prove.load import PERSONAS
from tools.prove.scene import Scene

AT_ONCE = 3  # sandboxes made and deleted together
BUSY = 30  # dossiers in each before it goes
DATABASES = ("portal", "province_gateway", "identity", "payment")
# What is left on purpose: the mark that an id is never used again, and the numbers of events, replayed as voids (design).
LEFT = ("sandboxes", "posted")
TABLES_SQL = """
SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'sandbox'
AND NOT table_name = ANY($1) ORDER BY table_name"""


async def delete_sandboxes(scene: Scene) -> str:
    """Gives how many dossiers were in them and from how many tables they are gone."""
    rows = [await scene.load.country.create_sandbox(name="to be deleted") for _ in range(AT_ONCE)]
    doomed = [scene.load.country.enter(row["id"]) for row in rows]
    submitted = sum(await asyncio.gather(*(_fill_and_delete(scene, each, scene.rng.random()) for each in doomed)))
    names = [each.id for each in doomed]
    tables = 0

    async def gone() -> bool:
        nonlocal tables
        found = [await _left(scene.stack.database_url(name), names) for name in DATABASES]
        tables = sum(looked for looked, _ in found)
        return not any(left for _, left in found)

    await scene.until("rows of a deleted sandbox are still there", gone)
    return f"{submitted} dossiers were in {AT_ONCE} sandboxes, gone from {tables} tables" if submitted else ""


async def _fill_and_delete(scene: Scene, sandbox: Sandbox, lot: float) -> int:
    """Citizens submit without a pause; once there is enough, it is deleted under them. Gives how many were acknowledged."""
    rng, enough, submitted = random.Random(lot), asyncio.Event(), 0

    async def keep_submitting(persona: str) -> None:
        nonlocal submitted
        citizen = sandbox.citizen(persona)
        while True:
            choice = scene.load.catalogue.draw(rng)
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

    citizens = [asyncio.create_task(keep_submitting(persona)) for persona in PERSONAS]
    await enough.wait()
    await scene.load.country.delete_sandbox(sandbox.id)
    await asyncio.gather(*citizens)
    return submitted


async def _left(url: str, sandboxes: list[str]) -> tuple[int, list[str]]:
    """How many tables were looked at, and those in which something of these sandboxes is left."""
    connection = await asyncpg.connect(url, timeout=5)
    try:
        tables = [row["table_name"] for row in await connection.fetch(TABLES_SQL, list(LEFT))]
        left = [
            table
            for table in tables
            if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{table}" WHERE sandbox = ANY($1))', sandboxes)
        ]
    finally:
        await connection.close()
    return len(tables), left
