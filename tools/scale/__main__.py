"""`python -m tools.scale`, run by `make scale`: the cost of a dossier when much is stored, and with many sandboxes."""

from __future__ import annotations

import json as json_
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from lienthong.cli.command import Json, run_command
from lienthong.embedded import Trouble
from tools.disk import refuse_full_disk, refuse_unwritable

STORED_BYTES = 25_000  # of a stored dossier in all databases, and what PostgreSQL needs to write it


def scale(
    stored: Annotated[
        str, typer.Option(help="Numbers of stored dossiers at which to measure, ascending, separated by commas.")
    ] = "10000,100000,1000000",
    sandboxes: Annotated[str, typer.Option(help="Numbers of sandboxes, the same way.")] = "1,100,1000,3000",
    dossiers: Annotated[int, typer.Option(help="Dossiers of one load.", min=20)] = 800,
    repeats: Annotated[
        int, typer.Option(help="Loads per figure, of which the cheapest counts: other work only adds.", min=1)
    ] = 3,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Also write tables and pictures into this page, such as docs/scale.md."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure the processor time of a dossier from its submission to its result, at every given size."""
    from rich.console import Console

    from tools.bench import machine
    from tools.scale import page, run

    about = Console(stderr=True)
    size = run.Size(_numbers(stored), _numbers(sandboxes), dossiers, repeats)
    refuse_unwritable(write)
    refuse_full_disk(Path(tempfile.gettempdir()), size.stored[-1] * STORED_BYTES)
    busy = machine.warn_if_busy(about)
    curves = run.measure(size, lambda what: about.print(what, style="dim", markup=False, highlight=False))
    facts = machine.facts(busy, machine.busy())
    if json:
        print(json_.dumps(page.as_json(curves, facts), ensure_ascii=False, indent=2))
    else:
        print(page.measured(curves, facts, "scale"))
    if write is not None:
        page.write(write, curves, facts)


def _numbers(option: str) -> list[int]:
    """Raises Trouble."""
    words = [word.strip() for word in option.split(",")]
    numbers = [int(word) if word.isdecimal() else 0 for word in words]
    if not all(before < number for before, number in pairwise([0, *numbers])):
        raise Trouble(f"'{option}' is no list of ascending numbers such as 10000,100000.")
    return numbers


if __name__ == "__main__":
    run_command(lambda: typer.run(scale))
