"""`lienthong scenario`, and `lienthong sandbox create --scenario`: sandboxes created from scenario files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_URL, Json, Url, ask, show, verbs
from lienthong.embedded import Trouble
from lienthong.shown import shown, shown_lines

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.scenarios.files import ScenarioFile
    from lienthong.scenarios.staging import Staged

scenarios = verbs("List, show and check scenarios: files that describe a sandbox with its dossiers.")

Source = Annotated[
    str,
    typer.Argument(
        help="A file, or the name of a scenario of the package.", metavar="FILE|NAME", autocompletion=complete.scenarios
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(scenarios, name="scenario")


@scenarios.command("list")
def list_ready(json: Json = False) -> None:
    """List the scenarios that come with the package."""
    from lienthong.scenarios.files import read, ready

    rows = [{"name": name, **_summary(read(path))} for name, path in ready().items()]
    show(rows, json, "\n".join(shown(f"{each['name']:24} {each['title_en']} · {each['title_vi']}") for each in rows))


@scenarios.command("show")
def show_one(source: Source) -> None:
    """Print a scenario file, to read it or to copy it as a start."""
    typer.echo(shown_lines(load(source).text), nl=False)


@scenarios.command("schema")
def schema() -> None:
    """Print the JSON Schema of scenarios, for an editor."""
    from lienthong.scenarios.files import SCHEMA

    typer.echo(SCHEMA.read_text(encoding="utf-8"), nl=False)


@scenarios.command("check")
def check(source: Source, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Check a scenario without creating anything; exit status 1 if it has errors, each printed with its line."""
    from lienthong.scenarios.staging import plan

    file = load(source)
    with _errors_as_trouble():
        planned = ask(url, lambda country: plan(country, file), json)
    begins, dossiers = planned["start"][:16].replace("T", " "), len(planned["handed_in"])
    show(planned, json, f"{file.where} is valid: {dossiers} dossiers, starts at {begins}.")


def load(source: str) -> ScenarioFile:
    from lienthong.scenarios.files import read

    with _errors_as_trouble():
        return read(source)


@contextmanager
def _errors_as_trouble() -> Iterator[None]:
    from lienthong.scenarios.files import ScenarioFault

    try:
        yield
    except ScenarioFault as fault:
        raise Trouble(str(fault)) from fault


def create_staged(url: str, source: str, *, seed: str | None, name: str | None, ttl: str | None, as_json: bool) -> None:
    """Create a sandbox from a scenario; prints its id, then code and state of each dossier."""
    from lienthong.scenarios.staging import stage

    file = load(source)

    def notify(line: str) -> None:
        if not as_json and sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{shown(line)}", nl=False, err=True)

    async def run(country: Country) -> Staged:
        return await stage(country, file, seed=seed, name=name, time_to_live=ttl, notify=notify)

    with _errors_as_trouble():
        result = ask(url, run, parallel=True)
    notify("")
    facts = {"id": result.sandbox.id, "now": result.now, "codes": result.sandbox.codes, "states": result.states}
    show(facts, as_json, result.sandbox.id)
    if not as_json:
        lines = [f"{code}  {result.states[name]:21} {shown(name)}" for name, code in result.sandbox.codes.items()]
        typer.echo("\n".join([f"Its clock shows {result.now[:16].replace('T', ' ')}.", *lines]), err=True)


def _summary(file: ScenarioFile) -> dict[str, str]:
    return {name: str(file.document.get(name, "")) for name in ("title_en", "title_vi", "about")}
