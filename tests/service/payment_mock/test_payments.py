"""A payment from INIT to refund, as the partner and the payer see it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, PlainTextResponse

from tests.service.frozen import FrozenSandbox
from tests.service.payment_mock.partner import (
    PAYMENT_URL,
    SECRET,
    Merchant,
    Partner,
    init_message,
    sha256,
)


async def test_init_opens_a_checkout(merchant: Merchant) -> None:
    answer = await merchant.init()
    transaction = answer["MaGiaoDich"]
    assert answer == {
        "MaLoi": "00",
        "MoTaLoi": "Thành công",
        "MaDoiTac": "DVCQG",
        "MaThamChieu": "R1",
        "MaGiaoDich": transaction,
        "UrlThanhToan": f"{PAYMENT_URL}/s/{merchant.sandbox.id}/checkout/{transaction}",
    }
    page = await merchant.http.get(answer["UrlThanhToan"])
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "8.000 đ" in page.text and "R1" in page.text and page.text.count("<button") == 2


async def test_init_twice_gives_the_same_checkout(merchant: Merchant) -> None:
    first, *others = await asyncio.gather(*(merchant.init() for _ in range(6)))
    assert others == [first] * 5
    assert await merchant.init(amount=8000) == first
    assert [entry["kind"] for entry in await merchant.story()] == ["checkout_opened"]


async def test_init_with_another_amount_is_refused(merchant: Merchant) -> None:
    await merchant.init()
    answer = await merchant.init(amount="9000")
    assert (answer["MaLoi"], answer["LyDo"]) == ("99", "amount-differs")
    assert "UrlThanhToan" not in answer


async def test_equal_runs_get_equal_transactions(merchant: Merchant, neighbour: Merchant, app: FastAPI) -> None:
    here, there = await merchant.init(), await neighbour.init()
    assert here["MaGiaoDich"] == there["MaGiaoDich"]
    stranger = Merchant(merchant.http, await FrozenSandbox(app.state.runtime, seed="another").tell())
    assert (await stranger.init())["MaGiaoDich"] != here["MaGiaoDich"]
    await merchant.pay(here["UrlThanhToan"])
    assert (await neighbour.query())["TrangThaiGD"] == "3"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MaXacThuc": "0" * 64}, "wrong-checksum"),
        ({"Ip": "127.0.0.2"}, "wrong-checksum"),
        ({"MaXacThuc": "không"}, "wrong-checksum"),
        ({"MaDoiTac": "somebody"}, "unknown-partner"),
        ({"amount": "0"}, "amount-not-positive"),
        ({"MaTienTe": "USD"}, "currency-not-vnd"),
        ({"MaTienTe": "vnd"}, "currency-not-vnd"),
    ],
)
async def test_init_is_refused_with_a_ma_loi(merchant: Merchant, change: dict[str, Any], reason: str) -> None:
    answer = await merchant.init(**change)
    assert (answer["MaLoi"], answer["LyDo"]) == ("99", reason)
    assert (await merchant.query())["LyDo"] == "unknown-reference"


async def test_init_takes_what_real_clients_send(merchant: Merchant) -> None:
    for number, bill in enumerate(({"MaDichVu": 2}, {"MaDichVu": "2", "MaHoSo": None}, None)):
        assert (await merchant.init(f"dvcH421446426060900{number}20260609", ThongTinBienLai=bill))["MaLoi"] == "00"
    decomposed = "Le\u0323\u0302 phi\u0301"  # signed text is never normalised, or its checksum would break
    assert (await merchant.init("R2", ThongTinGiaoDich=decomposed))["MaLoi"] == "00"
    assert (await merchant.query("R2"))["ThongTinGiaoDich"] == decomposed


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{", ""),
        (b"[]", ""),
        (json.dumps({**init_message(), "SoTien": 1.5}).encode(), "/SoTien"),
        (json.dumps({**init_message(), "SoTien": True}).encode(), "/SoTien"),
        (json.dumps({**init_message(), "SoTien": "8000 dong"}).encode(), "/SoTien"),
        (json.dumps({**init_message(), "SoTien": 10**30}).encode(), "/SoTien"),
        (json.dumps({**init_message(), "ThongTinGiaoDich": "a\x00b"}).encode(), "/ThongTinGiaoDich"),
        (json.dumps({**init_message(), "MaThamChieu": "a\ud800b"}).encode(), "/MaThamChieu"),
        (json.dumps({**init_message(), "ThongTinBienLai": {"MaHoSo": "\x00"}}).encode(), "/ThongTinBienLai/MaHoSo"),
        (json.dumps({**init_message(), "Ip": None}).encode(), "/Ip"),
        (json.dumps({**init_message(), "LoaiBanTin": "QUERY"}).encode(), "/LoaiBanTin"),
    ],
)
async def test_a_body_that_does_not_fit_is_pointed_at(merchant: Merchant, body: bytes, pointer: str) -> None:
    kind = {"Content-Type": "application/json"}
    answer = await merchant.http.post("/init", content=body, headers=merchant.sandbox.header | kind)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/body-does-not-fit"), answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


async def test_the_partner_is_told_with_these_very_bytes(merchant: Merchant, partner: Partner) -> None:
    opened = await merchant.init(ThongTinGiaoDich="Lệ phí hồ sơ")
    await merchant.sandbox.advance(timedelta(minutes=1, seconds=5))
    answer = await merchant.pay(opened["UrlThanhToan"], "success")
    assert answer.status_code == 303
    back = f"{partner.url}/api/v1/payments/return?reference=R1&sandbox={merchant.sandbox.id}"
    assert answer.headers["location"] == back
    await merchant.all_told()
    [taken] = partner.of(merchant.sandbox)
    transaction = opened["MaGiaoDich"]
    signed = f"CONFIRM|00|DVCQG|R1|8000|VND|{transaction}|PAYMENT|20260609080105|Lệ phí hồ sơ|{merchant.secret}"
    assert taken.body == {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": "00",
        "MaDoiTac": "DVCQG",
        "MaThamChieu": "R1",
        "SoTien": 8000,
        "MaTienTe": "VND",
        "MaGiaoDich": transaction,
        "MaNganHang": "PAYMENT",
        "ThoiGianGD": "20260609080105",
        "ThongTinGiaoDich": "Lệ phí hồ sơ",
        "MaXacThuc": sha256(signed),
    }
    story = await merchant.story()
    assert [entry["kind"] for entry in story] == ["checkout_opened", "paid", "confirm_taken"]
    assert {entry["service"] for entry in story} == {"payment"}
    said = {"reference": "R1", "MaLoi": "00", "MoTaLoi": ""}
    assert story[-1]["data"] == {**said, "http_status": 200, "attempts": 1}


async def test_confirm_is_repeated_until_the_partner_answers(merchant: Merchant, partner: Partner) -> None:
    partner.answers[merchant.sandbox.id] = [PlainTextResponse("", 500), JSONResponse({"MaLoi": "00"}, 503)]
    await merchant.paid()
    await merchant.all_told()
    first, *others = partner.of(merchant.sandbox)
    assert [other.raw for other in others] == [first.raw] * 2
    assert (await merchant.story())[-1]["data"]["attempts"] == 3


async def test_a_silent_partner_is_named_as_pending(merchant: Merchant, partner: Partner) -> None:
    partner.answers[merchant.sandbox.id] = [PlainTextResponse("", 500)] * 2
    await merchant.paid()
    async with asyncio.timeout(20):
        while not [call for call in (await merchant.pending())["calls"] if "status 500" in call["last_error"]]:
            pass
    pending = await merchant.pending()
    assert (pending["timers_due"], pending["next_due"]) == (0, None)
    assert {call["kind"] for call in pending["calls"]} <= {"confirm"}
    await merchant.all_told()


@pytest.mark.parametrize(
    ("answer", "ma_loi"),
    [
        (JSONResponse({"MaLoi": "99", "MoTaLoi": "\x00"}), "99"),
        (JSONResponse({"return_code": -1, "return_msg": "?"}), "?"),
        (JSONResponse({"MaLoi": "00"}, 404), "?"),
        (PlainTextResponse("đã nhận"), "?"),
        (JSONResponse(["00"]), "?"),
    ],
)
async def test_an_answer_that_refuses_ends_the_call(
    merchant: Merchant, partner: Partner, answer: JSONResponse, ma_loi: str
) -> None:
    partner.answers[merchant.sandbox.id] = [answer]
    await merchant.paid()
    await merchant.all_told()
    assert len(partner.of(merchant.sandbox)) == 1
    last = (await merchant.story())[-1]
    assert (last["kind"], last["data"]["MaLoi"]) == ("confirm_refused", ma_loi)


async def test_an_order_is_paid_once(merchant: Merchant, partner: Partner) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    answers = await asyncio.gather(*(merchant.pay(url) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 5
    again = await merchant.pay(url, "failed")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/order-already-paid")
    assert again.json()["reference"] == "R1"
    by_form = await merchant.http.post(f"{url}/pay", data={"outcome": "success"})
    assert by_form.status_code == 409 and by_form.headers["content-type"].startswith("text/html")
    assert "<button" not in (await merchant.http.get(url)).text
    await merchant.all_told()
    assert len(partner.of(merchant.sandbox)) == 1


async def test_a_failed_attempt_may_be_repeated(merchant: Merchant, partner: Partner) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    failed = await merchant.http.post(f"{url}/pay", data={"outcome": "failed"})
    assert failed.status_code == 303
    assert (await merchant.query())["TrangThaiGD"] == "4"
    assert (await merchant.pending())["calls"] == []
    assert (await merchant.pay(url)).status_code == 303
    await merchant.all_told()
    assert len(partner.of(merchant.sandbox)) == 1
    kinds = [entry["kind"] for entry in await merchant.story()]
    assert kinds == ["checkout_opened", "payment_failed", "paid", "confirm_taken"]


async def test_an_order_lives_fifteen_minutes_of_sandbox_time(merchant: Merchant) -> None:
    first, second = await merchant.init("R1"), await merchant.init("R2")
    await merchant.sandbox.advance(timedelta(minutes=15) - timedelta(milliseconds=1))
    assert (await merchant.pay(first["UrlThanhToan"])).status_code == 303
    await merchant.sandbox.advance(timedelta(milliseconds=1))
    late = await merchant.pay(second["UrlThanhToan"])
    assert (late.status_code, late.json()["type"]) == (409, "/problems/order-expired")
    assert late.json()["expired_at"] == "2026-06-09T08:15:00.000+07:00"
    assert (await merchant.query("R2"))["TrangThaiGD"] == "4"
    assert (await merchant.query("R1"))["TrangThaiGD"] == "1"


async def test_pay_refuses_what_it_cannot_read(merchant: Merchant) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    odd = await merchant.pay(url, "perhaps")
    assert (odd.status_code, odd.json()["errors"][0]["pointer"]) == (422, "/outcome")
    assert (await merchant.http.post(f"{url}/pay", content=b"{\xff")).status_code == 422
    strange = await merchant.http.get(f"/s/{merchant.sandbox.id}/checkout/GD0")
    assert (strange.status_code, strange.json()["type"]) == (404, "/problems/order-not-found")
    assert (await merchant.http.get(f"/s/{merchant.sandbox.id}/checkout/a%00b")).status_code == 422
    assert (await merchant.http.get(url, headers={"X-Sandbox": "other"})).status_code == 403


async def test_the_page_of_a_checkout_has_a_code_to_scan(merchant: Merchant) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    page = (await merchant.http.get(url)).text
    source = next(part.partition('"')[0] for part in page.split('src="') if "qr" in part.partition('"')[0])
    code = await merchant.http.get(source)
    assert (code.headers["content-type"], code.text.count("<svg")) == ("image/svg+xml", 1)


async def test_a_checkout_opens_in_its_own_sandbox_only(merchant: Merchant, neighbour: Merchant) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    there = url.replace(merchant.sandbox.id, neighbour.sandbox.id)
    assert (await merchant.pay(there)).status_code == 404


async def test_query_answers_signed_like_confirm(merchant: Merchant) -> None:
    opened = await merchant.paid()
    answer = await merchant.query()
    signed = (
        f"QUERY|00|DVCQG|R1|8000|VND|{opened['MaGiaoDich']}|PAYMENT|20260609080000|THANH TOAN HO SO|{merchant.secret}"
    )
    assert answer["MaXacThuc"] == sha256(signed)
    assert (answer["MaLoi"], answer["SoTien"], answer["TrangThaiGD"]) == ("00", 8000, "1")


@pytest.mark.parametrize(("outcome", "status"), [(None, "3"), ("failed", "4")])
async def test_query_of_an_unpaid_order_is_no_success(merchant: Merchant, outcome: str | None, status: str) -> None:
    opened = await merchant.init()
    if outcome:
        await merchant.pay(opened["UrlThanhToan"], outcome)
    answer = await merchant.query()
    assert (answer["MaLoi"], answer["LyDo"], answer["TrangThaiGD"]) == ("99", "not-paid", status)
    transaction, text = opened["MaGiaoDich"], "THANH TOAN HO SO"
    signed = f"QUERY|99|DVCQG|R1|8000|VND|{transaction}|PAYMENT|20260609080000|{text}|{merchant.secret}"
    assert answer["MaXacThuc"] == sha256(signed)


async def test_a_message_signed_for_another_sandbox_is_refused(merchant: Merchant, neighbour: Merchant) -> None:
    await merchant.paid()
    neighbour.secret = merchant.secret
    for answer in (await neighbour.init(), await neighbour.query(), await neighbour.refund()):
        assert (answer["MaLoi"], answer["LyDo"]) == ("99", "wrong-checksum")


async def test_the_default_sandbox_signs_with_the_bare_secret(
    merchant: Merchant, partner: Partner, app: FastAPI
) -> None:
    default = FrozenSandbox(app.state.runtime)
    default.id = "default"
    await default.tell(id="default")
    merchant.sandbox, merchant.secret = default, SECRET
    await merchant.paid()
    await merchant.all_told()
    assert partner.of(default)[0].body["MaLoi"] == "00"


async def test_query_of_an_unknown_reference_has_a_ma_loi(merchant: Merchant) -> None:
    answer = await merchant.query("never-sent")
    assert (answer["MaLoi"], answer["LyDo"], answer["MaThamChieu"]) == ("99", "unknown-reference", "never-sent")


async def test_money_is_given_back_once(merchant: Merchant) -> None:
    await merchant.paid()
    first, *others = await asyncio.gather(*(merchant.refund() for _ in range(6)))
    assert first["MaLoi"] == "00" and first["MaGiaoDichHoan"].startswith("HT")
    assert others == [first] * 5
    assert (await merchant.refund(key="H2", amount=1))["LyDo"] == "more-than-paid"
    assert (await merchant.refund(amount=1))["LyDo"] == "refund-differs"
    await merchant.all_told()
    assert [entry["kind"] for entry in await merchant.story()].count("refunded") == 1


async def test_a_key_of_one_refund_opens_no_other(merchant: Merchant) -> None:
    await merchant.paid("R1")
    await merchant.paid("R2")
    answers = await asyncio.gather(merchant.refund("R1"), merchant.refund("R2"))
    assert sorted(answer["MaLoi"] for answer in answers) == ["00", "99"]


async def test_parts_may_be_given_back_up_to_what_was_paid(merchant: Merchant) -> None:
    await merchant.paid()
    parts = await asyncio.gather(*(merchant.refund(amount=3000, key=f"H{n}") for n in range(4)))
    assert sorted(part["MaLoi"] for part in parts) == ["00", "00", "99", "99"]


async def test_a_refund_is_refused_with_a_ma_loi(merchant: Merchant) -> None:
    await merchant.init()
    assert (await merchant.refund())["LyDo"] == "not-paid"
    assert (await merchant.refund("never-sent"))["LyDo"] == "unknown-reference"
    assert (await merchant.refund(MaXacThuc="0" * 64))["LyDo"] == "wrong-checksum"
    assert (await merchant.refund(amount=0))["LyDo"] == "amount-not-positive"


async def test_a_deleted_sandbox_answers_nobody(merchant: Merchant) -> None:
    url = (await merchant.init())["UrlThanhToan"]
    await merchant.sandbox.tell(deleted=True)
    for answer in (await merchant.send("/init", init_message(secret=merchant.secret)), await merchant.pay(url)):
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/sandbox-not-found")


async def test_a_confirm_of_a_sandbox_deleted_meanwhile_is_dropped(
    merchant: Merchant, partner: Partner, app: FastAPI
) -> None:
    partner.answers[merchant.sandbox.id] = [PlainTextResponse("", 500)]
    await merchant.paid()
    await merchant.sandbox.tell(deleted=True)
    async with asyncio.timeout(20):
        while await app.state.runtime.database.fetch("SELECT FROM calls WHERE sandbox = $1", merchant.sandbox.id):
            pass


async def test_the_document_speaks_of_every_door(merchant: Merchant) -> None:
    document = (await merchant.http.get("/openapi.json")).json()
    assert {"/init", "/query", "/refund", "/s/{sandbox}/checkout/{transaction}/pay"} <= set(document["paths"])
