"""`python -m tools.bench`, as `make bench` runs it: measures the whole country on this machine and prints one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lienthong.cli.command import Json, run_command, show


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A minute instead of several; figures scatter more.")] = False,
    write: Annotated[
        Path | None, typer.Option("--write", help="Also write the table into this page, as `docs/performance.md`.")
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option("--port-base", min=1024, max=65526, help="Nine ports from here; free ones if left out."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure start-up, submissions, relay, readers and whole journeys, each beside its ceiling; in a stack of its own."""
    from rich.console import Console
    from rich.table import Table

    from tools.bench import machine, page, run
    from tools.bench.rows import HEADINGS

    about = Console(stderr=True)
    before = machine.busy()
    with about.status("measuring") as status:
        rows = run.measure(
            run.QUICK if quick else run.Size(), lambda what: status.update(f"measuring: {what}"), port_base
        )
    found = machine.facts(before, machine.busy())
    if write is not None:
        page.write(write, rows, found)
    table = Table(*HEADINGS, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row.cells())
    if json:
        show({"machine": found, "rows": [row.json() for row in rows]}, True, "")
        return
    console = Console()
    if not console.is_terminal:  # nobody wants a table folded in a file or a pipe
        console.width = 200
    console.print(table)
    console.print(", ".join(f"{name}: {value}" for name, value in found.items()), highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run_command(lambda: typer.run(bench))
