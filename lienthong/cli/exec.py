"""`lienthong exec -- COMMAND`: runs a stack for the duration of one command."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli.command import ask
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.embedded.stack import Stack

NOT_FOUND = 127  # as in shells
DEFAULTS = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
}  # options after the command belong to the command


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command("exec", context_settings=DEFAULTS)(execute)


def execute(
    command: Annotated[list[str], typer.Argument(help="A program and its arguments.", metavar="-- COMMAND")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of databases, broker and logs; if left out, a temporary one.")
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option("--port-base", min=1024, max=65526, help="Use ten ports from here instead of any free ones."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the stack running afterwards, and print how to stop it.")
    ] = False,
) -> None:
    """Start everything, run a command with the addresses in LIENTHONG_URL and other variables, and stop everything.

    The exit status is the command's. If LIENTHONG_URL is already set, nothing is started and that country is used.
    """
    from lienthong.cli import signals

    program = shutil.which(command[0])
    if program is None:
        _to_stderr(f"There is no program {command[0]!r} on the PATH.")
        raise typer.Exit(NOT_FOUND)
    words = [program, *command[1:]]
    if url := os.environ.get("LIENTHONG_URL"):
        status = signals.run_to_end(words, _environment(url))
    else:
        status = _run_with_stack(words, data, port_base, keep)
    raise typer.Exit(status)


def _run_with_stack(words: list[str], data: Path | None, port_base: int | None, keep: bool) -> int:
    from lienthong.cli import signals
    from lienthong.embedded import access, ports
    from lienthong.embedded.run import Run
    from lienthong.embedded.stack import Stack

    run, status = Run.begin(), 1
    stack = Stack(
        data or run.folder / "country", port_base or ports.free_base(), detached=keep, durable=data is not None
    )
    try:
        with _started(stack, keep):
            login = {"LIENTHONG_ACCESS": str(access.folder(stack.plan.data))}
            status = signals.run_to_end(words, _environment(stack.urls["portal-api"]) | login)
    finally:
        if not keep:
            for logs in run.end(keep_logs=status != 0):
                _to_stderr(f"Until the next run, its logs are in {logs}")
    return status


@contextmanager
def _started(stack: Stack, keep: bool) -> Iterator[None]:
    """Start the stack and stop it at the end. Raises Trouble if it does not start, or if a signal interrupts the start."""
    from lienthong.cli import signals
    from lienthong.embedded.run import forget_earlier_runs

    forget_earlier_runs()
    with signals.as_interrupt():
        try:
            seconds = stack.start(_to_stderr)
        except KeyboardInterrupt:
            raise Trouble("Interrupted while starting; everything is stopped again.") from None
        _to_stderr(f"Ready after {seconds:.1f} s. Logs: {stack.plan.data}/log")
        try:
            yield
        finally:
            if not keep:
                stack.stop()
    if keep:
        url, folder = stack.urls["portal-api"], stack.plan.data
        _to_stderr(f"The stack keeps running at {url} until `lienthong down --data {folder}`.")


def _environment(url: str) -> dict[str, str]:
    """Our environment plus every address of the country at `url`: LIENTHONG_URL, LIENTHONG_IDENTITY, LIENTHONG_KAFKA …"""

    async def addresses(country: Any) -> dict[str, Any]:
        return {name: each for name, each in country.doors.items() if name != "contracts"}  # no address

    variables = {
        f"LIENTHONG_{name.upper()}": _text(address) for name, address in ask(url, addresses, as_it_is=True).items()
    }
    return {**os.environ, **variables, "LIENTHONG_URL": url}


def _text(address: Any) -> str:
    return ",".join(address) if isinstance(address, list) else str(address)


def _to_stderr(sentence: str) -> None:
    print(f"lienthong: {sentence}", file=sys.stderr, flush=True)
