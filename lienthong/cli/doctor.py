"""`lienthong doctor`: what is wrong on this machine, why it matters, and the command that fixes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.command import print_table
from lienthong.shown import shown

if TYPE_CHECKING:
    from lienthong.doctor.checks import Finding

DEFAULT_DATA = Path(".lienthong")


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command()(doctor)


def doctor(
    data: Annotated[Path, typer.Option("--data", help="Folder of the stack.", show_default=True)] = DEFAULT_DATA,
    port_base: Annotated[
        int | None, typer.Option("--port-base", min=1024, max=65526, help="As for `lienthong up`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Look for problems of this machine, and print the command that fixes each; exit status 1 if there are any."""
    from lienthong.doctor import checks, machine

    findings = checks.examine(machine.look(data.absolute(), port_base))
    wrong = [finding for finding in findings if finding.wrong]
    if as_json:
        print(json.dumps({"well": not wrong, "findings": [each.as_json() for each in findings]}, ensure_ascii=False))
    else:
        _show(findings, wrong)
    if wrong:
        raise typer.Exit(1)


def _show(findings: list[Finding], wrong: list[Finding]) -> None:
    rows = [("wrong" if each.wrong else "fine", each.name, each.what) for each in findings]
    print_table(("", "check", "result"), rows)
    for each in wrong:
        print(f"\n{shown(f'{each.name}: {each.why}')}\n    {shown(each.fix)}")
    print(f"\n{len(wrong)} of {len(findings)} are wrong." if wrong else "\nNothing is wrong.")
