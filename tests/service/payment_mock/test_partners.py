"""Partners of the platform, as a province's program is one: registered, opened, confirmed, asked, with a receipt.

The signatures here are made by hand from the fact sheet (integration.md 4.1, 4.2, 4.4), not by the project's functions.
"""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from starlette.responses import JSONResponse, Response

from contracts.faults import FAULTS
from shared.sandbox.faults import Rule
from tests.service.frozen import FrozenSandbox
from tests.service.payment_mock.partner import DOSSIER
from tests.service.payment_mock.province import CODE, CONFIRM_ORDER, Province, keyed, signed


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
    port = closed_port()
    await province.register(confirm_url=f"http://127.0.0.1:{port}/confirm")
    await province.pay((await province.init())["UrlThanhToan"])
    async with asyncio.timeout(20):
        while not (error := await last_error(province)):
            pass
    flag = f"--sandbox {province.sandbox.id}"
    assert f"POST http://127.0.0.1:{port}/confirm: cannot be reached: nobody listens on 127.0.0.1:{port}" in error
    assert f"`lienthong partner add {CODE} --confirm URL {flag}`" in error
    assert f"`lienthong partner remove {CODE} {flag}`" in error
    await province.register()
    assert len(await province.hears(1)) == 1, "the mended address gets it"


async def test_what_mends_it_is_told_of_a_long_address_too(province: Province) -> None:
    await province.register(confirm_url=f"http://127.0.0.1:{closed_port()}/{'x' * 1900}")
    await province.pay((await province.init())["UrlThanhToan"])
    async with asyncio.timeout(20):
        while not (error := await last_error(province)):
            pass
    assert error.endswith(f"`lienthong partner remove {CODE} --sandbox {province.sandbox.id}` drops it")


async def last_error(province: Province) -> str:
    """Of the CONFIRM that is not answered."""
    errors = [call["last_error"] for call in await province.pending() if call["kind"] == "confirm"]
    return str(errors[0]) if errors else ""


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_without_addresses_nothing_is_sent_and_the_payer_stays(province: Province) -> None:
    row = dict(province.row)
    await province.register(confirm_url=None, return_url=None)
    assert (province.row["secret"], province.row["address"]) == (row["secret"], row["address"]), "kept"
    page = await province.pay((await province.init())["UrlThanhToan"])
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert {call["kind"] for call in await province.pending()} == {"paid"}


async def test_an_address_that_is_not_named_stays_and_an_empty_one_is_cleared(province: Province) -> None:
    first, path = dict(province.row), f"/_lab/partners/{CODE}"

    async def named(**body: str | None) -> tuple[str | None, str | None]:
        answer = await province.http.put(path, json=body, headers=province.sandbox.header)
        assert answer.status_code == 200, answer.text
        assert answer.json()["secret"] == first["secret"]
        return answer.json()["confirm_url"], answer.json()["return_url"]

    confirm, back = first["confirm_url"], "http://127.0.0.1:9/other"
    assert await named() == (confirm, first["return_url"])
    assert await named(return_url=back) == (confirm, back)
    assert await named(confirm_url="") == (None, back)
    assert await named(confirm_url=confirm, return_url=None) == (confirm, None)


async def test_a_confirm_address_where_nobody_listens_is_taken_and_told(province: Province) -> None:
    assert (province.row["trouble"], province.row["trouble_vi"]) == (None, None)
    place = f"127.0.0.1:{closed_port()}"
    row = await province.register(confirm_url=f"http://{place}/confirm")
    assert row["confirm_url"] == f"http://{place}/confirm"
    assert (row["trouble"], row["trouble_vi"]) == (
        f"nobody listens on {place}",
        f"không có chương trình nào nghe ở {place}",
    )


async def test_partners_are_listed_and_removed_and_belong_to_one_sandbox(province: Province) -> None:
    path, header = "/_lab/partners", province.sandbox.header
    (row,) = (await province.http.get(path, headers=header)).json()
    assert {**row, "trouble": None, "trouble_vi": None} == province.row
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
    assert told["check_sum"] == keyed(f"0|{client}|PAY|8000|20260609-77|3.0", second)
    assert told["error"] == told["data"]["status"] == "0"
    assert (await province.send(f"{base}/detail", detail)).json()["status"] == "0"

    def refund(amount: int) -> dict[str, Any]:
        values = {"client_id": client, "command": "REFUND", "transaction_id": "20260609-77", "amount": amount}
        return province.keypay("amount client_id command reason transaction_id", reason="Rút hồ sơ", **values)

    part = (await province.send(f"{base}/refund", refund(3000))).json()
    assert part["error"] == "0" and part["amount_refund"] == 3000
    assert part["check_sum"] == keyed(f"3000|{client}|REFUND|Rút hồ sơ|20260609-77", second)
    assert (await province.send(f"{base}/refund", refund(6000))).json()["reason"] == "more-than-paid"
    code = part["transaction_refund_code"]
    values = {"client_id": client, "command": "REFUND", "transaction_refund_code": code}
    asked = province.keypay("client_id command transaction_refund_code", **values)
    known = (await province.send(f"{base}/refund-detail", asked)).json()
    assert known["amount_refund"] == 3000 and known["check_sum"] == keyed(f"{client}|REFUND|{code}", second)
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
        assert message["check_sum"] == keyed(f"0|{CODE}|PAY|{message['trans_amount']}|K1|3.0", key)
