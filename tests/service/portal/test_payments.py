"""Money: begun by the citizen, confirmed by the platform's signed word, given back once where nothing waits for it."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from contracts import payment_platform as platform
from services.portal.codes import code_of
from services.portal.commands import REFUND
from shared.messaging.http_outbox import Call
from tests.support.country import SECRET, Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import an_event, hear, told

FEE = 8000


class Till:
    """A citizen with a dossier whose fee is due, and the platform's voice."""

    def __init__(self, country: Country, citizen: Citizen, code: str) -> None:
        self.country, self.citizen, self.sandbox, self.code = country, citizen, citizen.sandbox, code

    async def begin(self, amount: Any = FEE, **options: Any) -> httpx.Response:
        return await self.citizen.ask("POST", f"/dossiers/{self.code}/payments", {"amount_dong": amount}, **options)

    async def reference(self) -> str:
        answer = await self.begin()
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    async def confirm(
        self, reference: str, sign: bool = True, secret_of: str | None = None, **change: Any
    ) -> httpx.Response:
        message = {
            "LoaiBanTin": "CONFIRM",
            "MaLoi": "00",
            "MaDoiTac": "DVCQG",
            "MaThamChieu": reference,
            "SoTien": FEE,
            "MaTienTe": "VND",
            "MaGiaoDich": "GD0001",
            "MaNganHang": "PAYMENT",
            "ThoiGianGD": "20260609081500",
            "ThongTinGiaoDich": f"THANH TOAN HO SO {self.code}",
        }
        signed = {**message, **change} if sign else message
        secret = platform.partner_secret(SECRET, secret_of or self.sandbox.id)
        checksum = platform.checksum(signed, platform.CONFIRM, secret)
        return await self.country.ask(
            *("portal", "POST", "/api/v1/payment-platform/confirm"),
            json={"MaXacThuc": checksum, **message, **change},
            headers=self.sandbox.header,
        )

    async def hear(self, *events: tuple[str, dict[str, Any]]) -> None:
        await hear(self.country.portal, *(an_event(type, self.sandbox.id, self.code, **f) for type, f in events))

    async def fee(self) -> dict[str, Any]:
        shown = (await self.citizen.dossier(self.code))["fee"]
        return {name: shown[name] for name in ("amount_dong", "status", "reference")}

    async def told(self) -> list[str]:
        return [event["type"] for event in await told(self.country.portal, self.sandbox.id, self.code)][1:]

    async def refunds(self) -> list[Call]:
        rows = await self.country.portal.database.fetch(
            "SELECT key, data->>'amount_dong' AS dong FROM calls WHERE sandbox = $1 AND kind = $2",
            *(self.sandbox.id, REFUND),
        )
        data = {"code": self.code}
        return [Call(self.sandbox.id, REFUND, r["key"], {**data, "amount_dong": int(r["dong"])}, 1) for r in rows]


@pytest.fixture
async def till(country: Country, lan: Citizen) -> Till:
    till = Till(country, lan, await lan.submitted())
    await till.hear((law.DOSSIER_RECEIVED, {}), (law.FEE_DEMANDED, {"fee_dong": FEE}))
    return till


def ma_loi(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["MaLoi"])


async def test_a_payment_begins_at_the_platform_and_is_due_until_confirmed(till: Till) -> None:
    begun = (await till.begin()).json()
    assert begun["status"] == "started"
    assert code_of(begun["reference"]) == till.code
    assert len(begun["reference"]) <= 20
    assert (await till.country.http.get(begun["checkout_url"])).status_code == 200
    assert await till.fee() == {"amount_dong": FEE, "status": "due", "reference": begun["reference"]}


async def test_the_open_attempt_is_continued_until_the_platform_would_have_closed_it(till: Till) -> None:
    first = await till.reference()
    assert await till.reference() == first
    await till.sandbox.move(minutes=15)
    assert await till.reference() != first


