"""`lienthong exec -- COMMAND`: a country for the length of one command."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from lienthong.cli import signals
from lienthong.cli.plainly import ask
from lienthong.embedded import Trouble, ports
from lienthong.embedded.run import Run, forget_earlier_runs
from lienthong.embedded.stack import Stack

NOT_FOUND = 127  # as shells say it
DEFAULTS = {"ignore_unknown_options": True, "allow_interspersed_args": False}  # the command's options are its own


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command("exec", context_settings=DEFAULTS)(execute)


def execute(
    command: Annotated[list[str], typer.Argument(help="A program and its arguments.", metavar="-- COMMAND")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of databases, broker and logs; if left out, one that goes.")
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option("--port-base", min=1024, max=65526, help="Use nine ports from here instead of any free ones."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the country running afterwards, and say how to stop it.")
    ] = False,
) -> None:
    """Start everything, run a command with its addresses in LIENTHONG_URL and others, stop; exits as the command does.

    Where LIENTHONG_URL is set already, that country is used and nothing is started.
    """
    program = shutil.which(command[0])
    if program is None:
        _say(f"There is no program {command[0]!r} on the PATH.")
        raise typer.Exit(NOT_FOUND)
    words = [program, *command[1:]]
    if url := os.environ.get("LIENTHONG_URL"):
        status = signals.run_to_its_end(words, _environment(url))
    else:
        status = _in_a_country_of_its_own(words, data, port_base or ports.free_base(), keep)
    raise typer.Exit(status)


def _in_a_country_of_its_own(words: list[str], data: Path | None, port_base: int, keep: bool) -> int:
    run, status = Run.begin(), 1
    stack = Stack(data or run.folder / "country", port_base, detached=keep, durable=data is not None)
    try:
        with _started(stack, keep):
            status = signals.run_to_its_end(words, _environment(stack.urls["portal-api"]))
    finally:
        if not keep:
            for logs in run.end(keep_logs=status != 0):
                _say(f"Until the next run its logs are in {logs}")
    return status


@contextmanager
def _started(stack: Stack, keep: bool) -> Iterator[None]:
    """It runs from here to the end. Raises Trouble when it does not start, or when a signal comes first."""
    forget_earlier_runs()
    with signals.as_interrupt():
        try:
            seconds = stack.start(_say)
        except KeyboardInterrupt:
            raise Trouble("Interrupted while starting; everything is stopped again.") from None
        _say(f"Ready after {seconds:.1f} s. Logs: {stack.plan.data}/log")
        try:
            yield
        finally:
            if not keep:
                stack.stop()
    if keep:
        url, folder = stack.urls["portal-api"], stack.plan.data
        _say(f"The country goes on at {url} until `lienthong down --data {folder}`.")


def _environment(url: str) -> dict[str, str]:
    """Ours, and every door of the country at `url`: LIENTHONG_URL, LIENTHONG_IDENTITY, LIENTHONG_KAFKA …"""

    async def doors(country: Any) -> dict[str, Any]:
        return dict(country.doors)

    named = {f"LIENTHONG_{name.upper()}": _text(door) for name, door in ask(url, doors).items()}
    return {**os.environ, **named, "LIENTHONG_URL": url}


def _text(door: Any) -> str:
    return ",".join(door) if isinstance(door, list) else str(door)


def _say(sentence: str) -> None:
    print(f"lienthong: {sentence}", file=sys.stderr, flush=True)
