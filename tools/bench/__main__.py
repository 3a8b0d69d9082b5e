"""`python -m tools.bench`, run by `make bench`: measures a whole stack on this machine and prints one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lienthong.cli.command import Json, run_command, show
from tools.disk import refuse_unwritable


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="One minute instead of several; the figures vary more.")
    ] = False,
    write: Annotated[
        Path | None, typer.Option("--write", help="Also write the table into this page, such as docs/performance.md.")
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option("--port-base", min=1024, max=65526, help="Use ten ports from here; any free ports if left out."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Only this group of rows; can be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure start-up, submissions, relay, readers and whole journeys in a new stack, each compared with a ceiling."""
    from rich.console import Console
    from rich.table import Table

    from tools.bench import machine, page, run
    from tools.bench.rows import HEADINGS

    if only and write:
        raise typer.BadParameter("A page has all rows: leave --only out, or --write.")
    unknown = set(only or ()) - set(run.GROUPS)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: the groups are {', '.join(run.GROUPS)}")
    refuse_unwritable(write)
    about = Console(stderr=True)
    before = machine.warn_if_busy(about)
    with about.status("measuring") as status:
        rows = run.measure(
            run.QUICK if quick else run.Size(),
            lambda what: status.update(f"measuring: {what}"),
            port_base,
            only or run.GROUPS,
        )
    facts = machine.facts(before, machine.busy())
    table = Table(*HEADINGS, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row.cells())
    if json:
        show({"machine": facts, "rows": [row.json() for row in rows]}, True, "")
    else:
        console = Console()
        if not console.is_terminal:  # do not fold the table in a file or pipe
            console.width = 200
        console.print(table)
        console.print(", ".join(f"{name}: {value}" for name, value in facts.items()), highlight=False, soft_wrap=True)
    if write is not None:
        page.write(write, rows, facts)


if __name__ == "__main__":
    run_command(lambda: typer.run(bench))
