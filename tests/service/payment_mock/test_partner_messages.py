"""What partners are told of a message that does not fit, or whose signature is wrong.

The signatures here are made by hand from the fact sheet (integration.md 4.1, 4.4), not by the project's functions.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.service.payment_mock.partner import DOSSIER
from tests.service.payment_mock.province import CODE, INIT_ORDER, Province, keyed, signed


async def test_each_error_of_a_message_of_any_kind_is_told_once(province: Province) -> None:
    message = province.init_message(SoTien="-1", MaThietBi=None)
    for name in ("Ip", "NgonNgu", "PhienBan"):
        del message[name]
    answer = await province.http.post(province.row["address"], json=message)
    assert answer.status_code == 422
    assert [(error["pointer"], error["detail"]) for error in answer.json()["errors"]] == [
        ("/PhienBan", "is missing; add it"),
        ("/SoTien", "does not have the right form; it must match ^[0-9]{1,12}$"),
        ("/MaThietBi", "has no value: give it a value"),
        ("/NgonNgu", "is missing; add it"),
        ("/Ip", "is missing; add it"),
    ]


@pytest.mark.parametrize(
    ("change", "en", "vi"),
    [
        ({"LoaiBanTin": "INT"}, "'INT' is no value: there are GET_BILL, INIT, QUERY", "không phải là"),
        ({"LoaiBanTin": None}, "is missing; add one of GET_BILL, INIT, QUERY", "hãy thêm một trong"),
        ({"LoaiBanTin": ["INIT"]}, "must be one of GET_BILL, INIT, QUERY", "phải là một trong"),
    ],
)
async def test_a_message_of_no_kind(province: Province, change: dict[str, Any], en: str, vi: str) -> None:
    answer = await province.http.post(province.row["address"], json={**province.init_message(), **change})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["detail"]) == ("/LoaiBanTin", en) and vi in error["detail_vi"]


async def test_a_wrapper_tells_what_is_wrong_with_a_request_in_its_own_form(province: Province) -> None:
    message = province.init_message()
    del message["Ip"]
    unfit = await province.http.post(province.row["wrapper"], json=message)
    unread = await province.http.post(
        province.row["wrapper"], content=b"{", headers={"Content-Type": "application/json"}
    )
    gone = await province.http.post(f"{province.row['wrapper'].replace('/partner/', '/partner/0')}", json=message)
    for answer, status, slug in ((unfit, 422, "body-does-not-fit"), (unread, 422, "body-does-not-fit")):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
        told = json.loads(answer.json()["message"])
        assert answer.json()["error_code"] == told["MaLoi"] == "99" and told["MoTaLoi"] == told["title_vi"]
        assert told["type"] == f"/problems/{slug}"
    (error,) = json.loads(unfit.json()["message"])["errors"]
    assert (error["pointer"], error["detail"], error["detail_vi"]) == (
        "/Ip",
        "is missing; add it",
        "còn thiếu; hãy thêm vào",
    )
    assert gone.status_code == 404, "before the body is judged"
    assert json.loads(gone.json()["message"])["type"] == "/problems/partner-not-found"


@pytest.mark.parametrize("door", ["", "/init", "/query", "/getbill", "/keypay/create", "/keypay/refund-detail"])
async def test_an_unknown_key_is_told_before_the_body_is_judged(province: Province, door: str) -> None:
    answer = await province.http.post(f"/partner/{'0' * 32}{door}", json={})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/partner-not-found")


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
    assert "the secret is another one" in reply["hint"]["detail"] and "khoá khác" in reply["hint"]["detail_vi"]
    entry = (await province.story())[-1]
    assert entry["text_en"].endswith(reply["hint"]["detail"]) and entry["text_vi"].endswith(reply["hint"]["detail_vi"])


async def test_the_debugger_speaks_vietnamese_throughout(province: Province) -> None:
    first = dict(province.row)
    other = await province.register("OTHER")
    right = {**province.init_message(), "MaDoiTac": CODE}
    values = [str(right[name]) for name in INIT_ORDER]
    for wrong, what in (
        (
            hashlib.sha256("".join([*values, first["secret"]]).encode()).hexdigest(),
            "nối liền, không có dấu ngăn, thay vì |",
        ),
        (hashlib.sha256("&".join([*values, first["secret"]]).encode()).hexdigest(), "nối bằng & thay vì |"),
        (signed(right, INIT_ORDER, other["secret"]), "bằng khoá của OTHER"),
    ):
        reply = (await province.send(first["init"], {**right, "MaXacThuc": wrong})).json()
        assert reply["signed_otherwise"]["detail_vi"] == what
