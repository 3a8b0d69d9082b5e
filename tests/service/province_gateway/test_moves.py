"""The officers' door: every move works where the table allows it, and is refused with its reason everywhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, Move, State
from services.province_gateway.moves.official import VERBS
from tests.service.province_gateway.stages import FEE, STAGES, Officials, Stage
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import FREE
from tests.support.office import Office

MOVES = [move for move in LIFECYCLE.moves if move.who in law.OFFICIALS]
REFUSALS = {"move-not-allowed", "not-yet", "already-rescheduled"}


def name_of(value: Move | State) -> str:
    return f"{value.when.slug}-{value.does}" if isinstance(value, Move) else value.slug


def test_officials_have_a_function_for_every_verb_of_theirs() -> None:
    assert set(VERBS) == {move.does for move in MOVES}
    assert {stage.state for stage in STAGES.values()} == set(LIFECYCLE.states)


@pytest.mark.parametrize("move", MOVES, ids=name_of)
async def test_every_move_of_the_table_can_be_made_and_is_told(country: Country, sandbox: Sandbox, move: Move) -> None:
    for number, stage in enumerate((each for each in STAGES.values() if each.state == move.when), start=1):
        desk = await Officials(country, sandbox, number).brought_to(stage)
        if move.does in (await desk.shown())["can"]:
            break
    else:
        pytest.fail("no stage of this state lets it be made")
    before = len(await desk.types())
    shown = await desk.does(move.does)
    assert shown["status"]["slug"] == move.then.slug
    assert (await desk.types())[before:] == [move.event]


@pytest.mark.parametrize("state", LIFECYCLE.states, ids=name_of)
async def test_every_other_move_is_refused_and_changes_nothing(
    country: Country, sandbox: Sandbox, state: State
) -> None:
    desk = await Officials(country, sandbox).brought_to(next(each for each in STAGES.values() if each.state == state))
    before = await desk.shown()
    lawful = {move.does for move in LIFECYCLE.moves_from(state) if move.who in law.OFFICIALS}
    for verb in set(VERBS) - lawful:
        refused = problem(await desk.tries(verb), 409, "move-not-allowed")
        assert (refused["state"], refused["does"]) == (state.slug, verb)
        assert refused["allowed"] == before["can"] and all(can in refused["detail"] for can in before["can"])
    assert await desk.shown() == before


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
async def test_what_can_be_done_is_exactly_what_succeeds(country: Country, sandbox: Sandbox, stage: Stage) -> None:
    desk, number = await Officials(country, sandbox).brought_to(stage), 1
    can = (await desk.shown())["can"]
    for verb in VERBS:
        answer = await desk.tries(verb)
        assert (answer.status_code == 200) == (verb in can), (verb, can, answer.text)
        if answer.status_code == 200:
            number += 1
            desk = await Officials(country, sandbox, number).brought_to(stage)
        else:
            assert answer.json()["type"].removeprefix("/problems/") in REFUSALS, answer.text
            assert (await desk.shown())["can"] == can


@pytest.mark.parametrize(
    ("stage", "verb", "waits_for"),
    [
        ("fee at reception", law.START, "payment"),
        ("fee in the middle", law.RESUME, "payment"),
        ("fee before reception", law.RECEIVE, "payment"),
        ("fee at the result", law.RETURN, "payment"),
        ("answered, with a fee", law.RECEIVE, "payment"),
        ("paid before reception", law.START, "reception"),
        ("paid before reception", law.RESUME, "reception"),
        ("paid at reception", law.RECEIVE, "resume"),
        ("paid at reception", law.RESUME, "start"),
        ("paid in the middle", law.START, "resume"),
        ("asked at reception", law.REQUEST_SUPPLEMENT, "supplement"),
        ("answered at reception", law.RESUME, "reception"),
        ("answered later", law.RECEIVE, "resume"),
        ("received", law.HAND_OVER, "another place of reception"),
        ("handed over", law.HAND_OVER, "another place of reception"),
        ("received elsewhere", law.START, "hand_over"),
        ("fee before reception", law.HAND_OVER, "another place of reception"),
        ("asked at reception", law.TAKE_PAYMENT, "demand"),
        ("paid at reception", law.TAKE_PAYMENT, "demand"),
        ("result ready", law.TAKE_PAYMENT, "demand"),
        ("submitted", law.GRANT_WITHDRAWAL, "withdrawal request"),
        ("in processing", law.DECLINE_WITHDRAWAL, "withdrawal request"),
        ("returned", law.DECLINE_WITHDRAWAL, "withdrawal request"),
    ],
)
async def test_a_lawful_move_waits_for_what_must_come_first(
    country: Country, sandbox: Sandbox, stage: str, verb: str, waits_for: str
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES[stage])
    refused = problem(await desk.tries(verb), 409, "not-yet")
    assert (refused["does"], refused["waits_for"]) == (verb, waits_for)
    assert verb not in (await desk.shown())["can"]


@pytest.mark.parametrize(
    ("stage", "verb", "then"),
    [("asked at reception", law.RECEIVE, law.RECEIVED), ("asked later", law.RESUME, law.IN_PROCESSING)],
)
async def test_an_unanswered_request_waits_unless_the_papers_come_to_the_desk(
    country: Country, sandbox: Sandbox, stage: str, verb: str, then: State
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES[stage])
    assert problem(await desk.tries(verb, at_desk=False), 409, "not-yet")["waits_for"] == "supplement"
    shown = await desk.does(verb, at_desk=True)
    assert shown["status"]["slug"] == then.slug
    assert shown["supplements"][0]["answered_at"] == "2026-06-09T08:00:00.000+07:00"


async def test_handing_over_waits_for_reception(country: Country, sandbox: Sandbox) -> None:
    stage = Stage(law.FINANCIAL_OBLIGATION, (law.DEMAND_FEE,), STAGES["received elsewhere"].born)
    desk = await Officials(country, sandbox).brought_to(stage)
    assert problem(await desk.tries(law.HAND_OVER), 409, "not-yet")["waits_for"] == "reception"


async def test_a_paid_fee_in_the_middle_is_no_new_start(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["paid in the middle"])
    started = (await desk.shown())["started_at"]
    await sandbox.move(hours=3)
    shown = await desk.does(law.RESUME)
    assert (shown["status"]["slug"], shown["started_at"]) == ("in_processing", started)


async def test_a_move_is_made_once_however_often_it_is_sent(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    office = Office(sandbox)
    answers = await asyncio.gather(*(office.move(desk.code, law.RECEIVE, key="k1") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await desk.types() == [law.DOSSIER_RECEIVED]
    problem(await office.move(desk.code, law.STOP, key="k1"), 409, "idempotency-key-reused")


async def test_a_refused_move_leaves_its_key_free(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    office = Office(sandbox)
    problem(await office.move(desk.code, law.START, key="k1"), 409, "move-not-allowed")
    await desk.does(law.RECEIVE)
    assert (await office.move(desk.code, law.START, key="k1")).status_code == 200


async def test_a_key_is_needed(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    assert pointers(await Office(sandbox).move(desk.code, law.RECEIVE, key="")) == ["/header/idempotency-key"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"does": "forget"}, ["/does"]),
        ({"does": "pay"}, ["/does"]),
        ({"does": ["receive"]}, ["/does"]),
        ({"does": None}, ["/does"]),
        ({}, ["/does"]),
        ([], [""]),
        ({"does": "stop", "why": "x"}, ["/why"]),
        ({"does": "stop", "reason": ""}, ["/reason"]),
        ({"does": "stop", "reason": "a" * 501}, ["/reason"]),
        ({"does": "stop", "refund_dong": -1}, ["/refund_dong"]),
        ({"does": "stop", "refund_dong": 1.5}, ["/refund_dong"]),
        ({"does": "reschedule", "days": 0}, ["/days"]),
        ({"does": "reschedule", "days": 61}, ["/days"]),
        ({"does": "request_supplement", "answer_days": 0}, ["/answer_days"]),
        ({"does": "request_supplement", "items": ["a", ""]}, ["/items/1"]),
        ({"does": "demand_fee", "fee": [{"kind": "gift", "name": "x", "amount_dong": 1}]}, ["/fee/0/kind"]),
        ({"does": "demand_fee", "fee": [{"kind": "tax", "name": "x", "amount_dong": "1"}]}, ["/fee/0/amount_dong"]),
        ({"does": "take_payment", "method": "cheque"}, ["/method"]),
        ({"does": "return", "channel": "pigeon"}, ["/channel"]),
    ],
    ids=str,
)
async def test_a_move_that_does_not_fit_gets_a_pointer(
    country: Country, sandbox: Sandbox, body: Any, where: list[str]
) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    assert pointers(await Office(sandbox).post(f"/{desk.code}/moves", body)) == where
    assert await desk.types() == []


async def test_another_province_or_sandbox_has_no_such_dossier(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    for province in ("01", "99"):
        refused = await Office(sandbox, province).move(desk.code, law.RECEIVE)
        assert refused.status_code == 404, refused.text
    problem(await Office(sandbox).move("H42.14464-20260609-9999999", law.RECEIVE), 404, "dossier-not-found")
    problem(await Office(await country.sandbox()).move(desk.code, law.RECEIVE), 404, "dossier-not-found")
    assert await desk.types() == []


async def test_the_officials_own_plan_follows_what_was_done_at_the_door(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    assert await desk.due() == [("reception", "09/06 10:00")]
    await desk.does(law.RECEIVE)
    assert await desk.due() == [("start", "09/06 10:00")]
    await desk.does(law.REQUEST_SUPPLEMENT)
    assert await desk.due() == [("stop", "24/06 08:00")], "ten working days to answer, then the next look"
    await desk.does(law.DEMAND_FEE, fee=FEE)
    assert await desk.due() == [("stop", "24/06 08:00")], "thirty days to pay, but what is missing is due earlier"
    await desk.does(law.STOP)
    assert await desk.due() == []
