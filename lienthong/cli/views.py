"""`lienthong diff`: what each interface says of a dossier, where they differ, and what the adapter API cannot say."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, print_table, show
from lienthong.cli.language import output_language
from lienthong.embedded import Trouble

UNKNOWN = "/problems/dossier-not-found"
TEXTS = {
    "en": {
        "agree": "{code}: both views agree.",
        "differ": "{code}: {n} of its fields differ.",
        "never": "{code} was never pushed over the adapter API.",
        "headings": "field|network|as pushed",
        "only": "Only as pushed, in no event: {fields}.",
        "lost": "The adapter API cannot say: {facts}.",
    },
    "vi": {
        "agree": "{code}: hai cách nhìn giống nhau.",
        "differ": "{code}: {n} trường khác nhau.",
        "never": "{code} chưa từng được gửi qua giao diện đồng bộ.",
        "headings": "trường|trong mạng|đã gửi",
        "only": "Chỉ có trong dữ liệu đã gửi, không có trong sự kiện nào: {fields}.",
        "lost": "Giao diện đồng bộ không nói được: {facts}.",
    },
}


def add_to(app: typer.Typer) -> None:
    """Add this file's verb to the command."""
    app.command()(diff)


def diff(
    code: Annotated[
        str | None, typer.Argument(help="Code of the dossier in the network.", metavar="CODE", show_default=False)
    ] = None,
    dossier: Annotated[str | None, typer.Option("--dossier", help="The same as an option.", metavar="CODE")] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Show what the network has of a dossier beside what its province pushed over the adapter API, field by field."""
    if (code is None) == (dossier is None):
        raise typer.BadParameter("name one dossier: `lienthong diff CODE`.")
    views = _views(url, sandbox, code or dossier or "", json)
    texts = TEXTS["vi" if output_language() == "vi" else "en"]
    if json:
        show(views, json, "")
        return
    if views["pushed"] is None:
        show(views, json, texts["never"].format(**views))
    elif not views["differs"]:
        show(views, json, texts["agree"].format(**views))
    else:
        show(views, json, texts["differ"].format(n=len(views["differs"]), **views))
        print_table(texts["headings"].split("|"), map(_cells, views["differs"]))
    if views["only_pushed"]:
        show(views, json, texts["only"].format(fields=", ".join(views["only_pushed"])))
    if views["lost"]:
        facts = ", ".join(
            f"{each['fact']}" + (f" ({each['field']})" if each["field"] else "") for each in views["lost"]
        )
        show(views, json, texts["lost"].format(facts=facts))


def _views(url: str, sandbox: str, code: str, as_json: bool) -> dict[str, Any]:
    """Raises Trouble."""
    try:
        return ask(url, lambda country: country.enter(sandbox).views(code), as_json)
    except Trouble as refusal:
        if refusal.document["type"] != UNKNOWN:
            raise
        sentence = f"No province has {code} in sandbox {sandbox}: check the code, or name its sandbox with --sandbox."
        raise Trouble(sentence, refusal.document) from refusal


def _cells(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["field"], str(row["network"]), str(row["pushed"])
