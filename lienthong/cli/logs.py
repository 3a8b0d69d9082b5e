"""`lienthong logs`: what the processes of an embedded stack say, together and in order, for people and for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lienthong.embedded.logs import Entry

HERE = Path(".lienthong")
LOOK_SECONDS = 0.2  # between looks at the files while they are followed
COLOURS = {"warning": typer.colors.YELLOW, "error": typer.colors.RED, "critical": typer.colors.BRIGHT_RED}
SHOWN_APART = ("event", "service", "level", "real_at", "exception")

Services = Annotated[
    list[str] | None,
    typer.Argument(
        help="portal-api, payment, kafka, postgres …; portal and gateway mean both processes.", metavar="[SERVICE]…"
    ),
]
Data = Annotated[Path, typer.Option("--data", help="Folder of the stack.", show_default=True)]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on, until Ctrl-C.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last entries.")]
Sandbox = Annotated[str, typer.Option("--sandbox", help="Only what names this sandbox.", metavar="ID")]
Dossier = Annotated[
    str, typer.Option("--dossier", help="Only what names this dossier or was done in its trace.", metavar="CODE")
]
Level = Annotated[
    str, typer.Option("--level", help="At least debug, info, warning, error or critical.", metavar="LEVEL")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command()(logs)


def logs(
    services: Services = None,
    follow: Follow = False,
    lines: Lines = 50,
    sandbox: Sandbox = "",
    dossier: Dossier = "",
    level: Level = "debug",
    data: Data = HERE,
    as_json: Json = False,
) -> None:
    """Show the last log entries of all processes, or of some: services, Kafka and PostgreSQL alike."""
    from lienthong.embedded import logs

    if level not in logs.LEVELS:
        raise typer.BadParameter(f"write one of {', '.join(logs.LEVELS)}.", param_hint="--level")
    names = logs.chosen(services or ())
    place = logs.folder(data.absolute())
    wanted = logs.Wanted(level, sandbox, dossier)
    follower = logs.Follower(place, names, wanted)
    try:
        _print(logs.last(place, names, wanted, lines), as_json)
        while follow:
            _print(follower.more(), as_json)
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # whoever read us has seen enough
        sys.stderr.close()


def _print(entries: Iterable[Entry], as_json: bool) -> None:
    for entry in entries:
        typer.echo(json.dumps(entry.told(), ensure_ascii=False) if as_json else _for_people(entry))
    sys.stdout.flush()


def _for_people(entry: Entry) -> str:
    from lienthong.embedded.logs import LONG_AGO

    clock = f"{entry.at.astimezone():%H:%M:%S}.{entry.at.microsecond // 1000:03}" if entry.at > LONG_AGO else "–" * 12
    level = typer.style(f"{entry.level:8}", fg=COLOURS.get(entry.level))
    fields = entry.fields
    if not fields:
        return f"{clock}  {entry.log:14}  {level}  {entry.text}"
    facts = " ".join(f"{name}={value}" for name, value in fields.items() if name not in SHOWN_APART)
    said = f"{clock}  {entry.log:14}  {level}  {fields.get('event', '')}  {facts}".rstrip()
    return f"{said}\n{fields['exception']}" if fields.get("exception") else said
