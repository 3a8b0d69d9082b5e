"""Partners of the platform, as a province's program is one: registered, opened, confirmed, asked, with a receipt.

The signatures here are made by hand from the fact sheet (integration.md 4.1, 4.2, 4.4), not by the project's functions.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from contracts.faults import FAULTS
from shared.sandbox.faults import Rule
from tests.service.frozen import FrozenSandbox
from tests.service.payment_mock.partner import DOSSIER
from tests.service.payment_mock.province import CODE, CONFIRM_ORDER, INIT_ORDER, Province, keyed, listening, signed


@pytest.fixture
async def sandbox(app: FastAPI) -> FrozenSandbox:
    return await FrozenSandbox(app.state.runtime).tell()


@pytest.fixture
async def province(http: httpx.AsyncClient, sandbox: FrozenSandbox) -> AsyncIterator[Province]:
    async with listening(Province(http, sandbox)) as province:
        await province.register()
        yield province


async def test_a_payment_is_opened_paid_confirmed_asked_for_and_has_a_receipt(province: Province) -> None:
    opened = await province.init()
    assert opened["MaLoi"] == "00" and opened["MaDoiTac"] == CODE and opened["MaThamChieu"] == "R1"
    assert await province.init() == opened, "the same reference gets the same reply"
    waiting = (await province.send(province.row["query"], province.asks("QUERY"))).json()
    assert (waiting["MaLoi"], waiting["TrangThaiGD"], waiting["LyDo"]) == ("99", "3", "not-paid")
    refused = (await province.send(province.row["get_bill"], province.asks("GET_BILL"))).json()
    assert (refused["MaLoi"], refused["LyDo"]) == ("99", "not-paid")

    back = await province.pay(opened["UrlThanhToan"])
    assert back.status_code == 303
    assert back.headers["location"] == f"http://127.0.0.1:9/back?x=1&MaThamChieu=R1&MaGiaoDich={opened['MaGiaoDich']}"
    (confirm,) = await province.hears(1)
    assert confirm["MaXacThuc"] == signed(confirm, CONFIRM_ORDER, province.row["secret"])
    assert (confirm["LoaiBanTin"], confirm["MaLoi"], confirm["SoTien"]) == ("CONFIRM", "00", 8000)

    paid = (await province.send(province.row["query"], province.asks("QUERY"))).json()
    assert (paid["MaLoi"], paid["TrangThaiGD"]) == ("00", "1")
    assert paid["MaXacThuc"] == signed(paid, CONFIRM_ORDER, province.row["secret"])
    bill = await province.send(province.row["get_bill"], province.asks("GET_BILL"))
    assert bill.headers["content-type"] == "application/pdf" and bill.content.startswith(b"%PDF-")
    again = await province.send(province.row["address"], province.asks("GET_BILL"))
    assert again.content == bill.content, "the same bytes, and every message at one address"
    kinds = [entry["kind"] for entry in await province.story()]
    assert kinds == ["checkout_opened", "paid", "confirm_taken"]


async def test_the_gateway_is_told_of_the_payment_until_it_answers(province: Province) -> None:
    opened = await province.init()
    await province.pay(opened["UrlThanhToan"])
    await province.hears(1)
    (call,) = await province.pending()
    assert call["kind"] == "paid" and "partner-payments" in call["last_error"], "no gateway runs in this test"


async def test_one_province_wraps_the_reply_in_a_text(province: Province) -> None:
    reply = (await province.send(province.row["wrapper"], province.init_message())).json()
    assert reply["error_code"] == "0" and json.loads(reply["message"])["UrlThanhToan"].startswith("http")
    reply = (await province.send(province.row["wrapper"], {**province.init_message("R2"), "MaXacThuc": "0"})).json()
    assert reply["error_code"] == "99" and json.loads(reply["message"])["LyDo"] == "wrong-checksum"


async def test_a_confirmation_is_sent_again_until_it_is_answered(province: Province) -> None:
    province.answers = [Response(status_code=500), Response(status_code=503), JSONResponse({"MaLoi": "00"})]
    await province.pay((await province.init())["UrlThanhToan"])
    told = await province.hears(3)
    assert told[0] == told[1] == told[2], "the same bytes every time"
    (entry,) = [entry for entry in await province.story() if entry["kind"] == "confirm_taken"]
    assert entry["data"]["attempts"] == 3 and CODE in entry["text_en"]


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"return_code": -1, "return_msg": "unknown"}),
        JSONResponse({"MaLoi": "99", "MoTaLoi": "Không có hồ sơ"}),
        JSONResponse(["nothing"]),
        Response("<html>", media_type="text/html"),
        Response(status_code=404),
    ],
)
async def test_what_the_province_does_not_take_is_not_sent_again(province: Province, answer: Response) -> None:
    province.answers = [answer]
    await province.pay((await province.init())["UrlThanhToan"])
    assert len(await province.hears(1)) == 1
    assert [entry["kind"] for entry in await province.story()][-1] == "confirm_refused"


async def test_a_confirmation_that_reaches_nobody_says_why(province: Province) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    await province.register(confirm_url=f"http://127.0.0.1:{port}/confirm")
    await province.pay((await province.init())["UrlThanhToan"])
    async with asyncio.timeout(20):
        while not any(f"nobody listens on 127.0.0.1:{port}" in call["last_error"] for call in await province.pending()):
            pass


async def test_without_addresses_nothing_is_sent_and_the_payer_stays(province: Province) -> None:
    row = dict(province.row)
    await province.register(confirm_url=None, return_url=None)
    assert (province.row["secret"], province.row["address"]) == (row["secret"], row["address"]), "kept"
    page = await province.pay((await province.init())["UrlThanhToan"])
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert {call["kind"] for call in await province.pending()} == {"paid"}


async def test_partners_are_listed_and_removed_and_belong_to_one_sandbox(province: Province) -> None:
    path, header = "/_lab/partners", province.sandbox.header
    assert (await province.http.get(path, headers=header)).json() == [province.row]
    other = await FrozenSandbox(province.sandbox._runtime).tell()
    assert (await province.http.get(path, headers=other.header)).json() == []
    assert (await province.http.delete(f"{path}/{CODE}", headers=header)).status_code == 204
    assert (await province.http.delete(f"{path}/{CODE}", headers=header)).status_code == 404
    gone = await province.http.post(province.row["init"], json=province.init_message())
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/partner-not-found")


@pytest.mark.parametrize(
    ("code", "body", "status", "where"),
    [
        ("DVCQG", {}, 409, "partner-reserved"),
        ("a b", {}, 422, ""),
        (CODE, {"confirm_url": "ftp://127.0.0.1/"}, 422, "/confirm_url"),
        (CODE, {"return_url": "javascript:alert(1)"}, 422, "/return_url"),
        (CODE, {"confirm_url": "http://192.0.2.1/x"}, 409, "receiver-not-allowed"),
        (CODE, {"confirm_url": "http://169.254.169.254/latest"}, 409, "receiver-not-allowed"),
        (CODE, {"secret": "mine"}, 422, "/secret"),
    ],
)
async def test_what_cannot_be_registered(
    http: httpx.AsyncClient, sandbox: FrozenSandbox, code: str, body: dict[str, Any], status: int, where: str
) -> None:
    answer = await http.put(f"/_lab/partners/{code}", json=body, headers=sandbox.header)
    assert answer.status_code == status and where in answer.text, answer.text


async def test_a_message_of_another_partner_or_for_the_portal_is_refused(province: Province) -> None:
    first = dict(province.row)
    await province.register("OTHER")
    reply = (await province.send(province.row["init"], province.init_message())).json()
    assert reply["LyDo"] == "unknown-partner", "MaDoiTac is not that of the address"
    province.row = {**first, "secret": province.row["secret"]}
    reply = await province.init()
    assert reply["LyDo"] == "wrong-checksum" and reply["signed_otherwise"]["detail"] == "with the secret of OTHER"
    assert (await province.http.post("/init", json=province.init_message(), headers=province.sandbox.header)).json()[
        "LyDo"
    ] == "unknown-partner"


WRONG = [
    ({"SoTien": "800000"}, "SoTien", "in hundredths"),
    ({"SoTien": "8000.0"}, "SoTien", "as 8000.0"),
    ({"ThongTinGiaoDich": f"THANH TOAN HO SO {DOSSIER}"}, "ThongTinGiaoDich", "without accents"),
    ({"Ip": ""}, "Ip", "as an empty text"),
    ({"MaThamChieu": "r1"}, "MaThamChieu", "in lower case"),
]


@pytest.mark.parametrize(("signed_as", "member", "what"), WRONG)
async def test_the_debugger_names_the_member_that_was_signed_otherwise(
    province: Province, signed_as: dict[str, str], member: str, what: str
) -> None:
    right = province.init_message()
    wrong = {**right, "MaXacThuc": signed({**right, **signed_as}, INIT_ORDER, province.row["secret"])}
    reply = (await province.send(province.row["init"], wrong)).json()
    assert (reply["MaLoi"], reply["LyDo"]) == ("99", "wrong-checksum")
    assert reply["text_to_sign"] == "|".join([*(str(right[name]) for name in INIT_ORDER), "***"])
    assert (reply["signed_otherwise"]["member"], reply["signed_otherwise"]["detail"]) == (member, what)
    (entry,) = await province.story()
    assert entry["kind"] == "signature_refused" and entry["data"]["text_to_sign"] == reply["text_to_sign"]
    assert province.row["secret"] not in json.dumps([reply, entry])


async def test_the_debugger_knows_other_mistakes_and_says_when_it_does_not(province: Province) -> None:
    right, secret = province.init_message(), province.row["secret"]
    values = [str(right[name]) for name in INIT_ORDER]
    text = "|".join([*values, secret])
    order = [*INIT_ORDER]
    order[11], order[12] = order[12], order[11]
    for wrong, what in (
        (hashlib.sha256("|".join(values).encode()).hexdigest(), "without the secret"),
        (hashlib.md5(text.encode()).hexdigest(), "by MD5"),
        (hashlib.sha256("".join([*values, secret]).encode()).hexdigest(), "joined by nothing, not by |"),
        (keyed("|".join(values), secret), "as HMAC-SHA256 with the secret as key"),
        (signed(right, INIT_ORDER, secret).upper(), "in upper case: send lower case"),
        (signed(right, order, secret), "after ThoiGianGD"),
    ):
        reply = (await province.send(province.row["init"], {**right, "MaXacThuc": wrong})).json()
        assert reply["signed_otherwise"]["detail"] == what
    reply = (await province.send(province.row["init"], {**right, "MaXacThuc": "0" * 64})).json()
    assert reply["signed_otherwise"] is None and reply["text_to_sign"].endswith("|***")


async def test_keypay_is_created_paid_called_back_and_refunded(province: Province) -> None:
    base, client = province.row["keypay"]["base"], CODE
    create = province.keypay(
        "addition_fee client_id command trans_amount transaction_id version",
        client_id=client,
        transaction_id="20260609-77",
        trans_amount="8000",
        command="PAY",
        version="3.0",
        addition_fee="0",
        description="Lệ phí",
        currency_code="VND",
        return_url="http://127.0.0.1:9/kp",
        bill_info={"MaDichVu": "2", "MaHoSo": DOSSIER},
    )
    opened = (await province.send(f"{base}/create", create)).json()
    assert opened["error"] == "0" and opened["payment_url"].startswith("http")
    later = (await province.send(f"{base}/qrcode", create)).json()
    assert later["error"] == "0" and later["data"]["qrcode_pay"].startswith("data:image/png;base64,")
    assert later["data"]["url_pay"] == opened["payment_url"]
    detail = province.keypay(
        "client_id command transaction_id", client_id=client, command="DETAIL", transaction_id="20260609-77"
    )
    assert (await province.send(f"{base}/detail", detail)).json()["status"] == "1"
    back = await province.pay(opened["payment_url"])
    assert back.headers["location"].startswith("http://127.0.0.1:9/kp?MaThamChieu=20260609-77")
    (told,) = await province.hears(1)
    second = province.row["keypay"]["hash_key_2"]
    assert told["status"] == "0" and told["trans_amount"] == 8000
    assert told["check_sum"] == keyed(f"{client}|PAY|0|8000|20260609-77", second)
    assert (await province.send(f"{base}/detail", detail)).json()["status"] == "0"

    def refund(amount: int) -> dict[str, Any]:
        values = {"client_id": client, "command": "REFUND", "transaction_id": "20260609-77", "amount": amount}
        return province.keypay("amount client_id command reason transaction_id", reason="Rút hồ sơ", **values)

    part = (await province.send(f"{base}/refund", refund(3000))).json()
    assert part["error"] == "0" and part["amount_refund"] == 3000
    assert (await province.send(f"{base}/refund", refund(6000))).json()["reason"] == "more-than-paid"
    code = part["transaction_refund_code"]
    values = {"client_id": client, "command": "REFUND", "transaction_refund_code": code}
    asked = province.keypay("client_id command transaction_refund_code", **values)
    assert (await province.send(f"{base}/refund-detail", asked)).json()["amount_refund"] == 3000
    wrong = (await province.send(f"{base}/detail", {**detail, "check_sum": "0"})).json()
    assert (wrong["error"], wrong["text_to_sign"]) == ("1", f"{client}|DETAIL|20260609-77")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MaTienTe": "USD"}, "currency-not-vnd"),
        ({"SoTien": "0"}, "amount-not-positive"),
    ],
)
async def test_what_init_refuses(province: Province, change: dict[str, Any], reason: str) -> None:
    reply = await province.init(**change)
    assert (reply["MaLoi"], reply["LyDo"]) == ("99", reason)


async def test_an_order_ends_and_another_amount_is_refused(province: Province) -> None:
    opened = await province.init()
    assert (await province.init(SoTien="9000"))["LyDo"] == "amount-differs"
    await province.sandbox.advance(timedelta(minutes=16))
    assert (await province.pay(opened["UrlThanhToan"])).json()["type"] == "/problems/order-expired"
    assert (await province.send(province.row["query"], province.asks("QUERY"))).json()["TrangThaiGD"] == "4"


async def test_fault_rules_confirm_falsely_first_in_keypays_form_too(province: Province) -> None:
    named = FAULTS["confirmation-wrong-amount"]
    settings = {each.name: each.default for each in named.settings}
    rule = Rule("f", "confirmation-wrong-amount", named.edge, 1, named.title_en, named.title_vi, settings=settings)
    await province.sandbox.tell(faults=msgspec.to_builtins([rule]))
    create = province.keypay(
        "addition_fee client_id command trans_amount transaction_id version",
        client_id=CODE,
        transaction_id="K1",
        trans_amount=8000,
        command="PAY",
        version="3.0",
        addition_fee="",
    )
    opened = (await province.send(f"{province.row['keypay']['base']}/create", create)).json()
    await province.pay(opened["payment_url"])
    async with asyncio.timeout(20):
        while not province.told:
            await province.pending()
    await province.sandbox.tell(faults=[])
    first, second = (await province.hears(2))[:2]
    key = province.row["keypay"]["hash_key_2"]
    assert first["trans_amount"] != second["trans_amount"] == 8000
    for message in (first, second):
        assert message["check_sum"] == keyed(f"{CODE}|PAY|0|{message['trans_amount']}|K1", key)
