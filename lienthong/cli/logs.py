"""`lienthong logs`: the logs of all processes of an embedded stack, merged in order of time, as text or JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli import complete
from lienthong.shown import shown, shown_lines

if TYPE_CHECKING:
    from lienthong.embedded.logs import Entry

DEFAULT_DATA = Path(".lienthong")
LOOK_SECONDS = 0.2  # between two reads of the files with --follow
COLOURS = {"warning": typer.colors.YELLOW, "error": typer.colors.RED, "critical": typer.colors.BRIGHT_RED}
NOT_REPEATED = ("event", "service", "level", "real_at", "exception")

Services = Annotated[
    list[str] | None,
    typer.Argument(
        help="portal-api, payment, kafka, postgres …; portal and gateway mean both of their processes.",
        metavar="[SERVICE]…",
    ),
]
Data = Annotated[Path, typer.Option("--data", help="Folder of the stack.", show_default=True)]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Also print new entries, until Ctrl-C.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of last entries to show.")]
Sandbox = Annotated[str, typer.Option("--sandbox", help="Only entries that name this sandbox.", metavar="ID")]
Dossier = Annotated[
    str, typer.Option("--dossier", help="Only entries that name this dossier or belong to its trace.", metavar="CODE")
]
Level = Annotated[
    str,
    typer.Option(
        "--level",
        help="Lowest level: debug, info, warning, error or critical.",
        metavar="LEVEL",
        autocompletion=complete.levels,
    ),
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
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Show the last log entries of all processes, or of some: services, Kafka and PostgreSQL."""
    from lienthong.embedded import logs

    if level not in logs.LEVELS:
        raise typer.BadParameter(f"write one of {', '.join(logs.LEVELS)}.", param_hint="--level")
    names = logs.log_names(services or ())
    folder = logs.folder(data.absolute())
    matches = logs.Filter(level, sandbox, dossier)
    follower = logs.Follower(folder, names, matches)
    try:
        entries = list(logs.last(folder, names, matches, lines))
        _print(entries, as_json)
        if (sandbox or dossier) and lines and not entries and not follow:
            typer.echo(f"No entry names {dossier or sandbox}.", err=True)
            raise typer.Exit(1 if dossier else 0)  # a sandbox can be quiet; a dossier that exists never is
        while follow:
            _print(follower.more(), as_json)
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # the reader of the pipe has ended, such as `head`
        sys.stderr.close()


def _print(entries: Iterable[Entry], as_json: bool) -> None:
    for entry in entries:
        typer.echo(json.dumps(entry.as_json(), ensure_ascii=False) if as_json else _for_people(entry))
    sys.stdout.flush()


def _for_people(entry: Entry) -> str:
    from lienthong.embedded.logs import LONG_AGO

    clock = f"{entry.at.astimezone():%H:%M:%S}.{entry.at.microsecond // 1000:03}" if entry.at > LONG_AGO else "–" * 12
    level = typer.style(f"{entry.level:8}", fg=COLOURS.get(entry.level))
    fields = entry.fields
    if not fields:
        return f"{clock}  {entry.log:14}  {level}  {shown_lines(entry.text)}"
    facts = " ".join(shown(f"{name}={value}") for name, value in fields.items() if name not in NOT_REPEATED)
    text = f"{clock}  {entry.log:14}  {level}  {shown(str(fields.get('event', '')))}  {facts}".rstrip()
    return f"{text}\n{shown_lines(str(fields['exception']))}" if fields.get("exception") else text
