"""`lienthong sandbox export` and `lienthong replay`: a run written down, and made again."""

from __future__ import annotations

import json as json_
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli.plainly import HERE, Json, Url, ask, show
from lienthong.cli.sandbox import sandboxes
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.client import Country
    from lienthong.replay import Difference, Replayed

SHOWN = 5  # differences


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    sandboxes.command("export")(export)
    app.command("replay")(replay)


def export(
    id: Annotated[str, typer.Argument(help="The sandbox's id.", metavar="ID")],
    file: Annotated[Path | None, typer.Argument(help="Where to write it; to the terminal if left out.")] = None,
    url: Url = HERE,
) -> None:
    """Write down what is needed to make a sandbox's run again, and what came of it."""
    from lienthong import replay

    run = ask(url, lambda country: replay.export(country.enter(id)))
    text = json_.dumps(run, ensure_ascii=False, indent=1)
    if file is None:
        typer.echo(text)
        return
    file.write_text(text + "\n", encoding="utf-8")
    events = sum(map(len, run["events"].values()))
    typer.echo(f"{file}: {len(run['calls'])} calls, {len(run['events'])} dossiers, {events} events.")


def replay(
    file: Annotated[Path, typer.Argument(help="What `lienthong sandbox export` wrote; - reads standard input.")],
    seed: Annotated[str | None, typer.Option(help="Another seed than the run's, to see what hangs on it.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the new sandbox where it is.")] = False,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Make a run again in a new sandbox and compare; exit status 1 if anything came out otherwise."""
    from lienthong import replay

    run = _read(file)

    def say(line: str) -> None:
        if not json and sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{line}", nl=False, err=True)

    async def again(country: Country) -> Replayed:
        return await replay.replay(country, run, seed=seed, keep=keep, say=say)

    found = ask(url, again)
    say("")
    show(asdict(found) | {"same": found.same}, json, _told(found))
    if not found.same:
        raise typer.Exit(1)


def _read(file: Path) -> dict[str, Any]:
    from lienthong.replay import FORMAT

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        run = json_.loads(text)
    except (OSError, ValueError) as error:
        raise Trouble(f"{file} cannot be read: {error}.") from error
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise Trouble(f"{file} is no run of this version: `lienthong sandbox export` writes one, with format {FORMAT}.")
    return run


def _told(found: Replayed) -> str:
    done = f"{found.calls} calls made again, {found.events} events compared"
    if found.same:
        return f"{done}: no difference."
    count = "one difference" if len(found.differences) == 1 else f"{len(found.differences)} differences"
    more = len(found.differences) - SHOWN
    lines = [line for each in found.differences[:SHOWN] for line in _lines(each)]
    return "\n".join([f"{done}: {count}.", *lines, *([f"and {more} more"] if more > 0 else [])])


def _lines(difference: Difference) -> list[str]:
    """Both sides, of events only what is not the same."""
    one, other = difference.recorded, difference.replayed
    if isinstance(one, dict) and isinstance(other, dict):
        names = [name for name in one if one.get(name) != other.get(name)]
        one, other = ({name: side.get(name) for name in names} for side in (one, other))
    texts = (json_.dumps(side, ensure_ascii=False) if side is not None else "nothing" for side in (one, other))
    return [difference.where, *(f"  {word} {text}" for word, text in zip(("recorded", "replayed"), texts, strict=True))]
