"""What the platform tells under a fault rule, and that the truth is always told in the end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from contracts.faults import FAULTS
from shared.sandbox.faults import Rule
from tests.service.payment_mock.partner import Merchant, Partner

HOUR = timedelta(hours=1)


async def on(merchant: Merchant, fault: str, **change: Any) -> None:
    """The rule alone, as the portal would tell it; `rate` for a clock that runs."""
    named, row = FAULTS[fault], {name: change.pop(name) for name in ("rate",) if name in change}
    settings = {each.name: each.default for each in named.settings} | change.pop("settings", {})
    rule = Rule(fault, fault, named.edge, 1, named.title_en, named.title_vi, settings=settings, **change)
    await merchant.sandbox.tell(faults=msgspec.to_builtins([rule]), **row)


async def off(merchant: Merchant) -> None:
    await merchant.sandbox.tell(faults=[])


async def held(merchant: Merchant, *references: str) -> dict[str, Any]:
    """Wait until these and no other are held; what is pending then."""
    async with asyncio.timeout(20):
        while True:
            pending = await merchant.pending()
            if [call["refused"] for call in pending["calls"]] == [True] * len(references):
                return pending


def told(partner: Partner, merchant: Merchant) -> list[tuple[str, int]]:
    """MaThamChieu and SoTien of each CONFIRM, in the order of their coming."""
    return [(each.body["MaThamChieu"], each.body["SoTien"]) for each in partner.of(merchant.sandbox)]


TRUTH, LIE = ("R1", 8000), ("R1", 9000)


async def test_what_is_late_is_due_at_its_hour_and_fires_then(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-late")
    await merchant.paid()
    pending = await held(merchant, "R1")
    assert (pending["next_due"], pending["timers_due"]) == ("2026-06-09T10:00:00.000+07:00", 0)
    await merchant.sandbox.advance(2 * HOUR)
    assert (await merchant.pending())["timers_due"] == 1 and told(partner, merchant) == []
    fired = (await merchant.http.post(f"/_lab/sandboxes/{merchant.sandbox.id}/fire")).json()["fired"]
    assert [(each["at"], each["kind"]) for each in fired] == [("2026-06-09T10:00:00.000+07:00", "confirm")]
    await merchant.all_told()
    assert told(partner, merchant) == [TRUTH]


async def test_what_a_service_learns_by_itself_of_rules_lets_nothing_go(
    merchant: Merchant, partner: Partner, app: FastAPI
) -> None:
    await on(merchant, "confirmation-late")
    await merchant.paid()
    await held(merchant, "R1")
    await app.state.runtime._learn_rules()  # every few seconds; the database writes the same rules with other blanks
    await merchant.sandbox.advance(2 * HOUR)
    assert (await merchant.pending())["timers_due"] == 1 and told(partner, merchant) == [], "it waits for `fire`"


async def test_what_a_service_learned_before_it_was_told_lets_go_all_the_same(
    merchant: Merchant, partner: Partner, app: FastAPI
) -> None:
    await on(merchant, "confirmation-missing")
    await merchant.paid()
    await held(merchant, "R1")
    del app.state.runtime.faults[merchant.sandbox.id]  # as `_learn_rules` does between the row's commit and its note
    await off(merchant)
    await merchant.all_told()
    assert told(partner, merchant) == [TRUTH]


async def test_a_rule_that_ends_before_lets_go_at_its_end(merchant: Merchant) -> None:
    for fault in ("confirmation-late", "confirmation-missing"):
        await on(merchant, fault, until=merchant.sandbox.now + HOUR)
        await merchant.paid(fault)
        assert (await held(merchant, "R1"))["next_due"] == "2026-06-09T09:00:00.000+07:00"
        await off(merchant)
        await merchant.all_told()


@pytest.mark.parametrize("fault", ["confirmation-missing", "confirmation-late", "confirmation-reordered"])
async def test_what_is_held_is_told_as_soon_as_its_rule_is_off(
    merchant: Merchant, partner: Partner, fault: str
) -> None:
    await on(merchant, fault)
    await merchant.paid()
    await held(merchant, "R1")
    await on(merchant, "http-error")  # other rules change, this one goes
    await merchant.all_told()
    assert told(partner, merchant) == [TRUTH]


async def test_what_is_held_stays_so_while_the_clock_moves(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-missing")
    await merchant.paid()
    attempts = (await held(merchant, "R1"))["calls"][0]["attempts"]
    for _ in range(3):
        await merchant.sandbox.advance(HOUR)
    assert (await merchant.pending())["calls"][0]["attempts"] == attempts, "and is not tried in vain"
    assert told(partner, merchant) == []


async def test_under_a_clock_that_runs_what_is_late_comes_by_itself(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-late", settings={"by": "30m"}, rate=3_600)
    await merchant.paid()
    await merchant.all_told()
    assert told(partner, merchant) == [TRUTH]


async def test_a_clock_that_is_let_run_takes_what_is_held_along(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-late", settings={"by": "30m"})
    await merchant.paid()
    await held(merchant, "R1")
    await merchant.sandbox.tell(rate=3_600)
    await merchant.all_told()
    assert told(partner, merchant) == [TRUTH]


async def test_a_lie_is_told_once_and_then_the_truth(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-wrong-amount")
    await merchant.paid()
    await held(merchant, "R1")
    await on(merchant, "confirmation-wrong-amount", times=None)  # told again by its owner: held as before
    await held(merchant, "R1")
    assert told(partner, merchant) == [LIE]
    await off(merchant)
    await merchant.all_told()
    assert told(partner, merchant) == [LIE, TRUTH]


async def test_nothing_is_pending_only_after_the_second_was_told(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-doubled")
    partner.answers[merchant.sandbox.id] = [
        PlainTextResponse('{"MaLoi": "00"}', media_type="application/json"),
        PlainTextResponse("no", 503),
    ]
    await merchant.paid()
    await merchant.all_told()
    assert told(partner, merchant) == [TRUTH] * 4, "the second failed, so both were told again"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_answer_that_says_nothing_about_the_message_does_not_end_it(
    merchant: Merchant, partner: Partner, status: int
) -> None:
    partner.answers[merchant.sandbox.id] = [PlainTextResponse("busy", status)]
    await merchant.paid()
    await merchant.all_told()
    assert told(partner, merchant) == [TRUTH] * 2
    assert [line["kind"] for line in await merchant.story()][-1] == "confirm_taken"


async def test_two_overtake_each_other_then_two_more(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-reordered")
    for first, second in (("R1", "R2"), ("R3", "R4")):
        await merchant.paid(first)
        await held(merchant, first)
        await merchant.paid(second)
        await merchant.all_told()
    assert [reference for reference, _ in told(partner, merchant)] == ["R2", "R1", "R4", "R3"]


async def test_the_one_that_overtakes_may_fail_and_does_so_all_the_same(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-reordered")
    await merchant.paid("R1")
    await held(merchant, "R1")
    partner.answers[merchant.sandbox.id] = [PlainTextResponse("no", 503)]
    await merchant.paid("R2")
    await merchant.all_told()
    assert [reference for reference, _ in told(partner, merchant)] == ["R2", "R2", "R1"]


async def test_who_is_not_bitten_overtakes_too(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-reordered", times=1)
    await merchant.paid("R1")
    await held(merchant, "R1")
    await merchant.paid("R2")
    await merchant.all_told()
    assert [reference for reference, _ in told(partner, merchant)] == ["R2", "R1"]


async def test_a_payer_who_turns_back_is_not_told_to_have_paid(merchant: Merchant) -> None:
    await on(merchant, "success-without-return")
    url = (await merchant.init())["UrlThanhToan"]
    failed = await merchant.pay(url, "failed")
    assert failed.status_code == 303, "the rule is about success"
    done = await merchant.pay(url)
    assert done.status_code == 200 and "đã được thanh toán" in done.text


async def test_a_form_is_told_by_a_page(merchant: Merchant) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    for fault, status, words in (("bank-down", 503, "chưa trừ tiền"), ("payment-expired", 409, "đã hết hạn")):
        await on(merchant, fault)
        answer: httpx.Response = await merchant.http.post(f"{url}/pay", data={"outcome": "success"})
        assert answer.status_code == status and words in answer.text


@pytest.mark.parametrize("form", ["a=1&" * 100_000, "outcome=success&outcome=failed"])
async def test_a_form_that_no_page_of_ours_sends_does_not_fit(merchant: Merchant, form: str) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer: httpx.Response = await merchant.http.post(f"{url}/pay", content=form, headers=kind)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/body-does-not-fit")


async def test_a_refused_refund_is_given_when_it_is_asked_for_again(merchant: Merchant) -> None:
    await merchant.paid()
    await on(merchant, "refund-refused", times=1)
    refused = await merchant.refund()
    assert (refused["MaLoi"], refused["LyDo"]) == ("99", "bank-refuses")
    assert (await merchant.refund())["MaLoi"] == "00" and (await merchant.refund())["MaLoi"] == "00"
    assert [line["kind"] for line in await merchant.story()].count("refunded") == 1


async def test_a_held_confirmation_goes_with_its_sandbox(merchant: Merchant, partner: Partner) -> None:
    await on(merchant, "confirmation-missing")
    await merchant.paid()
    await held(merchant, "R1")
    answer = await merchant.http.get(f"/_lab/sandboxes/{merchant.sandbox.id}/firings")
    assert answer.json() == [{"rule": "confirmation-missing@1", "seen": 1, "fired": 1}]
    await merchant.sandbox.tell(deleted=True)
    assert (await merchant.http.get(f"/_lab/sandboxes/{merchant.sandbox.id}/firings")).status_code == 404
