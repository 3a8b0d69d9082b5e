"""Officials who do nothing, dawdle, forget to apologise, ask twice or give no reason: switched on, seen, and off again."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.province_gateway.stages import ANSWERED, ASKED, SAID, STAGES, Officials
from tests.support.country import Country, Sandbox, pointers
from tests.support.factories import FREE, PROVINCE

OPEN = [name for name, stage in STAGES.items() if stage.state not in law.FINAL]


class Faulty(Officials):
    """Officials about whom rules are switched on and off."""

    async def on(self, fault: str, **more: Any) -> None:
        answer = await self.sandbox.lab("/faults", {"fault": fault, **more})
        assert answer.status_code == 201, answer.text

    async def off(self) -> None:
        answer = await self.country.ask("portal", "DELETE", f"/_lab/sandboxes/{self.sandbox.id}/faults")
        assert answer.status_code == 204, answer.text

    async def bites(self) -> int:
        """How often a rule bit; each time there is a line in the dossier's own story."""
        answer = await self.country.ask("portal", "GET", f"/_lab/sandboxes/{self.sandbox.id}/faults")
        fired = sum(rule["fired"] for rule in answer.json())
        story = await self.country.ask("gateway", "GET", f"/_lab/timeline/{self.code}", headers=self.sandbox.header)
        assert sum(line["kind"] == "fault" for line in story.json()) == fired
        return fired


@pytest.fixture
async def desk(country: Country, sandbox: Sandbox) -> Faulty:
    return Faulty(country, sandbox)


@pytest.mark.parametrize("stage", OPEN)
async def test_whoever_is_silent_goes_on_as_before_once_the_rule_is_off(desk: Faulty, stage: str) -> None:
    await desk.brought_to(STAGES[stage])
    planned = await desk.due()
    await desk.on("officers-silent", match={"province": PROVINCE})
    assert await desk.due() == [] and await desk.bites() >= 1
    await desk.off()
    assert await desk.due() == planned


async def test_what_lies_because_of_it_is_named_for_whoever_settles(desk: Faulty) -> None:
    async def held() -> list[str]:
        path = f"/_lab/sandboxes/{desk.sandbox.id}/pending"
        told: list[str] = (await desk.country.ask("gateway", "GET", path)).json().get("held", [])
        return told

    await desk.submitted(procedure=FREE)
    assert await held() == []
    await desk.on("officers-silent", id="asleep", match={"province": PROVINCE})
    assert await held() == [f"asleep: Nobody acts; dossiers waiting: 1, the first is {desk.code}"]
    await desk.off()
    await desk.on("officers-silent", match={"province": "01"})
    assert await held() == []


async def test_what_has_ended_is_held_by_nobody(desk: Faulty) -> None:
    await desk.brought_to(STAGES["refused"])
    await desk.on("officers-silent", match={"province": PROVINCE})
    path = f"/_lab/sandboxes/{desk.sandbox.id}/pending"
    assert (await desk.country.ask("gateway", "GET", path)).json()["held"] == []


async def test_the_silence_of_another_province_is_not_ours(desk: Faulty) -> None:
    await desk.on("officers-silent", match={"province": "01"})
    await desk.submitted(procedure=FREE)
    assert await desk.due() == [("reception", "09/06 10:00")] and await desk.bites() == 0


async def test_silence_ends_with_its_window(desk: Faulty) -> None:
    await desk.on("officers-silent", until="2026-06-12T00:00:00+07:00")
    await desk.submitted(procedure=FREE)
    assert await desk.due() == [("reception", "12/06 08:00")]
    await desk.hears(ASKED)
    assert ("answer_withdrawal", "12/06 08:00") in await desk.due()


async def test_who_falls_silent_later_does_not_do_what_was_planned_before(desk: Faulty) -> None:
    await desk.submitted(procedure=FREE)
    await desk.on("officers-silent", **{"from": "2026-06-09T09:00:00+07:00"})
    assert await desk.due() == [("reception", "09/06 10:00")]
    await desk.until("09/06 10:00")
    await desk.sandbox.fire()
    assert await desk.due() == [] and await desk.types() == []


async def test_slow_officials_take_days_longer_with_every_step(desk: Faulty) -> None:
    await desk.on("officers-slow", **{"with": {"days": 2}})
    await desk.submitted(procedure=FREE)
    assert await desk.due() == [("reception", "11/06 08:00")]
    await desk.hears(ASKED)
    assert ("answer_withdrawal", "11/06 08:00") in await desk.due()
    assert await desk.bites() == 2


async def test_the_desk_answers_late(desk: Faulty) -> None:
    await desk.on("officers-answer-late", **{"with": {"days": 3}})
    await desk.submitted(procedure=FREE)
    assert await desk.due() == [("reception", "12/06 08:00")] and await desk.bites() == 1
    await desk.off()
    assert await desk.due() == [("reception", "09/06 10:00")]


async def test_the_result_comes_overdue_and_nobody_apologises(desk: Faulty) -> None:
    await desk.on("overdue-without-apology")
    await desk.brought_to(STAGES["in processing"])
    due = (await desk.shown())["due_at"]
    while moments := await desk.due():
        await desk.until(moments[0][1])
        await desk.sandbox.fire()
    told = {event["type"]: event for event in await desk.told()}
    assert law.DOSSIER_RESCHEDULED not in told
    ready = told[law.DOSSIER_RESULT_READY]
    assert (ready["timeliness"], ready["on_time"]) == ("overdue", False) and ready["ready_at"] > due


async def test_papers_are_asked_for_a_second_time_and_not_a_third(desk: Faulty) -> None:
    await desk.on("second-supplement-request")
    await desk.brought_to(STAGES["answered later"])
    answered = 1
    while (await desk.shown())["status"]["slug"] != "result_returned":
        asked = (await desk.types()).count(law.SUPPLEMENT_REQUESTED)
        if asked > answered:
            answered = asked
            await desk.hears(ANSWERED, request=asked, **SAID[ANSWERED])
        await desk.until((await desk.due())[0][1])
        await desk.sandbox.fire()
    requests = [event for event in await desk.told() if event["type"] == law.SUPPLEMENT_REQUESTED]
    assert [each["counts_as_overdue"] for each in requests] == [False, True]
    assert await desk.bites() == 1


async def test_a_refusal_gives_no_reason_that_helps(desk: Faulty) -> None:
    await desk.on("refusal-without-reason")
    await desk.submitted(procedure=FREE)
    await desk.until("09/06 10:00")
    await desk.sandbox.fire()
    (refused,) = await desk.told()
    assert refused["type"] == law.DOSSIER_REFUSED and refused["reason"] == "Hồ sơ không hợp lệ"
    assert await desk.bites() == 1


async def test_by_lot_some_dossiers_are_hit_and_always_the_same(country: Country) -> None:
    hit = []
    for _ in range(2):
        sandbox = await country.sandbox(seed="lots")
        desks = [Faulty(country, sandbox, number) for number in range(1, 13)]
        await desks[0].on("officers-silent", probability=0.5)
        for desk in desks:
            await desk.submitted(procedure=FREE)
        hit.append([not await desk.due() for desk in desks])
    assert hit[0] == hit[1] and 0 < sum(hit[0]) < len(hit[0])


@pytest.mark.parametrize("word", ["nth", "times"])
async def test_officials_are_not_counted(desk: Faulty, word: str) -> None:
    answer = await desk.sandbox.lab("/faults", {"fault": "officers-silent", word: 2})
    assert pointers(answer) == [f"/{word}"]
