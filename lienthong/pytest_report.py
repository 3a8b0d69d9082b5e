"""Report on the sandbox of a failed test: what it waits for, what its connectors said, the timeline of each dossier."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from lienthong import client, replay, sync
from lienthong.cli.language import output_language
from lienthong.client.timeline import draw
from lienthong.judgement import judgement_lines
from lienthong.shown import shown, shown_in
from lienthong.verdict import verdict_text

VERDICTS = 5  # of each connector, the last
TIMELINES = 10  # printed in full; of further dossiers only the code
SETTLE_SECONDS = 0.5
PATIENCE_SECONDS = 15.0  # for each part, so that a report never hangs
WIDTH = 120  # columns of a timeline


def of(sandbox: sync.Sandbox, recording: Callable[[], Path | None]) -> str:
    """Text of the report. Never raises an error, whatever the state of the country.

    recording  gives the file for the exported run, to replay it; None: write no file, say how to record it
    """
    text = io.StringIO()
    try:
        sandbox.run(_write(sandbox.there, text), PATIENCE_SECONDS)
        file = recording()
        if file is None:
            print(f"\nto record this run: lienthong sandbox export {sandbox.id} run.json", file=text)
            return text.getvalue()
        run = sandbox.run(replay.export(sandbox.there, SETTLE_SECONDS), PATIENCE_SECONDS)
        file.write_text(json.dumps(run, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"\nto repeat this run: lienthong replay {file} --keep", file=text)
    except Exception as error:
        print(shown(f"The report is incomplete: {type(error).__name__}: {error}"), file=text)
    return text.getvalue()


async def _write(sandbox: client.Sandbox, text: io.StringIO) -> None:
    row = shown_in(await sandbox.show())
    clock = "frozen" if row["rate"] == 0 else f"{row['rate']:g} sandbox seconds per second"
    place = f"at {sandbox.country.url} until {row['expires_at']}"
    print(f'seed "{row["seed"]}", sandbox time {row["now"]}, {clock}; {place}', file=text)
    print(f"settle: {verdict_text(shown_in(await sandbox.settle(SETTLE_SECONDS)))}", file=text)
    language = output_language("")
    for row in await sandbox.connectors():
        for verdict in (await sandbox.connector(row["province"]).verdicts())[-VERDICTS:]:
            print("\n".join(map(shown, judgement_lines(verdict, language))), file=text)
    codes = await sandbox.dossiers()
    for code in codes[:TIMELINES]:
        print(file=text)
        Console(file=text, width=WIDTH).print(draw(await sandbox.timeline(code), code, language))
    if more := codes[TIMELINES:]:
        print(f"\nand {len(more)} more: {shown(', '.join(more))}", file=text)
