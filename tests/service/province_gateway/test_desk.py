"""The one-stop desk, step by step: reception, fee, processing, result, withdrawal; all officers act by timers."""

from __future__ import annotations

import asyncio
import unicodedata
from datetime import timedelta
from typing import Any

import pytest

from contracts import lifecycle as law
from services.province_gateway import arrival
from tests.service.province_gateway.conftest import Desk
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import CODE, FREE, MORNING, PROVINCE, an_event, hear

PAID = {"reference": "DVC1", "amount_dong": 8000, "transaction": "GD1", "paid_at": "2026-06-09T11:00:00.000+07:00"}
ASKED = {"reason": "Đổi ý", "requested_at": "2026-06-09T09:00:00.000+07:00"}


async def test_a_dossier_waits_for_the_next_hour_at_which_officers_act(desk: Desk) -> None:
    shown = await desk.shown()
    assert (shown["status"]["slug"], shown["received_at"], shown["paid"]) == ("submitted", None, False)
    assert shown["submitted_at"] == "2026-06-09T08:00:00.000+07:00"
    assert await desk.due() == [("reception", "09/06 10:00")]
    assert await desk.told() == []


async def test_it_is_received_with_a_due_date_and_its_fee_is_demanded(desk: Desk) -> None:
    await desk.script(reception="receive")
    assert await desk.act() == ["reception"]
    received, demanded = await desk.told()
    assert (received["type"], demanded["type"]) == (law.DOSSIER_RECEIVED, law.FEE_DEMANDED)
    assert received["received_at"] == "2026-06-09T10:00:00.000+07:00"
    assert received["due_at"] == "2026-06-09T17:00:00.000+07:00", "the same day: received before 15:00"
    assert (received["limit"], received["count"], received["pause"]) == (
        {"value": 1, "unit": "same_day"},
        "law",
        "anew",
    )
    assert received["forward_by"] == "2026-06-09T17:00:00.000+07:00", "to the handling unit the same working day"
    assert received["working_days"] == 1 and received["officer"].startswith("Bộ phận Một cửa H42")
    assert demanded["fee_dong"] == 8000
    shown = await desk.shown()
    assert (shown["status"]["code"], shown["fee_dong"], shown["paid"]) == (6, 8000, False)
    assert await desk.due() == [("stop", "10/07 08:00")], "nothing happens until the citizen pays, or never does"


@pytest.mark.parametrize(
    ("submitted_at", "due"),
    [
        ("2026-06-09T08:00:00.000+07:00", "2026-06-23T17:00:00.000+07:00"),
        ("2026-06-12T16:30:00.000+07:00", "2026-06-26T17:00:00.000+07:00"),
        ("2026-04-24T08:00:00.000+07:00", None),
    ],
)
async def test_ten_working_days_leave_out_weekends_and_holidays(
    country: Country, submitted_at: str, due: str | None
) -> None:
    desk = Desk(country, await country.sandbox(start=submitted_at))
    await desk.submitted(procedure=FREE, submitted_at=submitted_at)
    await desk.script(reception="receive")
    await desk.act()
    (received,) = await desk.told()
    if due is None:  # Hùng Kings' day and 30 April to 1 May lie between
        assert received["due_at"] > "2026-05-08T17:00:00.000+07:00"
    elif submitted_at.startswith("2026-06-12"):  # a Friday, after the last look: received on Monday
        assert (received["received_at"][:16], received["due_at"][:10]) == ("2026-06-15T08:00", "2026-06-29")
    else:
        assert received["due_at"] == due


async def test_it_is_refused_with_a_reason_and_ends(desk: Desk) -> None:
    await desk.script(reception="refuse", reason="Thiếu giấy tờ")
    await desk.act()
    (refused,) = await desk.told()
    assert (refused["type"], refused["reason"]) == (law.DOSSIER_REFUSED, "Thiếu giấy tờ")
    shown = await desk.shown()
    assert (shown["status"]["slug"], shown["reason"]) == ("refused_at_reception", "Thiếu giấy tờ")
    assert await desk.due() == []


async def test_a_dossier_without_a_fee_is_taken_up_without_payment(country: Country, sandbox: Sandbox) -> None:
    desk = await Desk(country, sandbox).submitted(procedure=FREE)
    await desk.script(reception="receive", processing_days=2)
    assert [await desk.act() for _ in range(4)] == [["reception"], ["start"], ["finish"], ["return"]]
    assert await desk.types() == [
        law.DOSSIER_RECEIVED,
        law.PROCESSING_STARTED,
        law.DOSSIER_RESULT_READY,
        law.DOSSIER_RESULT_RETURNED,
    ]
    assert (await desk.shown())["status"]["code"] == 10


