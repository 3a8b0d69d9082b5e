"""What a province is paid as a partner of the payment platform meets a demand of its amount, whoever makes it and when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.province_gateway.stages import FEE_AT_ONCE, Officials
from tests.service.province_gateway.test_legacy_door import CODE, Client, a_dossier
from tests.support.country import Country, Sandbox
from tests.support.factories import COPY, FREE

AMOUNT = 8000


@pytest.fixture
def desk(country: Country, sandbox: Sandbox) -> Officials:
    return Officials(country, sandbox)


async def pays(desk: Officials, transaction: str = "GD1", amount: int = AMOUNT) -> None:
    """The platform tells the gateway that a partner was paid."""
    body: dict[str, Any] = {"dossier": desk.code, "amount_dong": amount, "transaction": transaction}
    body |= {"partner": "STC-NB", "reference": f"R-{transaction}"}
    answer = await desk.country.ask("gateway", "POST", "/_lab/partner-payments", json=body, headers=desk.sandbox.header)
    assert answer.status_code == 204, answer.text


async def receipts(desk: Officials) -> list[dict[str, Any]]:
    await desk.sandbox.fire()
    return [event for event in await desk.told() if event["type"] == law.FEE_PAID]


async def test_what_was_paid_before_the_demand_meets_it_when_it_comes(desk: Officials) -> None:
    await desk.submitted(**FEE_AT_ONCE)
    await pays(desk)
    assert await receipts(desk) == [], "nothing is demanded yet"
    await desk.does(law.RECEIVE)
    (paid,) = await receipts(desk)
    assert (paid["amount_dong"], paid["method"]) == (AMOUNT, "transfer") and len(paid["receipts"]) == 1
    assert (await desk.shown())["paid"] is True


async def test_what_was_paid_before_the_dossier_arrived_meets_its_demand(desk: Officials) -> None:
    await pays(desk)
    await desk.submitted(**FEE_AT_ONCE)
    await desk.does(law.RECEIVE)
    assert len(await receipts(desk)) == 1


async def test_what_was_paid_before_a_province_pushes_the_dossier_meets_its_demand(
    desk: Officials, sandbox: Sandbox
) -> None:
    client = await Client(sandbox).connect()
    await client.log_in()
    for code in (CODE, "000.00.12.H42-260609-0007"):
        desk.code = code
        await pays(desk, f"GD{code}")
        assert (await client.push(a_dossier(MaHoSo=code, MaTTHC=COPY, TrangThaiHoSo="6")))["error_code"] == 0
        desk.code = await code_of(sandbox, code)
        assert len(await receipts(desk)) == 1, code


async def code_of(sandbox: Sandbox, theirs: str) -> str:
    """The code in the network of a dossier that its province calls so."""
    sql = "SELECT code FROM legacy_dossiers WHERE sandbox = $1 AND theirs = $2"
    return str(await sandbox.country.gateway.database.pool.fetchval(sql, sandbox.id, theirs))


async def test_a_payment_after_the_demand_meets_it_at_once_and_only_one_does(desk: Officials) -> None:
    await desk.submitted(**FEE_AT_ONCE)
    await desk.does(law.RECEIVE)
    await asyncio.gather(*(pays(desk) for _ in range(4)))
    assert len(await receipts(desk)) == 1
    await desk.does(law.DEMAND_FEE, fee=[{"kind": "tax", "name": "Thuế", "amount_dong": AMOUNT}])
    assert len(await receipts(desk)) == 1, "the payment was told four times, and is one"
    await pays(desk, "GD2")
    assert len(await receipts(desk)) == 2


async def test_another_amount_meets_nothing_until_it_is_demanded(desk: Officials) -> None:
    await desk.submitted(procedure=FREE)
    await pays(desk, amount=AMOUNT + 1)
    await desk.does(law.DEMAND_FEE)
    assert await receipts(desk) == []
    await desk.does(law.DEMAND_FEE, fee=[{"kind": "tax", "name": "Thuế", "amount_dong": AMOUNT + 1}])
    assert len(await receipts(desk)) == 1


async def test_the_timeline_tells_who_took_the_money_and_what_another_amount_does_not_do(desk: Officials) -> None:
    await desk.submitted(**FEE_AT_ONCE)
    await desk.does(law.RECEIVE)
    await pays(desk, "GD9", AMOUNT + 1000)
    assert (await desk.shown())["prepaid"] == [{"transaction": "GD9", "amount_dong": AMOUNT + 1000}]
    (other,) = await lines(desk, "partner_paid")
    assert other["text_en"] == (
        "The province was paid 9000 dong at the payment platform, as the partner STC-NB (GD9); "
        "8000 dong are demanded, which it does not meet: only the same amount does"
    )
    assert other["data"] == {"transaction": "GD9", "amount_dong": 9000, "partner": "STC-NB", "reference": "R-GD9"}
    await pays(desk, "GD8")
    assert len(await receipts(desk)) == 1
    (met,) = await lines(desk, "partner_payment_met_demand")
    assert met["text_en"].startswith("Demand 1 is met by the payment GD8 of 8000 dong, which the province took")
    assert "GD8, 8000 đ, mà tỉnh đã thu trên nền tảng thanh toán" in met["text_vi"] and met["data"] == {"demand": 1}
    assert (await desk.shown())["prepaid"] == [{"transaction": "GD9", "amount_dong": AMOUNT + 1000}]


async def lines(desk: Officials, kind: str) -> list[dict[str, Any]]:
    answer = await desk.country.ask("gateway", "GET", f"/_lab/timeline/{desk.code}", headers=desk.sandbox.header)
    return [line for line in answer.json() if line["kind"] == kind]


async def test_a_demand_that_was_changed_meanwhile_is_not_met_by_the_old_amount(desk: Officials) -> None:
    await desk.submitted(procedure=FREE)
    await pays(desk)
    await desk.does(law.DEMAND_FEE)
    await desk.does(law.DEMAND_FEE, fee=[{"kind": "tax", "name": "Thuế", "amount_dong": AMOUNT * 2}])
    assert await receipts(desk) == []
