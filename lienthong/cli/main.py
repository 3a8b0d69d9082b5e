"""The command `lienthong`: adds the verbs of all files. A `Trouble` becomes one sentence and exit status 1."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated

import typer

from lienthong import __version__
from lienthong.cli.command import Verbs, run_command
from lienthong.cli.verbs import speak_everywhere

# The files of this folder with their verbs, in the order of --help; each has `add_to(app)`.
# A command line imports only the file of its verb; slow imports belong inside the verbs.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "up": ("up", "status", "down", "reset"),
    "backup": ("backup", "restore"),
    "open": ("open",),
    "exec": ("exec",),
    "demo": ("demo",),
    "sandbox": ("sandbox", "settle", "timeline"),
    "dead": ("dead",),
    "republish": ("republish",),
    "scenario": ("scenario",),
    "clock": ("clock",),
    "replay": ("replay", "sandbox"),
    "mode": ("mode",),
    "connector": ("connect", "disconnect", "connectors"),
    "views": ("diff",),
    "partner": ("partner",),
    "push": ("push",),
    "deliveries": ("deliveries", "resend"),
    "speak": ("listen", "trigger", "verdicts"),
    "watch": ("wait-for", "watch", "explain"),
    "fault": ("fault",),
    "contract": ("contract",),
    "projection": ("projection",),
    "logs": ("logs",),
    "doctor": ("doctor",),
}


def command_line(verb: str = "") -> typer.Typer:
    """The command with the files of one verb; with all if no file has it: for --help, completion and a misspelt verb."""
    app = typer.Typer(
        cls=Verbs,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # the help is plain text: laying it out with rich takes longer than everything else
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(lienthong)
    for file in [file for file, verbs in FAMILIES.items() if verb in verbs] or FAMILIES:
        import_module(f"lienthong.cli.{file}").add_to(app)
    speak_everywhere(app)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lienthong {__version__}")
        raise typer.Exit


def lienthong(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Liên Thông: Vietnam's interconnected public services, complete and invented, on your own machine."""


def main() -> None:
    """Run the command line."""
    for unused in ("httpx._main", "trio"):  # httpx imports them if it can, which takes longer than a request
        sys.modules.setdefault(unused, None)  # type: ignore[arg-type]
    run_command(command_line(next(iter(sys.argv[1:]), "")))


if __name__ == "__main__":
    main()
