"""Tells journeys in the terminal, in Vietnamese or English, and reports on each dossier for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lienthong.cli.language import day_and_hour, dong, named
from lienthong.client import Sandbox, timeline
from lienthong.client.timeline import StatusChange
from lienthong.client.types import Entry
from lienthong.journeys import catalogue, travel
from lienthong.journeys.travel import Journey, Journeyed, Listener

WORDS = {
    "en": {
        "opening": "Sandbox {id}. Its clock stands at {now}; it is turned, not waited for.",
        "returned": "The result is returned",
        "refused": "Reception refuses",
        "withdrawn": "Paid, then withdrawn: the fee comes back",
        "who": '{who} asks for "{procedure}" at {where}.',
        "timeline": "{code}, as all services tell it",
        "reached": "All {count} dossiers reached the end they were meant to reach ({seconds:.1f} s).",
        "missed": "{code} was meant to end in state {meant} and stands in {state}: repeat with --keep, then "
        "`lienthong timeline {code} --sandbox ID` shows how far it came.",
        "kept": "The sandbox stays: `lienthong timeline CODE --sandbox {id}`.",
        "columns": "province|dossier|fee|ended|→|procedure",
        "paths": "path|dossier|states|as expected",
        "amiss": "{code} ({path}) is otherwise than expected: {amiss}",
        "dossier.submitted.v1": "{who} submits dossier {code}",
        "dossier.received.v1": "the office receives it and promises the result for {due_at}",
        "dossier.refused.v1": "the office refuses it: {reason}",
        "dossier.fee_demanded.v1": "the office demands {fee_dong}",
        "payment.confirmed.v1": "{who} pays {amount_dong} at the payment platform",
        "dossier.processing_started.v1": "the officers set to work",
        "dossier.result_ready.v1": "the result is ready",
        "dossier.result_returned.v1": "{who} has the result",
        "dossier.withdrawal_requested.v1": "{who} asks to withdraw it: {reason}",
        "dossier.withdrawal_declined.v1": "the office declines: {reason}",
        "dossier.withdrawn.v1": "the office lets it go",
        "payment.refunded.v1": "{amount_dong} come back to {who}",
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
        "amiss": "{code} ({path}) khác với dự kiến: {amiss}",
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


async def tell_three(sandbox: Sandbox, teller: Teller) -> list[dict[str, Any]]:
    """The three journeys one after the other, live; then each dossier's timeline. Returns the reports."""
    begun, reached = monotonic(), []
    await teller.meets(sandbox)
    for number, journey in enumerate(travel.THREE, start=1):
        reached.append(await travel.travel(sandbox, journey, await teller.begins(sandbox, journey, number)))
    stories = await _stories(sandbox, reached)
    for each, entries in zip(reached, stories, strict=True):
        title = teller.words("timeline", code=each.dossier["code"])
        teller.shows(timeline.draw(entries, title, teller.lang))
    teller.concludes(reached, monotonic() - begun)
    return _reports(reached, stories)


async def tell_the_whole_country(sandbox: Sandbox, teller: Teller) -> list[dict[str, Any]]:
    """One dossier in each province, all at once; then one line for each. Returns the reports."""
    begun = monotonic()
    await teller.meets(sandbox)
    reached = await travel.travel_all(sandbox, await travel.one_in_each_province(sandbox.country), by_day=True)
    stories = await _stories(sandbox, reached)
    reports = _reports(reached, stories)
    table = Table(box=None, pad_edge=False)
    for heading in teller.words("columns").split("|"):
        table.add_column(heading, no_wrap=heading not in ("procedure", "thủ tục"))
    for each, report in zip(reached, reports, strict=True):
        table.add_row(*teller.row(each, report["statuses"]))
    teller.shows(table)
    teller.concludes(reached, monotonic() - begun)
    return reports


async def tell_all_moves(sandbox: Sandbox, teller: Teller) -> list[dict[str, Any]]:
    """Every named path, all in one sandbox; then one line for each with the states it went through. Returns the reports."""
    begun = monotonic()
    await teller.meets(sandbox)
    reached = await travel.travel_all(sandbox, catalogue.ALL_MOVES)
    stories = await _stories(sandbox, reached)
    reports = _reports(reached, stories)
    table = Table(box=None, pad_edge=False)
    for heading in teller.words("paths").split("|"):
        table.add_column(heading, no_wrap=True)
    for each, report in zip(reached, reports, strict=True):
        states = " ".join(str(change["status"]) for change in report["statuses"])
        table.add_row(each.journey.name, each.dossier["code"], states, "✓" if each.reached else "✗")
    teller.shows(table)
    teller.concludes(reached, monotonic() - begun)
    return reports


async def _stories(sandbox: Sandbox, reached: Sequence[Journeyed]) -> list[list[Entry]]:
    return await asyncio.gather(*(sandbox.timeline(each.dossier["code"]) for each in reached))


