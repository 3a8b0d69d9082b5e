"""`lienthong mode`: how the provinces of a sandbox act: simulated, manual through their API, or external."""

from __future__ import annotations

import json as jsons
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, pairs, show, verbs
from lienthong.cli.connector_legacy import adapter_words
from lienthong.cli.provinces import province_code
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.client.types import ProvinceMode

modes = verbs(
    "Choose how provinces act: simulated (in office time, at once or scripted), manual (only through their API) or external."
)
Province = Annotated[
    str,
    typer.Argument(
        help="Code of a province, or '*' for all provinces without their own mode.",
        metavar="PROVINCE",
        parser=province_code,
        autocompletion=complete.provinces,
    ),
]
STDIN, SETTING = "-", "NAME=VALUE"


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(modes, name="mode")


@modes.command("show")
def show_modes(
    province: Annotated[
        str | None,
        typer.Option(
            help="Show only this province.", metavar="CODE", parser=province_code, autocompletion=complete.provinces
        ),
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Show how each province acts."""
    rows = ask(url, lambda country: country.enter(sandbox).modes(), json)
    if province is not None:
        rows = [row for row in rows if row["province"] == province]
        if not rows:
            raise Trouble(f"'{province}' is not the code of a province: `lienthong mode show` lists them.")
    show(rows, json, "\n".join(map(_line, rows)))


@modes.command("set")
def set_mode(
    province: Province,
    mode: Annotated[
        str, typer.Argument(help="simulated, manual or external.", metavar="MODE", autocompletion=complete.modes)
    ],
    tempo: Annotated[
        str | None,
        typer.Option(
            help="For simulated: working_clock (the default), at_once or scripted.",
            metavar="TEMPO",
            autocompletion=complete.tempos,
        ),
    ] = None,
    decisions: Annotated[
        str | None,
        typer.Option(help="For scripted: a file with the decisions as JSON; - for standard input.", metavar="FILE"),
    ] = None,
    via: Annotated[
        str | None,
        typer.Option(
            help=f"For external: the door of the connector: {complete.listed('doors')}.",
            metavar="DOOR",
            autocompletion=complete.doors,
        ),
    ] = None,
    receiver: Annotated[
        str | None,
        typer.Option(
            help=f"For the doors {complete.listed('called_doors')}: the address of the connector.", metavar="URL"
        ),
    ] = None,
    binary: Annotated[bool, typer.Option("--binary", help="For the door webhook: send events in binary mode.")] = False,
    gate: Annotated[
        str | None,
        typer.Option(
            help="For external: strict (the default), or lenient (over legacy the default).",
            metavar="GATE",
            autocompletion=complete.gates,
        ),
    ] = None,
    adapter: Annotated[
        list[str] | None,
        typer.Option(
            help="For legacy: how the adapter API answers, such as profile=opencps-old or latency_ms=200; repeatable.",
            metavar=SETTING,
        ),
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Change how a province acts, from now on and for all its dossiers."""
    script = None if decisions is None else _read(decisions)
    how: dict[str, Any] = {"via": via, "url": receiver, "gate": gate, "content_mode": "binary" if binary else None}
    how["adapter"] = _settings(adapter) if adapter else None
    row = ask(url, lambda country: country.enter(sandbox).set_mode(province, mode, tempo, script, **how), json)
    show(row, json, _line(row))


@modes.command("reset")
def reset_mode(
    province: Province, sandbox: Sandbox = DEFAULT_SANDBOX, url: Url = DEFAULT_URL, json: Json = False
) -> None:
    """Remove a province's own mode: it acts again as set for '*'."""
    row = ask(url, lambda country: country.enter(sandbox).reset_mode(province), json)
    show(row, json, _line(row))


def _settings(words: list[str]) -> dict[str, Any]:
    """Each value as JSON; what is no JSON, such as 00, is a text."""
    return {name: _value(text) for name, text in pairs(words, "--adapter", SETTING, "latency_ms=200").items()}


def _value(text: str) -> Any:
    try:
        return jsons.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _read(file: str) -> Any:
    """Decisions as JSON. Raises Trouble."""
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
        return jsons.loads(text, parse_constant=_no_constant)
    except OSError as error:
        raise Trouble(f"{file} cannot be read ({error.strerror}): name a file with the decisions as JSON.") from error
    except (ValueError, RecursionError) as error:
        raise Trouble(f'{file} is not JSON ({error}): write something like {{"reception": "refuse"}}.') from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _line(row: ProvinceMode) -> str:
    words = (row["mode"], row["tempo"], row["via"], row["url"], row["content_mode"], row["gate"])
    how = " ".join(filter(None, (*words, adapter_words(row["adapter"]))))
    script = "" if row["decisions"] is None else f"  {jsons.dumps(row['decisions'], ensure_ascii=False)}"
    return f"{row['province']:2}  {row['name_vi']:16}  {how}{script}"
