"""Prints tables: in a terminal as wide as it is; in a file or pipe as wide as their text, without spaces at the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 100  # characters; for prose in tables


def print_table(table: Table, most: int | None = None) -> None:
    """Print a table. Without a terminal nothing is folded, so that a line is a row, or from `most` characters on."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        console.print(table)
        return
    wide = console.options.update(width=10_000)
    natural = table.__rich_measure__(console, wide).maximum
    console.width = min(natural, most or natural)
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
