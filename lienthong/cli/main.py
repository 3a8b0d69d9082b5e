"""The command `lienthong`: adds the verbs of all files. A `Trouble` becomes one sentence and exit status 1."""

from typing import Annotated

import typer

from lienthong import __version__
from lienthong.cli import clock, demo, doctor, exec, fault, logs, mode, projection, replay, sandbox, scenario, up, watch
from lienthong.cli.command import run_command
from lienthong.cli.verbs import Verbs, speak_everywhere

# One line per file of this folder; each has `add_to(app)`. Slow imports belong inside the verbs.
FAMILIES = (
    up,
    exec,
    demo,
    sandbox,
    scenario,
    clock,
    replay,
    mode,
    watch,
    fault,
    projection,
    logs,
    doctor,
)

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Liên Thông: Vietnam's interconnected public services, complete and invented, on your own machine.",
)
for family in FAMILIES:
    family.add_to(app)
speak_everywhere(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lienthong {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    run_command(app)


if __name__ == "__main__":
    main()
