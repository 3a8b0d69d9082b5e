"""`lienthong demo`: three journeys of dossiers told live, or one dossier in each of the 34 provinces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli.language import chosen
from lienthong.cli.plainly import HERE, Json, Lang, Url, ask, show

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
        bool, typer.Option("--all-moves", help="Every way a dossier can go, one dossier each, instead.")
    ] = False,
    lang: Lang = "",
    seed: Annotated[str, typer.Option(help="Same seed, same people, codes and decisions.")] = "demo",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the sandbox afterwards, to look around in it.")] = False,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Tell journeys of dossiers, live; exit status 1 unless every one reached the end it was meant to reach."""
    from rich.console import Console

    from lienthong.cli import telling

    teller = telling.Teller(Console(quiet=json), chosen(lang))

    async def whole(country: Country) -> list[dict[str, Any]]:
        async with country.sandbox(seed=seed, name="demo", keep=keep) as sandbox:
            tell = telling.tell_the_whole_country if all_provinces else telling.tell_three
            tell = telling.tell_all_moves if all_moves else tell
            reports = await tell(sandbox, teller)
            if keep:
                teller.keeps(sandbox)
        return reports

    reports = ask(url, whole)
    if json:
        show(reports, True, "")
    if teller.missed:
        raise typer.Exit(1)
