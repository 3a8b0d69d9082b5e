"""Fault: a reader is frozen, and `settle` is asked. It must not say still before the reader has read everything."""

from __future__ import annotations

import asyncio
import os
import signal

from tools.prove.scene import Scene

ASKED_SECONDS = 0.5  # while the reader is frozen
SETTLE_SECONDS = 20.0
PLACE = ("2.000635", "37", "14464")
KNOWN_SQL = "SELECT FROM dossiers WHERE sandbox = $1 AND code = $2"


async def ask_settle(scene: Scene) -> str:
    """Ask in a sandbox of its own, where nothing else can be waited for; what settle says too early is a violation."""
    async with scene.load.country.sandbox(name="asked") as sandbox:
        citizen = sandbox.citizen("lan")
        await citizen.sign_in()
        frozen = await asyncio.to_thread(scene.stack.kill, "gateway-worker", signal.SIGSTOP)
        try:
            code = (await citizen.submit(*PLACE))["code"]
            early = (await sandbox.settle(ASKED_SECONDS))["verdict"]
        finally:
            os.kill(frozen, signal.SIGCONT)
        late = (await sandbox.settle(SETTLE_SECONDS))["verdict"]
        known = await scene.fetch("gateway", KNOWN_SQL, sandbox.id, code)
    if early != "waiting":
        scene.lies.append(f"settle said {early}, and the submission of {code} was not read: its reader was frozen")
    if late != "waiting" and not known:
        scene.lies.append(f"settle said {late}, and the province did not know {code}")
    return f"{early} while pid {frozen} was frozen, then {late}"
