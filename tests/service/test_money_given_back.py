"""Money that goes back, through all houses: the portal refunds exactly what the province says, and both books agree."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts import lifecycle as law
from services.portal.commands import REFUND
from shared.messaging.http_outbox import Call
from tests.support.country import Citizen, Country, Sandbox
from tests.support.office import Office

PATIENCE = 20  # s of real time, for the platform to confirm by itself


class Books:
    """One citizen's dossier with a fee of 8.000 đồng, the office that handles it, and the platform that keeps the money."""

    def __init__(self, sandbox: Sandbox, citizen: Citizen, code: str) -> None:
        self.sandbox, self.country, self.citizen, self.code = sandbox, sandbox.country, citizen, code
        self.office = Office(sandbox)

    async def does(self, verb: str, **facts: Any) -> None:
        await self.office.made(self.code, verb, **facts)

    async def pays(self) -> str:
        """At the platform's own page; gives the reference once the portal knows."""
        due = (await self.citizen.dossier(self.code))["fee"]["amount_dong"]
        begun = await self.citizen.ask("POST", f"/dossiers/{self.code}/payments", {"amount_dong": due})
        return await self.checks_out(begun.json())

    async def checks_out(self, begun: dict[str, Any]) -> str:
        """As `pays`, once begun."""
        paid = await self.country.http.post(f"{begun['checkout_url']}/pay", json={})
        assert paid.status_code == 303, paid.text
        async with asyncio.timeout(PATIENCE):
            while not await self._confirmed(begun["reference"]):
                pass
        return str(begun["reference"])

    async def settle(self) -> list[tuple[str, int]]:
        """Until nobody has anything more to say; gives what was given back: reference and amount."""
        back: list[tuple[str, int]] = []
        while True:
            await self.sandbox.carry()
            calls = await self._calls()
            if not calls:
                return back
            for call in calls:
                await self.country.portal.refund(call)
                await self.country.portal.refund(call)  # a worker that died before it noted the answer asks again
                back.append((call.key, int(call.data["amount_dong"])))

    async def fee(self) -> tuple[str, int]:
        shown = await self.citizen.dossier(self.code)
        return shown["fee"]["status"], shown["refunded_dong"]

    async def province(self) -> tuple[int, int]:
        """Paid and given back, as the province knows."""
        shown = await self.office.shown(self.code)
        return shown["paid_dong"], shown["refunded_dong"]

    async def platform(self) -> int:
        """What the platform holds of this sandbox."""
        database, sums = self.country.apps["payment"].state.runtime.database, []
        for table, condition in (("orders", "AND state = 'paid'"), ("refunds", "")):
            sql = f"SELECT coalesce(sum(amount_dong), 0) AS dong FROM {table} WHERE sandbox = $1 {condition}"
            sums.append(int((await database.fetch(sql, self.sandbox.id))[0]["dong"]))
        return sums[0] - sums[1]

    async def _confirmed(self, reference: str) -> bool:
        params = {"reference": reference, "sandbox": self.sandbox.id}
        answer = await self.country.ask("portal", "GET", "/api/v1/payments/return", params=params)
        return answer.json()["status"] not in ("started", "failed")

    async def _calls(self) -> list[Call]:
        rows = await self.country.portal.database.fetch(
            "SELECT key, (data->>'amount_dong')::bigint AS dong FROM calls WHERE sandbox = $1 AND kind = $2",
            *(self.sandbox.id, REFUND),
        )
        data = {"code": self.code}
        return [Call(self.sandbox.id, REFUND, r["key"], {**data, "amount_dong": r["dong"]}, 1) for r in rows]


@pytest.fixture
async def books(country: Country, sandbox: Sandbox, lan: Citizen) -> Books:
    """The fee is demanded, and not paid yet."""
    books = Books(sandbox, lan, await lan.submitted())
    await sandbox.carry()
    await books.does(law.RECEIVE)
    await sandbox.carry()
    return books


