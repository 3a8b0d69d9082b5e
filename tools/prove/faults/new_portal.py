"""Fault, after all others: the portal's database is deleted. The portal begins again, and gives no code a second time."""

from __future__ import annotations

import asyncio

from lienthong.client.http import NotRunning, Problem
from shared.sandbox.names import DEFAULT
from tools.prove.rules import FINAL
from tools.prove.scene import Scene

PLACE = ("2.000635", "37", "14464")
DOSSIERS = 10
DAYS = 60  # more than any of their limits
SETTLE_SECONDS = 20.0


async def delete_portal_database(scene: Scene) -> str:
    """Only the default sandbox is left, and in it everything works: dossiers are submitted, decided, and end."""
    old = await _submit(scene)
    await asyncio.to_thread(scene.stack.drop_database, "portal")
    await scene.all_ready()
    new: list[str] = []

    async def submitted() -> bool:
        try:
            new.extend(await _submit(scene))
        except (NotRunning, Problem):  # the services tell each other what they have
            return False
        return True

    await scene.until("the new portal accepts no dossier", submitted)
    sandbox = scene.load.country.enter(DEFAULT)
    citizen = sandbox.citizen("lan")
    await citizen.sign_in()

    async def ended() -> bool:
        await sandbox.clock.advance(f"P{DAYS}D")
        states = {(await citizen.dossier(code))["status"]["code"] for code in new}
        return states <= {*FINAL}

    await scene.until("the dossiers of the new portal do not end", ended)
    settled = (await sandbox.settle(SETTLE_SECONDS))["verdict"]
    again = {*old} & {*new}
    good = not again and settled != "waiting"
    return f"{len(old)} dossiers lost, {len(new)} submitted afterwards, and ended; no code again" if good else ""


async def _submit(scene: Scene) -> list[str]:
    citizen = scene.load.country.enter(DEFAULT).citizen("lan")
    await citizen.sign_in()
    return [(await citizen.submit(*PLACE))["code"] for _ in range(DOSSIERS)]
