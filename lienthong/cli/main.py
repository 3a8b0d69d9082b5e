"""Assembles the command from its families of verbs; a `Trouble` becomes one plain sentence and exit status 1."""

import json
import sys
from importlib import import_module

import typer

from lienthong.embedded import Trouble

# One line per file of this folder: it offers `add_to(app)`. Heavy imports belong inside its verbs.
FAMILIES = (
    "up",
    "exec",
    "demo",
    "sandbox",
    "scenario",
    "clock",
    "replay",
    "mode",
    "watch",
    "fault",
    "logs",
    "doctor",
    "prove",
    "bench",
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Liên Thông: Vietnam's interconnected public services, complete and invented, on your own machine.",
)
for family in FAMILIES:
    import_module(f"lienthong.cli.{family}").add_to(app)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except Trouble as trouble:
        if "--json" in sys.argv:
            print(json.dumps({"trouble": str(trouble)}, ensure_ascii=False))
        print(trouble, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
