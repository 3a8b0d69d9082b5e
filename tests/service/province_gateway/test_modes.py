"""A province under every mode, and what becomes of its dossiers when the mode changes in the middle."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from contracts import lifecycle as law
from services.province_gateway import replan
from services.province_gateway.domain import Dossier
from shared.sandbox.clock import BUSINESS_ZONE
from tests.service.province_gateway.stages import ANSWERED, ASKED, PAID, SAID, STAGES, Officials
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import COPY, FREE, PROVINCE
from tests.support.office import Office

MANUAL, AT_ONCE = {"mode": "manual"}, {"mode": "simulated", "tempo": "at_once"}
EXTERNAL = {"mode": "external", "via": "pull"}
OPEN = [name for name, stage in STAGES.items() if stage.state not in law.FINAL]
# Who waits there is the citizen: for the papers, the money; or nobody waits any more.
CITIZENS = {law.SUPPLEMENT, law.FINANCIAL_OBLIGATION, law.RESULT_READY}


def scripted(**decisions: Any) -> dict[str, Any]:
    return {"mode": "simulated", "tempo": "scripted", "decisions": decisions}


class Provincial(Officials):
    """Officials whose province changes its mode."""

    async def mode(self, document: dict[str, Any] | None, province: str = PROVINCE) -> None:
        """Set it, or put the province back (None)."""
        path = f"/_lab/sandboxes/{self.sandbox.id}/modes/{province}"
        answer = await self.country.ask("portal", "PUT" if document else "DELETE", path, json=document)
        assert answer.status_code == 200, answer.text

    async def acts(self) -> list[str]:
        """What the worker fires for it by itself, until it fires nothing more."""
        kinds: list[str] = []
        sql = "SELECT kind FROM timers WHERE sandbox = $1 AND subject = $2 AND at_once ORDER BY due, kind"
        while rows := await self.gateway.database.fetch(sql, self.sandbox.id, self.code):
            kinds += [row["kind"] for row in rows]
            await self.gateway.timers.fire(None)
        return kinds

    async def kept(self) -> Dossier:
        found: Dossier = await self.gateway.documents.find(self.gateway.database, self.sandbox.id, self.code)
        return found

    async def notes(self) -> list[str]:
        answer = await self.country.ask("gateway", "GET", f"/_lab/timeline/{self.code}", headers=self.sandbox.header)
        return [line["text_en"] for line in answer.json() if line.get("kind") == "mode"]

    async def under_way(self) -> list[str]:
        return list((await self.gateway.pending(self.sandbox.id))["under_way"])


@pytest.fixture
async def desk(country: Country, sandbox: Sandbox) -> Provincial:
    return Provincial(country, sandbox)


# --- manual -----------------------------------------------------------------------------------------------------------------
async def test_in_manual_mode_nobody_acts_by_themselves(desk: Provincial) -> None:
    await desk.mode(MANUAL)
    await desk.submitted(procedure=FREE)
    for verb in (law.RECEIVE, law.START, law.FINISH):
        assert (await desk.due(), (await desk.shown())["planned"]) == ([], None)
        await desk.does(verb)
    await desk.hears(ASKED)
    assert await desk.due() == [], "a withdrawal is answered by whoever sits there"
    assert "decline_withdrawal" in (await desk.shown())["can"]
    assert (await desk.does(law.DECLINE_WITHDRAWAL, reason="Đã có kết quả"))["withdrawal_asked"] is False
    assert (await desk.does(law.RETURN))["status"]["slug"] == "result_returned"


async def test_a_script_of_its_own_waits_while_the_province_is_manual(desk: Provincial) -> None:
    await desk.mode(MANUAL)
    await desk.submitted(procedure=FREE)
    await desk.script(reception="refuse", reason="Thiếu giấy tờ", steps=[{"does": "stop", "at": "received"}])
    assert await desk.due() == []
    await desk.mode(None)
    assert [kind for kind, _ in await desk.due()] == ["reception"]
    await desk.act()
    assert (await desk.told())[0]["reason"] == "Thiếu giấy tờ"


async def test_a_withdrawal_asked_before_an_end_without_result_is_closed_by_it(desk: Provincial) -> None:
    await desk.mode(MANUAL)
    await desk.submitted(procedure=FREE)
    await desk.does(law.RECEIVE)
    await desk.hears(ASKED)
    assert (await desk.does(law.REJECT, reason="Không đủ điều kiện"))["withdrawal_asked"] is False


async def test_by_hand_nobody_invents_a_reason(desk: Provincial) -> None:
    await desk.mode(MANUAL)
    await desk.submitted(procedure=FREE)
    for verb in (law.REFUSE, law.REQUEST_SUPPLEMENT):
        assert pointers(await desk.tries(verb)) == ["/reason"], verb
    await desk.does(law.RECEIVE)
    await desk.does(law.START)
    for verb in (law.REJECT, law.STOP, law.RESCHEDULE, law.REQUEST_SUPPLEMENT):
        assert pointers(await desk.tries(verb)) == ["/reason"], verb
    assert (await desk.does(law.REJECT, reason="Không đủ điều kiện"))["reason"] == "Không đủ điều kiện"
    assert (await desk.told())[-1]["reason"] == "Không đủ điều kiện"


# --- changed in the middle ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("stage", OPEN)
async def test_a_dossier_survives_a_time_by_hand_wherever_it_stands(desk: Provincial, stage: str) -> None:
    await desk.brought_to(STAGES[stage])
    before, planned, story = await desk.shown(), await desk.due(), await desk.types()
    await desk.mode(MANUAL)
    assert await desk.due() == [] and await desk.under_way() == []
    assert await desk.shown() == {**before, "planned": None}
    await desk.mode(None)
    assert await desk.due() == planned and await desk.shown() == before
    assert await desk.types() == story, "nothing is told to anybody"
    assert await desk.notes() == [
        "Planned again; the province is in manual mode: no simulated officers",
        "Planned again; the province is in simulated mode, at working hours",
    ]


@pytest.mark.parametrize("stage", OPEN)
async def test_whatever_happens_meanwhile_is_planned_from_then_on(desk: Provincial, stage: str) -> None:
    await desk.brought_to(STAGES[stage])
    await desk.mode(MANUAL)
    await desk.until("16/06 11:00")
    kept = await desk.kept()
    for event in (ASKED, *(each for each in (PAID, ANSWERED) if _waits_for(kept, each))):
        await desk.hears(event, **SAID.get(event, {}))
    assert await desk.due() == []
    await desk.mode(None)
    now = datetime(2026, 6, 16, 11, tzinfo=BUSINESS_ZONE)
    rows = await desk.gateway.database.fetch("SELECT kind, due FROM timers WHERE sandbox = $1", desk.sandbox.id)
    assert all(row["due"] > now for row in rows), "nobody is late for what was not theirs to do"
    assert ("answer_withdrawal", "16/06 14:00") in await desk.due()
    kept = await desk.kept()
    assert {row["kind"] for row in rows} - {"answer_withdrawal"} == ({kept.planned} if kept.planned else set())
    while (await desk.gateway.pending(desk.sandbox.id))["next_due"]:
        await desk.act()
    assert (await desk.kept()).state in law.FINAL or (await desk.kept()).owing is not None
    assert (await desk.gateway.pending(desk.sandbox.id))["parked"] == []


def _waits_for(dossier: Dossier, event: str) -> bool:
    return dossier.unanswered if event == ANSWERED else dossier.owing is not None


async def test_ended_dossiers_and_other_provinces_are_left_alone(country: Country, sandbox: Sandbox) -> None:
    ended = await Officials(country, sandbox, 1).brought_to(STAGES["returned"])
    open_one = Provincial(country, sandbox, 2)
    await open_one.submitted(procedure=FREE)
    await open_one.mode(MANUAL, "01")
    assert await open_one.notes() == [] and await open_one.due() != []
    await open_one.mode(MANUAL, "*")
    assert await open_one.due() == [] and len(await open_one.notes()) == 1
    await open_one.mode(MANUAL)
    assert len(await open_one.notes()) == 1, "by another document, and all the same"
    notes = await country.ask("gateway", "GET", f"/_lab/timeline/{ended.code}", headers=sandbox.header)
    assert not [line for line in notes.json() if line.get("kind") == "mode"]


async def test_at_the_end_of_the_calendar_a_mode_can_still_be_set(country: Country) -> None:
    desk = Provincial(country, await country.sandbox(start="2027-12-31T16:30:00+07:00"))
    await desk.mode(MANUAL)
    await desk.submitted(procedure=FREE)
    await desk.hears(ASKED)
    await desk.mode(None)
    assert await desk.due() == [], "nobody comes to the office any more"
    await desk.does(law.GRANT_WITHDRAWAL)
    await desk.mode(AT_ONCE)
    assert (await desk.shown())["status"]["slug"] == "withdrawn"


# --- external -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("stage", OPEN)
async def test_a_dossier_survives_a_connector_wherever_it_stands(desk: Provincial, stage: str) -> None:
    await desk.brought_to(STAGES[stage])
    before, planned, story = await desk.shown(), await desk.due(), await desk.types()
    await desk.mode(EXTERNAL)
    assert await desk.due() == [] and await desk.shown() == {**before, "planned": None}
    await desk.mode(None)
    assert await desk.due() == planned and await desk.shown() == before
    assert await desk.types() == story
    assert (await desk.notes())[0] == "Planned again; the province is in external mode: its connector decides"


async def test_nobody_acts_as_an_official_where_a_connector_decides(desk: Provincial) -> None:
    await desk.mode(EXTERNAL)
    await desk.submitted(procedure=FREE)
    assert await desk.due() == []
    refused = problem(await desk.tries(law.RECEIVE), 409, "connector-decides")
    assert "lienthong trigger" in refused["detail"] and "lienthong disconnect --province 37" in refused["detail"]
    problem(await Office(desk.sandbox).register(), 409, "connector-decides")
    script = {"json": {"decisions": {"reception": "refuse"}}, "headers": desk.sandbox.header}
    answer = await desk.country.ask("gateway", "PUT", f"/_lab/officers/{desk.code}", **script)
    problem(answer, 409, "connector-decides")


# --- at once ------------------------------------------------------------------------------------------------------------------
async def test_at_once_a_free_dossier_comes_to_its_end_while_the_clock_stands_still(desk: Provincial) -> None:
    await desk.mode(AT_ONCE)
    await desk.submitted(procedure=FREE)
    assert await desk.under_way() == ["1 timers fire by themselves"]
    assert await desk.acts() == ["reception", "start", "finish", "return"]
    assert await desk.under_way() == []
    assert {event["type"]: event.get("ready_at") for event in await desk.told()}[law.DOSSIER_RESULT_READY] == (
        "2026-06-09T08:00:00.000+07:00"
    )


async def test_at_once_waits_for_the_citizen_and_no_longer(desk: Provincial) -> None:
    await desk.mode(AT_ONCE)
    await desk.submitted(procedure=COPY)
    assert await desk.acts() == ["reception"]
    assert await desk.due() == [("stop", "10/07 08:00")], "who does not pay is stopped when it is time, not before"
    await desk.hears(PAID, **SAID[PAID])
    assert await desk.acts() == ["start", "finish", "return"]


async def test_at_once_a_withdrawal_is_answered(desk: Provincial) -> None:
    await desk.mode(AT_ONCE)
    await desk.submitted(procedure=COPY)
    await desk.acts()
    await desk.hears(ASKED)
    assert await desk.acts() == ["answer_withdrawal"]
    assert (await desk.shown())["status"]["slug"] == "withdrawn"


async def test_at_once_a_script_still_names_its_days(desk: Provincial) -> None:
    await desk.submitted(procedure=FREE)
    await desk.script(reception="receive", processing_days=2, steps=[{"does": "stop", "at": "in_processing"}])
    await desk.mode(AT_ONCE)
    assert await desk.acts() == ["reception", "start", "stop"]
    other = Provincial(desk.country, desk.sandbox, 2)
    await desk.mode(MANUAL)
    await other.submitted(procedure=FREE)
    await other.script(reception="receive", processing_days=2)
    await desk.mode(AT_ONCE)
    assert await other.acts() == ["reception", "start"]
    ((kind, due),) = await other.due()
    assert kind == "finish" and due.startswith("11/06")


@pytest.mark.parametrize("stage", OPEN)
async def test_from_wherever_it_stands_at_once_goes_on_until_the_citizen_is_asked(desk: Provincial, stage: str) -> None:
    await desk.brought_to(STAGES[stage])
    await desk.mode(AT_ONCE)
    await desk.acts()
    kept = await desk.kept()
    assert kept.state in law.FINAL or (kept.state in CITIZENS and (kept.owing is not None or kept.unanswered))
    assert kept.withdrawal_reason is None and await desk.under_way() == []


# --- scripted -----------------------------------------------------------------------------------------------------------------
async def test_the_decisions_of_a_province_hold_for_every_dossier_without_a_script_of_its_own(
    country: Country, sandbox: Sandbox
) -> None:
    desks = [Provincial(country, sandbox, number) for number in (1, 2, 3)]
    assert [await desk.submitted(procedure=FREE) for desk in desks] == desks
    await desks[2].script(withdrawal="grant")  # says what holds anyway, and is a script all the same
    await desks[0].mode(scripted(reception="refuse", reason="Tỉnh tạm dừng tiếp nhận"))
    await desks[0].act()
    assert [(await desk.told())[0].get("reason") for desk in desks[:2]] == ["Tỉnh tạm dừng tiếp nhận"] * 2
    assert await desks[2].types() == [law.DOSSIER_RECEIVED]


async def test_steps_of_a_province_are_taken_once_by_each_dossier(country: Country, sandbox: Sandbox) -> None:
    desks = [Provincial(country, sandbox, number) for number in (1, 2)]
    tax = {"does": "demand_fee", "at": "in_processing", "fee": [{"kind": "tax", "name": "Thuế", "amount_dong": 9000}]}
    hint = {"does": "reschedule", "at": "in_processing", "days": 2}
    await desks[0].mode(scripted(reception="receive", processing_days=3, steps=[hint, tax]))
    for desk in desks:
        await desk.submitted(procedure=FREE)
    while (await desks[1].kept()).planned != "stop":
        await desks[0].act()
    for desk in desks:
        assert (await desk.types())[2:] == [law.DOSSIER_RESCHEDULED, law.FEE_DEMANDED]
        assert ((await desk.kept()).steps_taken, (await desk.kept()).script) == (2, None)
    await desks[0].hears(PAID, amount_dong=9000)
    while (await desks[0].kept()).planned != "finish":
        await desks[0].act()
    await desks[0].act()
    assert (await desks[0].types())[-2:] == [law.PROCESSING_RESUMED, law.DOSSIER_RESULT_READY], "no step a second time"


async def test_steps_go_on_where_they_stopped_and_other_decisions_begin_anew(desk: Provincial) -> None:
    steps = [{"does": "reschedule", "at": "received"}, {"does": "stop", "at": "received", "reason": "Hết kịch bản"}]
    await desk.mode(scripted(reception="receive", steps=steps))
    await desk.submitted(procedure=FREE)
    await desk.act()
    await desk.act()
    assert (await desk.types()) == [law.DOSSIER_RECEIVED, law.DOSSIER_RESCHEDULED]
    await desk.mode(MANUAL)
    await desk.mode(scripted(reception="receive", steps=steps))
    assert [kind for kind, _ in await desk.due()] == ["stop"], "the first step is not taken again"
    await desk.mode(scripted(reception="receive", steps=[{"does": "reject", "at": "received"}]))
    assert [kind for kind, _ in await desk.due()] == ["reject"]
    await desk.mode(None)
    assert [kind for kind, _ in await desk.due()] == ["start"]


async def test_a_province_says_when_fees_are_demanded_and_how_withdrawals_are_answered(desk: Provincial) -> None:
    await desk.mode(scripted(reception="receive", fee_moment="at_result", processing_days=0, withdrawal="decline"))
    await desk.submitted(procedure=COPY)
    await desk.act()
    assert (await desk.shown())["status"]["slug"] == "received"
    await desk.hears(ASKED)
    await desk.act()
    assert law.WITHDRAWAL_DECLINED in await desk.types()


# --- whoever crashes meanwhile --------------------------------------------------------------------------------------------------
@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Who takes a new mode over dies before the first dossier is planned anew."""

    async def dies(*_: object) -> None:
        return None

    monkeypatch.setattr(replan, "finish", dies)
    return monkeypatch