async def test_the_platforms_confirmation_pays(till: Till) -> None:
    reference = await till.reference()
    answer = await till.confirm(reference)
    assert ma_loi(answer) == "00"
    assert answer.json()["MaThamChieu"] == reference
    assert (await till.fee())["status"] == "paid"
    assert await till.told() == [law.PAYMENT_CONFIRMED]
    assert await till.refunds() == []


@pytest.mark.parametrize("amount", [7999, 8001, 1, 0])
async def test_an_amount_that_is_not_the_fee_is_refused(till: Till, amount: int) -> None:
    refused = problem(await till.begin(amount), 409, "fee-mismatch")
    assert (refused["fee_dong"], refused["offered_dong"]) == (FEE, amount)


@pytest.mark.parametrize("amount", [-1, 10**12, 8000.5, "8000", None, True, 10**400])
async def test_what_is_no_amount_does_not_fit(till: Till, amount: Any) -> None:
    assert pointers(await till.begin(amount)) == ["/amount_dong"]


async def test_nothing_can_be_paid_before_the_fee_is_demanded(lan: Citizen) -> None:
    code = await lan.submitted()
    for amount in (FEE, 0):  # 0 is what a client sends that reads no fee in the dossier
        answer = await lan.ask("POST", f"/dossiers/{code}/payments", {"amount_dong": amount})
        problem(answer, 409, "nothing-to-pay")


async def test_paying_twice_is_refused(till: Till) -> None:
    reference = await till.reference()
    await till.confirm(reference)
    assert problem(await till.begin(), 409, "already-paid")["reference"] == reference


async def test_a_confirmation_that_comes_again_changes_nothing(till: Till) -> None:
    reference = await till.reference()
    answers = await asyncio.gather(*(till.confirm(reference) for _ in range(4)))
    assert [ma_loi(answer) for answer in answers] == ["00"] * 4
    assert await till.told() == [law.PAYMENT_CONFIRMED]
    assert await till.refunds() == []


async def test_one_reference_is_never_paid_by_two_transactions(till: Till) -> None:
    reference = await till.reference()
    await till.confirm(reference)
    assert ma_loi(await till.confirm(reference, MaGiaoDich="GD0002")) == "99"
    assert ma_loi(await till.confirm(reference, MaLoi="07")) == "99"
    assert await till.told() == [law.PAYMENT_CONFIRMED]


@pytest.mark.parametrize(
    "change",
    [
        {"MaXacThuc": "0" * 64},
        {"MaXacThuc": ""},
        {"MaXacThuc": "é"},
        {"SoTien": 1},
        {"MaThamChieu": "DVC1"},
        {"MaGiaoDich": "GD9999"},
        {"MaLoi": "01"},
        {"ThongTinGiaoDich": "khác"},
        {"ThoiGianGD": "20260609081501"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_wrong_or_altered_confirmation_is_not_taken(till: Till, change: dict[str, Any]) -> None:
    answer = await till.confirm(await till.reference(), sign=False, **change)
    assert ma_loi(answer) == "99"
    assert "MaXacThuc" in answer.json()["MoTaLoi"]
    assert (await till.fee())["status"] == "due"
    assert await till.told() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"SoTien": 7999}, "SoTien"),
        ({"MaThamChieu": "DVC0"}, "MaThamChieu"),
        ({"MaThamChieu": "XYZ"}, "MaThamChieu"),
        ({"MaDoiTac": "OTHER"}, "MaDoiTac"),
        ({"LoaiBanTin": "QUERY"}, "LoaiBanTin"),
        ({"LoaiBanTin": "confirm"}, "LoaiBanTin"),
        ({"MaTienTe": "USD"}, "MaTienTe"),
    ],
    ids=lambda value: str(value),
)
async def test_a_signed_confirmation_that_does_not_fit_is_not_taken(
    till: Till, change: dict[str, Any], why: str
) -> None:
    answer = await till.confirm(await till.reference(), **change)
    assert ma_loi(answer) == "99"
    assert why in answer.json()["MoTaLoi"]
    assert await till.told() == []


