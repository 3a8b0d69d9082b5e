"""`lienthong wait-for | watch | explain`: wait for a dossier's event, follow its timeline, explain why nothing happens."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lienthong.cli import complete
from lienthong.cli.command import DEFAULT_SANDBOX, DEFAULT_URL, Json, Lang, Sandbox, Url, ask, number, show
from lienthong.cli.language import output_language
from lienthong.embedded import Trouble
from lienthong.shown import shown

if TYPE_CHECKING:
    from lienthong import client
    from lienthong.cli.story import StoryPrinter
    from lienthong.client.types import Cause, Entry
    from lienthong.client.types import Event as EventName

SOON, LATER = 1.0, 10.0  # seconds the portal waits for news: short before we print why there is none, long afterwards
UNKNOWN = "unknown-dossier"  # cause: no service knows the code

Code = Annotated[str, typer.Argument(help="Code of a dossier.", metavar="CODE")]
Event = Annotated[
    str,
    typer.Argument(help="Event type, such as dossier.received.v1.", metavar="EVENT", autocompletion=complete.events),
]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command("wait-for")(wait_for)
    app.command()(watch)
    app.command()(explain)


def wait_for(
    event: Event,
    dossier: Annotated[str, typer.Option("--dossier", help="Code of the dossier.", metavar="CODE")],
    count: Annotated[int, typer.Option(help="Which occurrence of this event type, counted from 1.", min=1)] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", metavar="SECONDS", parser=number(0))] = 10,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    lang: Lang = "",
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Wait for an event of a dossier, or print why it does not come (exit status 1)."""
    language = output_language(lang)
    arrival = ask(
        url,
        lambda country: country.enter(sandbox).wait_for(
            dossier, cast("EventName", event), count=count, timeout_seconds=timeout
        ),
        as_json,
    )
    show(arrival, as_json, f"{arrival['verdict']}: {arrival['sentence_vi' if language == 'vi' else 'sentence_en']}")
    if arrival["verdict"] != "there":
        raise typer.Exit(1)


def explain(
    code: Code, sandbox: Sandbox = DEFAULT_SANDBOX, lang: Lang = "", url: Url = DEFAULT_URL, as_json: Json = False
) -> None:
    """Print why nothing happens to a dossier, the main cause first, and how to fix it; exit status 1 if it is unknown."""
    language = output_language(lang)
    causes = ask(url, lambda country: country.enter(sandbox).explain(code), as_json)
    show(causes, as_json, "\n".join(line for cause in causes for line in _lines(cause, language)))
    if any(cause["name"] == UNKNOWN for cause in causes):
        raise typer.Exit(1)


def _lines(cause: Cause, lang: str) -> list[str]:
    sentence, fix = (
        (cause["sentence_vi"], cause["mend_vi"]) if lang == "vi" else (cause["sentence_en"], cause["mend_en"])
    )
    return [f"- {sentence}", f"  → {fix}"]


def watch(
    code: Code,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Do not stop when the dossier has ended, but at Ctrl-C.")
    ] = False,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    lang: Lang = "",
    url: Url = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Print the timeline of a dossier live, from its beginning to its end; while nothing happens, print why."""
    from rich.console import Console

    from lienthong.cli.story import StoryPrinter

    printer = StoryPrinter(Console(), output_language(lang))
    try:
        ask(
            url,
            lambda country: _watch(DossierWatch(country.enter(sandbox), code, printer, as_json), follow),
            parallel=True,
        )
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # the reader of the pipe has ended, such as `head`
        sys.stderr.close()


async def _watch(dossier: DossierWatch, follow: bool) -> None:
    """Print entries until the dossier has ended; with `follow`, until interrupted."""
    news = await dossier.sandbox.news(dossier.code, after=0, timeout_seconds=0)
    if not news["entries"]:
        raise Trouble(dossier.sentence(news["cause"]))
    while True:
        if news["entries"] > dossier.printed:
            await dossier.print_new()
        elif not news["ended"]:
            dossier.print_cause(news["cause"])
        if news["ended"] and not follow:
            return
        patience = LATER if dossier.reason else SOON
        news = await dossier.sandbox.news(dossier.code, after=dossier.printed, timeout_seconds=patience)


class DossierWatch:
    """State of `lienthong watch` for one dossier.

    printed  number of timeline entries printed so far
    reason   the cause printed last, if nothing came since
    """

    def __init__(self, sandbox: client.Sandbox, code: str, printer: StoryPrinter, as_json: bool) -> None:
        self.sandbox, self.code = sandbox, code
        self._printer, self._as_json = printer, as_json
        self._lines: set[str] = set()
        self.printed, self.reason = 0, ""

    async def print_new(self) -> None:
        """Print new entries. A late entry can come before printed ones, so entries are compared by content."""
        entries = await self.sandbox.timeline(self.code)
        for entry in entries:
            line = json.dumps(entry, ensure_ascii=False)
            if line not in self._lines:
                self._lines.add(line)
                self._print(entry, line)
        self.printed, self.reason = len(entries), ""
        sys.stdout.flush()

    def _print(self, entry: Entry, line: str) -> None:
        if self._as_json:
            typer.echo(line)
        else:
            self._printer.print_entry(entry)

    def print_cause(self, cause: Cause) -> None:
        """Print why nothing more comes, once for each reason."""
        reason = f"{cause['name']} {cause['facts'].get('due')}"  # not the sentence: it changes while the clock runs
        if reason != self.reason and not self._as_json:
            typer.echo(typer.style(f"  … {self.sentence(cause)}", dim=True))
            sys.stdout.flush()
        self.reason = reason

    def sentence(self, cause: Cause) -> str:
        return shown(cause["sentence_vi"] if self._printer.lang == "vi" else cause["sentence_en"])
