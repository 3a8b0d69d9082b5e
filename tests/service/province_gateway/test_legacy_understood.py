"""What clients of the adapter API read without a check, and what its developers read when something is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from contracts.catalogue import OLD_PROVINCES, PROCEDURES, PROVINCES
from contracts.legacy import listed, questions, reverse, schemas
from contracts.legacy.played import PLAYS, TAX_CODE, About, play
from tests.service.province_gateway.test_legacy_door import CODE, NOW, Client, a_dossier, views
from tests.support.country import Sandbox

NOON = datetime.fromisoformat("2026-06-09T12:00:00+07:00")
FOREIGN = "000.00.12.H42-260609-0007"


@pytest.fixture
async def client(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect()
    await client.log_in()
    return client


async def strict(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect(gate="strict")
    await client.log_in()
    return client


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ChuHoSo": ""}, "ChuHoSo"),
        ({"SoGiayToChuHoSo": "", "DinhDanhCHS": []}, "SoGiayToChuHoSo"),
        ({"NgayNopHoSo": "09/06/2026 08:00:00"}, "NgayNopHoSo"),
        ({"TrangThaiHoSo": "77"}, "TrangThaiHoSo"),
        ({"TrichYeuHoSo": "x" * 5000}, "TrichYeuHoSo"),
        ({"MaHoSo": FOREIGN}, "MaHoSo"),
        ({"MaTTHC": "9.999999"}, "MaTTHC"),
    ],
)
async def test_a_strict_gate_says_what_is_wrong_and_where_it_was_pushed(
    sandbox: Sandbox, changes: dict[str, Any], field: str
) -> None:
    client = await strict(sandbox)
    answer = await client.push(a_dossier(**changes))
    assert answer["error_code"] == -1 and f"/data/0/{field}" in answer["message"], answer
    verdict = (await client.verdicts())[-1]
    assert verdict["outcome"] == "rejected" and verdict["errors"], verdict


async def test_a_strict_gate_refuses_a_step_to_which_no_lawful_way_leads(sandbox: Sandbox) -> None:
    client = await strict(sandbox)
    code = "H42.14464-260609-0001"
    assert (await client.push(a_dossier(NgayHenTra="", TrangThaiHoSo="2")))["error_code"] == 0
    answer = await client.step("10", code)
    assert answer["error_code"] == 0, answer
    answer = await client.step("4", code)
    assert answer["error_code"] == -1 and "TrangThai" in answer["message"], answer


async def test_a_history_of_the_same_second_changes_nothing(client: Client) -> None:
    await client.push(a_dossier(TrangThaiHoSo="4"))
    for status in ("1", "2"):
        assert (await client.step(status))["error_code"] == 0
    assert not {"LT-ADP-020"} & {*await client.rules()}
    assert (await views(client))["differs"] == []


async def test_views_say_what_exists_only_as_it_was_pushed(client: Client) -> None:
    fee = [{"TenPhiLePhi": "Lệ phí", "Gia": "8000"}]
    await client.push(a_dossier(MaHoSo=FOREIGN, DanhSachLePhi=fee, GhiChu="Ghi chú", Foo=1, HoSoCoThanhPhanSoHoa="0"))
    seen = await views(client, FOREIGN)
    assert seen["code_of_province"] == FOREIGN and seen["code"].startswith("H42")
    assert {"DanhSachLePhi", "GhiChu", "Foo"} <= {*seen["only_pushed"]}
    assert "HoSoCoThanhPhanSoHoa" not in seen["only_pushed"] and "MaHoSo" not in seen["only_pushed"]
    assert await views(client, seen["code"]) == seen


async def test_a_look_up_has_the_form_of_the_api_whatever_was_pushed(client: Client) -> None:
    await client.push(a_dossier(TrangThaiHoSo=2.0, DanhSachLePhi="x", KenhThucHien=1))
    (found,) = (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    assert (found["TrangThaiHoSo"], found["DanhSachLePhi"], found["KenhThucHien"]) == ("2", [], "1")


async def test_an_element_that_is_no_object_refuses_itself_alone(client: Client) -> None:
    other = CODE.replace("0001", "0002")
    answer = await client.call("DongBoHoSoMC", isUpdating="False", data=[None, a_dossier(), 5, a_dossier(MaHoSo=other)])
    assert answer["error_code"] == -1
    assert "data[0]: " in answer["message"] and "data[2]: " in answer["message"], answer
    assert "Đã nhận 2/4." in answer["message"], answer
    answer = await client.call("DongBoHoSoMC", isUpdating="False", data=[None] * 5)
    assert "(và 2 trường hợp khác)" in answer["message"], answer


@pytest.mark.parametrize("service", ["DongBoDanhGia", "DongBoHoiDap", "DongBoKetQuaHoiDapGuiTuDVCQG"])
async def test_a_row_that_is_no_object_is_not_kept_as_an_empty_one(client: Client, service: str) -> None:
    for rows in (["x"], [{"HOIDAPID": "1"}, None]):
        assert (await client.call(service, data=rows))["error_code"] == -1
    assert (await client.call("LayDanhSachHoiDapBoCoQuan"))["result"] == []


async def test_a_login_is_no_service(client: Client) -> None:
    assert (await client.call("login"))["error_code"] == -1
    answer = await client.country.ask("gateway", "GET", f"/legacy/{client.password}/KetNoiMotCuaQuocGia/login")
    assert answer.json()["error_code"] == "-1"


@pytest.mark.parametrize("field", ["type", "NgayXuLy"])
async def test_numbers_are_taken_where_texts_are_usual(client: Client, field: str) -> None:
    status = {"MaHoSo": CODE, "TrangThai": "4", "NgayXuLy": int(NOW)}
    assert schemas.findings("DongBoTrangThaiHoSo", {"type": 2, "data": status}) == []


@pytest.mark.parametrize("old", [old for old in OLD_PROVINCES.values() if old.became == "08"], ids=lambda old: old.code)
async def test_a_program_goes_on_with_the_agency_of_a_province_that_merged(sandbox: Sandbox, old: Any) -> None:
    client = await Client(sandbox, "08").connect()
    await client.log_in()
    envelope = {"session": client.session, "service": "LayDanhMucGioiTinh"}
    for agency in (old.agency_code, f"000.00.01.{old.agency_code}", PROVINCES["08"].agency_code):
        assert (await client.post("share", {**envelope, "madonvi": agency}))["error_code"] == 0
    assert (await client.post("share", {**envelope, "madonvi": "H42"}))["error_code"] == -1


@pytest.mark.parametrize(
    ("service", "right", "other", "value"),
    [("LayThuTuc", "maTTHC", "MaTTHC", "2.000635"), ("TraCuuHoSo", "mahoso", "MaHoSo", CODE)],
)
async def test_a_parameter_is_read_in_any_case_and_one_that_is_missing_is_named(
    client: Client, service: str, right: str, other: str, value: str
) -> None:
    await client.push(a_dossier())
    assert (await client.call(service, **{right: value}))["result"]
    assert (await client.call(service, **{other: value}))["result"]
    assert (await client.call(service, **{right: value, other: "x"}))["result"]
    for parameters in ({}, {right: ""}, {"foo": value}):
        answer = await client.call(service, **parameters)
        assert answer["error_code"] == -1 and right in answer["message"] and answer["result"] == [], answer


async def test_an_error_code_has_the_type_of_the_province_wherever_it_comes_from(sandbox: Sandbox) -> None:
    client = await Client(sandbox).connect(adapter={"profile": "text-codes"})
    assert (await client.log_in(password="x"))["error_code"] == "-1"
    assert (await client.log_in())["error_code"] == "0"
    assert (await client.call("Foo"))["error_code"] == "-1"
    for key in (client.password, "0" * 32):
        for path, body in (("Foo", {}), ("getfile", {"DuongDan": "x"}), ("ThemMoi", "x")):
            answer = await client.post(f"{key}/KetNoiMotCuaQuocGia/{path}", body)
            assert answer["error_code"] == "-1" and answer["message"], (path, answer)


async def test_the_account_that_a_browser_looks_up_stands_in_the_answer_and_in_its_message(client: Client) -> None:
    path = f"/legacy/{client.password}/KetNoiMotCuaQuocGia/TraCuuTechID?mstorcmnd={TAX_CODE}"
    answer = (await client.country.ask("gateway", "GET", path)).json()
    assert answer["result"][0]["TECHNICALID"] == listed.account(TAX_CODE) != None  # noqa: E711
    assert answer["result"][0]["TECHNICALID"] in answer["message"]


def test_every_procedure_has_levels_and_fees_that_clients_can_read() -> None:
    for code in PROCEDURES:
        row = listed.procedure(code, "37", "http://127.0.0.1:8001", NOON.date())
        assert {each["CAPTHUCHIEN"] for each in row["CAPTHUCHIEN"]} <= set("0123") and row["CAPTHUCHIEN"]
        fees = [fee for way in row["CACHTHUCTHUCHIEN"] for limit in way["THOIGIAN"] for fee in limit["PHILEPHI"]]
        assert len({fee["MAPHILEPHI"] for fee in fees}) == len(fees), code
        assert all(fee["URL"] == "" for fee in fees)


def test_the_answer_to_one_question_stands_at_every_place_of_the_longest_list() -> None:
    asked = {"502": {"NOIDUNGTRALOI": "Có."}}
    pushed = {str(n): {"HOIDAPID": str(n), "NOIDUNG": "?", "NOIDUNGTRALOI": f"{n}."} for n in range(80, 86)}
    answers = questions.answered("37", asked, pushed, "502")
    assert len(answers) == 6 and {each["NOIDUNGTRALOI"] for each in answers} == {"Có."}
    assert {each["NOIDUNGTRALOI"] for each in questions.answered("37", asked, pushed, "83")} == {"83."}
    nameless = {"x": {"NOIDUNG": "?", "NOIDUNGTRALOI": "của tỉnh"}}
    assert "của tỉnh" not in {each["NOIDUNGTRALOI"] for each in questions.answered("37", asked, nameless, "")}
    others = questions.answered("37", asked, pushed, "")
    assert [each["TRALOIID"] for each in others] == ["", "9502", ""], "one without an answer has no number of one"


@pytest.mark.parametrize(
    ("answer", "is_taken"),
    [
        ({"error_code": 0}, True),
        ({"error_code": "00"}, True),
        ({"error_code": 1}, True),
        ({"maLoi": "00"}, True),
        ({"return_code": 0}, True),
        ({"data": 5, "messages": [], "succeeded": True}, True),
        ({"succeeded": False}, False),
        ({"return_code": -1}, False),
        ({"MaLoi": "99"}, False),
        ({"error_code": -1}, False),
        ({}, False),
        ([], False),
    ],
    ids=str,
)
def test_an_answer_of_a_province_is_understood_in_every_form(answer: Any, is_taken: bool) -> None:
    assert reverse.is_taken(answer) is is_taken


def about(code: str) -> About:
    return About(code, "1.000656", "Trần Ngọc Lan", 8000, NOON, "http://127.0.0.1:8001/legacy/forms/", "secret")


def test_a_confirmation_has_a_reference_of_its_own_that_begins_with_the_number_of_no_file() -> None:
    bodies = [play("payment-confirmation", about(CODE.replace("0001", f"{n:04}")), {}).body for n in range(50)]
    assert {body["MaThamChieu"].split("_")[0] for body in bodies} == {"0"}
    assert len({body["MaThamChieu"] for body in bodies}) == len({body["MaGiaoDich"] for body in bodies}) == 50


def test_a_change_reaches_its_member_wherever_the_call_has_it() -> None:
    call = play("tax-receipt-import", about(CODE), {"SecurityKey": "k", "SoTien": 5, "Foo": 1}).body
    assert call["SecurityKey"] == "k" and call["Data"]["ThongTinThanhToan"]["SoTien"] == 5 and call["Data"]["Foo"] == 1
    assert call["IsUpdating"] == "False" and "SecurityKey" not in call["Data"]
    for name in PLAYS:
        for value in ("x", None, [1], {}):
            assert play(name, about(CODE), {"data": value, "Data": value}).body
    amendment = play("promotion-amendment", about(CODE), {}).body["data"]
    assert amendment["ThongTinDaNop"]["MaHoSoQGDNP"] == CODE and amendment["DiaChiDoanhNghiep"]["MaTinh"]
