"""Tells journeys in the terminal, in Vietnamese or English, and reports on each dossier for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from lienthong import journeys, timeline
from lienthong.cli.language import day_and_hour, dong, named
from lienthong.client import Dossier, Sandbox
from lienthong.journeys import Journey, Journeyed, Listener
from lienthong.timeline import Entry, StatusChange

WORDS = {
    "en": {
        "opening": "Sandbox {id}. Its clock stands at {now}; it is turned, not waited for.",
        "returned": "The result is returned",
        "refused": "Reception refuses",
        "withdrawn": "Paid, then withdrawn: the fee comes back",
        "who": '{who} asks for "{procedure}" at {where}.',
        "submitted": "{who} submits dossier {code}",
        "pays": "{who} pays {fee} at the payment platform",
        "asks_withdrawal": "{who} asks to withdraw: {asked}",
        "moved": "→ {state}",
        "promised": "promised for {due}",
        "reason": "because: {reason}",
        "due": "{fee} to pay",
        "paid": "{fee} paid",
        "refund_pending": "{fee} is on its way back",
        "refunded": "{fee} refunded",
        "result": "result {result}",
        "timeline": "{code}, as all services tell it",
        "reached": "All {count} dossiers reached the end they were meant to reach ({seconds:.1f} s).",
        "missed": "{code} was meant to end in state {meant} and stands in {state}: repeat with --keep, then "
        "`lienthong timeline {code} --sandbox ID` shows how far it came.",
        "kept": "The sandbox stays: `lienthong timeline CODE --sandbox {id}`.",
        "columns": "province|dossier|procedure|fee|submitted|ended|state",
    },
    "vi": {
        "opening": "Sandbox {id}. Đồng hồ đứng ở {now}; đồng hồ được vặn tới, không ai phải chờ.",
        "returned": "Hồ sơ được trả kết quả",
        "refused": "Bộ phận Một cửa từ chối tiếp nhận",
        "withdrawn": "Đã nộp phí rồi rút hồ sơ: phí được hoàn lại",
        "who": "{who} đề nghị “{procedure}” tại {where}.",
        "submitted": "{who} nộp hồ sơ {code}",
        "pays": "{who} nộp {fee} qua nền tảng thanh toán",
        "asks_withdrawal": "{who} xin rút hồ sơ: {asked}",
        "moved": "→ {state}",
        "promised": "hẹn trả {due}",
        "reason": "lý do: {reason}",
        "due": "phải nộp {fee}",
        "paid": "đã nộp {fee}",
        "refund_pending": "đang hoàn {fee}",
        "refunded": "đã hoàn {fee}",
        "result": "kết quả {result}",
        "timeline": "{code}, theo lời kể của mọi hệ thống",
        "reached": "Cả {count} hồ sơ đã đến đích như dự kiến ({seconds:.1f} giây).",
        "missed": "{code} lẽ ra kết thúc ở trạng thái {meant} nhưng đang ở {state}: chạy lại với --keep, rồi "
        "`lienthong timeline {code} --sandbox ID` cho biết hồ sơ đã đi đến đâu.",
        "kept": "Sandbox được giữ lại: `lienthong timeline MÃ --sandbox {id}`.",
        "columns": "tỉnh, thành phố|hồ sơ|thủ tục|phí|nộp|kết thúc|trạng thái",
    },
}


async def tell_three(sandbox: Sandbox, teller: Teller) -> list[dict[str, Any]]:
    """The three journeys one after the other, live; then each dossier's timeline. Returns the reports."""
    begun, reached = monotonic(), []
    await teller.meets(sandbox)
    for number, journey in enumerate(journeys.THREE, start=1):
        reached.append(await journeys.travel(sandbox, journey, await teller.begins(sandbox, journey, number)))
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
    reached = await journeys.travel_together(sandbox, await journeys.one_in_each_province(sandbox.country))
    stories = await _stories(sandbox, reached)
    reports = _reports(reached, stories)
    table = Table(*teller.words("columns").split("|"), show_edge=False, pad_edge=False)
    for each, report in zip(reached, reports, strict=True):
        table.add_row(*teller.row(each, report["statuses"]))
    teller.shows(table)
    teller.concludes(reached, monotonic() - begun)
    return reports


async def _stories(sandbox: Sandbox, reached: Sequence[Journeyed]) -> list[list[Entry]]:
    return await asyncio.gather(*(sandbox.timeline(each.dossier["code"]) for each in reached))


