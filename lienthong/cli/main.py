"""The command `lienthong`: adds the verbs of all files. A `Trouble` becomes one sentence and exit status 1."""

import typer

from lienthong.cli import clock, demo, doctor, exec, fault, logs, mode, projection, replay, sandbox, scenario, up, watch
from lienthong.cli.command import run_command

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
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Liên Thông: Vietnam's interconnected public services, complete and invented, on your own machine.",
)
for family in FAMILIES:
    family.add_to(app)


def main() -> None:
    """Run the command line."""
    run_command(app)


if __name__ == "__main__":
    main()
