"""`python -m tools.peers`, run by `make bench-peers`: what a user could pick instead, measured in the same run as ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.command import Json, run_command, show
from lienthong.embedded import Trouble
from tools.disk import refuse_unwritable

if TYPE_CHECKING:
    from tools.peers.run import Result


def peers(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer requests; the figures vary more.")] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Name of a program beside ours; all if left out. Repeatable.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="Also write the table into this page, such as docs/performance.md.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch other mocks from the registries, start each, and measure start-up, memory, sign-ins and creates beside ours.

    Fetched once, into ~/.cache/lienthong. A program that cannot be fetched is named with the reason.
    """
    from rich.console import Console

    from tools.bench import machine
    from tools.peers import page, run
    from tools.peers.catalogue import PEERS

    names = [peer.name for peer in PEERS]
    if unknown := set(only or ()) - set(names):
        raise Trouble(f"There is no program {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
    refuse_unwritable(write)
    about = Console(stderr=True)
    before = machine.warn_if_busy(about)
    chosen = tuple(peer for peer in PEERS if not only or peer.name in only)
    with about.status("measuring") as status:
        results = run.measure(
            run.QUICK if quick else run.Size(), lambda what: status.update(f"measuring: {what}"), chosen
        )
    after = machine.busy()
    facts = machine.facts(before, after)
    if json:
        show({"machine": facts, "programs": [asdict(result) for result in results]}, True, "")
    else:
        _show_table(results, facts)
    if write is not None:
        page.write(write, results, facts, max(before, after))


def _show_table(results: Sequence[Result], facts: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    from tools.peers import page

    console = Console()
    if not console.is_terminal:  # do not fold the table in a file or pipe
        console.width = 200
    table = Table(*page.headings(results), box=None, pad_edge=False, header_style="bold")
    for row in page.cells(results):
        table.add_row(*row)
    console.print(table)
    for sentence in page.not_measured(results):
        console.print(sentence, style="yellow", highlight=False, soft_wrap=True)
    console.print(", ".join(f"{name}: {value}" for name, value in facts.items()), highlight=False, soft_wrap=True)
    console.print("What each of them does not do: docs/performance.md#beside-other-mocks", highlight=False)


if __name__ == "__main__":
    run_command(lambda: typer.run(peers))