def _reports(reached: Sequence[Journeyed], stories: Sequence[Sequence[Entry]]) -> list[dict[str, Any]]:
    """What `--json` prints: one object per dossier."""
    return [
        {
            "code": each.dossier["code"],
            "province": each.journey.province,
            "procedure": each.journey.procedure,
            "statuses": timeline.status_changes(entries),
            "payment": each.dossier["fee"],
            "result": each.dossier["result"],
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
        self._console.print(self.words(what, **facts), highlight=False)

    def shows(self, table: Table) -> None:
        self._console.print()
        self._console.print(table)

    async def meets(self, sandbox: Sandbox) -> None:
        """Learn the country's names, and say where and when we are."""
        country = sandbox.country
        self._provinces = {each["code"]: each for each in await country.provinces()}
        self._procedures = {each["code"]: each for each in await country.procedures()}
        self.say("opening", id=sandbox.id, now=day_and_hour((await sandbox.clock())["now"], self.lang))

    async def begins(self, sandbox: Sandbox, journey: Journey, number: int) -> Listener:
        """Say who wants what; returns the listener that says what happens then."""
        who = str((await sandbox.citizen(journey.persona).who_am_i())["HoVaTen"])
        communes = await sandbox.country.communes(journey.province)
        where = [named(each, self.lang) for each in communes if each["code"] == journey.commune]
        place = ", ".join([*where, named(self._provinces[journey.province], self.lang)])
        procedure = named(self._procedures[journey.procedure], self.lang)
        self._console.print(f"\n[bold]{number}. {self.words(journey.name)}[/bold]", highlight=False)
        self.say("who", who=who, procedure=procedure, where=place)

        def tell(what: str, dossier: Dossier, at: str) -> None:
            facts = self._facts(dossier)
            sentence = "; ".join(
                [self.words(what, who=who, asked=journey.withdraws, **facts), *self._details(what, dossier)]
            )
            self._console.print(f"  [cyan]{day_and_hour(at, self.lang)}[/cyan]  {sentence}", highlight=False)

        return tell

    def _facts(self, dossier: Dossier) -> dict[str, str]:
        fee = dossier["fee"]
        state = f"{dossier['status']['code']} {named(dossier['status'], self.lang)}"
        return {"code": dossier["code"], "state": state, "fee": dong(fee["amount_dong"], self.lang) if fee else ""}

    def _details(self, what: str, dossier: Dossier) -> list[str]:
        """What is worth knowing in the state that was just reached."""
        if what != "moved":
            return []
        state, fee, said = dossier["status"]["slug"], dossier["fee"], []
        if state == "received" and dossier["due_at"]:
            said.append(self.words("promised", due=day_and_hour(dossier["due_at"], self.lang)))
        if state == "refused_at_reception" and dossier["reason"]:
            said.append(self.words("reason", reason=dossier["reason"]))
        if state in ("financial_obligation", "withdrawn") and fee and fee["status"] != "none":
            said.append(self.words(fee["status"], **self._facts(dossier)))
        if dossier["result"] and dossier["result"].get("number"):
            said.append(self.words("result", result=dossier["result"]["number"]))
        return said

    def row(self, each: Journeyed, statuses: Sequence[StatusChange]) -> list[str]:
        """One line of the country's table."""
        dossier, journey = each.dossier, each.journey
        fee = dossier["fee"]
        return [
            named(self._provinces[journey.province], self.lang),
            dossier["code"],
            named(self._procedures[journey.procedure], self.lang),
            dong(fee["amount_dong"], self.lang) if fee and fee["amount_dong"] else "",
            day_and_hour(dossier["submitted_at"], self.lang),
            day_and_hour(statuses[-1]["at"], self.lang) if statuses else "",
            f"{dossier['status']['code']} {named(dossier['status'], self.lang)}",
        ]

    def concludes(self, reached: Sequence[Journeyed], seconds: float) -> None:
        """Say whether everything ended as it was meant to; what did not is said on stderr too, even to a program."""
        self._console.print()
        for each in reached:
            if not each.reached:
                self.missed += 1
                code, state = each.dossier["code"], each.dossier["status"]["code"]
                typer.echo(self.words("missed", code=code, meant=each.journey.ends, state=state), err=True)
        if not self.missed:
            self.say("reached", count=len(reached), seconds=seconds)
