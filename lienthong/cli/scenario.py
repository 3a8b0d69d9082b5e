"""`lienthong scenario`, and `lienthong sandbox create --scenario`: sandboxes with a story, from files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.plainly import HERE, Json, Url, ask, show
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.scenarios.files import ScenarioFile
    from lienthong.scenarios.staging import Staged

scenarios = typer.Typer(no_args_is_help=True, help="List, show and check scenarios: sandboxes with a story.")

Wanted = Annotated[str, typer.Argument(help="A file, or the name of a ready scenario.", metavar="FILE|NAME")]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(scenarios, name="scenario")


@scenarios.command("list")
def list_ready(json: Json = False) -> None:
    """List the scenarios that come with the package."""
    from lienthong.scenarios.files import read, ready

    found = [{"name": name, **_told(read(path))} for name, path in ready().items()]
    show(found, json, "\n".join(f"{each['name']:24} {each['title_en']} · {each['title_vi']}" for each in found))


@scenarios.command("show")
def show_one(wanted: Wanted) -> None:
    """Print a scenario, to read or to begin one of your own with."""
    typer.echo(reading(wanted).text, nl=False)


@scenarios.command("schema")
def schema() -> None:
    """Print the JSON Schema of scenarios, for an editor."""
    from lienthong.scenarios.files import SCHEMA

    typer.echo(SCHEMA.read_text(encoding="utf-8"), nl=False)


@scenarios.command("check")
def check(wanted: Wanted, url: Url = HERE, json: Json = False) -> None:
    """Check a scenario without making anything; exit status 1 names everything that is wrong, each with its line."""
    from lienthong.scenarios.staging import plan

    file = reading(wanted)
    with _said_plainly():
        planned = ask(url, lambda country: plan(country, file))
    begins, dossiers = planned["start"][:16].replace("T", " "), len(planned["handed_in"])
    show(planned, json, f"{file.where} is a scenario: {dossiers} dossiers, from {begins} on.")


def reading(wanted: str) -> ScenarioFile:
    from lienthong.scenarios.files import read

    with _said_plainly():
        return read(wanted)


@contextmanager
def _said_plainly() -> Iterator[None]:
    from lienthong.scenarios.files import ScenarioFault

    try:
        yield
    except ScenarioFault as fault:
        raise Trouble(str(fault)) from fault


def staged(url: str, wanted: str, *, seed: str | None, name: str | None, ttl: str | None, as_json: bool) -> None:
    """Make a sandbox in which the scenario has happened; its id first, then what stands where."""
    from lienthong.scenarios.staging import stage

    file = reading(wanted)

    def say(line: str) -> None:
        if not as_json and sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{line}", nl=False, err=True)

    async def happen(country: Country) -> Staged:
        return await stage(country, file, seed=seed, name=name, time_to_live=ttl, say=say)

    with _said_plainly():
        found = ask(url, happen)
    say("")
    told = {"id": found.sandbox.id, "now": found.now, "codes": found.sandbox.codes, "states": found.states}
    show(told, as_json, found.sandbox.id)
    if not as_json:
        lines = [f"{code}  {found.states[name]:21} {name}" for name, code in found.sandbox.codes.items()]
        typer.echo("\n".join([f"It is {found.now[:16].replace('T', ' ')} there.", *lines]), err=True)


def _told(file: ScenarioFile) -> dict[str, str]:
    return {name: str(file.document.get(name, "")) for name in ("title_en", "title_vi", "about")}
