"""The column `needs` of the lifecycle table: every value binds where it stands, in the domain of the province or of the portal."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from contracts import lifecycle as law
from contracts.catalogue import Place
from contracts.dossier import MET, Demand, FeeItem, Supplement
from contracts.filing import Filing
from contracts.gate import Known
from contracts.lifecycle import LIFECYCLE, Lifecycle, Move, Need
from services.portal import domain as national
from services.province_gateway import domain as provincial
from services.province_gateway.domain import Instruction
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE
from tests.support.factories import CODE, COMMUNE, COPY, FREE, PROVINCE
from tools.docs.lifecycle_page import parts

AT = datetime(2026, 6, 9, 8, tzinfo=BUSINESS_ZONE)
EARLIER, LATER = AT - timedelta(days=1), AT + timedelta(days=30)
ELSEWHERE = Place(PROVINCE, "14488")
DEMAND = Demand(1, "at_reception", (FeeItem("service_fee", "Phí", 8000),), LATER)
PAID = msgspec.structs.replace(DEMAND, paid_by="counter", paid_at=AT)
ASKED = Supplement(1, EARLIER, LATER)
ANSWERED = msgspec.structs.replace(ASKED, answered_at=AT)
NATIONAL_DEMAND = national.Demand(1, 8000, "at_reception")
NATIONAL_ASKED = national.Supplement(1, "Thiếu giấy tờ", ("Bản chính",), LATER, False)
Facts = dict[str, Any]

# Facts of a dossier that meets the need, and of one that does not.
CASES: dict[Need, tuple[Facts, Facts]] = {
    law.HANDED_OVER: (
        {"reception": ELSEWHERE, "received_at": EARLIER, "handed_over_at": AT},
        {"reception": ELSEWHERE, "received_at": EARLIER, "handed_over_at": None},
    ),
    law.RECEIVED_ELSEWHERE: ({"reception": ELSEWHERE}, {"reception": None}),
    law.RECEIVED_BEFORE: ({"received_at": EARLIER}, {"received_at": None}),
    law.NEVER_RECEIVED: ({"received_at": None}, {"received_at": EARLIER}),
    law.STARTED_BEFORE: ({"started_at": EARLIER}, {"started_at": None}),
    law.NEVER_STARTED: ({"started_at": None}, {"started_at": EARLIER}),
    law.PAYMENT: ({"demands": (PAID,)}, {"demands": (DEMAND,)}),
    law.OPEN_DEMAND: ({"demands": (DEMAND,)}, {"demands": (PAID,)}),
    law.KNOWN_FEE: ({"procedure": COPY}, {"procedure": FREE}),
    law.ANSWER: ({"supplements": (ANSWERED,)}, {"supplements": (ASKED,)}),
    law.ANSWER_OR_PAPERS: ({"supplements": (ANSWERED,)}, {"supplements": (ASKED,)}),
    law.REQUESTS_LEFT: ({"supplements": (ANSWERED,) * 8}, {"supplements": (ANSWERED,) * 9}),
    law.TIME_TO_VERIFY: ({"verify_by": AT}, {"verify_by": EARLIER}),
    law.FIRST_APOLOGY: ({"rescheduled": False}, {"rescheduled": True}),
    law.TIME_TO_APOLOGISE: ({"due_at": LATER}, {"due_at": AT}),
    law.WITHDRAWAL_ASKED: ({"withdrawal_reason": "Đổi ý"}, {"withdrawal_reason": None}),
}
CITIZENS_CASES: dict[Need, tuple[Facts, Facts]] = {
    law.OPEN_DEMAND: ({"demands": (NATIONAL_DEMAND,)}, {"demands": ()}),
    law.OPEN_REQUEST: (
        {"supplements": (NATIONAL_ASKED,)},
        {"supplements": (msgspec.structs.replace(NATIONAL_ASKED, answered_at=AT),)},
    ),
    law.TIME_TO_ANSWER: (
        {"supplements": (NATIONAL_ASKED,)},
        {"supplements": (msgspec.structs.replace(NATIONAL_ASKED, answer_by=EARLIER),)},
    ),
    law.NO_WITHDRAWAL_ASKED: ({"withdrawal": "declined"}, {"withdrawal": "asked"}),
    law.FIRST_RATING: ({"rating": None}, {"rating": {"attitude": 2}}),
}
OWN_REFUSALS: dict[Need, type[Refusal]] = {  # every other need of an official's move is refused as NotYet
    law.KNOWN_FEE: provincial.NothingDue,
    law.REQUESTS_LEFT: provincial.AskedTooOften,
    law.TIME_TO_VERIFY: provincial.VerificationTooLate,
    law.FIRST_APOLOGY: provincial.AlreadyRescheduled,
    law.TIME_TO_APOLOGISE: provincial.ReschedulingTooLate,
}
CITIZENS_REFUSALS: dict[Need, type[Refusal]] = {
    law.OPEN_DEMAND: national.NothingToPay,
    law.OPEN_REQUEST: national.SupplementAlreadyAnswered,
    law.TIME_TO_ANSWER: national.SupplementTooLate,
    law.NO_WITHDRAWAL_ASKED: national.WithdrawalAlreadyAsked,
    law.FIRST_RATING: national.AlreadyRated,
}
CELLS = [(move, need) for move in LIFECYCLE.moves for need in move.needs]
OFFICIALS_CELLS = [(move, need) for move, need in CELLS if move.who in law.OFFICIALS]
CITIZENS_CELLS = [(move, need) for move, need in CELLS if move.who == law.CITIZEN]


def name(value: Move | Need) -> str:
    return value.slug if isinstance(value, Need) else f"{value.does} in {value.when.slug}"


def of_officials(move: Move, lacking: Need | None = None) -> provincial.Dossier:
    """A province's dossier that meets every need of the row but one."""
    facts: Facts = {}
    for need in move.needs:
        facts |= CASES[need][0]
    if lacking is not None:
        facts |= CASES[lacking][1]
    dossier = provincial.new_dossier(CODE, Place(PROVINCE, COMMUNE), FREE, "Trần Ngọc Lan", EARLIER, "online", Filing())
    return msgspec.structs.replace(dossier, state_code=move.when.code, **facts)


