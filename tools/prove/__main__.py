"""`python -m tools.prove`, run by `make prove`: injects faults into a stack under load and checks every promise."""

from __future__ import annotations

import asyncio
import json as json_
import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.command import Json, number, run_command
from lienthong.embedded import Trouble
from tools.disk import refuse_full_disk, refuse_unwritable

if TYPE_CHECKING:
    from rich.console import Console

    from tools.prove.run import Order

LONGEST_AWAY_SECONDS = 3_600
LONGEST_MINUTES = 120  # the fastest sandbox passes 1.5 days per minute, and the calendar ends with 2027
EMPTY_BYTES = 400_000_000  # databases, broker and logs of a run without load
MINUTE_BYTES = 150_000_000  # what a minute of load adds, at most
NONE, ALL = "none", "all"


def prove(
    faults: Annotated[
        str,
        typer.Option(
            help="all, connectors, outages, or names separated by commas (a+b: both at once); with a planted bug the default "
            "is the faults that expose it."
        ),
    ] = ALL,
    seed: Annotated[
        str, typer.Option(help="Determines the load, the order of the faults and their targets; as a report prints it.")
    ] = "1",
    minutes: Annotated[
        float,
        typer.Option(
            help="Minutes of load; every fault is injected at least once.", metavar="MINUTES", parser=number(0.1)
        ),
    ] = 2.0,
    plant: Annotated[
        str,
        typer.Option(
            help="Bugs to plant in the processes under test, one after the other: names separated by commas, or all; "
            "exit status 0 if each is caught."
        ),
    ] = NONE,
    times: Annotated[
        int, typer.Option(help="How often to run it, or each planted bug, each time with another seed.", min=1)
    ] = 1,
    away: Annotated[
        float,
        typer.Option(
            help="Seconds for which receiver and connector are away, in the faults of this kind.",
            metavar="SECONDS",
            parser=number(1, LONGEST_AWAY_SECONDS),
        ),
    ] = 20.0,
    pushed: Annotated[
        int,
        typer.Option(help="Dossiers pushed over the adapter API by sixty threads, in a run with connectors.", min=1),
    ] = 240,
    data: Annotated[
        Path | None, typer.Option(help="Folder for databases, broker and logs; a temporary one if left out.")
    ] = None,
    port_base: Annotated[
        int | None, typer.Option(min=1024, max=65526, help="Use ten ports from here; any free ports if left out.")
    ] = None,
    html: Annotated[
        Path, typer.Option(help="File for the report with a picture; of the last run, if there are many.")
    ] = Path("prove.html"),
    json: Json = False,
) -> None:
    """Inject faults into real processes under load, and prove that nothing was lost; exit status 1 if something was."""
    from rich.console import Console

    from tools.prove.plants import PLANTS
    from tools.prove.run import Order

    console = Console(quiet=json)
    if not console.is_terminal:  # do not fold the table in a file or pipe
        console.width = 200
    if minutes > LONGEST_MINUTES:
        raise Trouble(f"--minutes {minutes:g} is too long: at most {LONGEST_MINUTES}, because the calendar ends.")
    refuse_unwritable(html)
    plants = [*PLANTS] if plant == ALL else [name.strip() for name in plant.split(",")]
    if unknown := {*plants} - {*PLANTS, NONE}:
        raise Trouble(f"There is no planted bug '{unknown.pop()}'. There are: {', '.join(PLANTS)}; or all.")
    seed = _seed(seed)
    orders = []
    for name in plants:
        for n in range(1, times + 1):
            run_seed = seed if n == 1 else f"{seed}/{n}"
            chosen, left_out = _names(faults, run_seed)
            if faults == ALL and name != NONE:
                chosen, left_out = PLANTS[name].faults, {}
            place, base = data or Path(tempfile.gettempdir()), port_base or 0
            order = Order(run_seed, minutes, chosen, place, base, plant=name, away=away, left_out=left_out)
            orders.append(replace(order, pushed=pushed))
    kept = len(orders) if data else 1  # a temporary folder is deleted after its run
    refuse_full_disk(orders[0].data, kept * (EMPTY_BYTES + int(minutes * MINUTE_BYTES)))
    many = len(orders) > 1
    folders = [data / f"{order.plant}-{n}" if data and many else data for n, order in enumerate(orders)]
    results = [
        _run(order, console, json=json, brief=many, keep=folder, html=html)
        for order, folder in zip(orders, folders, strict=True)
    ]
    if many:
        console.print(f"{sum(results)} of {len(orders)} runs had the expected result.", style="bold", highlight=False)
    if not all(results):
        raise typer.Exit(1)


def _run(order: Order, console: Console, *, json: bool, brief: bool, keep: Path | None, html: Path) -> bool:
    """Run an order, print its report, and say whether it had the expected result; then its data is deleted."""
    from lienthong.embedded import ports
    from tools.prove import page, report
    from tools.prove.run import run

    def notify(line: str) -> None:
        if not brief:
            console.print(line, style="dim", markup=False, highlight=False)

    folder = keep or Path(tempfile.mkdtemp(prefix="lienthong-prove-"))
    result = asyncio.run(run(replace(order, data=folder, port_base=order.port_base or ports.free_base()), notify))
    good, _ = report.verdict(result)
    if json:
        print(json_.dumps(report.as_json(result), ensure_ascii=False, indent=2))
    elif brief:
        report.show_briefly(result, console)
    else:
        report.show(result, console)
    page.write(result, html)
    if not brief:
        console.print(f"With a picture: {html}", style="dim", markup=False, highlight=False)
    if good and keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    elif not good:
        console.print(f"Databases and logs are kept in {folder}.", highlight=False)
    return good


def _seed(option: str) -> str:
    """The seed without its mark. Raises Trouble if what it draws from has changed since."""
    from tools.prove.mark import mark
    from tools.prove.mix import Mix

    seed, at, marked = option.rpartition("@")
    if not at:
        return option
    if marked != (now := mark(Mix.read())):
        raise Trouble(
            f"Seed {option} draws another run now: the mix of the load, its journeys, the faults or the catalogue have "
            f"changed, and the mark is {now} now. --seed {shlex.quote(seed)} runs it all the same."
        )
    return seed


def _names(option: str, seed: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The faults of a run, and those that are left out, with the reason.

    Raises Trouble for a fault that does not exist or cannot be injected here, or for one that needs connectors beside
    one that ends them.
    """
    import random

    from tools.prove import faults

    if option == "connectors":
        return faults.with_connectors(random.Random(f"{seed}/others")), {}
    if option == "outages":
        return faults.OUTAGES, {}
    if option == ALL:
        return faults.every(random.Random(f"{seed}/pairs"))
    names = tuple(name.strip() for name in option.split(","))
    parts = [part for name in names for part in faults.parts_of(name)]
    for part in parts:
        if part not in faults.FAULTS:
            known = ", ".join(faults.FAULTS)
            raise Trouble(
                f"There is no fault '{part}'. There are: {known}; two of them at once, such as "
                "kill-broker+kill-portal-worker; or all; or connectors; or outages."
            )
        if reason := faults.lacking(part):
            raise Trouble(f"The fault {part} cannot be injected here: {reason}.")
    if {*parts} & {*faults.AT_CONNECTORS} and (ending := {*parts} & {*faults.ENDS_CONNECTORS}):
        raise Trouble(f"{', '.join(sorted(ending))} cannot run with connectors, because the connections end with it.")
    return names, {}


if __name__ == "__main__":
    run_command(lambda: typer.run(prove))
