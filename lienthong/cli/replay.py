"""`lienthong sandbox export` and `lienthong replay`: record a sandbox's run, and repeat it."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_URL, Json, Url, ask, show
from lienthong.cli.sandbox import sandboxes
from lienthong.embedded import Trouble
from lienthong.shown import shown

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.replay import Difference, ReplayResult

SHOWN = 5  # differences


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    sandboxes.command("export")(export)
    app.command("replay")(replay)


def export(
    id: Annotated[str, typer.Argument(help="The sandbox's id.", metavar="ID", autocompletion=complete.sandboxes)],
    file: Annotated[Path | None, typer.Argument(help="File to write; standard output if left out.")] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Record a sandbox's run: what is needed to repeat it, and its events."""
    from lienthong import replay

    run = ask(url, lambda country: replay.export(country.enter(id)), as_it_is=True, parallel=True)
    text = json_.dumps(run, ensure_ascii=False, indent=1)
    if file is None:
        typer.echo(text)
        return
    file.write_text(text + "\n", encoding="utf-8")
    events = sum(map(len, run["events"].values()))
    typer.echo(f"{file}: {len(run['calls'])} calls, {len(run['events'])} dossiers, {events} events.")


def replay(
    file: Annotated[Path, typer.Argument(help="File of `lienthong sandbox export`; - for standard input.")],
    seed: Annotated[
        str | None, typer.Option(help="Use another seed than the run's, to see what depends on it.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Do not delete the new sandbox.")] = False,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Repeat a run in a new sandbox and compare the events; exit status 1 if anything differs."""
    from lienthong import replay

    run = _read(file)

    def notify(line: str) -> None:
        if not json and sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{shown(line)}", nl=False, err=True)

    async def repeat(country: Country) -> ReplayResult:
        return await replay.replay(country, run, seed=seed, keep=keep, notify=notify)

    result = ask(url, repeat, parallel=True)
    notify("")
    show(asdict(result) | {"same": result.same}, json, _text(result))
    if not result.same:
        raise typer.Exit(1)


def _read(file: Path) -> dict[str, Any]:
    from lienthong.replay import FORMAT

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        run = json_.loads(text)
    except (OSError, ValueError) as error:
        raise Trouble(f"{file} cannot be read: {error}.") from error
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise Trouble(
            f"{file} is not a run of this version: `lienthong sandbox export` writes one with format {FORMAT}."
        )
    return run


def _text(result: ReplayResult) -> str:
    done = f"{result.calls} calls repeated, {result.events} events compared"
    if result.same:
        return f"{done}: no difference."
    count = "one difference" if len(result.differences) == 1 else f"{len(result.differences)} differences"
    more = len(result.differences) - SHOWN
    lines = [line for each in result.differences[:SHOWN] for line in _lines(each)]
    return "\n".join([f"{done}: {count}.", *lines, *([f"and {more} more"] if more > 0 else [])])


def _lines(difference: Difference) -> list[str]:
    """Where, and each field that differs with both sides."""
    fields = _fields("", difference.recorded, difference.replayed)
    return [
        shown(difference.where),
        *(shown(f"  {pointer} recorded {a}, replayed {b}".rstrip()) for pointer, a, b in fields),
    ]


def _fields(pointer: str, recorded: Any, replayed: Any) -> Iterator[tuple[str, str, str]]:
    """JSON pointer and both values of every field that differs."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        for name in dict.fromkeys((*recorded, *replayed)):
            if recorded.get(name) != replayed.get(name):
                yield from _fields(f"{pointer}/{name}", recorded.get(name), replayed.get(name))
    elif isinstance(recorded, list) and isinstance(replayed, list) and len(recorded) == len(replayed):
        for place, (one, other) in enumerate(zip(recorded, replayed, strict=True)):
            if one != other:
                yield from _fields(f"{pointer}/{place}", one, other)
    else:
        one, other = (
            "nothing" if side is None else json_.dumps(side, ensure_ascii=False) for side in (recorded, replayed)
        )
        yield pointer, one, other
