"""`lienthong demo`: three journeys of dossiers, live, or one dossier in each of the 34 provinces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli.command import DEFAULT_URL, Json, Lang, Url, ask, show
from lienthong.cli.language import output_language

if TYPE_CHECKING:
    from lienthong.client import Country


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command()(demo)


def demo(
    all_provinces: Annotated[
        bool, typer.Option("--all-provinces", help="One dossier in each of the 34 provinces instead.")
    ] = False,
    all_moves: Annotated[
        bool, typer.Option("--all-moves", help="Every path of a dossier, one dossier each, instead.")
    ] = False,
    lang: Lang = "",
    seed: Annotated[str, typer.Option(help="The same seed gives the same people, codes and decisions.")] = "demo",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the sandbox afterwards, to inspect it.")] = False,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Show journeys of dossiers, live; exit status 1 unless each one ended in its expected state."""
    from rich.console import Console

    from lienthong.cli import story

    printer = story.StoryPrinter(Console(quiet=json), output_language(lang))

    async def run(country: Country) -> list[dict[str, Any]]:
        async with country.sandbox(seed=seed, name="demo", keep=keep) as sandbox:
            show_journeys = story.show_each_province if all_provinces else story.show_three
            show_journeys = story.show_all_moves if all_moves else show_journeys
            reports = await show_journeys(sandbox, printer)
            if keep:
                printer.name_kept_sandbox(sandbox)
        return reports

    reports = ask(url, run, json, parallel=True)
    if json:
        show(reports, True, "")
    if printer.missed:
        raise typer.Exit(1)
