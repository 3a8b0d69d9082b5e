"""Money as the province sees it: demanded at every moment, corrected, paid online or taken at the desk, receipts in rows."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.province_gateway.stages import PAID, STAGES, Officials
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import COPY, FREE
from tests.support.office import Office

SERIES = "BL-H42.14464-P-2026"
TWO_KINDS = [
    {"kind": "service_fee", "name": "Phí thẩm định", "amount_dong": 30_000},
    {"kind": "registration_fee", "name": "Lệ phí cấp giấy", "amount_dong": 50_000},
    {"kind": "service_fee", "name": "Phí khai thác", "amount_dong": 5_000},
]


def amounting_to(*dong: int) -> list[dict[str, Any]]:
    return [{"kind": "tax", "name": f"Khoản {number}", "amount_dong": each} for number, each in enumerate(dong, 1)]


@pytest.fixture
async def desk(country: Country, sandbox: Sandbox) -> Officials:
    """A dossier whose fee of 8.000 đồng was demanded at reception."""
    return await Officials(country, sandbox).brought_to(STAGES["fee at reception"])


# --- demands --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stage", "then", "moment"),
    [
        ("submitted", law.FINANCIAL_OBLIGATION, "at_reception"),
        ("received", law.FINANCIAL_OBLIGATION, "at_reception"),
        ("in processing", law.FINANCIAL_OBLIGATION, "obligation"),
        ("asked at reception", law.SUPPLEMENT, "at_supplement"),
        ("result ready", law.RESULT_READY, "at_result"),
        ("paid at reception", law.FINANCIAL_OBLIGATION, "at_reception"),
        ("paid in the middle", law.FINANCIAL_OBLIGATION, "obligation"),
        ("paid at the result", law.RESULT_READY, "at_result"),
    ],
)
async def test_a_fee_can_be_demanded_at_every_moment_the_law_names(
    country: Country, sandbox: Sandbox, stage: str, then: Any, moment: str
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES[stage])
    shown = await desk.does(law.DEMAND_FEE, fee=amounting_to(120_000, 5_000), notice_number="TB-77/2026")
    assert (shown["status"]["slug"], shown["fee_dong"], shown["paid"]) == (then.slug, 125_000, False)
    told = (await desk.told())[-1]
    facts = {name: told[name] for name in ("type", "fee_dong", "moment", "notice_number", "pay_by", "demand")}
    assert facts == {
        "type": law.FEE_DEMANDED,
        "fee_dong": 125_000,
        "moment": moment,
        "notice_number": "TB-77/2026",
        "pay_by": "2026-07-09T17:00:00.000+07:00",  # thirty days
        "demand": len(shown["demands"]),
    }
    assert sum(item["amount_dong"] for item in told["items"]) == 125_000


async def test_without_a_fee_named_the_catalogues_is_demanded(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=COPY)
    shown = await desk.does(law.DEMAND_FEE, fee=[])
    assert (shown["status"]["code"], shown["fee_dong"]) == (6, 8000)


async def test_where_the_catalogue_asks_for_nothing_a_fee_must_be_named(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    problem(await desk.tries(law.DEMAND_FEE, fee=[]), 409, "nothing-due")
    assert (await desk.shown())["status"]["code"] == 1


@pytest.mark.parametrize("dong", [(0,), (0, 0), (10**12 - 1, 1), (10**12 - 1,) * 20])
async def test_a_demand_that_nobody_could_pay_does_not_fit(
    country: Country, sandbox: Sandbox, dong: tuple[int, ...]
) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    assert pointers(await desk.tries(law.DEMAND_FEE, fee=amounting_to(*dong))) == ["/fee"]
    assert pointers(await desk.tries(law.REQUEST_SUPPLEMENT, fee=amounting_to(*dong))) == ["/fee"]


@pytest.mark.parametrize("dong", [(1,), (10**12 - 1,), (0, 1), (1,) * 20])
async def test_the_smallest_and_the_largest_demand_can_be_made_and_paid(
    country: Country, sandbox: Sandbox, dong: tuple[int, ...]
) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    await desk.does(law.DEMAND_FEE, fee=amounting_to(*dong))
    shown = await desk.does(law.TAKE_PAYMENT)
    assert (shown["paid"], shown["paid_dong"]) == (True, sum(dong))
    assert [each["amount_dong"] for each in (await desk.told())[-1]["receipts"]] == [sum(dong)]


async def test_a_corrected_demand_takes_the_place_of_the_open_one(desk: Officials) -> None:
    shown = await desk.does(law.DEMAND_FEE, fee=amounting_to(5_000))
    assert [each["status"] for each in shown["demands"]] == ["superseded", "due"]
    await desk.hears(PAID, amount_dong=8000, demand=1)
    shown = await desk.shown()
    assert (shown["paid"], shown["paid_dong"], shown["fee_dong"]) == (False, 8000, 5_000)
    assert problem(await desk.tries(law.START), 409, "not-yet")["waits_for"] == "payment"
    await desk.hears(PAID, amount_dong=5_000, demand=2, reference="DVC2", transaction="GD2")
    assert (await desk.does(law.START))["paid"] is True


async def test_a_paid_demand_stays_when_more_is_asked_for(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["paid at reception"])
    shown = await desk.does(law.DEMAND_FEE, fee=amounting_to(2_000))
    assert [each["status"] for each in shown["demands"]] == ["paid", "due"]
    assert problem(await desk.tries(law.START), 409, "not-yet")["waits_for"] == "payment"


async def test_a_fee_paid_before_reception_is_not_demanded_again(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=COPY)
    await desk.does(law.DEMAND_FEE, fee=[])
    await desk.until("09/06 11:00")
    await desk.hears(PAID, amount_dong=8000)
    assert await desk.due() == [("receive", "09/06 14:00")]
    assert await desk.act() == ["receive"]
    shown = await desk.shown()
    assert (shown["status"]["slug"], len(shown["demands"]), shown["paid"]) == ("received", 1, True)
    assert shown["due_at"] == "2026-06-09T17:00:00.000+07:00", "the limit runs from reception"


async def test_who_does_not_pay_in_time_is_stopped(desk: Officials) -> None:
    assert await desk.due() == [("stop", "10/07 08:00")], "9 July 17:00, then the next look"
    assert await desk.act() == ["stop"]
    shown = await desk.shown()
    assert (shown["status"]["slug"], shown["reason"]) == (
        "processing_stopped",
        "Quá thời hạn thực hiện nghĩa vụ tài chính",
    )
    assert (await desk.told())[-1]["refund_dong"] == 0


async def test_a_corrected_demand_gives_its_own_time_to_pay(desk: Officials) -> None:
    await desk.until("12/06 09:00")
    await desk.does(law.DEMAND_FEE, fee=amounting_to(5_000))
    assert await desk.due() == [("stop", "14/07 08:00")], "thirty days from Friday: Sunday rolls to Monday the 13th"


async def test_the_fee_of_a_scripted_dossier_falls_due_at_the_result(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=COPY)
    await desk.script(reception="receive", processing_days=0, fee_moment="at_result")
    assert [await desk.act() for _ in range(3)] == [["reception"], ["start"], ["finish"]]
    shown = await desk.shown()
    assert (shown["status"]["slug"], shown["demands"][0]["moment"], shown["paid"]) == (
        "result_ready",
        "at_result",
        False,
    )
    assert await desk.due() == [], "the result lies at the desk until the fee is paid"
    await desk.hears(PAID, amount_dong=8000)
    assert await desk.act() == ["return"]


# --- money at the desk ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["counter", "transfer"])
async def test_money_is_taken_at_the_desk_with_a_receipt(desk: Officials, method: str) -> None:
    shown = await desk.does(law.TAKE_PAYMENT, method=method, amount_dong=8000)
    assert (shown["paid"], shown["paid_dong"], shown["demands"][0]["paid_by"]) == (True, 8000, method)
    told = (await desk.told())[-1]
    assert (told["type"], told["demand"], told["amount_dong"], told["method"]) == (law.FEE_PAID, 1, 8000, method)
    assert told["receipts"] == [{"kind": "service_fee", "series": SERIES, "number": 1, "amount_dong": 8000}]
    assert await desk.due() == [("start", "09/06 10:00")]


@pytest.mark.parametrize("amount", [0, 7999, 8001, 10**12 - 1])
async def test_only_what_is_due_is_taken(desk: Officials, amount: int) -> None:
    refused = problem(await desk.tries(law.TAKE_PAYMENT, amount_dong=amount), 409, "fee-mismatch")
    assert (refused["fee_dong"], refused["offered_dong"]) == (8000, amount)


async def test_phi_and_le_phi_have_receipts_of_their_own(country: Country, sandbox: Sandbox) -> None:
    rows = []
    for number in (1, 2):
        desk = await Officials(country, sandbox, number).submitted(procedure=FREE)
        await desk.does(law.DEMAND_FEE, fee=TWO_KINDS)
        await desk.does(law.TAKE_PAYMENT)
        rows += (await desk.told())[-1]["receipts"]
    assert [(row["kind"], row["series"], row["number"], row["amount_dong"]) for row in rows] == [
        ("service_fee", SERIES, 1, 35_000),
        ("registration_fee", SERIES.replace("-P-", "-LP-"), 1, 50_000),
        ("service_fee", SERIES, 2, 35_000),
        ("registration_fee", SERIES.replace("-P-", "-LP-"), 2, 50_000),
    ]


async def test_a_refused_attempt_leaves_no_gap_in_the_receipts(country: Country, sandbox: Sandbox) -> None:
    numbers = []
    for number in (1, 2):
        desk = await Officials(country, sandbox, number).brought_to(STAGES["fee at reception"])
        problem(await desk.tries(law.TAKE_PAYMENT, amount_dong=1), 409, "fee-mismatch")
        await desk.does(law.TAKE_PAYMENT)
        problem(await desk.tries(law.TAKE_PAYMENT), 409, "not-yet")
        numbers += [receipt["number"] for receipt in (await desk.told())[-1]["receipts"]]
    assert numbers == [1, 2]


async def test_twenty_dossiers_paid_at_once_get_twenty_receipts_without_a_gap(
    country: Country, sandbox: Sandbox
) -> None:
    desks = [
        await Officials(country, sandbox, number).brought_to(STAGES["fee at reception"]) for number in range(1, 21)
    ]
    await asyncio.gather(*(desk.does(law.TAKE_PAYMENT) for desk in desks))
    told = [(await desk.told())[-1]["receipts"] for desk in desks]
    assert sorted(receipt["number"] for receipts in told for receipt in receipts) == list(range(1, 21))
    assert {receipt["series"] for receipts in told for receipt in receipts} == {SERIES}


async def test_one_dossier_paid_twenty_times_at_once_gets_one_receipt(desk: Officials) -> None:
    answers = await asyncio.gather(*(desk.tries(law.TAKE_PAYMENT) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    other = await Officials(desk.country, desk.sandbox, 2).brought_to(STAGES["fee at reception"])
    await other.does(law.TAKE_PAYMENT)
    assert [(await each.told())[-1]["receipts"][0]["number"] for each in (desk, other)] == [1, 2]


async def test_money_taken_by_the_officials_themselves_is_numbered_in_the_same_rows(
    country: Country, sandbox: Sandbox
) -> None:
    office = Office(sandbox)
    codes = [(await office.registered())["code"] for _ in range(3)]
    await office.made(codes[1], law.TAKE_PAYMENT)
    await sandbox.move(hours=2)
    await sandbox.fire()
    taken = {code: next(e for e in await office.told(code) if e["type"] == law.FEE_PAID) for code in codes}
    assert taken[codes[1]]["receipts"][0]["number"] == 1
    assert sorted(event["receipts"][0]["number"] for event in taken.values()) == [1, 2, 3]


async def test_receipts_count_anew_for_each_agency_and_each_year(country: Country) -> None:
    sandbox = await country.sandbox(start="2026-12-31T16:00:00+07:00")
    office, numbers = Office(sandbox), []
    for place, days in (("14464", 0), ("14488", 0), ("14464", 1)):
        await sandbox.move(days=days)
        code = (await office.registered(commune=place))["code"]
        await office.made(code, law.TAKE_PAYMENT)
        (receipt,) = (await office.told(code))[-1]["receipts"]
        numbers.append((receipt["series"], receipt["number"]))
    assert numbers == [("BL-H42.14464-P-2026", 1), ("BL-H42.14488-P-2026", 1), ("BL-H42.14464-P-2027", 1)]


# --- what is given back ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stage", "verb", "facts", "refund_dong"),
    [
        ("in processing", law.REJECT, {}, 0),
        ("paid at reception", law.STOP, {}, 0),
        ("paid at reception", law.STOP, {"refund_dong": 8000}, 8000),
        ("submitted", law.REFUSE, {}, None),
        ("submitted", law.REFUSE, {"refund_dong": 0}, 0),
        ("submitted, withdrawal asked", law.GRANT_WITHDRAWAL, {}, None),
        ("submitted, withdrawal asked", law.GRANT_WITHDRAWAL, {"refund_dong": 0}, 0),
    ],
)
async def test_an_end_without_a_result_says_what_is_given_back(
    country: Country, sandbox: Sandbox, stage: str, verb: str, facts: dict[str, Any], refund_dong: int | None
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES[stage])
    await desk.does(verb, **facts)
    assert (await desk.told())[-1].get("refund_dong") == refund_dong, "left out: all that was paid"


@pytest.mark.parametrize(
    ("verb", "facts", "returned"),
    [
        (law.STOP, {}, None),
        (law.STOP, {"refund_dong": 3000}, 3000),
        (law.STOP, {"refund_dong": 8000}, 8000),
        (law.REJECT, {"refund_dong": 8000}, 8000),
    ],
)
async def test_money_taken_at_the_counter_is_given_back_there(
    country: Country, sandbox: Sandbox, verb: str, facts: dict[str, int], returned: int | None
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["fee at reception"])
    await desk.does(law.TAKE_PAYMENT)
    await desk.does(law.START)
    await desk.does(verb, **facts)
    told = (await desk.told())[-1]
    assert (told["refund_dong"], told.get("returned_dong")) == (0, returned)
    assert (await desk.shown())["refunded_dong"] == (returned or 0)


@pytest.mark.parametrize("verb", [law.STOP, law.REJECT])
async def test_more_than_was_paid_cannot_be_given_back(country: Country, sandbox: Sandbox, verb: str) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["in processing"])
    problem = (await desk.tries(verb, refund_dong=8001)).json()
    assert (problem["type"], problem["refund_dong"]) == ("/problems/refund-too-large", 8001)
    assert problem["held_dong"] == (await desk.shown())["paid_dong"]


async def test_a_demand_made_by_mistake_is_waived_and_the_office_goes_on(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["fee at reception"])
    shown = await desk.does(law.WAIVE_FEE, reason="Yêu cầu nộp bị nhầm")
    assert [(each["status"], each["paid_by"]) for each in shown["demands"]] == [("waived", None)]
    assert law.START in shown["can"] and law.TAKE_PAYMENT not in shown["can"]
    told = (await desk.told())[-1]
    assert (told["demand"], told["amount_dong"], told["reason"]) == (1, 8000, "Yêu cầu nộp bị nhầm")
    again = (await desk.tries(law.WAIVE_FEE)).json()
    assert (again["type"], again["waits_for"]) == ("/problems/not-yet", "demand")


@pytest.mark.parametrize("verb", [law.WAIVE_FEE, law.TAKE_PAYMENT])
async def test_once_the_fee_is_closed_only_the_answer_is_waited_for(
    country: Country, sandbox: Sandbox, verb: str
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["in processing"])
    fee = [{"kind": "tax", "name": "Thuế", "amount_dong": 5000}]
    asked = await desk.does(law.REQUEST_SUPPLEMENT, answer_days=60, fee=fee)
    await desk.does(verb)
    rows = await country.gateway.database.fetch("SELECT kind, due FROM timers WHERE sandbox = $1", sandbox.id)
    assert [row["kind"] for row in rows] == [law.STOP]
    assert rows[0]["due"] > datetime.fromisoformat(asked["supplements"][-1]["answer_by"]), "not when the fee fell due"


async def test_what_the_portal_gave_back_is_noted(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES["paid at reception"])
    await desk.does(law.STOP, refund_dong=3000)
    await desk.hears(law.PAYMENT_REFUNDED, amount_dong=3000)
    shown = await desk.shown()
    assert (shown["paid_dong"], shown["refunded_dong"]) == (8000, 3000)


async def test_the_money_of_a_fee_named_by_nobody_is_never_asked_for(country: Country, sandbox: Sandbox) -> None:
    desk = await Officials(country, sandbox).submitted(procedure=FREE)
    shown = await desk.does(law.RECEIVE)
    assert (shown["status"]["code"], shown["demands"], shown["fee_dong"], shown["paid"]) == (2, [], None, False)
