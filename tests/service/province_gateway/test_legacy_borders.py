"""What one push must not do to another dossier, another province, or the machine; and what old clients write otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.legacy import personal, schemas
from contracts.legacy.reverse import Call
from contracts.legacy.rules import MOVED
from shared.errors import Overloaded
from tests.service.province_gateway.test_legacy_door import CODE, NOW, Client, a_dossier
from tests.service.province_gateway.test_legacy_files import with_result
from tests.support.country import Sandbox
from tests.support.receiver import receiving, status
from tests.support.specimens import a_pdf

NEIGHBOUR = "38"
REAL = "001090001234"


@pytest.fixture
async def client(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect()
    await client.log_in()
    return client


async def own_results(client: Client) -> list[str]:
    rows = await client.country.gateway.database.fetch(
        "SELECT body FROM dossiers WHERE sandbox = $1 AND province <> ''", client.sandbox.id
    )
    return [client.country.gateway.documents.decode(row["body"]).own_result for row in rows]


async def calls(client: Client) -> int:
    """How many calls are recorded for a replay."""
    rows = await client.country.gateway.database.fetch(
        "SELECT FROM recorded WHERE sandbox = $1 AND method = 'PUT'", client.sandbox.id
    )
    return len(rows)


async def test_a_refused_push_leaves_no_file_in_a_dossier(client: Client, sandbox: Sandbox) -> None:
    assert (await client.push(a_dossier()))["error_code"] == 0
    neighbour = await Client(sandbox, NEIGHBOUR).connect()
    await neighbour.log_in()
    async with receiving() as server:
        server.answers = [status(200, a_pdf(), "Content-Type: application/pdf")] * 3
        other = await neighbour.push(with_result(f"{server.url}/kq"), update="True")
        again = await client.push(with_result(f"{server.url}/kq"))
        assert (other["error_code"], again["error_code"], server.received) == (-1, 3, [])
    assert await own_results(client) == [""] and await calls(client) == 0


async def test_a_drawn_code_is_none_that_a_province_numbers_itself(client: Client) -> None:
    own = CODE.replace("0001", "{:04}")
    pushed = ["FOREIGN-1", own.format(1), own.format(2), "FOREIGN-2", own.format(3)]
    for n, code in enumerate(pushed):
        taken = await client.push(a_dossier(MaHoSo=code, ChuHoSo=f"Người {n}", DonViXuLy="UBND xã Gia Viễn"))
        assert taken["error_code"] == 0, (code, taken)
    for n, code in enumerate(pushed):
        (shown,) = (await client.call("TraCuuHoSo", mahoso=code))["result"]
        assert (shown["MaHoSo"], shown["ChuHoSo"]) == (code, f"Người {n}")


def test_of_a_million_errors_only_so_many_are_read() -> None:
    element = {"MaHoSo": CODE, "MaTTHC": "2.000635", "TaiLieuNop": [1] * 300_000}
    assert 0 < len(schemas.findings("DongBoHoSoMC", {"isUpdating": "False", "data": [element]})) <= schemas.MOST


async def test_a_history_that_comes_again_with_another_due_date_changes_nothing(client: Client) -> None:
    await client.push(a_dossier(NgayNopHoSo="20260608080000", NgayTiepNhan="20260608080000"))

    async def history(due: str) -> None:
        for n, state in enumerate(("4", "5", "4")):
            at = f"2026060809{n:02}00"
            answer = await client.step(state, ThoiDiemXuLy=at, NoiDungXuLy="Thiếu giấy tờ", NgayKetThucTheoQuyDinh=due)
            assert answer["error_code"] == 0, answer

    await history("20260615080000")
    before = await client.types()
    await history("20260620080000")
    assert await client.types() == before


async def test_a_step_that_comes_late_leaves_both_views_alike(client: Client) -> None:
    await client.push(a_dossier(NgayNopHoSo="20260608080000", NgayTiepNhan="20260608080000"))
    await client.step("9", ThoiDiemXuLy="20260608100000")
    before = await client.types()
    assert (await client.step("4", ThoiDiemXuLy="20260608090000"))["error_code"] == 0
    assert await client.types() == before
    (shown,) = (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    assert shown["TrangThaiHoSo"] == "9"
    views = await client.country.ask("gateway", "GET", f"/api/v1/dossiers/{CODE}/views", headers=client.sandbox.header)
    assert views.json()["differs"] == []


async def test_each_rating_and_each_question_is_kept(client: Client) -> None:
    rows = [{"NgayTongHop": "11-2026", "MaThuTuc": "", "Madonvi": "H42", "NoiDung": f"Câu {n}"} for n in range(3)]
    assert (await client.call("DongBoDanhGia", data=rows))["error_code"] == 0
    questions = [{"NOIDUNG": f"Hỏi {n}"} for n in range(2)] + [{"HOIDAPID": "77", "NOIDUNG": "Hỏi 77"}]
    assert (await client.call("DongBoHoiDap", data=questions))["error_code"] == 0
    kept = await client.country.gateway.database.fetch(
        "SELECT service FROM legacy_notes WHERE sandbox = $1", client.sandbox.id
    )
    assert sorted(row["service"] for row in kept) == ["DongBoDanhGia"] * 3 + ["DongBoHoiDap"] * 3
    own = (await client.call("LayDanhSachHoiDapBoCoQuan"))["result"]
    assert {row["NOIDUNG"] for row in own} == {"Hỏi 0", "Hỏi 1", "Hỏi 77"}
    assert all(schemas.answers("LayDanhSachHoiDapBoCoQuan").is_valid([row]) for row in own)


async def test_a_number_of_somebody_real_is_stored_nowhere_wherever_it_stands(client: Client) -> None:
    await client.push(
        a_dossier(
            DinhDanhCHS=[{"LoaiDinhDanh": "1", "SoDinhDanh": 109000123498}],
            SoGiayToChuHoSo=REAL + "0" * 40,
            SoDienThoai=912345678,
            ThongTinKhac=f"CCCD {REAL}, 0912345678",
            TrichYeuHoSo=f"Số {REAL}",
            TaiLieuNop=[{"TenTepDinhKem": f"{REAL}.pdf"}],
        )
    )
    await client.step("4", NoiDungXuLy=f"Gọi 0912345678, {REAL}")
    await client.call("DongBoHoiDap", data=[{"HOIDAPID": "1", "THUDIENTU": "a@b.vn", "NOIDUNG": f"{REAL} a@b.vn"}])
    tables = await client.country.gateway.database.fetch(
        "SELECT DISTINCT table_name FROM information_schema.columns WHERE column_name = 'sandbox' AND table_schema = 'public'"
    )
    for table in [row["table_name"] for row in tables]:
        rows = await client.country.gateway.database.fetch(
            f"SELECT t::text FROM {table} t WHERE sandbox = $1", client.sandbox.id
        )
        stored = "".join(row["t"] for row in rows)
        for real in (REAL, "109000123498", "912345678", "a@b.vn"):
            assert real not in stored, (table, real)


def test_times_codes_amounts_and_invented_numbers_stay() -> None:
    said = {"a": ["20260609080000", "H42.14464-260609-0001", "150000000", "037190900123"], "b": 7}
    assert personal.of_nobody(said) == said
    joined = ("0912345678-ab@x.vn", "0912345678ab@x.vn", f"{REAL}_ab@x.vn", "a.b@x.vn+c.d@x.vn")
    for text in joined:
        kept = str(personal.of_nobody(text))
        assert "@" not in kept and "0912345678" not in kept and REAL not in kept, kept
    for word in ("a" * 200_000, "1" * 200_000, f"{'a.' * 100_000}@", "a@" * 100_000, f"a@{'b' * 200_000}"):
        assert personal.of_nobody(word) == word, "in a time that grows with its length, not with the square of it"
    assert personal.of_nobody({"Email": "x", "SODIENTHOAI": 1, "c": {"SoDinhDanh": REAL}}) == {"c": {}}


@pytest.mark.parametrize("path", ["login", "integration"])
@pytest.mark.parametrize("levels", [60, 480, 900, 100_000])
async def test_a_document_as_deep_as_can_be_is_refused_in_the_form_of_the_api(
    client: Client, path: str, levels: int
) -> None:
    body = f'{{"session": "{client.session}", "service": "DongBoHoSoMC", "data": {"[" * levels}{"]" * levels}}}'
    answer = await client.country.ask("gateway", "POST", f"/legacy/{path}", content=body)
    assert (answer.status_code, answer.json()["error_code"]) == (200, -1)


async def test_what_the_machine_cannot_do_is_told_in_the_form_of_the_api(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> Any:
        raise Overloaded

    monkeypatch.setattr("services.province_gateway.legacy.sessions.connector_of", refuse)
    monkeypatch.setattr("services.province_gateway.legacy.sessions.connector_with", refuse)
    monkeypatch.setattr("services.province_gateway.legacy.sessions.log_in", refuse)
    assert "bận" in (await client.call("LayDVC"))["message"]
    assert "bận" in (await client.log_in())["message"]
    assert "bận" in (await client.post(f"{client.password}/api/SynsTTHCC/DongBoHoSoMC", []))["message"]


async def test_addresses_and_names_are_read_as_clients_put_them_together(client: Client) -> None:
    login = {"username": f"{client.sandbox.id}.{client.province}", "password": client.password}
    for path in ("/legacy/login/", "/legacy//login", "//legacy/login", "//legacy//login//"):
        answer = await client.country.ask("gateway", "POST", path, content=json.dumps(login))
        assert answer.status_code == 200 and answer.json()["session"], path
    wrapper = f"/legacy/{client.password}//KetNoiMotCuaQuocGia/LayThuTuc/"
    answer = await client.country.ask("gateway", "GET", f"{wrapper}?MATTHC=2.000635")
    assert json.loads(answer.json()["message"])["result"][0]["TENTTHC"]
    for agency in ("h42", "000.00.00.h42", "H42.14464"):
        assert (await client.call("LayDVC", madonvi=agency))["error_code"] == 0


@pytest.mark.parametrize("form", [lambda said: said, lambda said: [said], lambda said: {"type": "2", "data": said}])
async def test_a_status_in_a_wrapper_is_read_in_each_form(client: Client, form: Callable[[Any], Any]) -> None:
    await client.push(a_dossier(TrangThaiHoSo="1"))
    path = f"{client.password}/KetNoiMotCuaQuocGia/DongBoTrangThaiHoSoKM"
    said = {"MaHoSo": "G22.99-260609-000001", "MaHoSoDonVi": CODE, "TrangThai": "2", "NgayXuLy": NOW}
    assert (await client.post(path, form(said)))["error_code"] == "0"
    (shown,) = (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    assert shown["TrangThaiHoSo"] == "2"


async def test_an_update_of_one_dossier_without_a_list_is_taken(client: Client) -> None:
    assert (await client.post(f"{client.password}/KetNoiMotCuaQuocGia/ThemMoi", a_dossier()))["error_code"] == "0"


async def test_a_due_date_before_the_reception_stops_nothing(client: Client) -> None:
    pushed = a_dossier(NgayNopHoSo=NOW, NgayTiepNhan=NOW, NgayHenTra="20250101000000", TrangThaiHoSo="2")
    assert (await client.push(pushed))["error_code"] == 0
    (shown,) = (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    assert shown["TrangThaiHoSo"] == "2" and shown["NgayHenTra"] > NOW
    assert MOVED.id in await client.rules()


def test_the_address_of_a_call_keeps_the_query_of_the_system() -> None:
    assert Call("nhanhsdvcqg", {}).address("http://h/x/?y=1") == "http://h/x/nhanhsdvcqg?y=1"
    assert Call("/o/pgi", {}).address("http://h/x") == "http://h/o/pgi"
