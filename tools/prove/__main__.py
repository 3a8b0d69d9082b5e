"""`python -m tools.prove`, run by `make prove`: injects faults into a stack under load and checks every promise."""

from __future__ import annotations

import asyncio
import json as json_
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lienthong.cli.command import Json, run_command
from lienthong.embedded import Trouble

LONGEST_MINUTES = 120  # the fastest sandbox passes 1.5 days per minute, and the calendar ends with 2027


def prove(
    faults: Annotated[
        str,
        typer.Option(
            help="all, connectors, or names separated by commas; with a planted bug the default is the faults that expose it."
        ),
    ] = "all",
    seed: Annotated[str, typer.Option(help="Determines the load, the order of the faults and their targets.")] = "1",
    minutes: Annotated[
        float, typer.Option(help="Minutes of load; every fault is injected at least once.", min=0.1)
    ] = 2.0,
    plant: Annotated[
        str, typer.Option(help="A bug to plant in the processes under test, by name; exit status 0 if it is caught.")
    ] = "none",
    away: Annotated[
        float,
        typer.Option(help="Seconds for which receiver and connector are away, in the faults of this kind.", min=1),
    ] = 20.0,
    data: Annotated[
        Path | None, typer.Option(help="Folder for databases, broker and logs; a temporary one if left out.")
    ] = None,
    port_base: Annotated[int | None, typer.Option(help="Use ten ports from here; any free ports if left out.")] = None,
    json: Json = False,
) -> None:
    """Inject faults into real processes under load, and prove that nothing was lost; exit status 1 if something was."""
    from rich.console import Console

    from lienthong.embedded import ports
    from tools.prove import report
    from tools.prove.plants import PLANTS
    from tools.prove.run import Order, run

    console = Console(quiet=json)
    if not console.is_terminal:  # do not fold the table in a file or pipe
        console.width = 200
    if minutes > LONGEST_MINUTES:
        raise Trouble(f"--minutes {minutes:g} is too long: at most {LONGEST_MINUTES}, because the calendar ends.")
    planted = PLANTS.get(plant)
    if planted is None and plant != "none":
        raise Trouble(f"There is no planted bug '{plant}'. There are: {', '.join(PLANTS)}.")
    names = planted.faults if planted and faults == "all" else _names(faults)
    folder = data or Path(tempfile.mkdtemp(prefix="lienthong-prove-"))
    order = Order(
        seed=seed,
        minutes=minutes,
        faults=names,
        data=folder,
        port_base=port_base or ports.free_base(),
        plant=plant,
        away=away,
    )
    result = asyncio.run(run(order, lambda line: console.print(line, style="dim", markup=False, highlight=False)))
    good, _ = report.verdict(result)
    if json:
        print(json_.dumps(report.as_json(result), ensure_ascii=False, indent=2))
    else:
        report.show(result, console)
    if good and data is None:
        shutil.rmtree(folder, ignore_errors=True)
    elif not good:
        console.print(f"Databases and logs are kept in {folder}.", highlight=False)
        raise typer.Exit(1)


def _names(option: str) -> tuple[str, ...]:
    """Raises Trouble for a fault that does not exist, or for one that needs connectors beside one that ends them."""
    from tools.prove.faults import AT_CONNECTORS, ENDS_CONNECTORS, FAULTS, WITH_CONNECTORS

    if option == "connectors":
        return WITH_CONNECTORS
    names = tuple(name.strip() for name in option.split(","))
    if option == "all":
        return tuple(name for name in FAULTS if name not in AT_CONNECTORS)
    for name in names:
        if name not in FAULTS:
            raise Trouble(f"There is no fault '{name}'. There are: {', '.join(FAULTS)}; or all; or connectors.")
    if {*names} & {*AT_CONNECTORS} and (ending := {*names} & {*ENDS_CONNECTORS}):
        raise Trouble(f"{', '.join(sorted(ending))} cannot run with connectors, because the connections end with it.")
    return names


if __name__ == "__main__":
    run_command(lambda: typer.run(prove))
