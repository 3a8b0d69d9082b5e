"""`lienthong wait-for | watch | explain`: one dossier, waited for, followed, and asked why nothing happens to it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.cli.language import chosen
from lienthong.cli.plainly import DEFAULT_SANDBOX, HERE, Json, Lang, Sandbox, Url, ask, show
from lienthong.embedded import Trouble

if TYPE_CHECKING:
    from lienthong import client
    from lienthong.cli.telling import Teller
    from lienthong.client.types import Cause, Entry

SOON, LATER = 1.0, 10.0  # s; how long the portal waits for news: first to say why there are none, then until there are
SOMEBODY = {"en": "the citizen", "vi": "công dân"}

Code = Annotated[str, typer.Argument(help="Code of a dossier.", metavar="CODE")]
Event = Annotated[str, typer.Argument(help="Event type, such as dossier.received.v1.", metavar="EVENT")]


def add_to(app: typer.Typer) -> None:
    """Add this file's verbs to the command."""
    app.command("wait-for")(wait_for)
    app.command()(watch)
    app.command()(explain)


def wait_for(
    event: Event,
    dossier: Annotated[str, typer.Option("--dossier", help="Code of the dossier.", metavar="CODE")],
    count: Annotated[int, typer.Option(help="The how-manieth event of this type.", min=1)] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0)] = 10,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    lang: Lang = "",
    url: Url = HERE,
    as_json: Json = False,
) -> None:
    """Wait until an event of a dossier is there, or say why it is not (exit status 1)."""
    spoken = chosen(lang)
    arrival = ask(
        url, lambda country: country.enter(sandbox).wait_for(event, dossier, count=count, timeout_seconds=timeout)
    )
    show(arrival, as_json, f"{arrival['verdict']}: {arrival['sentence_vi' if spoken == 'vi' else 'sentence_en']}")
    if arrival["verdict"] != "there":
        raise typer.Exit(1)


def explain(
    code: Code, sandbox: Sandbox = DEFAULT_SANDBOX, lang: Lang = "", url: Url = HERE, as_json: Json = False
) -> None:
    """Say why nothing happens to a dossier, most telling first, and what mends it."""
    spoken = chosen(lang)
    causes = ask(url, lambda country: country.enter(sandbox).explain(code))
    show(causes, as_json, "\n".join(line for cause in causes for line in _lines(cause, spoken)))


def _lines(cause: Cause, lang: str) -> list[str]:
    sentence, mend = (
        (cause["sentence_vi"], cause["mend_vi"]) if lang == "vi" else (cause["sentence_en"], cause["mend_en"])
    )
    return [f"- {sentence}", f"  → {mend}"]


def watch(
    code: Code,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Stay when the dossier has ended, until Ctrl-C.")
    ] = False,
    sandbox: Sandbox = DEFAULT_SANDBOX,
    lang: Lang = "",
    url: Url = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Tell the story of a dossier live, from its beginning to its end; while nothing happens, say why."""
    from rich.console import Console

    from lienthong.cli.telling import Teller

    teller = Teller(Console(), chosen(lang))
    try:
        ask(url, lambda country: _tell(Story(country.enter(sandbox), code, teller, as_json), follow))
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # whoever read us has seen enough
        sys.stderr.close()


async def _tell(story: Story, follow: bool) -> None:
    """Until the dossier has ended; or, to `follow`, for ever."""
    news = await story.sandbox.news(story.code, after=0, timeout_seconds=0)
    if not news["entries"]:
        raise Trouble(story.reads(news["cause"]))
    while True:
        if news["entries"] > story.told:
            await story.go_on()
        elif not news["ended"]:
            story.waits(news["cause"])
        if news["ended"] and not follow:
            return
        patience = LATER if story.waiting else SOON
        news = await story.sandbox.news(story.code, after=story.told, timeout_seconds=patience)


class Story:
    """One dossier's story while it is told: what was told of it, and what it was said to wait for."""

    def __init__(self, sandbox: client.Sandbox, code: str, teller: Teller, as_json: bool) -> None:
        self.sandbox, self.code = sandbox, code
        self._teller, self._as_json = teller, as_json
        self._seen: set[str] = set()
        self._who = SOMEBODY[teller.lang]
        self.told, self.waiting = 0, ""

    async def go_on(self) -> None:
        """Tell what is new. An entry of an earlier moment can come late: what was told is known by itself, not by its place."""
        entries = await self.sandbox.timeline(self.code)
        for entry in entries:
            line = json.dumps(entry, ensure_ascii=False)
            if line not in self._seen:
                self._seen.add(line)
                self._say(entry, line)
        self.told, self.waiting = len(entries), ""
        sys.stdout.flush()

    def _say(self, entry: Entry, line: str) -> None:
        applicant = entry["data"].get("applicant")
        self._who = applicant["name"] if isinstance(applicant, dict) else self._who
        if self._as_json:
            typer.echo(line)
        else:
            self._teller.tell(entry, self._who)

    def waits(self, cause: Cause) -> None:
        """Say why nothing more comes, once for each reason."""
        reason = f"{cause['name']} {cause['facts'].get('due')}"  # a running clock changes the words all the time
        if reason != self.waiting and not self._as_json:
            typer.echo(typer.style(f"  … {self.reads(cause)}", dim=True))
            sys.stdout.flush()
        self.waiting = reason

    def reads(self, cause: Cause) -> str:
        return cause["sentence_vi"] if self._teller.lang == "vi" else cause["sentence_en"]
