"""`lienthong fault`: list named faults, switch them on and off in a sandbox, show the rules that are on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lienthong.cli import complete
from lienthong.cli.command import (
    DEFAULT_SANDBOX,
    DEFAULT_URL,
    Json,
    Lang,
    Sandbox,
    Url,
    ask,
    number,
    pairs,
    print_table,
    show,
    verbs,
)
from lienthong.cli.language import name_in, output_language
from lienthong.cli.provinces import province_code
from lienthong.did_you_mean import nearest
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.client import FaultName

faults = verbs("Switch named faults on and off in a sandbox.")
PAIR, LIKE = "KEY=VALUE", "province=37"
WHOLE = re.compile(r"-?[0-9]+")


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(faults, name="fault")


@faults.command("list")
def list_all(
    family: Annotated[
        str,
        typer.Option(help=f"Only this family: {complete.listed('families')}.", autocompletion=complete.families),
    ] = "",
    lang: Lang = "",
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """List every named fault."""
    language = output_language(lang)
    rows = ask(url, lambda country: country.faults(family), json)
    if json:
        show(rows, json, "")
    else:
        table = [(f["name"], f["family"], f[f"title_{language}"]) for f in rows]
        print_table(("name", "family", "what goes wrong"), table, fold=("family", "what goes wrong"))


@faults.command("on")
def switch_on(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the fault, see `lienthong fault list`.", metavar="NAME", autocompletion=complete.faults
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--with", help="A setting of the fault; repeatable.", metavar=PAIR)
    ] = None,
    match: Annotated[
        list[str] | None, typer.Option(help="A condition; * and ? as in file names; repeatable.", metavar=PAIR)
    ] = None,
    nth: Annotated[int | None, typer.Option(help="Fire every nth time.", metavar="N")] = None,
    times: Annotated[int | None, typer.Option(help="Fire this many times, then no more.", metavar="N")] = None,
    probability: Annotated[
        float | None,
        typer.Option(
            help="Fire at random, derived from the seed; above 0, at most 1.", metavar="P", parser=number(0, 1)
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="First instant at which it fires: sandbox time, with offset.", metavar="INSTANT"),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="First instant at which it fires no more.", metavar="INSTANT")
    ] = None,
    id: Annotated[
        str | None, typer.Option(help="Name of the rule; if left out, the name of the fault.", metavar="ID")
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Switch a fault on; it is active in every service when this command returns."""
    typed = {
        key: int(value) if WHOLE.fullmatch(value) else value
        for key, value in pairs(settings, "--with", PAIR, LIKE).items()
    }
    conditions = pairs(match, "--match", PAIR, LIKE)
    if "province" in conditions:
        conditions["province"] = province_code(conditions["province"])
    wish: dict[str, Any] = {
        "match": conditions,
        "settings": typed,
        "id": id,
        "since": since,
        "until": until,
    }
    wish |= {"nth": nth, "times": times, "probability": probability}
    rule = ask(url, lambda country: country.enter(sandbox).faults.on(cast("FaultName", name), **wish), json)
    where = "" if sandbox == DEFAULT_SANDBOX else f" --sandbox {sandbox}"
    show(rule, json, f"{rule['title_en']}, {how_often(rule)}. Off again: lienthong fault off {rule['id']}{where}")


@faults.command("off")
def switch_off(
    id: Annotated[
        str | None,
        typer.Argument(
            help="Name of the rule, see `lienthong fault show`.", metavar="[ID]", autocompletion=complete.rules
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every rule of the sandbox.")] = False,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Switch off one rule or all; requests and events that they delay continue."""
    if (id is None) != every:
        raise typer.BadParameter("name one rule, or write --all.")
    ask(url, lambda country: country.enter(sandbox).faults.off(id), json)
    show({"off": id or "all"}, json, f"{id} is off." if id else "All faults are off.")


@faults.command("show")
def show_some(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A named fault, to show everything about it.", metavar="[NAME]", autocompletion=complete.faults
        ),
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    lang: Lang = "",
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Show the rules that are on, or everything about one named fault."""
    language = output_language(lang)
    if name is not None:
        fault = _called(name, ask(url, lambda country: country.faults(), json))
        show(fault, json, _in_full(fault, language))
        return
    rules = ask(url, lambda country: country.enter(sandbox).faults.rules(), json)
    if json:
        show(rules, json, "")
    elif not rules:
        typer.echo("No fault is on.")
    else:
        rows = [(r["id"], r["fault"], _words(r), how_often(r), str(r["seen"]), str(r["fired"])) for r in rules]
        headings = ("id", "fault", "match and with", "how often", "seen", "fired")
        print_table(headings, rows, fold=headings[2:])


def how_often(rule: Mapping[str, Any]) -> str:
    """`every 3rd time, until 2026-12-01T08:00:00.000+07:00`."""
    often = "every time"
    if rule["nth"] is not None:
        often = f"once in {rule['nth']} times"
    elif rule["times"] is not None:
        often = "once" if rule["times"] == 1 else f"{rule['times']} times"
    elif rule["probability"] is not None:
        often = f"at random, {rule['probability']:.2%} of the times"
    return ", ".join([often, *(f"{word} {rule[word]}" for word in ("from", "until") if rule[word])])


def _words(rule: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for part in ("match", "with") for key, value in rule[part].items())


def _called(name: str, known: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = next((fault for fault in known if fault["name"] == name), None)
    if found is None:
        meant = nearest(name, [fault["name"] for fault in known], alike=0.5)
        hint = f"the nearest is '{meant}'; " if meant else ""
        raise Trouble(f"There is no fault '{name}': {hint}`lienthong fault list` names all.")
    return found


def _in_full(fault: Mapping[str, Any], lang: str) -> str:
    lines = {
        "shows": fault["shows"],
        "released": fault["released"],
        "teaches": fault["teaches"],
        "match": how_to_match(fault),
        "with": "\n          ".join(settings(fault)) or "nothing",
        "try": command(fault["example"]),
    }
    text = "\n".join(f"{name:9} {value}" for name, value in lines.items()).replace("`", "")
    return f"{fault['name']}: {name_in({'name_vi': fault['title_vi'], 'name_en': fault['title_en']}, lang)}\n{text}"


Fault = Mapping[str, Any]  # a row of GET /_lab/faults
OPTIONS = (
    "id",
    "match",
    "with",
    "nth",
    "times",
    "probability",
    "from",
    "until",
)  # of a rule, in the order of the command line


def command(rule: Mapping[str, Any]) -> str:
    """The command line that switches a rule on; `rule` is what POST …/faults takes."""
    words = ["lienthong", "fault", "on", rule["fault"]]
    for name in OPTIONS:
        value = rule.get(name)
        if isinstance(value, Mapping):
            words += [word for key, each in value.items() for word in (f"--{name}", f"{key}={each}")]
        elif value is not None:
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def settings(fault: Fault) -> list[str]:
    """The fault's settings, one line each."""
    return [
        f"`{each['name']}` ({_kind(each)}, `{each['default']}` if left out): {each['what']}"
        for each in fault["settings"]
    ]


def how_to_match(fault: Fault) -> str:
    return ", ".join(f"`{name}`" for name in fault["match"]) or "nothing"


def _kind(setting: Mapping[str, Any]) -> str:
    if setting["choices"]:
        return "one of " + ", ".join(f"`{choice}`" for choice in setting["choices"])
    least, most = setting["least"], setting["most"]
    if setting["kind"] == "duration":
        return f"a duration of {f'{least} to {most} s' if least else f'at most {most:,} s'}"
    return f"a whole number from {least:,} to {most:,}"
