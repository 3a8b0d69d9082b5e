"""A province's mode changes in the middle of very many dossiers, and who plans them anew is killed: its worker ends the work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from lienthong.client import Country, Problem, Sandbox
from lienthong.embedded import ports
from lienthong.embedded.stack import Stack

PROCEDURE, PROVINCE, COMMUNE = "1.001776", "37", "14464"  # social allowance: free of charge
PIECE = 500  # dossiers planned anew per transaction
MANY = PIECE + 20
CITIZENS = ("lan", "minh", "huong", "duc")
BASE = 27_000


async def test_a_worker_ends_what_a_killed_process_began_and_no_dossier_is_lost(tmp_path: Path) -> None:
    base = BASE if all(map(ports.is_free, range(BASE, BASE + ports.SPAN))) else ports.free_base()
    with Stack(tmp_path / "data", base) as stack:
        async with Country(stack.urls["portal-api"]) as country, country.sandbox(seed="many") as sandbox:
            codes = await submitted(sandbox)
            gateway = await asyncpg.connect(stack.database_url("province_gateway"))
            try:
                await killed_in_the_middle(stack, gateway, sandbox, codes[-1])
                await until(gateway, "SELECT count(*) = 0 FROM replanning")  # its worker's work: nobody else is there
            finally:
                await gateway.close()
            await asyncio.to_thread(stack.release, "gateway-api")
            await asyncio.to_thread(stack.wait_ready)
            verdict = await sandbox.settle(timeout_seconds=60)
            assert verdict["verdict"] == "still" and verdict["next_due"] is None, verdict
            assert {
                each["code"]: each["planned"] for each in await sandbox.province(PROVINCE).inbox()
            } == dict.fromkeys(codes)
            for code in (codes[0], codes[PIECE - 1], codes[PIECE], codes[-1]):
                assert [line["kind"] for line in await sandbox.timeline(code)].count("mode") == 1

            await sandbox.reset_mode(PROVINCE)
            advanced = await sandbox.clock.advance("30d")
            assert advanced["verdict"]["verdict"] == "still", advanced["verdict"]
            found = [dossier for persona in CITIZENS for dossier in await sandbox.citizen(persona).dossiers()]
            assert sorted(dossier["code"] for dossier in found) == codes
            assert {dossier["status"]["slug"] for dossier in found} <= {"result_returned", "refused_at_reception"}
            assert await sandbox.dead_letters("gateway") == [] == await sandbox.dead_letters("portal")


async def submitted(sandbox: Sandbox) -> list[str]:
    """Every citizen hands in one dossier after the other; the codes, in their order."""

    async def one(persona: str) -> list[str]:
        citizen = sandbox.citizen(persona)
        return [(await citizen.submit(PROCEDURE, PROVINCE, COMMUNE))["code"] for _ in range(MANY // len(CITIZENS))]

    codes = sorted(code for each in await asyncio.gather(*map(one, CITIZENS)) for code in each)
    assert (await sandbox.settle())["verdict"] == "still"
    return codes


async def killed_in_the_middle(stack: Stack, gateway: Any, sandbox: Sandbox, last: str) -> None:
    """Set the mode; who plans anew comes to a dossier that is held fast, after the first piece, and is killed there."""
    async with gateway.transaction():
        await gateway.execute("SELECT FROM dossiers WHERE sandbox = $1 AND code = $2 FOR UPDATE", sandbox.id, last)
        asked = asyncio.create_task(sandbox.set_mode(PROVINCE, "manual"))
        await until(gateway, "SELECT count(*) = 1 FROM replanning WHERE after <> ''")
        await asyncio.to_thread(stack.kill, "gateway-api")
        await asyncio.to_thread(stack.hold, "gateway-api")
        with pytest.raises(Problem) as refused:
            await asked
        assert (refused.value.type, refused.value.facts["lagging"]) == ("service-down", ["gateway"])


async def until(database: Any, true: str) -> None:
    async with asyncio.timeout(60):
        while not await database.fetchval(true):
            pass
