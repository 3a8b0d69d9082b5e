"""`lienthong dead`: list, show, edit and redrive dead letters, events that a service could not apply."""

from __future__ import annotations

import json as jsons
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, show, verbs
from lienthong.cli.draft import in_editor
from lienthong.cli.members import Members, set_members
from lienthong.embedded import Trouble
from lienthong.shown import shown, shown_lines

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.client.types import RedrivenLetter

WITH_DEAD_LETTERS = ("portal", "gateway")
STDIN = "-"

dead = verbs("List, show, edit and redrive events that a service could not apply.")

ServiceArgument = typer.Argument(
    help="Service that has the dead letter: portal or gateway.", metavar="SERVICE", autocompletion=complete.services
)
LetterArgument = typer.Argument(help="Id of the dead letter, as `lienthong dead list` shows it.", metavar="ID")
Service = Annotated[str, ServiceArgument]
Letter = Annotated[str, LetterArgument]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(dead, name="dead")


@dead.command("list")
def list_dead(sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """List the dead letters of portal and gateway."""

    async def letters(country: Country) -> list[dict[str, Any]]:
        entered = country.enter(sandbox)
        return [
            {"service": name, **letter} for name in WITH_DEAD_LETTERS for letter in await entered.dead_letters(name)
        ]

    rows = ask(url, letters, json)
    lines = [f"{letter['service']:8} {letter['id']}  {_summary(letter)}" for letter in rows]
    show(rows, json, "\n".join(lines) or "There are no dead letters.")


@dead.command("show")
def show_dead(
    service: Service, id: Letter, sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False
) -> None:
    """Show one dead letter: the event, why it could not be applied, and what was edited."""
    letter = ask(url, lambda country: country.enter(sandbox).dead_letter(_checked(service), id), as_it_is=True)
    show(letter, json, "\n".join([*_lines(letter), *_changes(letter)]))


@dead.command("edit")
def edit(
    service: Service,
    id: Letter,
    set: Members = None,
    file: Annotated[
        str | None, typer.Option(help="A file with the whole new body as JSON; - for standard input.", metavar="FILE")
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Change the body of one dead letter, in your editor unless --set or --file says how; prints what differs."""
    name = _checked(service)
    letter = ask(url, lambda country: country.enter(sandbox).dead_letter(name, id), as_it_is=True)
    text = _editable(letter)
    draft = None if set or file else in_editor(text, f"dead-letter-{id}-")
    try:
        source = str(draft) if draft else file
        body = _body(_read(source) if source else text)
        set_members(body, set or ())
        edited = ask(url, lambda country: country.enter(sandbox).edit_dead_letter(name, id, body), as_it_is=True)
    except Trouble as trouble:
        if draft is None:
            raise
        kept = f"What you wrote is in {draft}: correct it, then use --file {draft}."
        raise Trouble(f"{trouble} {kept}", trouble.document) from trouble
    if draft is not None:
        draft.unlink()
    flag = "" if sandbox == DEFAULT_SANDBOX else f" --sandbox {sandbox}"
    hint = f"Apply it with `lienthong dead redrive {name} {id}{flag}`."
    show(edited, json, "\n".join([*(_changes(edited) or ["Its body is as it was at first."]), hint]))


@dead.command("redrive")
def redrive(
    service: Annotated[str, ServiceArgument] = "",
    id: Annotated[str, LetterArgument] = "",
    all: Annotated[
        bool, typer.Option("--all", help="All that are open, the oldest first: of SERVICE, or of both services.")
    ] = False,
    type: Annotated[
        str | None,
        typer.Option(
            "--type", help="With --all: only those of this event type.", metavar="TYPE", autocompletion=complete.events
        ),
    ] = None,
    dossier: Annotated[
        str | None, typer.Option("--dossier", help="With --all: only those of this dossier.", metavar="CODE")
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Apply one dead letter again, or all, and the events that wait behind; exit status 1 if one fails again."""
    if all and id:
        raise typer.BadParameter(f"write --all or '{id}', not both.", param_hint="ID")
    if not all and (type or dossier):
        raise typer.BadParameter("--type and --dossier select some of --all: add --all.")
    if not all and not (service and id):
        raise typer.BadParameter("write SERVICE and ID, as `lienthong dead list` shows them, or --all.")
    names = (_checked(service),) if service else WITH_DEAD_LETTERS

    async def requests(country: Country) -> list[dict[str, Any]]:
        entered = country.enter(sandbox)
        redriven: list[tuple[str, RedrivenLetter]] = []
        for name in names:
            if all:
                redriven += [(name, each) for each in await entered.redrive_all(name, type=type, dossier=dossier)]
            else:
                redriven.append((name, await entered.redrive(name, id)))
        return [{"service": name, **letter} for name, letter in redriven]

    letters = ask(url, requests, json)
    lines = [
        f"{each['service']:8} {each['id']}  {each['kind']}  {each['subject']}: {_became(each)}" for each in letters
    ]
    show(letters if all else letters[0], json, "\n".join(lines) or "No open dead letter matches.")
    if any(each["outcome"] == "failed" for each in letters):
        raise typer.Exit(1)


def _became(letter: Mapping[str, Any]) -> str:
    if letter["outcome"] == "applied":
        behind = letter["applied"] - 1
        return "applied" + (f", with {behind} behind it" if behind > 0 else "")
    if letter["outcome"] == "released":
        return "its timer fires again"
    return f"failed again ({letter['reason']})" if letter["outcome"] == "failed" else "is gone: it was redriven before"


def _checked(service: str) -> str:
    if service not in WITH_DEAD_LETTERS:
        raise typer.BadParameter(f"'{service}' has no dead letters: write portal or gateway.", param_hint="SERVICE")
    return service


def _summary(letter: dict[str, Any]) -> str:
    edited = ("edited",) if letter.get("edited_at") else ()
    gone = ("redriven",) if letter.get("redriven_at") else ()
    return "  ".join([*(str(letter[name]) for name in ("kind", "subject", "reason")), *edited, *gone])


def _lines(letter: Mapping[str, Any]) -> list[str]:
    """One line for each member, but several for the detail: it may be a traceback."""
    texts = {name: f"{name:13} {value}" for name, value in letter.items() if name != "changes"}
    return [shown_lines(text) if name == "detail" else shown(text) for name, text in texts.items()]


def _changes(letter: Mapping[str, Any]) -> list[str]:
    """One line for each difference from the first body."""
    return [
        shown(f"{change['pointer'] or '/'}  {_value(change, 'before')} → {_value(change, 'after')}")
        for change in letter["changes"]
    ]


def _value(change: Mapping[str, Any], side: str) -> str:
    return jsons.dumps(change[side], ensure_ascii=False) if side in change else "nothing"


def _editable(letter: Mapping[str, Any]) -> str:
    """The body of a dead letter, laid out to be edited. Raises Trouble."""
    if letter["redriven_at"]:
        raise Trouble(f"Dead letter {letter['id']} was redriven and is gone: `lienthong dead list` shows what is open.")
    if letter["record"] is None:
        raise Trouble(f"Dead letter {letter['id']} is a timer and has no body: redrive it, and it fires again.")
    text = str(letter["record"]["body"])
    try:
        return jsons.dumps(jsons.loads(text), ensure_ascii=False, indent=2) + "\n"
    except (ValueError, RecursionError):
        return text


def _read(file: str) -> str:
    """Raises Trouble."""
    try:
        return sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{file} cannot be read ({error.strerror}): name a file with the body as JSON.") from error
    except UnicodeDecodeError as error:
        raise Trouble(f"{file} is not UTF-8 at byte {error.start}.") from error


def _body(text: str) -> dict[str, Any]:
    """Raises Trouble."""
    try:
        body = jsons.loads(text)
    except (ValueError, RecursionError) as error:
        raise Trouble(f"The body is not JSON ({error}): write the whole body with --file.") from error
    if not isinstance(body, dict):
        raise Trouble('The body is no JSON object such as {"officer": "Lan"}: write the whole body with --file.')
    return body