def of_citizen(move: Move, lacking: Need | None = None) -> national.Dossier:
    """A national dossier that meets every need of the row but one."""
    facts: Facts = {}
    for need in move.needs:
        facts |= CITIZENS_CASES[need][0]
    if lacking is not None:
        facts |= CITIZENS_CASES[lacking][1]
    person = ("001190000001", "Trần Ngọc Lan")
    dossier = national.Dossier(CODE, FREE, PROVINCE, COMMUNE, *person, move.when.code, EARLIER)
    return msgspec.structs.replace(dossier, **facts)


def without(move: Move, need: Need) -> Lifecycle:
    """The table with one value taken out of its column."""
    changed = replace(move, needs=tuple(each for each in move.needs if each != need))
    rows = [changed if row == move else row for row in LIFECYCLE.moves]
    return Lifecycle(
        *rows,
        *LIFECYCLE.hears,
        begins=LIFECYCLE.begins,
        begun_by=LIFECYCLE.begun_by,
        verbs_vi=LIFECYCLE.verbs_vi,
    )


@pytest.mark.parametrize(("move", "need"), OFFICIALS_CELLS, ids=name)
def test_an_official_makes_a_move_only_once_its_need_is_met(move: Move, need: Need) -> None:
    met, lacking = of_officials(move), of_officials(move, need)
    met.must_allow(Instruction(move.does), AT)
    assert move.does in met.can(AT)
    assert move.does not in met.missing_facts(AT)
    with pytest.raises(OWN_REFUSALS.get(need, provincial.NotYet)) as refused:
        lacking.must_allow(Instruction(move.does), AT)
    if need not in OWN_REFUSALS:
        facts = {"code": CODE, "does": move.does, "waits_for": need.slug, "law": need.law}
        assert refused.value.facts == facts
    assert lacking.waits_for(Instruction(move.does), AT) == (None if need in OWN_REFUSALS else need)
    assert (move.does in lacking.can(AT)) == bool(need.given), "what can be given with the move does not hide it"
    assert lacking.missing_facts(AT).get(move.does, "") == need.given


@pytest.mark.parametrize(("move", "need"), [(m, n) for m, n in OFFICIALS_CELLS if n.given], ids=name)
def test_a_fact_that_comes_with_the_move_meets_its_need(move: Move, need: Need) -> None:
    instruction = {
        "at_desk": Instruction(move.does, at_desk=True),
        "fee": Instruction(move.does, fee=DEMAND.items),
    }[need.given]
    of_officials(move, need).must_allow(instruction, AT)