def _reports(reached: Sequence[Journeyed], stories: Sequence[Sequence[Entry]]) -> list[dict[str, Any]]:
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
            "amiss": each.amiss,
        }
        for each, entries in zip(reached, stories, strict=True)
    ]


class Teller:
    """Says what happens in one language, vi or en; `missed` counts the dossiers that ended elsewhere than meant."""

    def __init__(self, console: Console, lang: str) -> None:
        self._console, self.lang = console, lang
        self._provinces: dict[str, dict[str, Any]] = {}
        self._procedures: dict[str, dict[str, Any]] = {}
        self.missed = 0

    def words(self, what: str, **facts: object) -> str:
        return WORDS[self.lang][what].format(**facts)

    def say(self, what: str, **facts: object) -> None:
        self._console.print(self.words(what, **facts), highlight=False, soft_wrap=True)

    def keeps(self, sandbox: Sandbox) -> None:
        """Name the sandbox that stays, where it does not disturb a program."""
        typer.echo(self.words("kept", id=sandbox.id), err=True)

    def shows(self, table: Table) -> None:
        self._console.print()
        self._console.print(table)

    async def meets(self, sandbox: Sandbox) -> None:
        """Learn the country's names, and say where and when we are."""
        country = sandbox.country
        self._provinces = {each["code"]: each for each in await country.provinces()}
        self._procedures = {each["code"]: each for each in await country.procedures()}
        self.say("opening", id=sandbox.id, now=day_and_hour((await sandbox.clock.read())["now"], self.lang))

    async def begins(self, sandbox: Sandbox, journey: Journey, number: int) -> Listener:
        """Say who wants what; returns the listener that says what happens then."""
        who = str((await sandbox.citizen(journey.persona).who_am_i())["HoVaTen"])
        communes = await sandbox.country.communes(journey.province)
        where = [named(each, self.lang) for each in communes if each["code"] == journey.commune]
        place = ", ".join([*where, named(self._provinces[journey.province], self.lang)])
        procedure = named(self._procedures[journey.procedure], self.lang)
        self._console.print(f"\n[bold]{number}. {self.words(journey.name)}[/bold]", highlight=False)
        self.say("who", who=who, procedure=procedure, where=place)

        return lambda entry: self.tell(entry, who)

    def tell(self, entry: Entry, who: str) -> None:
        """One line of a story; `who` is its citizen."""
        status = entry.get("status")
        mark = "" if status is None else f"  [bold]→ {status}[/bold]"
        when, sentence = day_and_hour(entry["at"], self.lang), escape(self.sentence(entry, who))
        self._console.print(f"  [cyan]{when}[/cyan]  {sentence}{mark}", highlight=False, soft_wrap=True)

    def sentence(self, entry: Entry, who: str) -> str:
        """In the words of a story where it has some for this event, else as its service tells it."""
        words = WORDS[self.lang].get(str(entry.get("event")))
        if words is None:
            return entry["text_vi"] if self.lang == "vi" else entry["text_en"]
        facts = {name: self._readable(name, value) for name, value in entry["data"].items()}
        return words.format(who=who, code=facts.get("dossier_code"), **facts)

    def _readable(self, name: str, value: Any) -> Any:
        """Times and money of an event, as people write them."""
        if name.endswith("_at"):
            return day_and_hour(value, self.lang)
        return dong(value, self.lang) if name.endswith("_dong") else value

    def row(self, each: Journeyed, statuses: Sequence[StatusChange]) -> list[str | Text]:
        """One line of the country's table; the last cell is cut where the terminal ends."""
        dossier, journey = each.dossier, each.journey
        fee = dossier["fee"]
        return [
            named(self._provinces[journey.province], self.lang),
            dossier["code"],
            dong(fee["amount_dong"], self.lang) if fee else "",
            day_and_hour(statuses[-1]["at"], self.lang) if statuses else "",
            str(dossier["status"]["code"]),
            Text(named(self._procedures[journey.procedure], self.lang), no_wrap=True, overflow="ellipsis"),
        ]

    def concludes(self, reached: Sequence[Journeyed], seconds: float) -> None:
        """Say whether everything ended as it was meant to; what did not is said on stderr too, even to a program."""
        self._console.print()
        for each in reached:
            if not each.reached:
                self.missed += 1
                code, state = each.dossier["code"], each.dossier["status"]["slug"]
                if state == each.journey.ends and each.amiss:
                    typer.echo(self.words("amiss", code=code, path=each.journey.name, amiss=each.amiss), err=True)
                else:
                    typer.echo(self.words("missed", code=code, meant=each.journey.ends, state=state), err=True)
        if not self.missed:
            self.say("reached", count=len(reached), seconds=seconds)
