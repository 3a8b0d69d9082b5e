"""`lienthong clock`: show and change the clock of a sandbox."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, FASTEST, Json, Sandbox, Url, ask, number, show, verbs
from lienthong.verdict import verdict_text

if TYPE_CHECKING:
    from lienthong.client import Advance, Reading

clocks = verbs("Show, set, advance, speed up and stop the clock of a sandbox.")
HOW_FAR = "A duration: 3d, 2h30m, P3D; or an instant with its offset, 2026-12-01T08:00:00+07:00."
Instant = Annotated[
    str, typer.Argument(help="An instant with its offset, such as 2026-12-01T08:00:00+07:00.", metavar="INSTANT")
]


Default = Annotated[
    bool,
    typer.Option("--default", help="Change the clock of the default sandbox, which all others on this country share."),
]


def _named(sandbox: str, default: bool) -> str:
    """The sandbox whose clock is to be changed. A clock never goes back, so the default one is changed only if named."""
    if sandbox and default:
        raise typer.BadParameter("leave out one of --sandbox and --default.", param_hint="--default")
    if not sandbox and not default:
        raise typer.BadParameter(
            "name the sandbox with --sandbox ID or in LIENTHONG_SANDBOX; --default is the default sandbox. "
            "No clock can be turned back.",
            param_hint="--sandbox",
        )
    return sandbox or DEFAULT_SANDBOX


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(clocks, name="clock")


@clocks.command("show")
def show_clock(sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Show the time in a sandbox, and how fast its clock runs."""
    clock = ask(url, lambda country: country.enter(sandbox).clock.read(), json)
    show(clock, json, _clock(clock))


@clocks.command("set")
def set_clock(
    to: Instant, sandbox: Sandbox = "", default: Default = False, url: Url = DEFAULT_URL, json: Json = False
) -> None:
    """Set the clock directly to a later instant, without stopping at timers that become due in between."""
    named = _named(sandbox, default)
    clock = ask(url, lambda country: country.enter(named).clock.set(to), json)
    show(clock, json, _clock(clock))


@clocks.command("advance")
def advance(
    how_far: Annotated[str | None, typer.Argument(help=HOW_FAR, metavar="[DURATION | INSTANT]")] = None,
    by: Annotated[str | None, typer.Option(help="A duration.", metavar="DURATION")] = None,
    to: Annotated[str | None, typer.Option(help="An instant with its offset, RFC 3339.", metavar="INSTANT")] = None,
    sandbox: Sandbox = "",
    default: Default = False,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Advance the clock; every timer on the way fires at its own due time.

    If something does not finish, for example because a worker is down, the clock stops there; exit status 1 names it.
    """
    named = _named(sandbox, default)
    if how_far is not None and by is None and to is None:
        by, to = (None, how_far) if re.match(r"[0-9]{4}-", how_far) else (how_far, None)
    elif how_far is not None or (by is None) == (to is None):
        raise typer.BadParameter("write one duration or instant: either 3d or 2026-12-01T08:00:00+07:00.")
    answer = ask(url, lambda country: country.enter(named).clock.advance(by, to=to), json)
    show(answer, json, _advance(answer))
    if answer["verdict"]["verdict"] == "waiting":
        raise typer.Exit(1)


@clocks.command("rate")
def rate(
    rate: Annotated[
        float,
        typer.Argument(
            help="Sandbox seconds per real second; 1 is real time.", metavar="RATE", parser=number(0, FASTEST)
        ),
    ],
    sandbox: Sandbox = "",
    default: Default = False,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Let the clock run at a rate from its current time."""
    named = _named(sandbox, default)
    clock = ask(url, lambda country: country.enter(named).clock.rate(rate), json)
    show(clock, json, _clock(clock))


@clocks.command("freeze")
def freeze(sandbox: Sandbox = "", default: Default = False, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Stop the clock at its current time: from then on only `advance` and `set` move it."""
    rate(0, sandbox, default, url, json)


@clocks.command("resume")
def resume(sandbox: Sandbox = "", default: Default = False, url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Let the clock run in real time again, from its current time."""
    rate(1, sandbox, default, url, json)


def _clock(clock: Reading) -> str:
    rate = clock["rate"]
    return f"{clock['now']}  " + ("frozen" if rate == 0 else "real time" if rate == 1 else f"{rate:g} times real time")


def _advance(answer: Advance) -> str:
    lines = [f"{fired['at']}  {fired['service']:8} {fired['kind']}  {fired['subject']}" for fired in answer["fired"]]
    return "\n".join([*lines, f"now {answer['now']}", f"verdict {verdict_text(answer['verdict'])}"])