@pytest.mark.parametrize(("move", "need"), CITIZENS_CELLS, ids=name)
def test_a_citizen_makes_a_move_only_once_its_need_is_met(move: Move, need: Need) -> None:
    met, lacking = of_citizen(move), of_citizen(move, need)
    met.must_allow(move.does, AT)
    with pytest.raises(CITIZENS_REFUSALS[need]):
        lacking.must_allow(move.does, AT)
    word = national.WORDS[move.does]
    assert (word in met.can(AT), word in lacking.can(AT)) == (True, False)


@pytest.mark.parametrize(("move", "need"), CELLS, ids=name)
def test_a_need_taken_out_of_the_table_binds_no_longer_and_leaves_the_page(
    move: Move, need: Need, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = without(move, need)
    monkeypatch.setattr(provincial, "LIFECYCLE", changed)
    monkeypatch.setattr(national, "LIFECYCLE", changed)
    if move.who == law.CITIZEN:
        of_citizen(move, need).must_allow(move.does, AT)
    else:
        of_officials(move, need).must_allow(Instruction(move.does), AT)
    assert parts(changed) != parts(LIFECYCLE), "and docs/lifecycle.md on disk no longer fits"


def test_each_service_knows_exactly_the_needs_of_its_moves() -> None:
    officials, citizens = {need for _, need in OFFICIALS_CELLS}, {need for _, need in CITIZENS_CELLS}
    assert set(MET) == set(CASES) == officials
    assert set(national.MET) == set(national.REFUSALS) == set(CITIZENS_CASES) == citizens
    assert set(provincial.REFUSALS) == set(OWN_REFUSALS)
    assert set(LIFECYCLE.needs) == officials | citizens
    assert {word for word in vars(law).values() if isinstance(word, Need)} == set(LIFECYCLE.needs)


@pytest.mark.parametrize(("move", "need"), OFFICIALS_CELLS, ids=name)
def test_the_gate_takes_what_an_official_could_do_without_further_facts(move: Move, need: Need) -> None:
    for dossier in (of_officials(move), of_officials(move, need)):
        known = Known.of(dossier, last_event_at=EARLIER)
        able = set(dossier.can(AT)) - {does for does, fact in dossier.missing_facts(AT).items() if fact != "fee"}
        assert {row.does for row in known.lawful(AT, lenient=True).values()} == able - (
            {law.FINISH} if dossier.due_at is None else set()
        )


def test_what_can_be_given_is_a_fact_of_an_instruction() -> None:
    assert {need.given for need in LIFECYCLE.needs} - {""} == {"at_desk", "fee"}
    assert {"at_desk", "fee"} <= set(Instruction.__struct_fields__)


def test_what_a_refusal_says_it_waits_for_stays_the_same_word() -> None:
    waited_for = {need.slug for need in MET if need not in provincial.REFUSALS}
    assert waited_for == {
        *("hand_over", "another place of reception", "reception", "resume", "start"),
        *("payment", "demand", "supplement", "withdrawal request"),
    }


def test_an_unpaid_fee_keeps_the_office_from_going_on() -> None:
    bound = {(move.when, move.does) for move, need in CELLS if need == law.PAYMENT}
    assert bound == {
        (law.SUPPLEMENT, law.RECEIVE),
        (law.SUPPLEMENT, law.RESUME),
        (law.FINANCIAL_OBLIGATION, law.RECEIVE),
        (law.FINANCIAL_OBLIGATION, law.START),
        (law.FINANCIAL_OBLIGATION, law.RESUME),
        (law.RESULT_READY, law.RETURN),
    }


def test_no_handler_takes_what_lies_at_another_desk() -> None:
    handlers = [
        m for m in LIFECYCLE.moves if m.who == law.HANDLER and m.when in (law.RECEIVED, law.FINANCIAL_OBLIGATION)
    ]
    assert len(handlers) == 7
    assert all(law.HANDED_OVER in move.needs for move in handlers)


@pytest.mark.parametrize("need", LIFECYCLE.needs, ids=name)
def test_every_need_is_said_in_two_languages_with_its_source(need: Need) -> None:
    assert all(getattr(need, field.name) for field in fields(need) if field.name != "given")
    assert need.en[0].islower() and not need.en.endswith("."), "a clause, to be joined with others"
