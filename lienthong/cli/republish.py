"""`lienthong republish`: publish events again from the event log of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Sandbox, Url, ask, show
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong.client import Country

SERVICES = ("portal", "gateway")


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command()(republish)


def republish(
    service: Annotated[
        str,
        typer.Argument(
            help="portal or gateway; if left out, both.", metavar="[SERVICE]", autocompletion=complete.services
        ),
    ] = "",
    lane: Annotated[int | None, typer.Option(min=0, max=33, help="Only this lane.", metavar="N")] = None,
    dossier: Annotated[
        str | None, typer.Option(help="Only the lane of this dossier, from its first event on.", metavar="CODE")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="From the first event of then or later: an instant of real time, 2026-12-01T08:00:00+07:00.",
            metavar="INSTANT",
        ),
    ] = None,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Publish events again, for a reader that lost its place or a broker that lost its data; none is applied twice.

    Without an option, all lanes from their first event on, of all sandboxes. The services do this by themselves when
    they notice a loss; this command is for readers of the topics that are not ours, and for a repair by hand.
    """
    if service and service not in SERVICES:
        raise typer.BadParameter(
            f"'{service}' publishes no lanes: write {' or '.join(SERVICES)}.", param_hint="SERVICE"
        )

    if dossier is not None and lane is not None:
        raise typer.BadParameter("the dossier names its lane: leave out --lane, or --dossier.", param_hint="--lane")

    async def requests(country: Country) -> list[dict[str, Any]]:
        entered = country.enter(sandbox)
        return [
            {"service": name, **row}
            for name in ((service,) if service else SERVICES)
            for row in await entered.republish(name, lane=lane, dossier=dossier, since=since)
        ]

    rows = ask(url, requests, json)
    if dossier is not None and not rows:
        raise Trouble(
            f"No event of {dossier} was published in the sandbox {sandbox}: `lienthong explain {dossier}` says why."
        )
    lines = [f"{row['service']:8} {row['topic']} lane {row['lane']}: {row['events']} events" for row in rows]
    show(rows, json, "\n".join(lines) or "No published event matches.")