async def test_a_confirmation_for_another_sandbox_is_not_taken(country: Country, till: Till) -> None:
    reference, other = await till.reference(), await country.sandbox()
    till.sandbox = other
    assert ma_loi(await till.confirm(reference)) == "99"
    till.sandbox = Sandbox(country, {"id": "nowhere", "now": ""})
    problem(await till.confirm(reference), 404, "sandbox-not-found")


async def test_a_confirmation_of_one_sandbox_pays_nothing_in_its_twin(country: Country, till: Till) -> None:
    twin = await (await country.sandbox(seed="seed-1", start=till.sandbox.start)).sign_in("lan")
    there = Till(country, twin, await twin.submitted())
    await there.hear((law.DOSSIER_RECEIVED, {}), (law.FEE_DEMANDED, {"fee_dong": FEE}))
    reference = await till.reference()
    assert await there.reference() == reference
    here, till.sandbox = till.sandbox, twin.sandbox
    taken = await till.confirm(reference, secret_of=here.id)
    assert ma_loi(taken) == "99" and "MaXacThuc" in taken.json()["MoTaLoi"]
    assert (await there.fee())["status"] == "due"


async def test_the_answer_to_a_query_is_no_confirmation(till: Till) -> None:
    reference = await till.reference()
    secret = platform.partner_secret(SECRET, till.sandbox.id)
    asked = {"LoaiBanTin": "QUERY", "PhienBan": "1.0.6", "MaDoiTac": "DVCQG", "MaThamChieu": reference}
    asked |= {"ThoiGianGD": "20260609080000"}
    query = {**asked, "MaXacThuc": platform.checksum(asked, platform.QUERY, secret)}
    answer = (await till.country.ask("payment", "POST", "/query", json=query, headers=till.sandbox.header)).json()
    assert (answer["MaLoi"], answer["TrangThaiGD"]) == ("99", "3")
    path = "/api/v1/payment-platform/confirm"
    refused = await till.country.ask("portal", "POST", path, json=answer, headers=till.sandbox.header)
    assert (ma_loi(refused), refused.json()["MoTaLoi"]) == ("99", "LoaiBanTin must be CONFIRM")
    assert (await till.fee())["status"] == "due"


async def test_a_confirmation_is_checked_letter_by_letter_as_it_was_signed(till: Till) -> None:
    decomposed = unicodedata.normalize("NFD", "Hồ sơ của Lan")
    assert ma_loi(await till.confirm(await till.reference(), ThongTinGiaoDich=decomposed)) == "00"


@pytest.mark.parametrize("amount", ["8_000", " 8000", "8000 ", "+8000", "8000.0", "٨٠٠٠", 8000.0, True, None, -8000])
async def test_what_is_no_amount_is_not_read_as_one(till: Till, amount: Any) -> None:
    assert pointers(await till.confirm(await till.reference(), sign=False, SoTien=amount)) == ["/SoTien"]
    assert (await till.fee())["status"] == "due" and await till.told() == []


async def test_an_amount_in_other_digits_than_the_signed_ones_is_not_taken(till: Till) -> None:
    assert FEE == 8000
    reference = await till.reference()
    assert ma_loi(await till.confirm(reference, sign=False, SoTien="08000")) == "99"
    assert ma_loi(await till.confirm(reference, SoTien="8000")) == "00", "some clients send every number as text"


@pytest.mark.parametrize("value", ["", "G" * 65, "a\x00b"])
async def test_a_transaction_number_that_no_event_can_carry_does_not_fit(till: Till, value: str) -> None:
    assert pointers(await till.confirm(await till.reference(), MaGiaoDich=value)) == ["/MaGiaoDich"]


