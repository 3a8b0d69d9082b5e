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

from lienthong.cli.language import day_and_hour, dong, name_in
from lienthong.client import Sandbox, timeline
from lienthong.client.concurrency import gather
from lienthong.client.timeline import StatusChange
from lienthong.client.types import Entry
from lienthong.journeys import catalogue, travel
from lienthong.journeys.travel import Journey, JourneyResult, Listener
from lienthong.shown import shown, shown_in

WORDS = {
    "en": {
        "opening": "Sandbox {id}. Its clock shows {now}; it is advanced, so nothing takes real time.",
        "returned": "The result is returned",
        "refused": "The reception desk refuses",
        "withdrawn": "Paid, then withdrawn: the fee comes back",
        "who": '{who} asks for "{procedure}" at {where}.',
        "timeline": "{code}, timeline of all services",
        "reached": "All {count} dossiers ended in their expected state ({seconds:.1f} s).",
        "missed": "{code} should end in state {meant} but is in state {state}: repeat with --keep, then "
        "`lienthong timeline {code} --sandbox ID` shows how far it came.",
        "kept": "The sandbox is kept: `lienthong timeline CODE --sandbox {id}`.",
        "columns": "province|dossier|fee|ended|→|procedure",
        "paths": "path|dossier|states|as expected",
        "mismatches": "{code} ({path}) differs from what was expected: {mismatches}",
        "dossier.submitted.v1": "{who} submits dossier {code}",
        "dossier.received.v1": "the office receives it; the result is due at {due_at}",
        "dossier.refused.v1": "the office refuses it: {reason}",
        "dossier.fee_demanded.v1": "the office demands {fee_dong}",
        "payment.confirmed.v1": "{who} pays {amount_dong} at the payment platform",
        "dossier.processing_started.v1": "the officers start processing",
        "dossier.result_ready.v1": "the result is ready",
        "dossier.result_returned.v1": "{who} has the result",
        "dossier.withdrawal_requested.v1": "{who} asks to withdraw it: {reason}",
        "dossier.withdrawal_declined.v1": "the office declines: {reason}",
        "dossier.withdrawn.v1": "the office agrees to the withdrawal",
        "payment.refunded.v1": "{amount_dong} are refunded to {who}",
    },
    "vi": {
        "opening": "Sandbox {id}. Đồng hồ đứng ở {now}; đồng hồ được vặn tới, không ai phải chờ.",
        "returned": "Hồ sơ được trả kết quả",
        "refused": "Bộ phận Một cửa từ chối tiếp nhận",
        "withdrawn": "Đã nộp phí rồi rút hồ sơ: phí được hoàn lại",
        "who": "{who} đề nghị “{procedure}” tại {where}.",
        "timeline": "{code}, theo lời kể của mọi hệ thống",
        "reached": "Cả {count} hồ sơ đã đến đích như dự kiến ({seconds:.1f} giây).",
        "missed": "{code} lẽ ra kết thúc ở trạng thái {meant} nhưng đang ở {state}: chạy lại với --keep, rồi "
        "`lienthong timeline {code} --sandbox ID` cho biết hồ sơ đã đi đến đâu.",
        "kept": "Sandbox được giữ lại: `lienthong timeline MÃ --sandbox {id}`.",
        "paths": "đường đi|hồ sơ|trạng thái|đúng dự kiến",
        "mismatches": "{code} ({path}) khác với dự kiến: {mismatches}",
        "columns": "tỉnh, thành phố|hồ sơ|phí|kết thúc|→|thủ tục",
        "dossier.submitted.v1": "{who} nộp hồ sơ {code}",
        "dossier.received.v1": "cơ quan tiếp nhận, hẹn trả kết quả {due_at}",
        "dossier.refused.v1": "cơ quan không tiếp nhận: {reason}",
        "dossier.fee_demanded.v1": "cơ quan yêu cầu nộp {fee_dong}",
        "payment.confirmed.v1": "{who} nộp {amount_dong} qua nền tảng thanh toán",
        "dossier.processing_started.v1": "cán bộ bắt đầu xử lý",
        "dossier.result_ready.v1": "đã có kết quả",
        "dossier.result_returned.v1": "{who} nhận kết quả",
        "dossier.withdrawal_requested.v1": "{who} xin rút hồ sơ: {reason}",
        "dossier.withdrawal_declined.v1": "cơ quan không đồng ý: {reason}",
        "dossier.withdrawn.v1": "cơ quan đồng ý cho rút",
        "payment.refunded.v1": "{who} được hoàn {amount_dong}",
    },
}


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
        return WORDS[self.lang][key].format(**shown_in(facts))

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
        """Print who applies for what; returns the listener that prints each further entry."""
        who = str((await sandbox.citizen(journey.persona).who_am_i())["HoVaTen"])
        communes = await sandbox.country.communes(journey.province)
        where = [name_in(each, self.lang) for each in communes if each["code"] == journey.commune]
        place = ", ".join([*where, name_in(self._provinces[journey.province], self.lang)])
        procedure = name_in(self._procedures[journey.procedure], self.lang)
        self._console.print(f"\n[bold]{number}. {self.text(journey.name)}[/bold]", highlight=False)
        self.print("who", who=who, procedure=procedure, where=place)

        return lambda entry: self.print_entry(entry, who)

    def print_entry(self, entry: Entry, who: str) -> None:
        """Print one timeline entry; `who` is the name of the citizen."""
        status = entry.get("status")
        mark = "" if status is None else f"  [bold]→ {status}[/bold]"
        when, sentence = day_and_hour(entry["at"], self.lang), escape(self.sentence(entry, who))
        self._console.print(f"  [cyan]{when}[/cyan]  {sentence}{mark}", highlight=False, soft_wrap=True)

    def sentence(self, entry: Entry, who: str) -> str:
        """The sentence of WORDS for this event if there is one, else the text of the service."""
        template = WORDS[self.lang].get(str(entry.get("event")))
        if template is None:
            return shown(entry["text_vi"] if self.lang == "vi" else entry["text_en"])
        facts = {name: self._readable(name, value) for name, value in entry["data"].items()}
        return shown(template.format(who=who, code=facts.get("dossier_code"), **facts))

    def _readable(self, name: str, value: Any) -> Any:
        """A time or amount of an event in the output language; other values unchanged."""
        if name.endswith("_at"):
            return day_and_hour(value, self.lang)
        return dong(value, self.lang) if name.endswith("_dong") else value

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
