"""`python -m tools.connectors`, run by `make connectors`: the programs of examples/connectors as provinces."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from lienthong.cli.command import run_command
from lienthong.embedded import Trouble, ports
from lienthong.embedded.stack import Stack
from lienthong.sync import Country
from tools.connectors import trial
from tools.connectors.programs import EXAMPLES, build, programs, require_tools
from tools.connectors.trial import Trial

BUILT = shutil.ignore_patterns("node_modules", "target", ".venv", "connector", "connector.json", "*.log")


def connectors(
    only: Annotated[str | None, typer.Option(help="Name of one program; all if left out.")] = None,
) -> None:
    """Run each example connector through whole journeys, with kill -9 in the middle; exit status 1 if one fails."""
    chosen, console = programs(only), Console()
    if not console.is_terminal:  # do not fold the table in a file or pipe
        console.width = 160
    require_tools(chosen)
    trials = []
    with tempfile.TemporaryDirectory(prefix="lienthong-connectors-") as name:
        home = Path(name)
        home.chmod(0o755)  # PostgreSQL runs as another user if we are root
        folder = Path(shutil.copytree(EXAMPLES, home / "connectors", ignore=BUILT))
        for program in chosen:
            console.print(f"{program.name}: {program.build}", style="dim", highlight=False)
            build(program, folder)
        with Stack(home / "data", ports.free_base()) as stack, Country(stack.urls["portal-api"]) as country:
            for program in chosen:
                console.print(f"{program.name}: two journeys, and kill -9", style="dim", highlight=False)
                trials.append(trial.run(program, folder, country))
    console.print(_table(trials))
    faults = [f"{each.name}: {fault}" for each in trials for fault in each.faults]
    if faults:
        raise Trouble("\n".join(["Not as promised:", *faults]))
    console.print("Every journey ended in status 10, also after kill -9 in the middle; no message was rejected.")


def _table(trials: list[Trial]) -> Table:
    table = Table("connector", "dossiers in status 10", "verdicts", "killed at", "seconds")
    for each in trials:
        statuses = list(each.dossiers.values())
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(each.outcomes.items()))
        done, killed = f"{statuses.count('10')} of {len(statuses)}", ", ".join(each.killed)
        table.add_row(each.name, done, outcomes or "–", killed or "–", f"{each.seconds:.1f}")
    return table


if __name__ == "__main__":
    run_command(lambda: typer.run(connectors))
