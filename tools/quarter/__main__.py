"""`python -m tools.quarter`, run by `make quarter`: a quarter of Ninh Bình in one sandbox, and the proof that none is lost."""

from __future__ import annotations

import json as json_
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.command import Json, run_command
from lienthong.embedded import Trouble
from tools.disk import refuse_full_disk, refuse_unwritable

if TYPE_CHECKING:
    from tools.quarter.run import Result

EMPTY_BYTES = 400_000_000  # databases, broker and logs without a dossier
DOSSIER_BYTES = 60_000  # what a dossier adds in all databases, the broker and the logs, at most
WHOLE = 111_828


def quarter(
    dossiers: Annotated[int, typer.Option(help="How many, in the same shape.", min=1, max=2_000_000)] = WHOLE,
    weeks: Annotated[
        int, typer.Option(help="Only the first weeks of the quarter, as dense as all 13.", min=1, max=13)
    ] = 13,
    seed: Annotated[str, typer.Option(help="Determines who hands in what, where and when.")] = "1",
    data: Annotated[
        Path,
        typer.Option(help="New or empty folder for databases, broker, logs and journal. A run that is in it goes on."),
    ] = Path(".lienthong-quarter"),
    html: Annotated[Path, typer.Option(help="File for the report with its pictures.")] = Path("quarter.html"),
    json: Json = False,
) -> None:
    """Let a quarter of a province's dossiers be handed in and processed; exit status 1 if one was lost."""
    from rich.console import Console

    from tools.bench import machine
    from tools.quarter import journal, report

    console = Console(stderr=json)
    if not console.is_terminal:
        console.width = 200
    refuse_unwritable(html)
    left = dossiers * weeks // 13 - journal.acknowledged(data)
    refuse_full_disk(data, EMPTY_BYTES + max(left, 0) * DOSSIER_BYTES)
    busy = machine.warn_if_busy(console)
    result = _run(
        data, seed, dossiers, weeks, lambda line: console.print(line, style="dim", markup=False, highlight=False)
    )
    result.machine = machine.facts(busy, machine.busy())
    if json:
        print(json_.dumps(report.as_json(result), ensure_ascii=False, indent=2))
    else:
        report.show(result, console)
    report.write(result, html)
    if not json:
        console.print(f"With pictures: {html}", style="dim", markup=False, highlight=False)
    if not result.is_proven:
        console.print(f"Databases, logs and journal are kept in {data}.", highlight=False)
        raise typer.Exit(1)
    result.journal.delete()


def _run(data: Path, seed: str, dossiers: int, weeks: int, notify: Callable[[str], None]) -> Result:
    """Begin or go on. Raises Trouble; at an interruption the state is on disk, and the command says how to go on."""
    import uvloop

    from lienthong.cli import signals
    from lienthong.embedded import ports
    from tools.quarter.journal import Journal
    from tools.quarter.run import Quarter, stack_in

    journal = Journal.open(data, seed, dossiers, weeks, ports.free_base())
    state = journal.state
    if state.slots or journal.codes:
        at = state.slots[-1].at if state.slots else "the beginning"
        notify(f"Goes on after {at}: {len(journal.codes):,} of {state.planned:,} dossiers are acknowledged.")
        state.interruptions += 1
    try:
        with signals.as_interrupt(), stack_in(data, state.port_base) as stack:
            return uvloop.run(Quarter(stack, journal, notify).run())
    except KeyboardInterrupt:
        raise Trouble(
            f"Interrupted; {len(journal.codes):,} dossiers are acknowledged. The same command goes on."
        ) from None
    finally:
        journal.close()


if __name__ == "__main__":
    run_command(lambda: typer.run(quarter))
