"""`lienthong sandbox | settle | dead | timeline`: a sandbox looked at and turned from the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli.language import chosen
from lienthong.cli.plainly import DEFAULT_SANDBOX, FASTEST, HERE, Json, Lang, Sandbox, Url, ask, pairs, show
from lienthong.cli.scenario import staged
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.client import Country, Verdict, Wish
    from lienthong.client.types import Mode

ACTS = "PROVINCE=MODE[:TEMPO]"
WITH_DEAD_LETTERS = ("portal", "gateway")

sandboxes = typer.Typer(no_args_is_help=True, help="Create, show and delete sandboxes: small countries of their own.")
dead = typer.Typer(no_args_is_help=True, help="List, show and redrive events that a service could not apply.")

Id = Annotated[str, typer.Argument(help="The sandbox's id.", metavar="ID")]
Service = Annotated[str, typer.Argument(help="Whose letter: portal or gateway.", metavar="SERVICE")]
Letter = Annotated[str, typer.Argument(help="The letter's id, as `lienthong dead list` shows it.", metavar="ID")]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(sandboxes, name="sandbox")
    app.add_typer(dead, name="dead")
    app.command("settle")(settle)
    app.command("timeline")(timeline)


@sandboxes.command("create")
def create(
    seed: Annotated[
        str | None, typer.Option(help="Same seed, same people, codes and decisions; drawn if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="A label for people.")] = None,
    start: Annotated[str | None, typer.Option(help="First instant, RFC 3339; given by the seed if left out.")] = None,
    rate: Annotated[
        float | None, typer.Option(help="Sandbox seconds per real second; frozen if left out.", min=0, max=FASTEST)
    ] = None,
    ttl: Annotated[
        str | None, typer.Option(help="Time to live in real time: 1h, 7d; seven days if left out.", metavar="DURATION")
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(help="How a province acts: 37=manual, '*=simulated:at_once'; again for another.", metavar=ACTS),
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="A named fault that is on from the start; again for another.")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(help="With a story: a file, or a name of `lienthong scenario list`.", metavar="FILE|NAME"),
    ] = None,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Create a sandbox; prints its id."""
    if scenario is not None:
        if start is not None or rate is not None or mode or fault:
            raise Trouble(
                "A scenario says when, how and with which faults: leave those options out, or change its file."
            )
        staged(url, scenario, seed=seed, name=name, ttl=ttl, as_json=json)
        return
    wish: Wish = {"seed": seed, "name": name, "start": start, "rate": rate, "time_to_live": ttl}
    wish |= {"modes": _modes(mode or ()), "faults": [{"fault": each} for each in fault or ()]}
    row = ask(url, lambda country: country.create_sandbox(**wish))
    show(row, json, row["id"])
    if row["lagging"]:
        from lienthong.client.country import lagging

        typer.echo(lagging(row), err=True)


def _modes(given: Iterable[str]) -> dict[str, Mode]:
    found: dict[str, Mode] = {}
    for province, said in pairs(given, "--mode", ACTS, "37=manual").items():
        mode, sign, tempo = said.partition(":")
        found[province] = {"mode": mode, "tempo": tempo} if sign else {"mode": mode}
    return found


@sandboxes.command("list")
def list_all(url: Url = HERE, json: Json = False) -> None:
    """List every sandbox that lives, the oldest first."""
    from rich.console import Console
    from rich.table import Table

    rows = ask(url, lambda country: country.list_sandboxes())
    if json:
        show(rows, json, "")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "seed", "now there", "rate", "until"):
        table.add_column(heading, no_wrap=heading != "name")
    for row in rows:
        until = row["expires_at"] or "deleted"
        table.add_row(row["id"], row["name"], row["seed"], row["now"][:16].replace("T", " "), f"{row['rate']:g}", until)
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)