async def test_payment_lets_the_handler_start_and_the_result_is_returned(desk: Desk) -> None:
    await desk.script(reception="receive", processing_days=0)
    await desk.act()
    await desk.hears(law.PAYMENT_CONFIRMED, **PAID)
    shown = await desk.shown()
    assert (shown["paid"], shown["paid_dong"], shown["status"]["code"]) == (True, 8000, 6)
    assert [await desk.act() for _ in range(3)] == [["start"], ["finish"], ["return"]]
    *_, started, ready, returned = await desk.told()
    assert started["type"] == law.PROCESSING_STARTED
    assert ready["type"] == law.DOSSIER_RESULT_READY and ready["on_time"] and ready["result_number"] == f"KQ-{CODE}"
    assert returned["type"] == law.DOSSIER_RESULT_RETURNED
    assert started["started_at"] < ready["ready_at"] < returned["returned_at"]
    assert await desk.due() == []


async def test_a_second_payment_adds_its_amount_and_moves_nothing(desk: Desk) -> None:
    await desk.script(reception="receive")
    await desk.act()
    await desk.hears(law.PAYMENT_CONFIRMED, **PAID)
    start = await desk.due()
    await desk.at(timedelta(hours=5))
    await desk.hears(law.PAYMENT_CONFIRMED, **{**PAID, "reference": "DVC2", "transaction": "GD2"})
    assert await desk.due() == start
    assert (await desk.shown())["paid_dong"] == 16_000
    kept = await desk.gateway.documents.find(desk.gateway.database, desk.sandbox.id, desk.code)
    assert [each.paid_by for each in kept.demands] == ["DVC1"]


async def test_a_result_after_the_due_date_is_overdue(desk: Desk) -> None:
    await desk.script(reception="receive", processing_days=9)
    await desk.act()
    await desk.hears(law.PAYMENT_CONFIRMED, **PAID)
    await desk.act()
    await desk.act()
    assert (await desk.told())[-1]["on_time"] is False


async def test_a_payment_nobody_waits_for_is_noted_and_moves_nothing(desk: Desk) -> None:
    await desk.hears(law.PAYMENT_CONFIRMED, **PAID)
    assert (await desk.shown())["status"]["code"] == 1
    assert await desk.due() == [("reception", "09/06 10:00")]
    await desk.hears(law.PAYMENT_REFUNDED, reference="DVC1", amount_dong=8000, refund="HT1")
    shown = await desk.shown()
    assert (shown["paid_dong"], shown["refunded_dong"]) == (8000, 8000)


async def test_a_withdrawal_asked_before_reception_is_granted_before_it(desk: Desk) -> None:
    await desk.hears(law.WITHDRAWAL_REQUESTED, **ASKED)
    assert (await desk.shown())["withdrawal_asked"]
    assert await desk.act() == ["answer_withdrawal"], "the reception of that hour has nothing left to decide"
    assert (await desk.gateway.pending(desk.sandbox.id))["parked"] == []
    (withdrawn,) = await desk.told()
    assert (withdrawn["type"], withdrawn["reason"]) == (law.DOSSIER_WITHDRAWN, "Đổi ý")
    shown = await desk.shown()
    assert (shown["status"]["code"], shown["withdrawal_asked"]) == (7, False)
    assert await desk.due() == []


async def test_a_withdrawal_is_declined_once_a_result_exists(country: Country, sandbox: Sandbox) -> None:
    desk = await Desk(country, sandbox).submitted(procedure=FREE)
    await desk.script(reception="receive", processing_days=0)
    for _ in range(3):
        await desk.act()
    await desk.hears(law.WITHDRAWAL_REQUESTED, **ASKED)
    assert await desk.act() == ["answer_withdrawal", "return"]
    assert (await desk.types())[-2:] == [law.WITHDRAWAL_DECLINED, law.DOSSIER_RESULT_RETURNED]


async def test_a_withdrawal_that_comes_too_late_is_not_answered(desk: Desk) -> None:
    await desk.script(reception="refuse")
    await desk.act()
    await desk.hears(law.WITHDRAWAL_REQUESTED, **ASKED)
    assert await desk.due() == []
    assert await desk.types() == [law.DOSSIER_REFUSED]


