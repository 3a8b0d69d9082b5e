"""`lienthong sandbox | settle | timeline`: create and inspect sandboxes, wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lienthong.cli import complete
from lienthong.cli.command import (
    DEFAULT_SANDBOX,
    DEFAULT_URL,
    FASTEST,
    Json,
    Lang,
    Sandbox,
    Url,
    ask,
    number,
    pairs,
    print_table,
    show,
    verbs,
)
from lienthong.cli.language import output_language
from lienthong.cli.provinces import province_code
from lienthong.embedded import Trouble
from lienthong.verdict import verdict_text

if TYPE_CHECKING:
    from lienthong.client import FaultName, Wish
    from lienthong.client.types import Mode

ACTS = "PROVINCE=MODE[:TEMPO|DOOR]"

sandboxes = verbs("Create, show and delete sandboxes: isolated countries, each with its own people, clock and data.")

Id = Annotated[str, typer.Argument(help="The sandbox's id.", metavar="ID", autocompletion=complete.sandboxes)]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(sandboxes, name="sandbox")
    app.command("settle")(settle)
    app.command("timeline")(timeline)


@sandboxes.command("create")
def create(
    seed: Annotated[
        str | None, typer.Option(help="The same seed gives the same people, codes and decisions; random if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="A label for people.")] = None,
    start: Annotated[
        str | None, typer.Option(help="First instant, RFC 3339; if left out, it depends on the seed.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            help="Sandbox seconds per real second; frozen if left out.", metavar="RATE", parser=number(0, FASTEST)
        ),
    ] = None,
    ttl: Annotated[
        str | None, typer.Option(help="Time to live in real time: 1h, 7d; seven days if left out.", metavar="DURATION")
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(
            help="How a province acts: 37=manual, '*=simulated:at_once', 37=external:pull; repeatable.",
            metavar=ACTS,
            autocompletion=complete.modes_of_provinces,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="A named fault that is on from the start; repeatable.", metavar="NAME", autocompletion=complete.faults
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="A scenario to start from: a file, or a name of `lienthong scenario list`.",
            metavar="FILE|NAME",
            autocompletion=complete.scenarios,
        ),
    ] = None,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Create a sandbox; prints its id."""
    if scenario is not None:
        if start is not None or rate is not None or mode or fault:
            raise Trouble(
                "A scenario defines start, rate, modes and faults itself: leave those options out, or change its file."
            )
        from lienthong.cli.scenario import create_staged

        create_staged(url, scenario, seed=seed, name=name, ttl=ttl, as_json=json)
        return
    wish: Wish = {"seed": seed, "name": name, "start": start, "rate": rate, "time_to_live": ttl}
    wish |= {"modes": _modes(mode or ()), "faults": [{"fault": cast("FaultName", each)} for each in fault or ()]}
    row = ask(url, lambda country: country.create_sandbox(**wish), json)
    show(row, json, row["id"])
    if row["lagging"]:
        from lienthong.client.country import lagging_text

        typer.echo(lagging_text(row), err=True)


def _modes(words: Iterable[str]) -> dict[str, Mode]:
    modes: dict[str, Mode] = {}
    for name, value in pairs(words, "--mode", ACTS, "37=manual").items():
        province = province_code(name)
        mode, sign, how = value.partition(":")
        modes[province] = {"mode": mode}
        if sign and mode == "external":
            modes[province]["via"] = how
        elif sign:
            modes[province]["tempo"] = how
    return modes


@sandboxes.command("list")
def list_all(url: Url = DEFAULT_URL, json: Json = False) -> None:
    """List all sandboxes, the oldest first."""
    rows = ask(url, lambda country: country.list_sandboxes(), json)
    if json:
        show(rows, json, "")
        return
    cells = [
        (
            row["id"],
            row["name"],
            row["seed"],
            row["now"][:16].replace("T", " "),
            f"{row['rate']:g}",
            row["expires_at"] or "you delete it",
        )
        for row in rows
    ]
    print_table(("id", "name", "seed", "its time", "rate", "until"), cells, fold=("name",))


@sandboxes.command("show")
def show_one(id: Id, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Show a sandbox: seed, name, clock, and its people besides the six of every sandbox."""
    row = ask(url, lambda country: country.show_sandbox(id), json)
    texts = {name: ",  ".join(value) if isinstance(value, dict | list) else value for name, value in row.items()}
    show(row, json, "\n".join(f"{name:13} {value}" for name, value in texts.items()))


@sandboxes.command("delete")
def delete(id: Id, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Delete a sandbox in all services; its id is never used again."""
    ask(url, lambda country: country.delete_sandbox(id), json)
    show({"id": id, "deleted": True}, json, f"{id} is deleted.")


def settle(
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", metavar="SECONDS", parser=number(0))] = 10,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Wait until nothing is under way in a sandbox; else name what it waits for (exit status 1)."""
    verdict = ask(url, lambda country: country.enter(sandbox).settle(timeout), json)
    show(verdict, json, verdict_text(verdict))
    if verdict["verdict"] != "still":
        raise typer.Exit(1)


def timeline(
    code: Annotated[str, typer.Argument(help="Code of a dossier.", metavar="CODE")],
    sandbox: Sandbox = DEFAULT_SANDBOX,
    lang: Lang = "",
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Print the timeline of one dossier, merged from all services."""
    language = output_language(lang)
    entries = ask(url, lambda country: country.enter(sandbox).timeline(code), json, parallel=True)
    if json:
        show(entries, True, "")
    elif entries:
        from rich.console import Console

        from lienthong.client.timeline import draw

        Console().print(draw(entries, code, language))
    else:
        raise Trouble(
            f"No service knows {code} in sandbox {sandbox}: check the code, or name its sandbox with --sandbox."
        )