@sandboxes.command("show")
def show_one(id: Id, url: Url = HERE, json: Json = False) -> None:
    """Show a sandbox: seed, name, clock, who lives there besides the six of every sandbox."""
    row = ask(url, lambda country: country.show_sandbox(id))
    told = {name: ", ".join(value) if isinstance(value, dict | list) else value for name, value in row.items()}
    show(row, json, "\n".join(f"{name:13} {value}" for name, value in told.items()))


@sandboxes.command("delete")
def delete(id: Id, url: Url = HERE, json: Json = False) -> None:
    """Delete a sandbox everywhere; its id is never used again."""
    ask(url, lambda country: country.delete_sandbox(id))
    show({"id": id, "deleted": True}, json, f"{id} is deleted.")


def settle(
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0)] = 10,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Wait until a sandbox is still, or name what it waits for (exit status 1)."""
    verdict = ask(url, lambda country: country.enter(sandbox).settle(timeout))
    show(verdict, json, verdict_text(verdict))
    if verdict["verdict"] != "still":
        raise typer.Exit(1)


@dead.command("list")
def list_dead(sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = HERE, json: Json = False) -> None:
    """List the dead letters of portal and gateway."""

    async def letters(country: Country) -> list[dict[str, Any]]:
        here = country.enter(sandbox)
        return [{"service": name, **letter} for name in WITH_DEAD_LETTERS for letter in await here.dead_letters(name)]

    found = ask(url, letters)
    lines = [f"{letter['service']:8} {letter['id']}  {_gist(letter)}" for letter in found]
    show(found, json, "\n".join(lines) or "There are no dead letters.")


@dead.command("show")
def show_dead(
    service: Service, id: Letter, sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = HERE, json: Json = False
) -> None:
    """Show one dead letter: the event, and why it could not be applied."""
    letter = ask(url, lambda country: country.enter(sandbox).dead_letter(_holder(service), id))
    show(letter, json, "\n".join(f"{name:13} {value}" for name, value in letter.items()))


@dead.command("redrive")
def redrive(
    service: Service, id: Letter, sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = HERE, json: Json = False
) -> None:
    """Try one dead letter again, then what waits behind it."""
    answer = ask(url, lambda country: country.enter(sandbox).redrive(_holder(service), id))
    show(answer, json, ", ".join(f"{name}: {value}" for name, value in (answer or {}).items()) or "Done.")


def timeline(
    code: Annotated[str, typer.Argument(help="Code of a dossier.", metavar="CODE")],
    sandbox: Sandbox = DEFAULT_SANDBOX,
    lang: Lang = "",
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Tell the story of one dossier, merged from all services."""
    spoken = chosen(lang)
    entries = ask(url, lambda country: country.enter(sandbox).timeline(code))
    if json:
        show(entries, True, "")
    elif entries:
        from rich.console import Console

        from lienthong.client.timeline import draw

        Console().print(draw(entries, code, spoken))
    else:
        raise Trouble(
            f"Nobody in sandbox {sandbox} has heard of {code}: check the code, or name its sandbox with --sandbox."
        )


def _holder(service: str) -> str:
    if service not in WITH_DEAD_LETTERS:
        raise typer.BadParameter(f"'{service}' keeps no dead letters: write portal or gateway.", param_hint="SERVICE")
    return service


def _gist(letter: dict[str, Any]) -> str:
    return "  ".join(str(letter[name]) for name in ("kind", "subject", "reason"))


def verdict_text(verdict: Verdict) -> str:
    """Its word, then what it waits for, line by line."""
    lines = [verdict["verdict"]]
    if verdict["verdict"] == "still" and verdict["proof_of_absence"]:
        lines[0] += ": nothing can happen before the clock is turned"
    if verdict["next_due"]:
        lines.append(f"next due {verdict['next_due']}")
    return "\n".join(
        [*lines, *(f"{each['name']}: {each['service']}: {each['detail']}" for each in verdict["waiting_for"])]
    )
