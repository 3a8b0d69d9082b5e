"""`lienthong projection`: what is computed from events, how far it has read, and how to compute it again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lienthong.cli.command import DEFAULT_URL, Json, Url, ask, show, verbs

projections = verbs("Show what is computed from events, and compute it again.")


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(projections, name="projection")


@projections.command("list")
def list_all(url: Url = DEFAULT_URL, json: Json = False) -> None:
    """List projections, and how many events each has not read yet."""
    rows = ask(url, lambda country: country.projections(), json)
    show(rows, json, "\n".join(map(_line, rows)))


def _line(row: dict[str, Any]) -> str:
    sources = " and ".join(row["sources"])
    cut = (
        f", without the oldest events of {row['lanes_cut']} lanes, which exist nowhere any more"
        if row["lanes_cut"]
        else ""
    )
    return f"{row['name']}: reads {sources}, generation {row['generation']}, {row['behind']} events behind{cut}"


@projections.command("rebuild")
def rebuild(
    name: Annotated[
        str, typer.Argument(help="As `lienthong projection list` names it.", metavar="[NAME]")
    ] = "statistics",
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Empty a projection and compute it again from the first event, beside everything else."""
    row = ask(url, lambda country: country.rebuild_projection(name), json)
    show(row, json, f"{row['name']} is being computed again; {row['behind']} events to read.")
