"""Prints journeys of dossiers in the terminal, in Vietnamese or English, and reports each dossier for programs."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lienthong.cli.language import name_in
from lienthong.client import Sandbox, timeline
from lienthong.client.concurrency import gather
from lienthong.client.timeline import StatusChange
from lienthong.client.types import Entry
from lienthong.journeys import catalogue, travel
from lienthong.journeys.travel import Journey, JourneyResult, Listener
from lienthong.shown import shown, shown_in
from lienthong.texts import day_and_hour, dong, text


async def show_three(sandbox: Sandbox, printer: StoryPrinter) -> list[dict[str, Any]]:
    """Run and print the three journeys one after the other, then each dossier's timeline. Returns the reports."""
    begun, reached = monotonic(), []
    await printer.open(sandbox)
    for number, journey in enumerate(travel.THREE, start=1):
        reached.append(await travel.travel(sandbox, journey, await printer.begin(sandbox, journey, number)))
    stories = await _stories(sandbox, reached)
    for each, entries in zip(reached, stories, strict=True):
        title = printer.text("timeline", code=each.dossier["code"])
        printer.print_table(timeline.draw(entries, title, printer.lang))
    printer.conclude(reached, monotonic() - begun)
    return _reports(reached, stories)


async def show_each_province(sandbox: Sandbox, printer: StoryPrinter) -> list[dict[str, Any]]:
    """Run one dossier in each province in parallel, and print one line for each. Returns the reports."""
    begun = monotonic()
    await printer.open(sandbox)
    reached = await travel.travel_all(sandbox, await travel.one_in_each_province(sandbox.country), by_day=True)
    stories = await _stories(sandbox, reached)
    reports = _reports(reached, stories)
    table = Table(box=None, pad_edge=False)
    for heading in printer.text("columns").split("|"):
        table.add_column(heading, no_wrap=heading not in ("procedure", "thủ tục"))
    for each, report in zip(reached, reports, strict=True):
        table.add_row(*printer.row(each, report["statuses"]))
    printer.print_table(table)
    printer.conclude(reached, monotonic() - begun)
    return reports


async def show_all_moves(sandbox: Sandbox, printer: StoryPrinter) -> list[dict[str, Any]]:
    """Run every named path in one sandbox, and print one line for each with its states. Returns the reports."""
    begun = monotonic()
    await printer.open(sandbox)
    reached = await travel.travel_all(sandbox, catalogue.ALL_MOVES)
    stories = await _stories(sandbox, reached)
    reports = _reports(reached, stories)
    table = Table(box=None, pad_edge=False)
    for heading in printer.text("paths").split("|"):
        table.add_column(heading, no_wrap=True)
    for each, report in zip(reached, reports, strict=True):
        states = " ".join(str(change["status"]) for change in report["statuses"])
        table.add_row(each.journey.name, each.dossier["code"], states, "✓" if each.reached else "✗")
    printer.print_table(table)
    printer.conclude(reached, monotonic() - begun)
    return reports


async def _stories(sandbox: Sandbox, reached: Sequence[JourneyResult]) -> list[list[Entry]]:
    return await gather(*(sandbox.timeline(each.dossier["code"]) for each in reached))


def _reports(reached: Sequence[JourneyResult], stories: Sequence[Sequence[Entry]]) -> list[dict[str, Any]]:
    """What `--json` prints: one object per dossier."""
    return [
        {
            "path": each.journey.name,
            "code": each.dossier["code"],
            "province": each.journey.province,
            "procedure": each.journey.procedure,
            "statuses": timeline.status_changes(entries),
            "payment": each.dossier["fee"],
            "result": each.dossier["result"],
            "reached": each.reached,
            "amiss": each.mismatches,
        }
        for each, entries in zip(reached, stories, strict=True)
    ]


class StoryPrinter:
    """Prints what happens, in vi or en. `missed` counts the dossiers that did not end in their expected state."""

    def __init__(self, console: Console, lang: str) -> None:
        self._console, self.lang = console, lang
        self._provinces: dict[str, dict[str, Any]] = {}
        self._procedures: dict[str, dict[str, Any]] = {}
        self.missed = 0

    def text(self, key: str, **facts: object) -> str:
        return text(f"story.{key}", self.lang, **shown_in(facts))

    def print(self, key: str, **facts: object) -> None:
        self._console.print(self.text(key, **facts), highlight=False, soft_wrap=True, markup=False)

    def name_kept_sandbox(self, sandbox: Sandbox) -> None:
        """Print the id of the kept sandbox on stderr, so that stdout stays JSON for programs."""
        typer.echo(self.text("kept", id=sandbox.id), err=True)

    def print_table(self, table: Table) -> None:
        self._console.print()
        self._console.print(table)

    async def open(self, sandbox: Sandbox) -> None:
        """Load the names of provinces and procedures; print the sandbox and its time."""
        country = sandbox.country
        self._provinces = {each["code"]: each for each in await country.provinces()}
        self._procedures = {each["code"]: each for each in await country.procedures()}
        self.print("opening", id=sandbox.id, now=day_and_hour((await sandbox.clock.read())["now"], self.lang))

    async def begin(self, sandbox: Sandbox, journey: Journey, number: int) -> Listener:
        """Print who applies for what; returns the listener, which prints each further entry."""
        who = str((await sandbox.citizen(journey.persona).who_am_i())["HoVaTen"])
        communes = await sandbox.country.communes(journey.province)
        where = [name_in(each, self.lang) for each in communes if each["code"] == journey.commune]
        place = ", ".join([*where, name_in(self._provinces[journey.province], self.lang)])
        procedure = name_in(self._procedures[journey.procedure], self.lang)
        self._console.print(f"\n[bold]{number}. {self.text(journey.name)}[/bold]", highlight=False)
        self.print("who", who=who, procedure=procedure, where=place)
        return self.print_entry

    def print_entry(self, entry: Entry) -> None:
        state = timeline.state_of(entry, self.lang)
        mark = f"  [bold]→ {state}[/bold]" if state else ""
        when, words = day_and_hour(entry["at"], self.lang), escape(shown(timeline.told(entry, self.lang)))
        self._console.print(f"  [cyan]{when}[/cyan]  {words}{mark}", highlight=False, soft_wrap=True)

    def row(self, each: JourneyResult, statuses: Sequence[StatusChange]) -> list[str | Text]:
        """One row of the table of provinces; the last cell is cut at the width of the terminal."""
        dossier, journey = each.dossier, each.journey
        fee = dossier["fee"]
        return [
            name_in(self._provinces[journey.province], self.lang),
            dossier["code"],
            dong(fee["amount_dong"], self.lang) if fee else "",
            day_and_hour(statuses[-1]["at"], self.lang) if statuses else "",
            str(dossier["status"]["code"]),
            Text(name_in(self._procedures[journey.procedure], self.lang), no_wrap=True, overflow="ellipsis"),
        ]

    def conclude(self, reached: Sequence[JourneyResult], seconds: float) -> None:
        """Print whether all dossiers ended as expected; those that did not are printed on stderr, also with --json."""
        self._console.print()
        for each in reached:
            if not each.reached:
                self.missed += 1
                code, state = each.dossier["code"], each.dossier["status"]["slug"]
                if state == each.journey.ends and each.mismatches:
                    typer.echo(
                        self.text("mismatches", code=code, path=each.journey.name, mismatches=each.mismatches), err=True
                    )
                else:
                    typer.echo(self.text("missed", code=code, meant=each.journey.ends, state=state), err=True)
        if not self.missed:
            self.print("reached", count=len(reached), seconds=seconds)