async def test_what_an_event_causes_is_never_earlier_than_it(desk: Desk) -> None:
    """The portal's clock may stand a little before ours while an advance is under way."""
    noon = MORNING + timedelta(hours=4)
    await hear(desk.gateway, an_event(law.WITHDRAWAL_REQUESTED, desk.sandbox.id, CODE, at=noon, **ASKED))
    assert await desk.due() == [("reception", "09/06 10:00"), ("answer_withdrawal", "09/06 14:00")]


async def test_officers_decide_alike_in_twin_sandboxes(country: Country) -> None:
    stories = []
    for _ in range(2):
        sandbox = await country.sandbox(seed="twins", start="2026-06-09T08:00:00+07:00")
        story: list[Any] = []
        for number in range(1, 6):
            desk = await Desk(country, sandbox, f"H42.14464-20260609-000000{number}").submitted(procedure=FREE)
        while (await desk.gateway.pending(sandbox.id))["next_due"]:
            await desk.act()
        rows = await desk.gateway.database.fetch(
            "SELECT subject, version, id, type, at, body FROM events WHERE sandbox = $1 ORDER BY subject, version",
            sandbox.id,
        )
        story += [tuple(row) for row in rows]
        stories.append(story)
    assert stories[0] == stories[1] and len(stories[0]) >= 10


async def test_a_second_submission_with_one_code_is_a_broken_contract(desk: Desk) -> None:
    await desk.submitted()
    rows = await desk.gateway.database.fetch(
        "SELECT reason FROM dead_letters WHERE sandbox = $1 AND subject = $2", desk.sandbox.id, CODE
    )
    assert [row["reason"] for row in rows] == ["DossierAlreadyHere"]


async def test_a_script_holds_only_what_officers_can_decide(desk: Desk) -> None:
    async def sent(body: Any) -> list[str]:
        answer = await desk.country.ask(
            "gateway", "PUT", f"/_lab/officers/{CODE}", json=body, headers=desk.sandbox.header
        )
        return pointers(answer)

    assert await sent({}) == ["/decisions"]
    assert await sent({"decisions": {"reception": "maybe"}}) == ["/decisions/reception"]
    assert await sent({"decisions": {"reason": ""}}) == ["/decisions/reason"]
    assert await sent({"decisions": {"processing_days": -1}}) == ["/decisions/processing_days"]
    assert await sent({"decisions": {"reason": "a\x00b"}}) == ["/decisions/reason"]
    assert await sent([]) == [""]
    steps = [{"does": "finish"}, {"does": "finish", "at": "received"}, {"does": "stop", "at": "asleep"}]
    assert await sent({"decisions": {"steps": steps}}) == ["/decisions/steps/1/at", "/decisions/steps/2/at"]


async def test_a_scripted_reason_is_kept_as_nfc(desk: Desk) -> None:
    await desk.script(reception="refuse", reason=unicodedata.normalize("NFD", "Thiếu giấy tờ"))
    await desk.act()
    assert (await desk.told())[0]["reason"] == "Thiếu giấy tờ"


async def test_what_a_province_does_not_have_is_not_found(country: Country, desk: Desk) -> None:
    async def ask(path: str, sandbox_id: str = desk.sandbox.id) -> Any:
        return await country.ask("gateway", "GET", f"/api/v1/provinces/{path}", headers={"X-Sandbox": sandbox_id})

    problem(await ask("99/dossiers"), 404, "province-not-found")
    problem(await ask(f"99/dossiers/{CODE}"), 404, "province-not-found")
    problem(await ask(f"{PROVINCE}/dossiers/H42-20260609-9999999"), 404, "dossier-not-found")
    problem(await ask(f"01/dossiers/{CODE}"), 404, "dossier-not-found")
    problem(await ask(f"{PROVINCE}/dossiers", "nobody"), 404, "sandbox-not-found")
    problem(await ask(f"{PROVINCE}/dossiers/{CODE}", (await country.sandbox()).id), 404, "dossier-not-found")
    assert [found["code"] for found in (await ask(f"{PROVINCE}/dossiers")).json()] == [CODE]


@pytest.mark.parametrize("code", ["x", "H99-20260609-0000001", "H42", "H42.14464-20260609"])
async def test_a_script_for_what_is_no_dossier_code_is_refused(desk: Desk, code: str) -> None:
    answer = await desk.country.ask(
        *("gateway", "PUT", f"/_lab/officers/{code}"),
        json={"decisions": {"reception": "receive"}},
        headers=desk.sandbox.header,
    )
    problem(answer, 404, "dossier-not-found")


