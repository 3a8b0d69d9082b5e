"""`lienthong deliveries | resend`: what a connector was sent by webhook and what came of it; send it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, print_table, show
from lienthong.cli.connector import Province
from lienthong.cli.language import output_language
from lienthong.did_you_mean import nearest

if TYPE_CHECKING:
    from lienthong.client.types import Delivery

TEXTS = {
    "en": {
        "none": "There is no such delivery.",
        "resent": "Sent again, in order: {count}.",
        "no state": "'{state}' is no state: write waiting, delivered or given_up.",
        "did you mean": "'{state}' is no state: did you mean {meant}? There are waiting, delivered, given_up.",
    },
    "vi": {
        "none": "Không có tin nào như vậy.",
        "resent": "Số tin gửi lại, theo đúng thứ tự: {count}.",
        "no state": "'{state}' không phải là trạng thái: hãy viết waiting, delivered hoặc given_up.",
        "did you mean": "'{state}' không phải là trạng thái: ý bạn là {meant}? Có waiting, delivered, given_up.",
    },
}


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command()(deliveries)
    app.command()(resend)


def _checked_state(state: str | None) -> str | None:
    """`given up` is taken, too: the table shows it so. Raises typer.BadParameter."""
    name = None if state is None else state.strip().lower().replace(" ", "_")
    if name is None or name in complete.DELIVERY_STATES:
        return name
    meant = nearest(name, complete.DELIVERY_STATES)
    raise typer.BadParameter(_texts()["did you mean" if meant else "no state"].format(state=state, meant=meant))


def deliveries(
    province: Province,
    dossier: Annotated[
        str | None, typer.Option("--dossier", help="Only those of this dossier.", metavar="CODE")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="Only those that are waiting, delivered or given_up.",
            metavar="STATE",
            callback=_checked_state,
            autocompletion=complete.delivery_states,
        ),
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """List what a connector is told, with the attempts to send it by webhook."""
    rows = ask(url, lambda country: country.enter(sandbox).connector(province).sent(dossier=dossier, state=state), json)
    if json or not rows:
        show(rows, json, _texts()["none"])
        return
    print_table(("number", "time", "event", "type", "dossier", "state", "tries", "last answer"), map(_cells, rows))


def _cells(row: Delivery) -> tuple[str, ...]:
    last = row["log"][-1] if row["log"] else None
    answer = "–" if last is None else last["error"] or str(last["status"])
    if row["waits_for"]:
        answer = f"waits for {row['waits_for']}"
    elif row["state"] == "waiting" and row["next_try"]:
        answer += f"; next {row['next_try']}"
    state, tries = row["state"].replace("_", " "), str(row["attempts"])
    return (str(row["number"]), row["at"], row["id"], row["type"], row["dossier"], state, tries, answer)


def resend(
    province: Province,
    event: Annotated[str | None, typer.Argument(help="Id of one event.", metavar="EVENT")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="All events from this sandbox time on, such as 2026-06-09T08:00:00+07:00.", metavar="T"),
    ] = None,
    dossier: Annotated[
        str | None, typer.Option("--dossier", help="All events of this dossier.", metavar="CODE")
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Send a connector by webhook again what it was told, in order, also what it took or what was given up."""
    if sum(each is not None for each in (event, since, dossier)) != 1:
        raise typer.BadParameter("say which: the id of an event, --since or --dossier, and only one of them.")

    count = ask(
        url,
        lambda country: country.enter(sandbox).connector(province).resend(event, dossier=dossier, since=since),
        json,
    )
    show({"resent": count}, json, _texts()["resent"].format(count=count))


def _texts() -> dict[str, str]:
    return TEXTS["vi" if output_language() == "vi" else "en"]
