"""What payer and portal see when the bank, the browser or the platform does not do what it should."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from lienthong.journeys.travel import WITHDRAWN
from tests.e2e.faults.story import Stories
from tests.support.trouble import PROVINCE, Trouble

STORIES = Stories()
HERE = {"province": PROVINCE}


async def press(trouble: Trouble, payment: dict[str, Any]) -> httpx.Response:
    """The payer presses the button; no redirect is followed."""
    return await trouble.http.post(f"{payment['checkout_url']}/pay", json={"outcome": "success"})


def back_at(answer: httpx.Response) -> dict[str, str]:
    """What the browser is sent back with."""
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def confirmations(trouble: Trouble, code: str) -> list[tuple[str, str]]:
    """What was told to the portal, in order, and how it answered."""
    story = await trouble.sandbox.timeline(code)
    return [(each["kind"], each["data"]["MaLoi"]) for each in story if each["kind"].startswith("confirm_")]


TAKEN, REFUSED = ("confirm_taken", "00"), ("confirm_refused", "99")


# --- at the bank --------------------------------------------------------------------------------------------------------
@STORIES.of("payment-declined")
async def the_bank_declines(trouble: Trouble) -> None:
    code = await trouble.owing()
    payment = await trouble.lan.start_payment(code)
    for reason in ("insufficient-funds", "card-expired", "limit-exceeded", "account-blocked", "otp-wrong"):
        async with trouble.on("payment-declined", code, match=HERE, settings={"reason": reason}):
            assert back_at(await press(trouble, payment))["reason"] == reason
            await trouble.still()
            assert await trouble.fee(code) == "due"
    failed = await trouble.lines(code, "payment_failed")
    assert [line["data"]["reason"] for line in failed][-1] == "otp-wrong" and len(failed) == 5
    assert await confirmations(trouble, code) == [], "of failures nobody is told"


@STORIES.of("payment-cancelled")
async def the_payer_turns_back(trouble: Trouble) -> None:
    code = await trouble.owing()
    payment = await trouble.lan.start_payment(code)
    async with trouble.on("payment-cancelled", code, match={"dossier": code}, times=1):
        assert back_at(await press(trouble, payment))["reference"] == payment["reference"]
        await trouble.still()
        assert await trouble.fee(code) == "due" and await confirmations(trouble, code) == []
    assert (await press(trouble, payment)).status_code == 303, "the order is still open"
    await trouble.sandbox.settle()
    assert await trouble.fee(code) == "paid"


@STORIES.of("payment-expired")
async def the_time_to_pay_is_over(trouble: Trouble) -> None:
    code = await trouble.owing()
    payment = await trouble.lan.start_payment(code)
    async with trouble.on("payment-expired", code, match=HERE, times=1):
        answer = await press(trouble, payment)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/order-expired")
        await trouble.still()
    assert (await press(trouble, payment)).status_code == 409, "the order that ran out stays so"
    await trouble.sandbox.clock.advance("15m")
    another = await trouble.lan.start_payment(code)
    assert another["reference"] != payment["reference"]


@STORIES.of("bank-down")
async def the_bank_does_not_answer(trouble: Trouble) -> None:
    code = await trouble.owing()
    payment = await trouble.lan.start_payment(code)
    async with trouble.on("bank-down", code):
        answer = await press(trouble, payment)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/bank-down")
        page = await trouble.http.post(f"{payment['checkout_url']}/pay", data={"outcome": "success"})
        assert page.status_code == 503 and "chưa trừ tiền" in page.text
        await trouble.still()
        assert await trouble.fee(code) == "due" and await trouble.lines(code, "paid") == []
    assert (await press(trouble, payment)).status_code == 303


# --- on the way back ----------------------------------------------------------------------------------------------------
@STORIES.of("success-without-return")
async def the_browser_never_comes_back(trouble: Trouble) -> None:
    code = await trouble.owing()
    payment = await trouble.lan.start_payment(code)
    async with trouble.on("success-without-return", code, match=HERE):
        answer = await press(trouble, payment)
        assert answer.status_code == 200 and "location" not in answer.headers
        await trouble.still()
        assert await trouble.fee(code) == "paid", "the confirmation travels by itself"


@STORIES.of("return-without-success")
async def the_browser_comes_back_and_nothing_was_paid(trouble: Trouble) -> None:
    code = await trouble.owing()
    payment = await trouble.lan.start_payment(code)
    async with trouble.on("return-without-success", code, match=HERE, times=1):
        answer = await press(trouble, payment)
        assert back_at(answer)["reference"] == payment["reference"] and "reason" not in back_at(answer)
        told = (await trouble.http.get(answer.headers["location"])).json()
        assert told == {"reference": payment["reference"], "status": "started"}
        await trouble.still()
        assert await trouble.fee(code) == "due"


# --- the platform's word ------------------------------------------------------------------------------------------------
@STORIES.of("confirmation-late")
async def the_confirmation_comes_late(trouble: Trouble) -> None:
    code, other = await trouble.owing(), await trouble.owing()
    async with trouble.on("confirmation-late", code, match=HERE, settings={"by": "2h"}):
        await trouble.lan.pay(code)
        await trouble.held("confirmation-late")
        await trouble.sandbox.clock.advance("119m")
        assert await trouble.fee(code) == "due"
        turned = await trouble.sandbox.clock.advance("1m")
        assert ("payment", "confirm") in [(each["service"], each["kind"]) for each in turned["fired"]], turned
        assert await trouble.fee(code) == "paid", "two hours after it was paid, the rule still on"
        await trouble.lan.pay(other)
        await trouble.held("confirmation-late")
    await trouble.still()
    assert await trouble.fee(other) == "paid", "at once, as the rule is off"


async def the_truth_is_held(fault: str, lies: list[tuple[str, str]], trouble: Trouble) -> None:
    """The portal hears nothing, or a lie that it refuses; then the truth."""
    code = await trouble.owing()
    async with trouble.on(fault, code, match=HERE):
        await trouble.lan.pay(code)
        await trouble.held(fault)
        await trouble.sandbox.clock.advance("3h")
        assert await trouble.fee(code) == "due" and await confirmations(trouble, code) == lies
    await trouble.still()
    assert await trouble.fee(code) == "paid" and await confirmations(trouble, code) == [*lies, TAKEN]


for held, lies in {
    "confirmation-missing": [],
    "confirmation-wrong-amount": [REFUSED],
    "confirmation-wrong-signature": [REFUSED],
}.items():
    STORIES.of(held)(partial(the_truth_is_held, held, lies))


async def more_than_the_truth_is_told(fault: str, told: list[tuple[str, str]], trouble: Trouble) -> None:
    code = await trouble.owing()
    async with trouble.on(fault, code, match=HERE):
        await trouble.lan.pay(code)
        await trouble.still()
        assert await trouble.fee(code) == "paid" and await confirmations(trouble, code) == told
    await trouble.still()
    assert await trouble.fee(code) == "paid"


for more, told in {"confirmation-doubled": [TAKEN, TAKEN], "confirmation-contradicting": [TAKEN, REFUSED]}.items():
    STORIES.of(more)(partial(more_than_the_truth_is_told, more, told))


@STORIES.of("confirmation-reordered")
async def confirmations_overtake_each_other(trouble: Trouble) -> None:
    codes = [await trouble.submitted() for _ in range(3)]
    await trouble.sandbox.clock.advance("1d")
    first, second, third = codes
    async with trouble.on("confirmation-reordered", first, match=HERE):
        await trouble.lan.pay(first)
        await trouble.held("confirmation-reordered")
        assert await trouble.fee(first) == "due"
        await trouble.lan.pay(second)
        await trouble.still()
        told = [(await trouble.lines(code, "confirm_taken"))[0]["real_at"] for code in (second, first)]
        assert told == sorted(told), "the second was told first"
        await trouble.lan.pay(third)
        await trouble.held("confirmation-reordered")
        assert await trouble.fee(third) == "due", "the third waits for a fourth"
    await trouble.still()
    assert [await trouble.fee(code) for code in codes] == ["paid"] * 3


@STORIES.of("refund-refused")
async def the_refund_is_refused(trouble: Trouble) -> None:
    code = await trouble.owing()
    await trouble.lan.pay(code)
    await trouble.still()
    async with trouble.on("refund-refused", code, match=HERE):
        await trouble.lan.withdraw(code, "Tôi không cần nữa")
        await trouble.sandbox.clock.advance("1d")
        verdict = await trouble.sandbox.settle()
        assert [each["name"] for each in verdict["waiting_for"]] == ["call-refused"], verdict
        assert await trouble.fee(code) == "refund_pending"
        assert (await trouble.lan.dossier(code))["status"]["slug"] == WITHDRAWN
    await trouble.still()
    assert await trouble.fee(code) == "refunded"