async def test_a_script_can_precede_its_dossier(country: Country, sandbox: Sandbox) -> None:
    desk = Desk(country, sandbox, "H42.14464-20260609-0000007")
    path, decisions = f"/_lab/officers/{desk.code}", {"decisions": {"reception": "refuse", "reason": "Sai thủ tục"}}
    early = await country.ask("gateway", "PUT", path, json=decisions, headers=sandbox.header)
    assert (early.status_code, early.json()["arrived"]) == (200, False)
    await desk.script(reception="refuse", reason="Thiếu giấy tờ")  # the last one counts
    listed = await country.ask("gateway", "GET", f"/api/v1/provinces/{PROVINCE}/inbox", headers=sandbox.header)
    shown = f"/api/v1/provinces/{PROVINCE}/dossiers/{desk.code}"
    assert (
        listed.json() == [] and (await country.ask("gateway", "GET", shown, headers=sandbox.header)).status_code == 404
    )
    trace = "SELECT traceparent FROM dossiers WHERE sandbox = $1 AND code = $2"
    assert await desk.gateway.database.pool.fetchval(trace, sandbox.id, desk.code) == ""
    await desk.submitted(procedure=FREE)
    assert await desk.gateway.database.pool.fetchval(trace, sandbox.id, desk.code), "its journey begins with its event"
    assert await desk.due() == [("reception", "09/06 10:00")]
    await desk.act()
    (refused,) = await desk.told()
    assert (refused["type"], refused["reason"]) == (law.DOSSIER_REFUSED, "Thiếu giấy tờ")
    late = await country.ask("gateway", "PUT", path, json=decisions, headers=sandbox.header)
    assert "arrived" not in late.json()


async def test_a_script_is_no_dossier_for_the_events_that_follow_a_lost_submission(
    country: Country, sandbox: Sandbox
) -> None:
    desk = Desk(country, sandbox, "H42.14464-20260609-0000009")
    await desk.script(withdrawal="grant")
    outcome = await hear(desk.gateway, an_event(law.WITHDRAWAL_REQUESTED, sandbox.id, desk.code, **ASKED))
    assert [event.type for event in outcome.orphans] == [law.WITHDRAWAL_REQUESTED]
    assert await desk.due() == []


async def test_a_script_that_crosses_its_dossier_is_kept(country: Country, sandbox: Sandbox) -> None:
    codes = [f"H42.14464-20260609-00001{number:02}" for number in range(12)]
    desks = [Desk(country, sandbox, code) for code in codes]

    async def submit() -> None:
        for desk in desks:
            await desk.submitted(procedure=FREE)

    await asyncio.gather(submit(), *(desk.script(reception="refuse", reason="Thiếu giấy tờ") for desk in desks))
    for desk in desks:
        kept = await desk.gateway.documents.find(desk.gateway.database, sandbox.id, desk.code)
        assert kept is not None and not kept.is_expected and kept.script and kept.script.reason == "Thiếu giấy tờ"


async def test_a_move_waits_for_the_submission_to_arrive(country: Country, sandbox: Sandbox) -> None:
    desk = Desk(country, sandbox, "H42.14464-20260609-0000008")
    path = f"/api/v1/provinces/{PROVINCE}/dossiers/{desk.code}/moves"
    headers = {**sandbox.header, "Idempotency-Key": "k"}
    move = asyncio.create_task(country.ask("gateway", "POST", path, json={"does": "receive"}, headers=headers))
    await desk.submitted(procedure=FREE)
    assert (await move).status_code == 200


async def test_a_dossier_that_the_portal_sent_and_that_is_late_is_no_mistake_of_the_caller(
    country: Country, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/provinces/{PROVINCE}/dossiers/H42.14464-20260609-0000009/moves"
    headers = {**sandbox.header, "Idempotency-Key": "k"}

    async def sent(*_: object) -> bool:
        return True

    problem(
        await country.ask("gateway", "POST", path, json={"does": "receive"}, headers=headers), 404, "dossier-not-found"
    )
    monkeypatch.setattr(arrival, "_sent", sent)
    monkeypatch.setattr(arrival, "PATIENCE", 0.0)
    late = await country.ask("gateway", "POST", path, json={"does": "receive"}, headers=headers)
    assert problem(late, 503, "not-ready")["code"] and late.headers["Retry-After"]