@pytest.mark.parametrize(
    ("refund_dong", "status", "back"),
    [
        (None, "paid", 0),
        (0, "paid", 0),
        (1, "partly_refunded", 1),
        (7999, "partly_refunded", 7999),
        (8000, "refunded", 8000),
    ],
)
@pytest.mark.parametrize("verb", [law.STOP, law.REJECT])
async def test_exactly_what_the_office_says_is_given_back(
    books: Books, verb: str, refund_dong: int | None, status: str, back: int
) -> None:
    reference = await books.pays()
    await books.settle()
    await books.does(law.START)
    await books.does(verb, **({} if refund_dong is None else {"refund_dong": refund_dong}))
    assert await books.settle() == ([(reference, back)] if back else [])
    assert await books.fee() == (status, back)
    assert await books.province() == (8000, back)
    assert await books.platform() == 8000 - back


@pytest.mark.parametrize(("facts", "back"), [({}, 8000), ({"refund_dong": 2500}, 2500), ({"refund_dong": 0}, 0)])
async def test_a_granted_withdrawal_gives_all_back_unless_the_office_says_less(
    books: Books, facts: dict[str, int], back: int
) -> None:
    await books.pays()
    await books.citizen.ask("POST", f"/dossiers/{books.code}/withdrawal", {"reason": "Đổi ý"})
    await books.settle()
    await books.does(law.GRANT_WITHDRAWAL, **facts)
    await books.settle()
    assert (await books.fee())[1] == back
    assert await books.province() == (8000, back)
    assert await books.platform() == 8000 - back


async def test_of_two_payments_the_last_is_given_back_first(books: Books) -> None:
    first = await books.pays()
    await books.settle()
    await books.does(law.START)
    await books.does(law.DEMAND_FEE, fee=[{"kind": "tax", "name": "Lệ phí trước bạ", "amount_dong": 5000}])
    await books.settle()
    second = await books.pays()
    await books.settle()
    await books.does(law.RESUME)
    await books.does(law.STOP, refund_dong=7000)
    assert dict(await books.settle()) == {second: 5000, first: 2000}
    assert await books.province() == (13_000, 7000)
    assert await books.platform() == 6000


@pytest.mark.parametrize("refund_dong", [None, 0])
async def test_money_that_crosses_with_the_stop_goes_back_whole(books: Books, refund_dong: int | None) -> None:
    await books.does(law.STOP, **({} if refund_dong is None else {"refund_dong": refund_dong}))
    reference = await books.pays()  # the portal has not heard of it
    assert await books.settle() == [(reference, 8000)]
    assert await books.fee() == ("refunded", 8000)
    assert await books.province() == (8000, 8000)


async def test_money_that_crosses_with_a_correction_goes_back_and_the_new_fee_stays_due(books: Books) -> None:
    await books.does(law.DEMAND_FEE, fee=[{"kind": "service_fee", "name": "Phí", "amount_dong": 5000}])
    reference = await books.pays()
    assert await books.settle() == [(reference, 8000)]
    assert await books.province() == (8000, 8000)
    await books.pays()
    assert await books.settle() == []
    assert await books.fee() == ("paid", 8000)
    assert (await books.office.shown(books.code))["paid"] is True
    await books.does(law.START)


async def test_only_what_crossed_goes_back_when_an_earlier_fee_is_kept(books: Books) -> None:
    await books.pays()
    await books.settle()
    await books.does(law.START)
    await books.does(law.DEMAND_FEE, fee=[{"kind": "tax", "name": "Thuế", "amount_dong": 8000}])
    await books.sandbox.carry()
    await books.does(law.STOP)
    second = await books.pays()
    assert await books.settle() == [(second, 8000)]
    assert await books.province() == (16_000, 8000)
    assert await books.platform() == 8000


