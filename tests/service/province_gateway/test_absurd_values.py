"""The officers' doors under values nobody means: an answer every time, never a fault, and nothing that no event could carry."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from contracts import lifecycle as law
from services.province_gateway.moves.official import VERBS
from tests.service.province_gateway.stages import ANSWERED, FEE, PAID, SAID, STAGES, Officials
from tests.support.country import Country, Sandbox, pointers
from tests.support.factories import COPY, FREE, PROVINCE
from tests.support.office import APPLICANT, Office

MARKS = unicodedata.normalize("NFD", "ẫ") * 600  # 1,800 characters as sent, 600 letters as kept
GROWS = "\u0958"  # one character as sent, two in NFC
HIDDEN = "\u200b"  # a character that shows nothing
COMPANY = {"kind": "organisation", "id": "9901234560", "name": "Công ty TNHH Không Ai"}
EVERYTHING: dict[str, Any] = {
    "reason": "x" * 500,
    "items": ["ệ" * 500] * 50,
    "fee": [{"kind": "service_fee", "name": "ệ" * 250, "amount_dong": 1}] * 20,
    "notice_number": "9" * 60,
    "days": 60,
    "answer_days": 60,
    "refund_dong": 10**12 - 1,
    "method": "transfer",
    "channel": "public_postal",
    "at_desk": True,
}


def must_be_no_fault(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    assert answer.headers["content-type"] in ("application/json", "application/problem+json")


@pytest.mark.parametrize("stage", STAGES)
async def test_every_verb_with_everything_at_once(country: Country, sandbox: Sandbox, stage: str) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES[stage])
    for verb in VERBS:
        must_be_no_fault(await desk.tries(verb, **EVERYTHING))
    await desk.told()  # fits its contracts


@pytest.mark.parametrize("stage", ["submitted", "asked later", "fee at reception", "result ready"])
async def test_every_verb_with_empty_lists(country: Country, sandbox: Sandbox, stage: str) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES[stage])
    for verb in VERBS:
        must_be_no_fault(await desk.tries(verb, items=[], fee=[]))
    await desk.told()


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        ({"reason": "a\x00b"}, "/reason"),
        ({"reason": GROWS * 500}, "/reason"),
        ({"items": [GROWS * 500]}, "/items/0"),
        ({"items": ["x"] * 51}, "/items"),
        ({"items": "x"}, "/items"),
        ({"fee": [{"kind": "tax", "name": GROWS * 250, "amount_dong": 1}]}, "/fee/0/name"),
        ({"fee": [{"kind": "tax", "name": "x", "amount_dong": 10**12}]}, "/fee/0/amount_dong"),
        ({"fee": [{"kind": "tax", "name": "x", "amount_dong": True}]}, "/fee/0/amount_dong"),
        ({"fee": FEE * 21}, "/fee"),
        ({"notice_number": "1" * 61}, "/notice_number"),
        ({"days": 10**30}, "/days"),
        ({"answer_days": -(10**30)}, "/answer_days"),
        ({"refund_dong": 10**12}, "/refund_dong"),
        ({"amount_dong": 10**400}, "/amount_dong"),
        ({"at_desk": 2}, "/at_desk"),
        ({"at_desk": 1}, "/at_desk"),
        ({"days": True}, "/days"),
        ({"days": "3"}, "/days"),
        ({"answer_days": True}, "/answer_days"),
        ({"answer_days": 2.0}, "/answer_days"),
        ({"refund_dong": True}, "/refund_dong"),
        ({"reason": " "}, "/reason"),
        ({"items": ["x", HIDDEN]}, "/items/1"),
        ({"fee": [{"kind": "tax", "name": HIDDEN, "amount_dong": 1}]}, "/fee/0/name"),
        ({"notice_number": HIDDEN}, "/notice_number"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
async def test_what_no_event_could_carry_does_not_fit(
    country: Country, sandbox: Sandbox, facts: dict[str, Any], where: str
) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    assert pointers(await desk.tries(law.REQUEST_SUPPLEMENT, **facts)) == [where]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"applicant": {**APPLICANT, "name": HIDDEN}}, "/applicant/name"),
        ({"capacity": "organisation", "owner": {**COMPANY, "name": "\u00a0"}}, "/owner/name"),
        ({"papers": [{"component": HIDDEN}]}, "/papers/0/component"),
        ({"papers": [{"component": "other", "digitised": 1}]}, "/papers/0/digitised"),
        ({"note": " "}, "/note"),
        ({"receive": 1}, "/receive"),
    ],
    ids=str,
)
async def test_a_registration_says_something_in_every_word(
    sandbox: Sandbox, change: dict[str, Any], where: str
) -> None:
    assert pointers(await Office(sandbox).register(**change)) == [where]


@pytest.mark.parametrize(
    ("decisions", "where"),
    [
        ({"reason": HIDDEN}, "/reason"),
        ({"processing_days": True}, "/processing_days"),
        ({"steps": [{"does": "stop", "after_days": True}]}, "/steps/0/after_days"),
        ({"steps": [{"does": "stop", "after_days": "1"}]}, "/steps/0/after_days"),
        ({"steps": [{"does": "reschedule", "days": True}]}, "/steps/0/days"),
        ({"steps": [{"does": "stop", "reason": HIDDEN}]}, "/steps/0/reason"),
    ],
    ids=str,
)
async def test_a_script_counts_in_numbers_alone(
    country: Country, sandbox: Sandbox, decisions: dict[str, Any], where: str
) -> None:
    body = {"decisions": decisions}
    answer = await country.ask("gateway", "PUT", "/_lab/officers/x", json=body, headers=sandbox.header)
    assert pointers(answer) == [f"/decisions{where}"]


async def test_a_script_may_count_in_parts_of_a_day(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    script = {"processing_days": 1.5, "steps": [{"does": "stop", "after_days": 0.5}, {"does": "stop", "after_days": 1}]}
    answer = await country.ask(
        *("gateway", "PUT", f"/_lab/officers/{desk.code}"), json={"decisions": script}, headers=sandbox.header
    )
    assert answer.json() == {"code": desk.code, "decisions": script}


async def test_a_reason_is_kept_with_the_spaces_around_it(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    await desk.does(law.REFUSE, reason=f" Thiếu{HIDDEN} giấy tờ ")
    assert (await desk.told())[-1]["reason"] == f" Thiếu{HIDDEN} giấy tờ "


async def test_vietnamese_in_any_form_is_kept_as_nfc(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    await desk.does(law.REQUEST_SUPPLEMENT, reason=MARKS[:1500], items=[MARKS[:1500]])
    (asked,) = await desk.told()
    assert asked["reason"] == asked["items"][0]["text"] == "ẫ" * 500
    shown = await Office(sandbox).registered(procedure=FREE, note=MARKS)
    assert (await desk.office.told(shown["code"]))[0]["note"] == "ẫ" * 600


@pytest.mark.parametrize("code", ["x", "%00", "..%2F..", "H42.14464-20260609-0000001%0A", "a" * 5000, "ệ"])
async def test_a_code_that_is_none_is_not_found(sandbox: Sandbox, code: str) -> None:
    answer = await Office(sandbox).move(code, law.RECEIVE)
    must_be_no_fault(answer)
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("province", ["zz", "%00", "3 7", "ệ", "370"])
async def test_a_province_that_is_none_is_not_found(sandbox: Sandbox, province: str) -> None:
    for answer in (await Office(sandbox, province).register(), await Office(sandbox, province).move("x", law.STOP)):
        must_be_no_fault(answer)
        assert answer.status_code in (404, 422)


# --- the last days of the calendar ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("day", ["2027-12-29", "2027-12-30", "2027-12-31"])
@pytest.mark.parametrize("procedure", [COPY, FREE, "1.001193"])
@pytest.mark.parametrize("channel", ["direct", "public_postal"])
async def test_at_the_end_of_the_calendar_every_door_still_answers(
    country: Country, day: str, procedure: str, channel: str
) -> None:
    sandbox = await country.sandbox(start=f"{day}T07:30:00+07:00")
    office = Office(sandbox)
    answer = await office.register(procedure=procedure, channel=channel)
    must_be_no_fault(answer)
    if answer.status_code != 201:
        assert answer.json()["type"] == "/problems/calendar-too-short"
        return
    await sandbox.move(hours=3)
    await sandbox.fire()
    code = answer.json()["code"]
    for verb in VERBS:
        must_be_no_fault(await office.move(code, verb, fee=FEE if verb == law.DEMAND_FEE else []))
        url = f"/api/v1/provinces/{PROVINCE}/dossiers"
        listed = await country.ask("gateway", "GET", url, headers=sandbox.header)
        assert [each["code"] for each in listed.json()] == [code], "one dossier at the end hides no others"


async def test_a_due_date_beyond_the_calendar_is_refused_and_the_dossier_stays(country: Country) -> None:
    sandbox = await country.sandbox(start="2027-12-13T08:00:00+07:00")
    desk = Officials(country, sandbox)
    await desk.submitted(procedure=FREE)
    for verb in (law.RECEIVE, law.START):
        await desk.does(verb)
    before = await desk.shown()
    for verb, facts in (
        (law.RESCHEDULE, {"days": 60}),
        (law.REQUEST_SUPPLEMENT, {"answer_days": 60}),
        (law.DEMAND_FEE, {"fee": FEE}),
    ):
        answer = await desk.tries(verb, **facts)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/calendar-too-short"), answer.text
    assert await desk.shown() == before
    assert (await desk.does(law.FINISH))["status"]["slug"] == "result_ready"


# --- what the portal says -------------------------------------------------------------------------------------------------
async def test_events_of_absurd_size_are_taken_or_buried_and_stop_nobody(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["asked, with a fee"])
    paper = {"component": "c" * 60, "name": "n" * 200, "form": "copy", "digitisation": 3}
    await desk.hears(ANSWERED, papers=[paper] * 50, note="ẫ" * 2000)
    await desk.hears(PAID, **{**SAID[PAID], "amount_dong": 10**15, "reference": "R" * 64, "transaction": "T" * 64})
    shown = await desk.shown()
    assert (shown["papers"], shown["paid"], shown["paid_dong"]) == (50, False, 10**15)
    await desk.hears(law.PAYMENT_REFUNDED, amount_dong=10**15)
    await desk.hears(law.WITHDRAWAL_REQUESTED, reason="ẫ" * 2000)
    await desk.does(law.GRANT_WITHDRAWAL)
    assert (await desk.told())[-1]["reason"] == "ẫ" * 2000
