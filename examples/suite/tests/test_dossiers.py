"""What can happen to a dossier, tested with our client."""

from __future__ import annotations

from datetime import datetime

import pytest
from client import Citizen, Officer, Refused

from lienthong.client import Sandbox as AsyncSandbox
from lienthong.sync import Sandbox

COPY = "2.000635"  # copy of a civil-status extract: 8,000 đồng, one working day
ALLOWANCE = "1.001776"  # social allowance: free of charge, ten working days
PROVINCE, COMMUNE = "37", "14464"  # Gia Viễn, Ninh Bình
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
)


def settle(sandbox: Sandbox) -> None:
    """Wait until every event is read and applied; events travel over a real broker."""
    verdict = sandbox.settle()
    assert verdict["verdict"] == "still", verdict


def test_a_dossier_is_completed_paid_and_returned(sandbox_sync: Sandbox, lan: Citizen, ninh_binh: Officer) -> None:
    code = lan.submit(COPY, PROVINCE, COMMUNE)["code"]
    settle(sandbox_sync)  # now the province has the dossier
    ninh_binh.request_supplement(code, "Tờ khai thiếu chữ ký", ["Tờ khai có chữ ký"])
    settle(sandbox_sync)
    assert lan.dossier(code)["status"]["slug"] == "supplement_requested"

    lan.supplement(code, "to-khai.pdf", PDF)
    settle(sandbox_sync)
    ninh_binh.receive(code)
    settle(sandbox_sync)
    checkout = lan.begin_payment(code)

    sandbox_sync.payments.fail(checkout)  # the test decides at the checkout page instead of the payer
    sandbox_sync.payments.pay(checkout)
    settle(sandbox_sync)
    (order,) = sandbox_sync.payments.orders(code)
    assert order["confirmed"] and order["amount_dong"] == 8000

    sandbox_sync.clock.advance("7d")  # officers do the rest at their own hours
    dossier = lan.dossier(code)
    assert dossier["status"]["slug"] == "result_returned" and dossier["fee"]["status"] == "paid"
    assert dossier["result"]["number"] == ninh_binh.dossier(code)["result_number"]


def test_a_refusal_comes_with_its_reason(sandbox_sync: Sandbox, lan: Citizen, ninh_binh: Officer) -> None:
    code = lan.submit(COPY, PROVINCE, COMMUNE)["code"]
    settle(sandbox_sync)
    ninh_binh.refuse(code, "Không thuộc thẩm quyền")
    settle(sandbox_sync)
    dossier = lan.dossier(code)
    assert (dossier["status"]["slug"], dossier["reason"]) == ("refused_at_reception", "Không thuộc thẩm quyền")
    with pytest.raises(Refused) as refused:
        ninh_binh.receive(code)
    assert refused.value.problem == "move-not-allowed"


@pytest.mark.lienthong(start="2026-06-09T08:00:00+07:00")
def test_a_withdrawal_after_payment_is_refunded(sandbox_sync: Sandbox, lan: Citizen) -> None:
    code = lan.submit("1.004222", PROVINCE, COMMUNE)["code"]  # permanent residence: seven working days
    sandbox_sync.script(code, reception="receive", processing_days=5)  # what the simulated officers will decide
    sandbox_sync.clock.advance("4h")
    sandbox_sync.payments.pay(lan.begin_payment(code))
    sandbox_sync.clock.advance("1d")
    assert lan.dossier(code)["status"]["slug"] == "in_processing"
    lan.withdraw(code, "Tôi chuyển đi nơi khác")
    sandbox_sync.clock.advance("1d")
    dossier = lan.dossier(code)
    assert (dossier["status"]["slug"], dossier["fee"]["status"]) == ("withdrawn", "refunded")
    (order,) = sandbox_sync.payments.orders(code)
    assert order["refunded_dong"] == order["amount_dong"]


def test_a_month_passes_in_a_moment(sandbox_sync: Sandbox, lan: Citizen) -> None:
    codes = [lan.submit(ALLOWANCE, PROVINCE, COMMUNE)["code"] for _ in range(3)]
    for days, code in enumerate(codes, start=1):
        sandbox_sync.script(code, reception="receive", processing_days=days)
    before = sandbox_sync.clock.now()
    sandbox_sync.clock.advance("30d")
    assert (sandbox_sync.clock.now() - before).days == 30
    ready = [datetime.fromisoformat(lan.dossier(code)["result"]["ready_at"]) for code in codes]
    assert ready == sorted(ready), "each on its own day"
    assert sandbox_sync.settle()["proof_of_absence"], "nothing more can happen before the clock advances"


async def test_an_asynchronous_test(sandbox: AsyncSandbox) -> None:
    lan = sandbox.citizen("lan")  # the plugin's own client, which is asynchronous
    code = (await lan.submit(ALLOWANCE, PROVINCE, COMMUNE))["code"]
    await sandbox.script(code, reception="receive")
    await sandbox.clock.advance("30d")
    events = [entry["event"] for entry in await sandbox.events(code)]
    assert events[0] == "dossier.submitted.v1" and events[-1] == "dossier.result_returned.v1"
