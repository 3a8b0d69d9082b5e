"""`lienthong contract`: the event types, checks of messages against them, and what a change of a schema breaks."""

from __future__ import annotations

import json as jsons
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_URL, Json, Lang, Url, ask, print_table, show, verbs
from lienthong.cli.contract_formats import as_junit, as_sarif, as_text, is_refused
from lienthong.cli.language import output_language
from lienthong.cli.provinces import province_code
from lienthong.did_you_mean import nearest
from lienthong.embedded import Trouble, refuse_without_packages, source_root
from lienthong.shown import shown_lines

if TYPE_CHECKING:
    from lienthong.client import Country, Sandbox

contract = verbs("Read the contracts of the events, and check messages against them; no country has to run.")
GATE = ("jsonschema_rs", "msgspec", "pydantic")  # packages that judge a message
STDIN = "-"
Type = Annotated[
    str,
    typer.Argument(
        help="Type of an event, such as dossier.received.v1.", metavar="TYPE", autocompletion=complete.events
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.add_typer(contract, name="contract")


@contract.command("list")
def list_types(lang: Lang = "", json: Json = False) -> None:
    """List every event type, who says it, and what it means."""
    rows = _ask("list", {})
    if json:
        show(rows, json, "")
    else:
        text = f"text_{output_language(lang)}"
        print_table(
            ("type", "who", "what"), [(row["type"], row["publisher"], row[text]) for row in rows], fold=("what",)
        )


@contract.command("show")
def show_type(type: Type, lang: Lang = "", json: Json = False) -> None:
    """Show one event type: who says it, when, by which law, its members and an example."""
    reply = _ask("show", {"type": type})
    show(reply, json, _in_full(reply, output_language(lang)))


@contract.command("check")
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files with one message, a list, or one message on each line; - for standard input.", metavar="FILE..."
        ),
    ],
    type: Annotated[
        str | None,
        typer.Option(help="The files have bare bodies of this type.", metavar="TYPE", autocompletion=complete.events),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="Judge by the law too, as if the dossier were in this state.",
            metavar="STATE",
            autocompletion=complete.states,
        ),
    ] = None,
    province: Annotated[
        str | None,
        typer.Option(
            help="Province that says it; if left out, that of the dossier code.",
            metavar="CODE",
            parser=province_code,
            autocompletion=complete.provinces,
        ),
    ] = None,
    procedure: Annotated[
        str | None,
        typer.Option(help="Procedure of the dossier; if left out, that of the message.", metavar="CODE"),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(help="Sandbox time of the judgement; if left out, that of the message.", metavar="INSTANT"),
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="With --state: take what can be taken, and name the deviations.")
    ] = False,
    sandbox: Annotated[
        str | None,
        typer.Option(
            help="Judge by the law, by the dossiers of this sandbox of the running country.",
            metavar="ID",
            autocompletion=complete.sandboxes,
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option("--format", help="text, json, junit or sarif.", metavar="FORMAT", autocompletion=complete.formats),
    ] = "text",
    lang: Lang = "",
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Check messages as the doors do; exit status 1 if one is refused, 2 if the command is used wrongly.

    Envelope and schema are always checked, the law with --state or --sandbox. Every error has a rule, what was expected,
    and a patch where one change mends it.
    """
    form = "json" if json else form
    if form not in complete.FORMATS:
        meant = nearest(form, complete.FORMATS)
        raise typer.BadParameter(
            f"'{form}' is none of {', '.join(complete.FORMATS)}{f': did you mean {meant}?' if meant else '.'}",
            param_hint="--format",
        )
    if lenient and state is None and sandbox is None:
        raise typer.BadParameter("needs --state or --sandbox: only the law can be lenient.", param_hint="--lenient")
    if sandbox is not None and (state, procedure, now) != (None, None, None):
        raise typer.BadParameter("knows state, procedure and time: leave those options out.", param_hint="--sandbox")
    refuse_without_packages(*GATE, what="Checking a message")
    request = {"texts": [_read(file) for file in files], "type": type, "state": state, "province": province}
    request |= {"procedure": procedure, "now": now, "leniency": "lenient" if lenient else "strict"}
    if sandbox is None:
        checked = list(zip(files, _ask("check", request), strict=True))
    else:
        checked = list(zip(files, _check_there(url, sandbox, request), strict=True))
    if form == "json":
        documents = [{"file": file, **verdict} for file, verdicts in checked for verdict in verdicts]
        show(documents, True, "")
    else:
        forms = {"junit": as_junit, "sarif": as_sarif}
        typer.echo(forms[form](checked) if form in forms else as_text(checked, output_language(lang)))
    if any(is_refused(verdict) for _, verdicts in checked for verdict in verdicts):
        raise typer.Exit(1)


@contract.command("diff")
def diff(
    old: Annotated[str, typer.Argument(help="Schema file, folder, or the word released.", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="Schema file, folder, or the word current.", metavar="NEW")],
    lang: Lang = "",
    json: Json = False,
) -> None:
    """Say per member what changed between two versions, and whom it breaks; exit status 1 if it breaks anybody."""
    changes = _ask("diff", {"old": old, "new": new})
    text = "text_vi" if output_language(lang) == "vi" else "text"
    if json:
        show(changes, json, "")
    elif changes:
        rows = [(each["type"], each["pointer"] or "/", each["breaks"], each[text]) for each in changes]
        print_table(("type", "member", "breaks", "what changed"), rows, fold=("what changed",))
    else:
        typer.echo("Nothing changed.")
    if any(each["breaks"] != "nobody" for each in changes):
        raise typer.Exit(1)


@contract.command("export")
def export(
    folder: Annotated[str, typer.Argument(help="Folder, made if there is none.", metavar="DIR")], json: Json = False
) -> None:
    """Copy the contracts into a folder: schemas, topics, lifecycle, rules, and messages that break them."""
    refuse_without_packages(*GATE, what="Exporting the contracts")
    reply = _ask("export", {"folder": folder})
    show(reply, json, f"{len(reply['files'])} files in {reply['folder']}")


def _check_there(url: str, sandbox: str, request: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """As `check` of the contracts, by the dossiers of a sandbox of the running country."""

    async def requests(country: Country) -> list[list[dict[str, Any]]]:
        inside = country.enter(sandbox)
        return [
            [{"line": each["line"], **await _judged(inside, each, request)} for each in messages]
            for messages in _ask("split", request)
        ]

    return ask(url, requests, as_it_is=True, parallel=True)  # httpx also sends a header twice


async def _judged(inside: Sandbox, sent: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    content = sent["body"].encode("utf-8", "surrogateescape")
    headers = [(name, value.encode("latin-1")) for name, value in sent["headers"]]
    verdict = await inside.connector(sent["province"]).check_raw(content, headers, gate=request["leniency"])
    if request["type"]:  # what is wrong with the attributes that we gave a bare body is wrong in the body too
        verdict["errors"] = [each for each in verdict["errors"] if each["pointer"][:5] in ("", "/data", "/type")]
    return verdict


def _read(file: str) -> str:
    """The text of a file; bytes that are no UTF-8 as surrogates, so that the gate sees them."""
    try:
        content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read ({error.strerror}).", param_hint="FILE") from error
    return content.decode("utf-8", "surrogateescape")


def _ask(verb: str, request: Mapping[str, Any]) -> Any:
    """The reply of the contracts, in a process of its own: they are not imported here. Raises Trouble, BadParameter."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "contracts.command", verb],
        input=jsons.dumps(request),
        env={**os.environ, "PYTHONPATH": str(source_root()), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        reply = jsons.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().rpartition("\n")[2]
        raise Trouble(f"The contracts could not be read ({last}): install lienthong again.") from None
    if isinstance(reply, dict) and "trouble" in reply:
        raise typer.BadParameter(shown_lines(reply["trouble_vi" if output_language() == "vi" else "trouble"]))
    return reply


def _in_full(reply: Mapping[str, Any], lang: str) -> str:
    lines = [f"{reply['type']}: {reply[f'text_{lang}']}", f"said by   {reply['publisher']}"]
    for move in reply["moves"]:
        needs = f"; needs: {'; '.join(move['needs'])}" if move["needs"] else ""
        lines.append(f"when      {move['when']} → {move['then']} ({move['who']}: {move['does']}{needs})")
    lines += [f"law       {law}" for law in dict.fromkeys(move["law"] for move in reply["moves"])]
    lines += ["members", *_members(reply["schema"], lang), "example"]
    lines.append(jsons.dumps(reply["schema"]["examples"][0], ensure_ascii=False, indent=2))
    return "\n".join(lines)


def _members(part: Mapping[str, Any], lang: str, under: str = "") -> list[str]:
    lines = []
    for name, member in part.get("properties", {}).items():
        needed = "" if name in part.get("required", ()) else ", optional"
        kind = " or ".join(member["type"]) if isinstance(member["type"], list) else member["type"]
        text = member["x-description-vi" if lang == "vi" else "description"]
        lines.append(f"  {under}/{name}  {member['x-rule']}  {kind}{needed}: {text}")
        lines += _members(member, lang, f"{under}/{name}")
        lines += _members(member.get("items", {}), lang, f"{under}/{name}/*")
    return lines