async def test_until_a_dossier_is_planned_anew_its_old_plan_does_nothing(
    desk: Provincial, crashing: pytest.MonkeyPatch
) -> None:
    await desk.submitted(procedure=FREE)
    await desk.hears(ASKED)
    await desk.mode(MANUAL)
    assert len(await desk.due()) == 2, "nobody came to it"
    assert await desk.under_way() == ["dossiers of 37 are being planned again"]
    await desk.sandbox.move(hours=3)
    await desk.sandbox.fire()
    assert await desk.types() == [] and (await desk.shown())["withdrawal_asked"] is True
    crashing.undo()
    await desk.mode(None)
    assert [kind for kind, _ in await desk.due()] == ["answer_withdrawal", "reception"]
    assert await desk.under_way() == []


@pytest.mark.usefixtures("crashing")
async def test_until_then_nobody_takes_a_step_that_is_not_to_be_taken_any_more(desk: Provincial) -> None:
    await desk.mode(scripted(reception="receive", steps=[{"does": "stop", "at": "received"}]))
    await desk.submitted(procedure=FREE)
    await desk.act()
    await desk.mode(None)
    assert [kind for kind, _ in await desk.due()] == ["stop"]
    await desk.act()
    assert (await desk.types()) == [law.DOSSIER_RECEIVED] and [kind for kind, _ in await desk.due()] == ["start"]


