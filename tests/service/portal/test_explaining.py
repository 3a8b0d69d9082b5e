"""Why nothing happened, asked of the running services: what really stands in the way is named first, with what mends it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from tests.support.country import Citizen, Country, Sandbox, problem
from tests.support.factories import FREE, an_event, hear
from tests.support.office import Office

FEE = 8000


async def causes(sandbox: Sandbox, code: str) -> dict[str, dict[str, Any]]:
    """By name, most telling first."""
    answer = await sandbox.country.ask(
        "portal", "GET", f"/_lab/explain/{code}?timeout_seconds=0.2", headers=sandbox.header
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()["causes"]
    for cause in found:
        assert all(cause[name] for name in ("sentence_en", "sentence_vi", "mend_en", "mend_vi")), cause
    return {cause["name"]: cause for cause in found}


async def owing(sandbox: Sandbox, lan: Citizen) -> str:
    """The code of a dossier whose fee is due."""
    code = await lan.submitted()
    await sandbox.carry()
    await Office(sandbox).made(code, law.RECEIVE)
    await sandbox.carry()
    return code


async def begun(lan: Citizen, code: str) -> dict[str, Any]:
    answer = await lan.ask("POST", f"/dossiers/{code}/payments", {"amount_dong": FEE})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_dossier_that_nobody_knows(sandbox: Sandbox) -> None:
    found = await causes(sandbox, "H42.14464-20260609-0000009")
    assert list(found) == ["unknown-dossier"]
    assert "code looks like" not in found["unknown-dossier"]["sentence_en"]
    odd = (await causes(sandbox, "ABC"))["unknown-dossier"]
    assert "code looks like H42" in odd["sentence_en"] and "có dạng H42" in odd["sentence_vi"]


async def test_a_sandbox_that_is_not_there(country: Country, sandbox: Sandbox) -> None:
    nobody = await country.ask("portal", "GET", "/_lab/explain/X", headers={"X-Sandbox": "nobody"})
    problem(nobody, 404, "sandbox-not-found")
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    gone = await country.ask("portal", "GET", "/_lab/explain/X", headers=sandbox.header)
    assert "deleted" in problem(gone, 404, "sandbox-not-found")["detail"]


async def test_a_frozen_clock_is_named_with_the_moment_to_turn_it_to(sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    found = await causes(sandbox, code)
    assert list(found) == ["clock-frozen"]
    frozen = found["clock-frozen"]
    assert frozen["facts"]["due"] == "2026-06-09T10:00:00.000+07:00"
    assert "frozen at 09/06/2026 08:00" in frozen["sentence_en"]
    assert f"--to 2026-06-09T10:00:00.000+07:00 --sandbox {sandbox.id}" in frozen["mend_en"]


async def test_a_clock_that_was_set_past_the_moment(sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    await sandbox.move(days=3)
    assert list(await causes(sandbox, code)) == ["due-not-fired"]


async def test_an_event_that_no_worker_sends(sandbox: Sandbox, lan: Citizen) -> None:
    """Nothing carries events here but a test; the broker is one that does not answer."""
    found = await causes(sandbox, await lan.submitted())
    assert list(found) == ["broker-down", "on-its-way"]
    assert found["on-its-way"]["facts"] == {
        "events": ["dossier.submitted.v1"],
        "source": "portal",
        "reader": "gateway",
    }


async def test_an_unpaid_fee(sandbox: Sandbox, lan: Citizen) -> None:
    code = await owing(sandbox, lan)
    found = await causes(sandbox, code)
    assert list(found) == ["payment-awaited", "clock-frozen"]
    awaited = found["payment-awaited"]
    assert awaited["facts"]["amount_dong"] == FEE and "until 09/07/2026" in awaited["sentence_en"]
    assert f"/api/v1/dossiers/{code}/payments" in awaited["mend_vi"]


async def test_a_payment_begun_tried_and_run_out(sandbox: Sandbox, lan: Citizen) -> None:
    code = await owing(sandbox, lan)
    payment = await begun(lan, code)
    assert list(await causes(sandbox, code))[:2] == ["payment-begun", "payment-awaited"]
    pay = f"{payment['checkout_url']}/pay"
    assert (await sandbox.country.http.post(pay, json={"outcome": "failed"})).status_code == 303
    assert list(await causes(sandbox, code))[:2] == ["payment-failed", "payment-awaited"]
    await sandbox.move(minutes=20)
    assert list(await causes(sandbox, code))[:2] == ["payment-expired", "payment-awaited"]


async def test_a_payment_that_the_platform_never_heard_of(sandbox: Sandbox, lan: Citizen) -> None:
    code = await owing(sandbox, lan)
    async with sandbox.country.silent("payment", "/init"):
        answer = await lan.ask("POST", f"/dossiers/{code}/payments", {"amount_dong": FEE})
        problem(answer, 503, "payment-platform-silent")
    assert list(await causes(sandbox, code))[:2] == ["payment-not-opened", "payment-awaited"]


async def test_paid_and_the_portal_refused_the_confirmation(sandbox: Sandbox, lan: Citizen) -> None:
    code = await owing(sandbox, lan)
    payment = await begun(lan, code)

    async def refuse(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/confirm"):
            return httpx.Response(200, json={"MaLoi": "99", "MoTaLoi": "SoTien is 9000, the fee is 8000"})
        return None

    async with sandbox.country.fault("portal", refuse):
        await sandbox.country.http.post(f"{payment['checkout_url']}/pay", json={"outcome": "success"})
        await until_told(sandbox, code)
    refused = (await causes(sandbox, code))["confirmation-refused"]
    assert (
        "SoTien is 9000, the fee is 8000" in refused["sentence_en"] and payment["reference"] in refused["sentence_vi"]
    )


async def until_told(sandbox: Sandbox, code: str) -> None:
    """The platform has told the portal how it was paid, and has its answer."""
    while not [line for line in await story(sandbox, "payment", code) if line["kind"].startswith("confirm_")]:
        pass


async def story(sandbox: Sandbox, service: str, code: str) -> list[dict[str, Any]]:
    answer = await sandbox.country.ask(service, "GET", f"/_lab/timeline/{code}", headers=sandbox.header)
    return list(answer.json())


async def test_paid_and_the_portal_does_not_answer_the_platform(sandbox: Sandbox, lan: Citizen) -> None:
    code = await owing(sandbox, lan)
    payment = await begun(lan, code)
    async with sandbox.country.silent("portal", "/confirm"):
        await sandbox.country.http.post(f"{payment['checkout_url']}/pay", json={"outcome": "success"})
        found = await causes(sandbox, code)
        assert next(iter(found)) == "confirmation-on-its-way"
        assert "payment-awaited" not in found
    await until_told(sandbox, code)


async def test_money_on_its_way_back(sandbox: Sandbox, lan: Citizen) -> None:
    """Nobody asks for refunds here, where no worker is."""
    code = await owing(sandbox, lan)
    payment = await begun(lan, code)
    await sandbox.country.http.post(f"{payment['checkout_url']}/pay", json={"outcome": "success"})
    await until_told(sandbox, code)
    await sandbox.carry()
    await Office(sandbox).made(code, law.STOP, refund_dong=FEE)
    await sandbox.carry()
    assert list(await causes(sandbox, code)) == ["refund-on-its-way", "ended"]


async def test_a_supplement_that_is_waited_for(sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    await Office(sandbox).made(code, law.REQUEST_SUPPLEMENT, reason="Thiếu", items=["Sổ hộ khẩu", "Ảnh"])
    await sandbox.carry()
    found = await causes(sandbox, code)
    assert list(found) == ["supplement-awaited", "clock-frozen"]
    assert "Sổ hộ khẩu, Ảnh" in found["supplement-awaited"]["sentence_en"]


async def test_a_withdrawal_that_is_not_answered(sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Tôi đổi ý"})
    await sandbox.carry()
    found = await causes(sandbox, code)
    assert list(found) == ["withdrawal-asked", "clock-frozen"]
    assert "it answers at 09/06/2026 10:00" in found["withdrawal-asked"]["sentence_en"]


@pytest.mark.parametrize("modes", ['{"37": {"mode": "manual"}}', '{"*": {"mode": "manual"}}'])
async def test_a_province_in_which_nobody_acts_by_themselves(sandbox: Sandbox, lan: Citizen, modes: str) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    database = sandbox.country.portal.database
    await database.pool.execute("UPDATE sandboxes SET modes = $2::jsonb WHERE id = $1", sandbox.id, modes)
    manual = (await causes(sandbox, code))["province-manual"]
    assert manual["facts"]["can"] == ["receive", "refuse", "request_supplement", "demand_fee"]
    assert '{"does": "receive"}' in manual["mend_en"] and f"/provinces/37/dossiers/{code}/moves" in manual["mend_vi"]
    assert f"`lienthong mode set 37 simulated --sandbox {sandbox.id}`" in manual["mend_vi"]


async def test_officers_under_a_fault_rule(sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    rules = '[{"id": "quiet", "edge": "officers.look", "text_en": "Nobody acts", "match": {"province": "37"}}, {"edge": "http"}]'
    database = sandbox.country.portal.database
    await database.pool.execute("UPDATE sandboxes SET faults = $2::jsonb WHERE id = $1", sandbox.id, rules)
    held = (await causes(sandbox, code))["officers-held-by-fault"]
    assert "quiet" in held["sentence_en"] and f"{sandbox.id}/faults/quiet" in held["mend_en"]
    typed = f"`lienthong fault off quiet --sandbox {sandbox.id}`"
    assert typed in held["mend_en"] and typed in held["mend_vi"]


@pytest.mark.parametrize("move", [(law.REFUSE, "refused at reception (Sai thủ tục)")])
async def test_a_dossier_that_has_ended(sandbox: Sandbox, lan: Citizen, move: tuple[str, str]) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    await Office(sandbox).made(code, move[0], reason="Sai thủ tục")
    await sandbox.carry()
    found = await causes(sandbox, code)
    assert list(found) == ["ended"]
    assert move[1] in found["ended"]["sentence_en"] and "still rate" in found["ended"]["mend_en"]


async def test_a_dead_letter_parks_it_and_what_comes_later_waits(
    country: Country, sandbox: Sandbox, lan: Citizen
) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    await hear(country.portal, an_event(law.DOSSIER_RESULT_RETURNED, sandbox.id, code))  # not from newly submitted
    await hear(country.portal, an_event(law.DOSSIER_RECEIVED, sandbox.id, code))
    found = await causes(sandbox, code)
    assert list(found)[:2] == ["parked", "waits-behind-parked"]
    facts = found["parked"]["facts"]
    assert (facts["service"], facts["kind"], facts["reason"]) == (
        "portal",
        "dossier.result_returned.v1",
        "MoveNotAllowed",
    )
    assert f"lienthong dead redrive portal {facts['letter']} --sandbox {sandbox.id}" in found["parked"]["mend_en"]
    assert found["waits-behind-parked"]["facts"]["behind"] == 1


async def test_a_service_that_is_down(sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    async with sandbox.country.silent("gateway"):
        found = await causes(sandbox, code)
    assert next(iter(found)) == "service-down" and found["service-down"]["facts"] == {"service": "gateway"}
    assert "unknown-dossier" not in found


async def test_a_clock_that_runs(country: Country) -> None:
    answer = await country.ask(
        "portal", "POST", "/_lab/sandboxes", json={"rate": 1, "start": "2026-06-09T08:00:00+07:00"}
    )
    sandbox = Sandbox(country, answer.json())
    code = await (await sandbox.sign_in()).submitted()
    await sandbox.carry()
    found = await causes(sandbox, code)
    assert list(found) == ["clock-runs"] and "not before 09/06/2026 10:00: in " in found["clock-runs"]["sentence_en"]


async def test_a_calendar_that_ends_before_the_next_step(country: Country, sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    await Office(sandbox).made(code, law.RECEIVE)
    await country.portal.ownership.set_clock(sandbox.id, datetime.fromisoformat("2027-12-31T18:00:00+07:00"))
    await Office(sandbox).made(code, law.START)
    await sandbox.carry()
    found = await causes(sandbox, code)
    assert list(found) == ["calendar-ended"] and "31/12/2027" in found["calendar-ended"]["sentence_vi"]
