"""Demands of every moment as the citizen meets them: corrected, crossed, taken at the counter, given back; receipts in rows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.portal.test_payments import Till, ma_loi
from tests.support.country import Citizen, Country, Sandbox, problem
from tests.support.factories import COPY, FREE, an_event_of, example, hear, told
from tests.support.office import Office

SERIES = "BL-H42.14464-P-2026/online"


def fee(*dong: int, kind: str = "tax") -> list[dict[str, Any]]:
    return [{"kind": kind, "name": f"Khoản {number}", "amount_dong": each} for number, each in enumerate(dong, 1)]


def demanded(dong: int, number: int = 1, **facts: Any) -> tuple[str, dict[str, Any]]:
    items = fee(dong, kind="service_fee")
    return law.FEE_DEMANDED, {"fee_dong": dong, "demand": number, "items": items, **facts}


def taken(method: str = "counter", number: int = 1) -> tuple[str, dict[str, Any]]:
    receipt = {"kind": "service_fee", "series": "BL-H42.14464-P-2026", "number": 7, "amount_dong": 8000}
    return law.FEE_PAID, {"demand": number, "amount_dong": 8000, "method": method, "receipts": [receipt]}


@pytest.fixture
async def till(country: Country, lan: Citizen) -> Till:
    """A fee of 8.000 đồng, due at reception; the test speaks for the province."""
    till = Till(country, lan, await lan.submitted())
    await till.hear((law.DOSSIER_RECEIVED, {}), demanded(8000))
    return till


async def shown_fee(till: Till) -> dict[str, Any]:
    return dict((await till.citizen.dossier(till.code))["fee"])


# --- what is due ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "moment"),
    [
        ([law.DOSSIER_RECEIVED], "at_reception"),
        ([], "at_reception"),
        ([law.SUPPLEMENT_REQUESTED], "at_supplement"),
        ([law.DOSSIER_RECEIVED, law.PROCESSING_STARTED], "obligation"),
        ([law.DOSSIER_RECEIVED, law.PROCESSING_STARTED, law.DOSSIER_RESULT_READY], "at_result"),
    ],
    ids=["after reception", "before reception", "with a supplement", "in the middle", "at the result"],
)
async def test_a_fee_can_be_paid_at_every_moment(
    country: Country, lan: Citizen, before: list[str], moment: str
) -> None:
    till = Till(country, lan, await lan.submitted(procedure=FREE))
    await till.hear(*((event, {}) for event in before), demanded(8000, moment=moment))
    fee = await shown_fee(till)
    assert (fee["status"], fee["moment"], fee["amount_dong"], fee["demand"]) == ("due", moment, 8000, 1)
    assert fee["pay_by"].startswith("2026-12-25T17:00")
    assert ma_loi(await till.confirm(await till.reference())) == "00"
    fee = await shown_fee(till)
    assert (fee["status"], fee["paid_by"]) == ("paid", "online")
    assert await till.refunds() == []


@pytest.mark.parametrize("dong", [1, 10**12 - 1])
async def test_the_smallest_and_the_largest_fee_can_be_paid_online(country: Country, lan: Citizen, dong: int) -> None:
    till = Till(country, lan, await lan.submitted(procedure=FREE))
    await till.hear((law.DOSSIER_RECEIVED, {}), demanded(dong))
    begun = (await till.begin(dong)).json()
    assert (await country.http.get(begun["checkout_url"])).status_code == 200
    assert ma_loi(await till.confirm(begun["reference"], SoTien=dong)) == "00"
    fee = await shown_fee(till)
    assert (fee["status"], fee["receipts"][0]["amount_dong"]) == ("paid", dong)


async def test_after_a_corrected_demand_only_the_new_amount_is_taken(till: Till) -> None:
    await till.hear(demanded(5000, 2, replaces=1))
    fee = await shown_fee(till)
    assert (fee["amount_dong"], fee["demand"], fee["status"]) == (5000, 2, "due")
    assert problem(await till.begin(8000), 409, "fee-mismatch")["fee_dong"] == 5000
    assert (await till.begin(5000)).status_code == 201


async def test_a_payment_begun_with_the_old_amount_is_given_back_and_the_new_one_stays_due(till: Till) -> None:
    old = await till.reference()
    await till.hear(demanded(5000, 2, replaces=1))
    assert ma_loi(await till.confirm(old)) == "00"
    assert [(call.key, call.data["amount_dong"]) for call in await till.refunds()] == [(old, 8000)]
    fee = await shown_fee(till)
    assert (fee["status"], fee["amount_dong"], fee["receipts"]) == ("due", 5000, [])
    new = str((await till.begin(5000)).json()["reference"])
    assert new != old
    assert ma_loi(await till.confirm(new, SoTien=5000, MaGiaoDich="GD0002")) == "00"
    assert (await shown_fee(till))["status"] == "paid"
    assert len(await till.refunds()) == 1


async def test_money_that_crosses_with_a_correction_goes_back(till: Till) -> None:
    reference = await till.reference()
    await till.confirm(reference)  # the province has corrected its demand meanwhile
    await till.hear(demanded(5000, 2, replaces=1), demanded(5000, 2, replaces=1))
    assert [call.key for call in await till.refunds()] == [reference]
    fee = await shown_fee(till)
    assert (fee["status"], fee["amount_dong"]) == ("due", 5000)


async def test_what_was_paid_stays_paid_when_more_is_asked_for(till: Till) -> None:
    await till.confirm(await till.reference())
    await till.hear(demanded(5000, 2))
    assert await till.refunds() == []
    assert (await shown_fee(till))["status"] == "due"
    assert (await till.begin(5000)).status_code == 201


# --- taken by the office ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["counter", "transfer"])
async def test_money_taken_by_the_office_is_shown_with_its_receipt(till: Till, method: str) -> None:
    await till.hear(taken(method))
    fee = await shown_fee(till)
    assert (fee["status"], fee["paid_by"], fee["reference"]) == ("paid", method, None)
    assert [(each["series"], each["number"]) for each in fee["receipts"]] == [("BL-H42.14464-P-2026", 7)]
    assert problem(await till.begin(), 409, "already-paid")["reference"] == method
    assert (await till.citizen.dossier(till.code))["can"] == ["withdraw"]


async def test_money_paid_online_at_the_same_time_goes_back_once(till: Till) -> None:
    reference = await till.reference()
    await till.confirm(reference)
    await till.hear(taken(), taken())
    assert [(call.key, call.data["amount_dong"]) for call in await till.refunds()] == [(reference, 8000)]
    assert ((await shown_fee(till))["status"], (await shown_fee(till))["paid_by"]) == ("paid", "counter")


async def test_money_begun_online_before_and_confirmed_after_goes_back_once(till: Till) -> None:
    reference = await till.reference()
    await till.hear(taken())
    for _ in range(2):
        assert ma_loi(await till.confirm(reference)) == "00"
    assert [call.key for call in await till.refunds()] == [reference]
    events = await told(till.country.portal, till.sandbox.id, till.code)
    assert [event["type"] for event in events].count(law.PAYMENT_CONFIRMED) == 1
    assert "receipts" not in events[-1], "no receipt for money that nobody keeps"


# --- receipts of the portal -------------------------------------------------------------------------------------------------
async def test_twenty_confirmations_at_once_get_twenty_receipts_without_a_gap(country: Country, lan: Citizen) -> None:
    tills = [Till(country, lan, await lan.submitted()) for _ in range(20)]
    for each in tills:
        await each.hear((law.DOSSIER_RECEIVED, {}), demanded(8000))
    references = [await each.reference() for each in tills]
    sent = [each.confirm(reference) for each, reference in zip(tills, references, strict=True) for _ in range(3)]
    assert {ma_loi(answer) for answer in await asyncio.gather(*sent)} == {"00"}
    receipts = [receipt for each in tills for receipt in (await shown_fee(each))["receipts"]]
    assert sorted(receipt["number"] for receipt in receipts) == list(range(1, 21))
    assert {receipt["series"] for receipt in receipts} == {SERIES}


async def test_what_is_not_taken_draws_no_number(country: Country, till: Till) -> None:
    failed = await till.reference()
    await till.confirm(failed, MaLoi="07")
    await till.confirm(failed, SoTien=1)
    reference = await till.reference()
    for _ in range(3):
        await till.confirm(reference)
    other = Till(country, till.citizen, await till.citizen.submitted())
    await other.hear((law.DOSSIER_RECEIVED, {}), demanded(8000))
    await other.confirm(await other.reference())
    assert [(await shown_fee(each))["receipts"][0]["number"] for each in (till, other)] == [1, 2]


async def test_phi_and_le_phi_have_receipts_of_their_own(country: Country, lan: Citizen) -> None:
    till = Till(country, lan, await lan.submitted())
    items = fee(5000, kind="service_fee") + fee(2000, 1000, kind="registration_fee")
    await till.hear((law.DOSSIER_RECEIVED, {}), (law.FEE_DEMANDED, {"fee_dong": 8000, "items": items}))
    await till.confirm(await till.reference())
    receipts = (await shown_fee(till))["receipts"]
    assert [(each["kind"], each["series"], each["number"], each["amount_dong"]) for each in receipts] == [
        ("service_fee", SERIES, 1, 5000),
        ("registration_fee", SERIES.replace("-P-", "-LP-"), 1, 3000),
    ]
    event = (await told(country.portal, lan.sandbox.id, till.code))[-1]
    assert event["receipts"] == receipts and event["demand"] == 1


async def test_a_demand_that_names_no_items_is_le_phi(country: Country, lan: Citizen) -> None:
    till = Till(country, lan, await lan.submitted(procedure=COPY))
    body = {**example(law.FEE_DEMANDED, till.code, fee_dong=8000)}
    for name in ("items", "demand", "moment", "pay_by"):  # as the first version of the contract had it
        del body[name]
    await till.hear((law.DOSSIER_RECEIVED, {}))
    await hear(country.portal, an_event_of(law.FEE_DEMANDED, lan.sandbox.id, till.code, body))
    await till.confirm(await till.reference())
    (receipt,) = (await shown_fee(till))["receipts"]
    assert (receipt["kind"], receipt["amount_dong"]) == ("registration_fee", 8000)


async def test_the_portal_and_the_office_number_their_receipts_apart(sandbox: Sandbox, lan: Citizen) -> None:
    office, codes = Office(sandbox), [await lan.submitted() for _ in range(2)]
    await sandbox.carry()
    for code in codes:
        await office.made(code, law.RECEIVE)
    await office.made(codes[0], law.TAKE_PAYMENT)
    await sandbox.carry()
    online = Till(sandbox.country, lan, codes[1])
    await online.confirm(await online.reference())
    rows = [(await lan.dossier(code))["fee"]["receipts"][0] for code in codes]
    assert [(row["series"], row["number"]) for row in rows] == [("BL-H42.14464-P-2026", 1), (SERIES, 1)]


async def test_money_that_goes_back_is_shown_though_another_attempt_was_begun(till: Till) -> None:
    first = await till.reference()
    await till.sandbox.move(minutes=16)
    await till.reference()
    await till.confirm(first)
    await till.hear((law.DOSSIER_STOPPED, {"refund_dong": 8000, "paid_dong": 8000}))
    fee = await shown_fee(till)
    assert (fee["status"], fee["reference"]) == ("refund_pending", first)