async def test_a_worker_ends_what_a_process_that_died_began(desk: Provincial, crashing: pytest.MonkeyPatch) -> None:
    await desk.submitted(procedure=FREE)
    await desk.mode(MANUAL)
    assert await desk.due() != []
    crashing.undo()
    job = asyncio.create_task(replan.finish_all(desk.gateway, (lambda *_: None)))
    try:
        async with asyncio.timeout(20):
            while await desk.under_way():
                pass
    finally:
        job.cancel()
    assert await desk.due() == []


async def test_many_dossiers_are_planned_piece_by_piece_and_a_second_change_begins_anew(
    country: Country, sandbox: Sandbox, crashing: pytest.MonkeyPatch
) -> None:
    crashing.setattr(replan, "BATCH", 2)
    desks = [Provincial(country, sandbox, number) for number in range(1, 6)]
    for desk in desks:
        await desk.submitted(procedure=FREE)
    await desks[0].mode(MANUAL)
    assert await replan._next_batch(country.gateway, (lambda *_: None), sandbox.id, is_last_try=True)
    assert [await desk.due() == [] for desk in desks] == [True, True, False, False, False]
    await desks[0].mode(AT_ONCE)
    for _ in range(3):
        assert await replan._next_batch(country.gateway, (lambda *_: None), sandbox.id, is_last_try=True)
    assert not await replan._next_batch(country.gateway, (lambda *_: None), sandbox.id, is_last_try=True)
    assert [(await desk.kept()).planned for desk in desks] == ["reception"] * 5
    assert [len(await desk.notes()) for desk in desks] == [2, 2, 1, 1, 1]
    assert await desks[0].acts() != [] and [(await desk.kept()).state in law.FINAL for desk in desks] == [True] * 5


async def test_what_a_deleted_sandbox_left_is_nobodys(desk: Provincial, crashing: pytest.MonkeyPatch) -> None:
    await desk.submitted(procedure=FREE)
    await desk.mode(MANUAL)
    await desk.country.ask("portal", "DELETE", f"/_lab/sandboxes/{desk.sandbox.id}")
    crashing.undo()
    await replan.finish(desk.gateway, (lambda *_: None), desk.sandbox.id)
    rows = await desk.gateway.database.fetch(replan.UNFINISHED_SQL)
    assert desk.sandbox.id not in {row["sandbox"] for row in rows}