async def test_a_failed_attempt_can_be_followed_by_another(till: Till) -> None:
    failed = await till.reference()
    assert ma_loi(await till.confirm(failed, MaLoi="07")) == "00"
    assert (await till.fee())["status"] == "due"
    reference = await till.reference()
    assert reference != failed
    assert ma_loi(await till.confirm(reference)) == "00"
    assert await till.told() == [law.PAYMENT_CONFIRMED]


async def test_a_silent_platform_leaves_the_attempt_and_the_key_makes_it_good(till: Till) -> None:
    async with till.country.silent("payment", "/init"):
        silent = problem(await till.begin(key="k1"), 503, "payment-platform-silent")
    begun = await till.begin(key="k1")
    assert (begun.status_code, begun.json()["reference"]) == (201, silent["reference"])


async def test_a_platform_that_refuses_is_quoted(till: Till) -> None:
    async def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, json={"MaLoi": "99", "MoTaLoi": "Bảo trì"})

    async with till.country.fault("payment", refuse):
        refused = problem(await till.begin(), 502, "payment-platform-refused")
    assert (refused["detail"], refused["MaLoi"]) == ("Bảo trì", "99")


async def test_money_that_comes_after_the_end_is_refunded_once(till: Till) -> None:
    reference = await till.reference()
    await till.hear((law.DOSSIER_WITHDRAWN, {}))
    assert ma_loi(await till.confirm(reference)) == "00"
    assert ma_loi(await till.confirm(reference)) == "00"
    assert (await till.fee())["status"] == "refund_pending"
    (call,) = await till.refunds()
    assert (call.key, call.data["amount_dong"]) == (reference, FEE)


async def test_a_payment_confirmed_before_the_withdrawal_is_refunded_too(till: Till) -> None:
    reference = await till.reference()
    await till.confirm(reference)
    await till.hear((law.DOSSIER_WITHDRAWN, {}), (law.DOSSIER_WITHDRAWN, {}))
    assert [call.key for call in await till.refunds()] == [reference]


async def test_a_second_attempt_that_is_paid_as_well_goes_back(till: Till) -> None:
    first = await till.reference()
    await till.sandbox.move(minutes=16)
    second = await till.reference()
    await till.confirm(first)
    assert ma_loi(await till.confirm(second, MaGiaoDich="GD0002")) == "00"
    assert [call.key for call in await till.refunds()] == [second]
    assert await till.fee() == {"amount_dong": FEE, "status": "paid", "reference": first}


async def test_a_refund_is_asked_told_and_ended_however_often_it_is_called(till: Till) -> None:
    page = (await till.begin()).json()["checkout_url"]
    assert (await till.country.http.post(f"{page}/pay", json={})).status_code == 303
    async with asyncio.timeout(20):  # the platform confirms by itself
        while (await till.fee())["status"] != "paid":
            pass
    await till.hear((law.DOSSIER_WITHDRAWN, {}))
    (call,) = await till.refunds()
    async with till.country.silent("payment", "/refund"):
        with pytest.raises(OSError, match="refund"):
            await till.country.portal.refund(call)
    assert (await till.fee())["status"] == "refund_pending"
    await till.country.portal.refund(call)
    await till.country.portal.refund(call)
    assert (await till.fee())["status"] == "refunded"
    assert await till.told() == [law.PAYMENT_CONFIRMED, law.PAYMENT_REFUNDED]
    assert await till.refunds() == []


async def test_coming_back_from_the_platform_tells_what_is_known(till: Till) -> None:
    reference = await till.reference()

    async def seen(**change: Any) -> Any:
        params = {"reference": reference, "sandbox": till.sandbox.id, **change}
        answer = (await till.country.ask("portal", "GET", "/api/v1/payments/return", params=params)).json()
        assert set(answer) == {"reference", "status"}, "nothing of the dossier: a reference can be guessed"
        return answer["status"]

    assert await seen() == "started"
    await till.confirm(reference)
    assert await seen() == "paid"
    assert [await seen(reference=wrong) for wrong in ("", "x", "DVC0", "DVCÀ", "DVC\x00")] == ["unknown"] * 5
