"""The adapter API: a program of ten years ago logs in, reads, pushes, and what it says has its lawful effect."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.catalogue import agency_code
from contracts.legacy import profiles, schemas
from contracts.legacy.profiles import PROFILES
from services.province_gateway.doors import turns
from services.province_gateway.doors.verdicts import after
from services.province_gateway.legacy import pushing
from shared.errors import Overloaded
from tests.support.connector import Connector
from tests.support.country import Sandbox
from tests.support.factories import FREE, PROVINCE, told

COMMUNE = "14464"
CODE = f"{agency_code(PROVINCE, COMMUNE)}-260609-0001"
NOW = "20260609080000"


class Client:
    """Speaks as the facts say, and knows nothing of this project."""

    def __init__(self, sandbox: Sandbox, province: str = PROVINCE) -> None:
        self.sandbox, self.country, self.province = sandbox, sandbox.country, province
        self.session = ""

    async def connect(self, **mode: Any) -> Client:
        connector = Connector(self.sandbox, self.province)
        await connector.mode({"mode": "external", "via": "legacy", **mode})
        self.password = (await connector.draw()).json()["legacy"]["password"]
        return self

    async def log_in(self, **other: Any) -> dict[str, Any]:
        body = {"username": f"{self.sandbox.id}.{self.province}", "password": self.password, **other}
        answer = await self.post("login", body)
        self.session = answer.get("session", "")
        return answer

    async def post(self, path: str, body: Any) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Charset": "utf-8"}
        answer = await self.country.ask("gateway", "POST", f"/legacy/{path}", content=json.dumps(body), headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def call(self, service: str, **parameters: Any) -> dict[str, Any]:
        envelope = {"session": self.session, "madonvi": agency_code(self.province), "service": service}
        return await self.post("integration", {**envelope, **parameters})

    async def push(self, *dossiers: dict[str, Any], update: str = "False") -> dict[str, Any]:
        return await self.call("DongBoHoSoMC", isUpdating=update, data=list(dossiers))

    async def step(self, status: object, code: str = CODE, **facts: Any) -> dict[str, Any]:
        step = {
            "MaHoSo": code,
            "TrangThai": status,
            "ThoiDiemXuLy": NOW,
            "NguoiXuLy": "Cán bộ A",
            "NoiDungXuLy": "",
            **facts,
        }
        return await self.call("CapNhatTienDoHoSoMC", data=[step])

    async def types(self, code: str = CODE) -> list[str]:
        return [event["type"] for event in await told(self.country.gateway, self.sandbox.id, code)]

    async def verdicts(self) -> list[dict[str, Any]]:
        """All verdicts of the connector, in their order."""
        return await after(self.country.gateway.database, self.sandbox.id, self.province, 0, 1000)

    async def rules(self, code: str = CODE) -> list[str]:
        rows = await self.country.gateway.database.fetch(
            "SELECT document::jsonb->'errors' AS errors FROM verdicts WHERE sandbox = $1 AND dossier = $2 ORDER BY number",
            *(self.sandbox.id, code),
        )

        return [error["rule"] for row in rows for error in json.loads(row["errors"])]


def a_dossier(**facts: Any) -> dict[str, Any]:
    return {
        "MaHoSo": CODE,
        "MaTTHC": FREE,
        "TenTTHC": "",
        "ChuHoSo": "Trần Ngọc Lan",
        "LoaiDoiTuong": "1",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "037190900123"}],
        "KenhThucHien": "1",
        "NgayTiepNhan": NOW,
        "NgayHenTra": "",
        "TrangThaiHoSo": "2",
        "HinhThuc": "0",
        **facts,
    }


@pytest.fixture
async def client(sandbox: Sandbox) -> Client:
    client = await Client(sandbox).connect()
    await client.log_in()
    return client


async def test_a_session_is_drawn_by_name_and_password(client: Client) -> None:
    assert await client.log_in() == {"error_code": 0, "message": "Thực hiện thành công", "session": client.session}
    assert client.session.isalnum()
    for wrong in (
        {"password": "x"},
        {"username": "nobody.37"},
        {"username": None},
        {"password": 7},
        {"username": "default.37"},
    ):
        answer = await client.log_in(**wrong)
        assert answer["error_code"] == -1 and "session" not in answer, wrong


async def test_every_list_is_as_its_schema_says(client: Client) -> None:
    for service in schemas.services():
        if (service.startswith("LayDanh") and "HoiDap" not in service) or service in ("LayDVC",):
            answer = await client.call(service)
            assert answer["error_code"] == 0 and schemas.answers(service).is_valid(answer["result"]), service
    answer = await client.call("LayThuTuc", maTTHC=FREE)
    assert schemas.answers("LayThuTuc").is_valid(answer["result"])
    assert (await client.call("LayThuTuc", maTTHC="9.999999"))["result"] == []


async def test_a_pushed_dossier_is_registered_and_received(client: Client) -> None:
    assert (await client.call("TraCuuHoSo", mahoso=CODE))["result"] == []
    answer = await client.push(a_dossier())
    assert answer["error_code"] == 0 and "thành công" in answer["message"].lower(), answer
    assert await client.types() == [law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED]
    (found,) = (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    assert found["ChuHoSo"] == "Trần Ngọc Lan" and found["TrangThaiHoSo"] == "2"
    assert await client.rules() == []


async def test_a_status_becomes_the_moves_that_lead_there(client: Client) -> None:
    await client.push(a_dossier())
    assert (await client.step("9"))["error_code"] == 0
    assert (await client.push(a_dossier(TrangThaiHoSo=10), update="true"))["error_code"] == 0
    assert await client.types() == [
        law.DOSSIER_REGISTERED,
        law.DOSSIER_RECEIVED,
        law.PROCESSING_STARTED,
        law.DOSSIER_RESULT_READY,
        law.DOSSIER_RESULT_RETURNED,
    ]


async def test_a_history_that_comes_again_changes_nothing(client: Client) -> None:
    await client.push(a_dossier())
    for _ in range(2):
        for status in ("4", "9"):
            assert (await client.step(status))["error_code"] == 0
    assert len(await client.types()) == 4 and await client.rules() == []


async def test_what_no_lawful_way_leads_to_is_taken_and_noted(client: Client) -> None:
    await client.push(a_dossier(TrangThaiHoSo="10"))
    assert (await client.step("4"))["error_code"] == 0
    assert (await client.rules())[-1] == "LT-ADP-020"


async def test_a_new_dossier_that_is_known_exists_already(client: Client) -> None:
    await client.push(a_dossier())
    answer = await client.push(a_dossier())
    assert answer["error_code"] == 3 and "đã tồn tại" in answer["message"]
    assert len(await client.types()) == 2


async def test_a_code_of_another_form_is_kept_beside_one_of_ours(client: Client) -> None:
    theirs = "000.00.12.H42-260609-0007"
    for update in ("False", "True"):
        answer = await client.push(a_dossier(MaHoSo=theirs), update=update)
        assert answer["error_code"] == 0, answer
    (row,) = await client.country.gateway.database.fetch(
        "SELECT code FROM legacy_dossiers WHERE sandbox = $1", client.sandbox.id
    )
    assert await client.types(row["code"]) == [law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED]
    assert "LT-ADP-010" in await client.rules(row["code"])
    assert (await client.step(4, theirs))["error_code"] == 0 and len(await client.types(row["code"])) == 3


async def test_the_status_of_a_dossier_of_the_portal(client: Client) -> None:
    await client.push(a_dossier(TrangThaiHoSo="1"))
    data = {
        "MaHoSo": CODE,
        "MaHoSoDonVi": "",
        "NoiDung": "Không thuộc thẩm quyền của đơn vị",
        "NgayXuLy": "",
        "TrangThai": "11",
    }
    assert (await client.call("DongBoTrangThaiHoSo", type="2", data=data))["error_code"] == 0
    assert await client.types() == [law.DOSSIER_REGISTERED, law.DOSSIER_REFUSED]
    answer = await client.call("DongBoTrangThaiHoSo", type="2", data={**data, "MaHoSo": CODE.replace("0001", "9999")})
    assert answer["error_code"] == -1 and "hồ sơ" in answer["message"].lower()


async def test_questions_are_read_answered_and_then_skipped(client: Client) -> None:
    first, *_ = asked = (await client.call("LayDanhSachHoiDapGuiTuDVCQG"))["result"]
    row = {"HOIDAPID": first["HOIDAPID"], "NGAYTRALOI": "09/06/2026", "NOIDUNGTRALOI": "Tại xã nơi cư trú."}
    assert (await client.call("DongBoKetQuaHoiDapGuiTuDVCQG", data=[row]))["error_code"] == 0
    again = (await client.call("LayDanhSachHoiDapGuiTuDVCQG"))["result"]
    assert [each["TRANGTHAI"] for each in again] == ["0", *["1"] * (len(asked) - 1)]
    found = (await client.call("LayNoiDungTraLoiTheoCauHoi", cauhoiid=first["HOIDAPID"]))["result"]
    assert len(found) == len(asked) and found[0]["NOIDUNGTRALOI"] == "Tại xã nơi cư trú."
    for service, result in (("LayDanhSachHoiDapGuiTuDVCQG", asked), ("LayNoiDungTraLoiTheoCauHoi", found)):
        assert schemas.answers(service).is_valid(result)


async def test_ratings_may_be_none_and_come_again(client: Client) -> None:
    row = {"NgayTongHop": "6-2026", "TongSoNguoiDanhGia": 10, "Madonvi": "H42", "MaThuTuc": ""}
    for data in ([], [row], [row]):
        assert (await client.call("DongBoDanhGia", data=data))["error_code"] == 0
    rows = await client.country.gateway.database.fetch("SELECT FROM legacy_notes WHERE sandbox = $1", client.sandbox.id)
    assert len(rows) == 1
    verdicts = await client.verdicts()
    assert [(each["type"], each["outcome"]) for each in verdicts] == [("DongBoDanhGia", "accepted")] * 3
    odd = {**row, "NgayTongHop": "7-2026", "TongSoNguoiDanhGia": "mười"}
    assert (await client.call("DongBoDanhGia", data=[odd]))["error_code"] == 0
    (verdict,) = (await client.verdicts())[3:]
    assert (verdict["outcome"], verdict["door"], verdict["dossier"]) == ("accepted_with_deviations", "legacy", None)
    assert [error["pointer"] for error in verdict["errors"]] == ["/data/0/TongSoNguoiDanhGia"]


@pytest.mark.parametrize("service", ["DongBoDanhGia", "DongBoHoiDap", "DongBoKetQuaHoiDapGuiTuDVCQG", "DongBoHoSoMC"])
async def test_a_push_without_a_list_is_refused_and_leaves_a_verdict(client: Client, service: str) -> None:
    answer = await client.call(service, data={"NgayTongHop": "6-2026"})
    assert answer["error_code"] == -1 and "danh sách" in answer["message"]
    (verdict,) = await client.verdicts()
    assert (verdict["type"], verdict["outcome"]) == (service, "rejected")
    assert [(error["rule"], error["pointer"]) for error in verdict["errors"]] == [("LT-ADP-001", "/data")]


async def test_of_an_answer_without_its_question_nothing_is_kept(client: Client) -> None:
    (first, *_) = (await client.call("LayDanhSachHoiDapGuiTuDVCQG"))["result"]
    rows = [{"HOIDAPID": first["HOIDAPID"], "NOIDUNGTRALOI": "Có."}, {"NOIDUNGTRALOI": "Không."}]
    answer = await client.call("DongBoKetQuaHoiDapGuiTuDVCQG", data=rows)
    assert answer["error_code"] == -1 and "/data/1/HOIDAPID" in answer["message"]
    assert (await client.call("LayDanhSachHoiDapGuiTuDVCQG"))["result"][0] == first
    assert [each["outcome"] for each in await client.verdicts()] == ["rejected"]
    assert (await client.call("DongBoKetQuaHoiDapGuiTuDVCQG", data=rows[:1]))["error_code"] == 0
    assert [each["outcome"] for each in await client.verdicts()] == ["rejected", "accepted"]


async def test_the_wrapper_of_one_province_has_texts_and_bare_arrays(client: Client) -> None:
    base = f"{client.password}/KetNoiMotCuaQuocGia"
    answer = await client.country.ask("gateway", "GET", f"/legacy/{base}/LayThuTuc", params={"maTTHC": FREE})
    assert answer.json()["error_code"] == "0"
    assert schemas.answers("LayThuTuc").is_valid(json.loads(answer.json()["message"])["result"])
    base = f"{(await client.connect(adapter={'profile': 'array'})).password}/KetNoiMotCuaQuocGia"
    for path, code, words in (
        ("ThemMoi", "0", "thành công"),
        ("ThemMoi", "3", "đã tồn tại"),
        ("CapNhat", "0", "thành công"),
    ):
        taken = await client.post(f"{base}/{path}", [a_dossier()])
        assert taken["error_code"] == code and words in taken["message"], path
    steps = [{"MaHoSo": CODE, "TrangThai": status, "ThoiDiemXuLy": NOW} for status in ("2", "4", "9")]
    for _ in range(2):
        assert (await client.post(f"{base}/DongBoTienTrinh", steps))["error_code"] == "0"
    assert len(await client.types()) == 4


async def test_the_wrapper_of_another_province_has_the_agency_in_the_query(client: Client) -> None:
    for query, code in (
        ("MaDinhDanhDV=000.00.01.H42&isUpdating=True", "0"),
        ("MaDinhDanhDV=000.00.01.H22&isUpdating=True", "-1"),
    ):
        answer = await client.post(f"{client.password}/api/SynsTTHCC/DongBoHoSoMC?{query}", [a_dossier()])
        assert answer["error_code"] == code, query


async def test_nobody_else_is_let_in(client: Client) -> None:
    other = await Client(client.sandbox, "01").connect()
    await other.log_in()
    await client.push(a_dossier())
    other.province = "01"
    assert (await other.step("4"))["error_code"] == -1 and len(await client.types()) == 2
    assert (await other.call("TraCuuHoSo", mahoso=CODE))["result"] == []
    for path, body in (
        ("integration", {"session": "0" * 32, "service": "LayDVC"}),
        (f"{'0' * 32}/KetNoiMotCuaQuocGia/ThemMoi", []),
    ):
        assert (await client.post(path, body))["error_code"] in (-1, "-1")
    for body in ([], "x", 7, None):
        assert (await client.post("integration", body))["error_code"] == -1


async def views(client: Client, code: str = CODE) -> dict[str, Any]:
    answer = await client.country.ask("gateway", "GET", f"/api/v1/dossiers/{code}/views", headers=client.sandbox.header)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_two_views_of_one_dossier_agree_until_they_do_not(client: Client) -> None:
    await client.push(a_dossier(NgayNopHoSo=NOW, ChuHoSo="TRẦN NGỌC LAN"))
    await client.step("9")
    seen = await views(client)
    assert seen["differs"] == [] and seen["network"]["TrangThaiHoSo"] == "9" and seen["pushed"]["MaHoSo"] == CODE
    await client.push(a_dossier(TrangThaiHoSo="4", ChuHoSo="Người khác", KenhThucHien="2"), update="True")
    seen = await views(client)
    assert {each["field"]: (each["network"], each["pushed"]) for each in seen["differs"]} == {
        "TrangThaiHoSo": ("9", "4"),
        "ChuHoSo": ("Trần Ngọc Lan".upper(), "Người khác"),
        "KenhThucHien": ("1", "2"),
    }
    assert "verify_by" in [each["fact"] for each in seen["lost"]]
    (found,) = (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    assert found["TrangThaiHoSo"] == "9" and schemas.answers("TraCuuHoSo").is_valid([found])


@pytest.mark.parametrize("profile", PROFILES)
async def test_an_answer_has_the_code_and_the_texts_of_the_profile(
    sandbox: Sandbox, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "SLOW_SECONDS", 0.1)
    client = await Client(sandbox).connect(adapter={"profile": profile, "latency_ms": 0, "exists": "da co roi"})
    assert (await client.log_in())["error_code"] == PROFILES[profile].error_code
    codes = [(await client.push(a_dossier()))["error_code"] for _ in range(2)]
    assert codes == [PROFILES[profile].code(0), PROFILES[profile].code(3)]
    assert (await client.push(a_dossier()))["message"].endswith("da co roi")


async def test_sixty_threads_are_all_answered(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60.0)  # a busy machine needs more than the usual two seconds
    codes = [f"{agency_code(PROVINCE, COMMUNE)}-260609-{number:04}" for number in range(1, 61)]
    answers = await asyncio.gather(*(client.push(a_dossier(MaHoSo=code)) for code in codes))
    assert {answer["error_code"] for answer in answers} == {0}
    for code in codes[::20]:
        assert await client.types(code) == [law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED]


async def test_what_the_machine_cannot_do_in_time_is_answered_in_the_envelope_and_leaves_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.2)
    ended = asyncio.Event()
    place = (client.sandbox.id, client.province)
    working = asyncio.create_task(client.country.gateway.turns.take(place, ended.wait))
    busy = await client.push(a_dossier())
    assert busy["error_code"] == -1 and "bận" in busy["message"] and await client.types() == []
    ended.set()
    await working
    assert (await client.push(a_dossier()))["error_code"] == 0

    async def fails(*_: object) -> None:
        raise Overloaded

    with monkeypatch.context() as patch:
        patch.setattr(pushing.speaking, "say_in_turn", fails)
        assert "bận" in (await client.push(a_dossier(), update="True"))["message"]
    assert (await client.push(a_dossier(), update="True"))["error_code"] == 0
