"""Fault: the whole country is put back to a backup that was taken under load, by the commands of the runbook."""

from __future__ import annotations

import asyncio
import sys

from tools.prove.scene import NotConverged, Scene

AFTER_SECONDS = 3.0  # of load after the backup: what is acknowledged then is undone
COMMAND_SECONDS = 120.0
EPOCHS_SQL = "SELECT epoch FROM event_log"


async def restore_backup(scene: Scene) -> str:
    """Back up while everything runs, go on, stop, restore, start: from then on only what was in the backup was said."""
    ledger, file = scene.load.ledger, str(scene.stack.plan.data.with_suffix(".tar"))
    before = [(await scene.fetch(service, EPOCHS_SQL))[0][0] for service in ("portal", "gateway")]
    async with ledger.held():
        await _lienthong(scene, "backup", file)
        entries = ledger.entries()
    await asyncio.sleep(AFTER_SECONDS)
    async with ledger.held(), scene.load.clocks.held():
        await asyncio.to_thread(scene.stack.stop)
        await _lienthong(scene, "restore", file)
        undone, scene.wiped = ledger.undo(entries), True  # it deletes the topics; readers need nothing from before it
        await asyncio.to_thread(scene.stack.start)
    await scene.all_ready()
    after = [(await scene.fetch(service, EPOCHS_SQL))[0][0] for service in ("portal", "gateway")]
    rose = all(new > old for old, new in zip(before, after, strict=True))
    return f"{undone} dossiers undone, epochs {before} → {after}" if undone and rose else ""


async def _lienthong(scene: Scene, verb: str, file: str) -> None:
    words = ["-m", "lienthong.cli.main", verb, file, "--data", str(scene.stack.plan.data)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(COMMAND_SECONDS):
        said, _ = await process.communicate()
    if process.returncode:
        raise NotConverged(f"lienthong {verb}: {said.decode().strip()}")
