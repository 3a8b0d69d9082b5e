"""What the sandbox of a failed test tells: what it still waits for, and the story of each of its dossiers."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from lienthong import client, replay, sync
from lienthong.cli.language import chosen
from lienthong.cli.sandbox import verdict_text
from lienthong.client.timeline import draw

STORIES = 10  # told in full; of further dossiers only the code
SETTLE_SECONDS = 0.5
PATIENCE_SECONDS = 15.0  # for everything: a report never hangs
WIDTH = 120  # columns of a story


def of(sandbox: sync.Sandbox, recording: Path) -> str:
    """Text for a report; never raises, whatever state the country is in.

    recording  where what is needed to make the run again is left
    """
    told = io.StringIO()
    try:
        sandbox.run(_tell(sandbox.there, told), PATIENCE_SECONDS)
        run = sandbox.run(replay.export(sandbox.there, SETTLE_SECONDS), PATIENCE_SECONDS)
        recording.parent.mkdir(parents=True, exist_ok=True)
        recording.write_text(json.dumps(run, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"\nto see it again: lienthong replay {recording} --keep", file=told)
    except Exception as error:
        print(f"It tells no more: {type(error).__name__}: {error}", file=told)
    return told.getvalue()


async def _tell(sandbox: client.Sandbox, told: io.StringIO) -> None:
    row = await sandbox.show()
    clock = "frozen" if row["rate"] == 0 else f"{row['rate']:g} sandbox seconds per second"
    where = f"at {sandbox.country.url} until {row['expires_at']}"
    print(f'seed "{row["seed"]}", {row["now"]} there, {clock}; {where}', file=told)
    print(f"settle: {verdict_text(await sandbox.settle(SETTLE_SECONDS))}", file=told)
    codes = await sandbox.dossiers()
    for code in codes[:STORIES]:
        print(file=told)
        Console(file=told, width=WIDTH).print(draw(await sandbox.timeline(code), code, chosen("")))
    if more := codes[STORIES:]:
        print(f"\nand {len(more)} more: {', '.join(more)}", file=told)