async def test_money_that_crosses_with_the_counter_goes_back_beside_what_the_counter_gives(books: Books) -> None:
    await books.does(law.TAKE_PAYMENT)
    await books.does(law.STOP, refund_dong=8000)
    reference = await books.pays()
    assert await books.settle() == [(reference, 8000)]
    assert await books.province() == (16_000, 16_000)
    assert await books.platform() == 0


@pytest.mark.parametrize(
    ("refund_dong", "online", "status", "back"),
    [
        (None, 0, "paid", 0),
        (3000, 0, "partly_refunded", 3000),
        (8000, 0, "refunded", 8000),
        (9000, 1000, "refunded", 9000),
    ],
)
async def test_the_office_gives_back_what_it_took_before_the_portal_does(
    books: Books, refund_dong: int | None, online: int, status: str, back: int
) -> None:
    await books.does(law.TAKE_PAYMENT)
    await books.does(law.START)
    await books.does(law.DEMAND_FEE, fee=[{"kind": "tax", "name": "Lệ phí trước bạ", "amount_dong": 5000}])
    await books.settle()
    reference = await books.pays()
    await books.settle()
    await books.does(law.RESUME)
    await books.does(law.STOP, **({} if refund_dong is None else {"refund_dong": refund_dong}))
    assert await books.settle() == ([(reference, online)] if online else [])
    first, _ = (await books.citizen.dossier(books.code))["demands"]
    assert (first["status"], first["paid_by"], first["refunded_dong"]) == (status, "counter", min(back, 8000))
    assert (await books.citizen.dossier(books.code))["refunded_dong"] == back
    assert await books.province() == (13_000, back)
    assert await books.platform() == 5000 - online


async def test_all_that_was_taken_goes_back_with_a_granted_withdrawal(books: Books) -> None:
    await books.does(law.TAKE_PAYMENT, method="transfer")
    await books.citizen.ask("POST", f"/dossiers/{books.code}/withdrawal", {"reason": "Đổi ý"})
    await books.settle()
    await books.does(law.GRANT_WITHDRAWAL)
    assert await books.settle() == []
    assert await books.fee() == ("refunded", 8000)
    assert await books.province() == (8000, 8000)


async def test_a_waived_fee_is_not_asked_for_any_longer(books: Books) -> None:
    await books.does(law.WAIVE_FEE, reason="Người nộp là người cao tuổi")
    await books.settle()
    assert await books.fee() == ("waived", 0)
    assert (await books.citizen.dossier(books.code))["fee"]["waived_because"] == "Người nộp là người cao tuổi"
    assert (await books.office.shown(books.code))["paid"] is False
    assert "pay" not in (await books.citizen.dossier(books.code))["can"]
    refused = await books.citizen.ask("POST", f"/dossiers/{books.code}/payments", {"amount_dong": 8000})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/nothing-to-pay")
    assert "waived" in refused.json()["detail"]
    await books.does(law.START)


@pytest.mark.parametrize("heard", [False, True], ids=["before the portal heard of it", "begun before, confirmed after"])
async def test_money_that_crosses_with_a_waiver_goes_back(books: Books, heard: bool) -> None:
    begun = await books.citizen.ask("POST", f"/dossiers/{books.code}/payments", {"amount_dong": 8000})
    await books.does(law.WAIVE_FEE)
    if heard:
        await books.sandbox.carry()
    reference = await books.checks_out(begun.json())
    assert await books.settle() == [(reference, 8000)]
    assert await books.fee() == ("refunded", 8000)
    assert await books.province() == (8000, 8000)
    assert await books.platform() == 0


async def test_money_that_crosses_with_a_withdrawal_that_gives_nothing_back_goes_back(books: Books) -> None:
    await books.citizen.ask("POST", f"/dossiers/{books.code}/withdrawal", {"reason": "Đổi ý"})
    await books.settle()
    await books.does(law.GRANT_WITHDRAWAL, refund_dong=0)
    reference = await books.pays()
    assert await books.settle() == [(reference, 8000)]
    assert await books.platform() == 0
