"""Programs of others at the adapter API, on the whole country: what they push, are told and are paid, in every profile."""

from __future__ import annotations

import json
import tomllib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from lienthong.client import Connector, Sandbox
from tests.support.legacy_program import (
    DONE,
    KNOWN,
    Array,
    Envelope,
    Json,
    Partner,
    opencps_dossier,
    reads_as_zero,
    stamp,
    step,
)
from tests.support.receiver import receiving, status

PROFILES = tomllib.loads(
    (Path(__file__).parents[2] / "contracts" / "legacy" / "profiles.toml").read_text(encoding="utf-8")
)
ZERO = {"opencps-old": "00"}  # every other profile: 0 or "0"
PROVINCE, AGENCY, COPY, FREE = "37", "H42.14464", "2.000635", "1.001776"
OWNER, NUMBER = "Nguyễn Thị Hư Cấu", "037190900123"
VIETNAM = timezone(timedelta(hours=7))
REGISTERED, RECEIVED = "dossier.registered.v1", "dossier.received.v1"
STARTED, READY, RETURNED = "dossier.processing_started.v1", "dossier.result_ready.v1", "dossier.result_returned.v1"
LISTS = """CoQuan LinhVuc GioiTinh TinhThanh QuanHuyen PhuongXa QuocGia DanToc TonGiao TinhTrangHonNhan DoiTuong
    CapThucHien CanCuPhapLy LePhi"""
WRAPPED = {
    "LayDanhSachTTHCDonVi": {"maDonVi": "H42"},
    "LayQDCB": {"idQDCB": "1"},
    "LayDanhMucNhomThuTuc": {},
    "LayDanhMucLoaiThuTuc": {},
    "LayDanhMucThuTucThuocLoai": {},
}

pytestmark = pytest.mark.lienthong(seed="legacy client", start="2026-06-09T09:00:00+07:00")
in_every_profile = pytest.mark.parametrize("profile", [None, *PROFILES], ids=lambda name: name or "default")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:  # the program waits 60 s, in its later version 6
        yield client


@in_every_profile
async def test_the_java_program(sandbox: Sandbox, http: httpx.AsyncClient, profile: str | None) -> None:
    program = await java(sandbox, http, profile)
    procedure = await program.procedure(COPY)
    assert COPY in [row["MATTHC"] for row in await program.rows("LayDanhSachTTHC")]
    for name in LISTS.split():
        await program.rows(f"LayDanhMuc{name}")
    assert COPY in [row["MATTHC"] for row in (await program.call("LayDVC"))["result"]["data"]]
    at = await now(sandbox)
    code = code_of(at, 1)
    dossier = opencps_dossier(
        MaHoSo=code,
        MaTTHC=COPY,
        ChuHoSo=OWNER,
        MaDoiTuong=await program.account(NUMBER),
        Fax="0900000000",  # the telephone number, as the program has it
        SoDienThoai="0900000000",
        TrichYeuHoSo="Bản sao </b> trích lục",
        NgayTiepNhan=stamp(at),
        NgayHenTra=stamp(at.replace(hour=17)),
        TrangThaiHoSo="2",
        DonViXuLy="UBND Xã Gia Viễn",
    )
    assert not await program.knows(code)
    assert await program.push(dossier, step(code, "2", stamp(at), "Tiếp nhận"))
    again = await program.write(dossier, "False")
    assert not reads_as_zero(again) and KNOWN in again["message"]
    (shown,) = await program.rows("TraCuuHoSo", mahoso=code)
    assert (shown["TrichYeuHoSo"], shown["MaLinhVuc"]) == (dossier["TrichYeuHoSo"], dossier["MaLinhVuc"])

    fee = {"TenPhiLePhi": "Phí", "MaPhiLePhi": "2", "HinhThucThu": "1", "Gia": price(procedure), "LoaiPhiLePhi": "1"}
    owing = dossier | {"TrangThaiHoSo": "6", "DanhSachLePhi": [fee]}
    assert await program.push(owing, step(code, "6", stamp(at), "Yêu cầu nộp phí"))
    await sandbox.settle()
    reference, registered = "4711_1f0c9a7e-5f7c-4d0c"[:20], await sandbox.payments.register("DVC-H42")
    partner, words = Partner(http, registered), f"THANH TOAN HO SO {code}"
    receipt = receipt_of(code, procedure) | {"MaDichVu": 2}
    message = partner.message(reference, int(price(procedure)), words, receipt, stamp(at))
    await pays(sandbox, partner, message, await partner.init(message))
    unknown = await partner.bill("4711_another-random", stamp(at))  # the program asks with another reference
    assert unknown.status_code == 200 and unknown.json()["MaLoi"] != "00"
    assert [row["DuocThanhToanTrucTuyen"] for row in await program.rows("TraCuuHoSo", mahoso=code)] == ["2"]

    await sandbox.clock.advance("1h")
    started = stamp(await now(sandbox))
    assert await program.push(owing | {"TrangThaiHoSo": "4"}, step(code, "4", started, "Đang xử lý"))
    await sandbox.clock.advance("1h")
    ended = stamp(await now(sandbox))
    history = [step(code, "4", started, "Đang xử lý"), *(step(code, end, ended, "Xong") for end in ("9", "10"))]
    for _ in range(2):
        for each in history:
            assert program.acknowledged(await program.progress(each))
        assert program.acknowledged(await program.progress(*history))
    returned = owing | {"TrangThaiHoSo": "10", "NgayTra": ended, "NgayKetThucXuLy": ended}
    assert program.acknowledged(await program.write(returned, "true"))  # a form's value: in any case of letters
    for rows in ([], [rating(at)]):
        assert program.acknowledged(await program.call("DongBoDanhGia", data=rows))
    await sandbox.settle()
    happened = [entry["event"] for entry in await sandbox.events(code)]
    assert happened == [
        REGISTERED,
        RECEIVED,
        "dossier.fee_demanded.v1",
        "dossier.fee_paid.v1",
        STARTED,
        READY,
        RETURNED,
    ]
    assert (await sandbox.views(code))["differs"] == []


@in_every_profile
async def test_the_array_program(sandbox: Sandbox, http: httpx.AsyncClient, profile: str | None) -> None:
    program = await arrays(sandbox, http, profile)
    (procedure,) = await program.rows("LayThuTuc", maTTHC=COPY)
    assert COPY in [row["MATTHC"] for row in await program.rows("LayDanhSachTTHC")]
    assert await program.rows("LayDanhMucLinhVuc")
    assert (await program.rows("TraCuuTechID", mstorcmnd=NUMBER))[0]["TECHNICALID"]
    at = await now(sandbox)
    code, rewritten = code_of(at, 1), code_of(at, 2)
    dossier = array_dossier(code, procedure, at)
    assert await program.push(dossier, [])
    assert program.exists(await program.post("ThemMoi", [dossier]))
    assert await program.push(dossier, []), "known: an update, and all steps again"

    partner = Partner(http, await sandbox.payments.register("DVC-H42"))
    fee = {"LoaiPhiLePhi": "Phi", "MaPhiLePhi": "", "TenPhiLePhi": "Phí", "SoTien": price(procedure)}
    receipt = receipt_of(code, procedure) | {"MaDichVu": "2", "PhiLePhi": [fee]}
    reference = f"dvc{code.replace('.', '').replace('-', '')}{stamp(at)}"  # longer than 20 characters
    message = partner.message(reference, int(price(procedure)), "Thanh toan", receipt, f"{at:%Y%m%d%I%M%S}")
    await pays(sandbox, partner, message, await partner.init(message, wrapped=True))
    assert [row["DuocThanhToanTrucTuyen"] for row in await program.rows("TraCuuHoSo", mahoso=code)] == ["2"]

    await sandbox.clock.advance("1h")
    ended = await now(sandbox)
    steps = [step(code, "4", stamp(ended - timedelta(minutes=left)), f"Bước {left}") for left in range(12, 0, -1)]
    paid = dossier | {"DuocThanhToanTrucTuyen": "2"}
    for end in ("9", "10", "10"):
        closed = {"TrangThaiHoSo": end, "NgayKetThucXuLy": stamp(ended), "NgayTra": stamp(ended) if end == "10" else ""}
        assert await program.push(paid | closed, [*steps, step(code, end, stamp(ended), "Xong")])
    (free,) = await program.rows("LayThuTuc", maTTHC=FREE)
    waiting = array_dossier(rewritten, free, ended) | {"TrangThaiHoSo": "5", "NgayHenTra": ""}
    assert await program.push(waiting, [step(rewritten, "5", stamp(ended), "Yêu cầu bổ sung")])
    await sandbox.settle()
    happened = [[entry["event"] for entry in await sandbox.events(each)] for each in (code, rewritten)]
    assert happened == [[REGISTERED, RECEIVED, STARTED, READY, RETURNED], [REGISTERED, RECEIVED, STARTED, READY]]
    assert [(await sandbox.views(each))["differs"] for each in (code, rewritten)] == [[], []]


async def test_a_program_is_told_of_a_payment_until_it_answers(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    program, at = await java(sandbox, http, None), await now(sandbox)
    procedure = await program.procedure(COPY)
    receipt, reference = receipt_of(code_of(at, 1), procedure), "4712_0"
    async with receiving() as receiver:
        taken = json.dumps({"MaLoi": "00", "MoTaLoi": "", "MaDoiTac": "DVC-H42", "MaThamChieu": reference}).encode()
        receiver.answers = [status(500), status(200, taken, "Content-Type: application/json")]
        partner = Partner(http, await sandbox.payments.register("DVC-H42", confirm_url=receiver.url))
        message = partner.message(reference, int(price(procedure)), "THANH TOAN", receipt, stamp(at))
        await pays(sandbox, partner, message, await partner.init(message))
        await sandbox.clock.advance("1h")
        await sandbox.settle()
    confirms = [json.loads(each.body) for each in receiver.received]
    assert len(confirms) == 2, "again after a 500, and not after an answer"
    assert [(each["LoaiBanTin"], each["MaLoi"], each["SoTien"]) for each in confirms] == [
        ("CONFIRM", "00", int(price(procedure)))
    ] * 2
    assert all(partner.is_genuine(each) for each in confirms)
    assert not partner.is_genuine(confirms[0] | {"SoTien": 1})


async def test_a_payment_over_keypay(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    program, at = await java(sandbox, http, None), await now(sandbox)
    partner = Partner(http, await sandbox.payments.register("DVC-H42"))
    procedure, asked = await program.procedure(COPY), {"transaction_id": "20260609-4713", "command": "PAY"}
    bill = receipt_of(code_of(at, 1), procedure) | {"MaDichVu": "2"}
    order = {"trans_amount": price(procedure), "version": "3.0", "description": "Thanh toan", "locale": "vn"}
    order |= {"country_code": "vi", "currency_code": "VND", "environment": "1", "return_url": "", "addition_fee": "0"}
    created = await partner.keypay("create", {**asked, **order, "bill_info": bill})
    assert created["error"] == "0", created
    await sandbox.payments.pay(created["payment_url"])
    await sandbox.settle()
    detail = await partner.keypay("detail", asked)
    assert (detail["error"], str(detail["status"])) == ("0", "0"), detail


@pytest.mark.lienthong(start="2026-06-09T08:00:00+07:00")
async def test_a_slow_morning_is_as_long_as_the_program_waits(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(timeout=6) as http:
        assert await (await java(sandbox, http, "slow-mornings")).rows("LayDanhMucGioiTinh")


async def test_what_cannot_be_done_is_said_with_status_200(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    program = await java(sandbox, http, None)
    for answer in (
        await program.call("TraCuuKhongCo"),
        await program.call("CapNhatTienDoHoSoMC", data={}),
        await program.progress(step("H42.14464-260609-7777", "4", "20260609090000", "Không có hồ sơ")),
    ):
        assert not reads_as_zero(answer) and answer["message"]


async def test_every_success_says_so_in_small_letters(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    program, at = await arrays(sandbox, http, None), await now(sandbox)
    (procedure,) = await program.rows("LayThuTuc", maTTHC=COPY)
    dossier = array_dossier(code_of(at, 1), procedure, at)
    assert DONE in (await program.post("ThemMoi", [dossier]))["message"]


@pytest.mark.parametrize("service", WRAPPED)
async def test_what_the_array_program_reads_besides(sandbox: Sandbox, http: httpx.AsyncClient, service: str) -> None:
    await (await arrays(sandbox, http, None)).rows(service, **WRAPPED[service])


@pytest.mark.parametrize(
    ("name", "body"),
    [("DongBoTrangThaiHoSoKM", {"MaHoSo": "H42.14464-260609-0001", "TrangThai": "2"}), ("getfile", {"DuongDan": "/a"})],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_the_array_program_sends_besides(
    sandbox: Sandbox, http: httpx.AsyncClient, name: str, body: Json
) -> None:
    assert "error_code" in await (await arrays(sandbox, http, None)).post(name, body)


async def test_the_forms_of_a_procedure_can_be_fetched(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    procedure = await (await java(sandbox, http, None)).procedure(COPY)
    addresses = [paper["URL"] for group in procedure["THANHPHANHOSO"] for paper in group["GIAYTO"] if paper["URL"]]
    assert addresses and [(await http.get(address)).status_code for address in addresses] == [200] * len(addresses)


async def test_the_java_program_takes_and_answers_questions(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    program, at = await java(sandbox, http, None), await now(sandbox)
    asked = await program.call("LayDanhSachHoiDapGuiTuDVCQG")
    for number, question in enumerate(asked["result"]):
        answers = await program.rows("LayNoiDungTraLoiTheoCauHoi", cauhoiid=str(question["HOIDAPID"]))
        assert answers[number].keys() >= {"TRALOIID", "NOIDUNGTRALOI"}, "indexed by the question"
    row = {"HOIDAPID": str(asked["result"][0]["HOIDAPID"]), "MADONVI": "H42", "NOIDUNGTRALOI": "Tại Bộ phận Một cửa."}
    row |= {"NGUOITRALOI": "Cán bộ Hư Cấu", "CHUCVUNGUOITRALOI": "Chuyên viên", "NGAYTRALOI": f"{at:%d/%m/%Y}"}
    assert program.acknowledged(await program.call("DongBoKetQuaHoiDapGuiTuDVCQG", data=[row]))
    local = {"HOIDAPID": "77", "MaLinhVuc": "", "NOIDUNG": "?", "MADONVI": "H42", "TENDONVI": "UBND Ninh Bình"}
    assert program.acknowledged(await program.call("DongBoHoiDap", data=[local]))
    assert str(asked.get("TRANGTHAI")) == "1", "read from the envelope; 0 is skipped"


async def java(sandbox: Sandbox, http: httpx.AsyncClient, profile: str | None) -> Envelope:
    program = Envelope(http, (await connected(sandbox, profile)).credentials["legacy"], ZERO.get(profile or "", "0"))
    await program.log_in()
    return program


async def arrays(sandbox: Sandbox, http: httpx.AsyncClient, profile: str | None) -> Array:
    wrapper = (await connected(sandbox, profile)).credentials["legacy"]["wrapper"]
    return Array(http, wrapper, ZERO.get(profile or "", "0"))


async def connected(sandbox: Sandbox, profile: str | None) -> Connector:
    return await sandbox.connect(PROVINCE, "legacy", profile=profile)


async def pays(sandbox: Sandbox, partner: Partner, message: Json, address: str) -> None:
    """The payer pays what INIT opened; the platform then knows it, and has a receipt."""
    reference, at = message["MaThamChieu"], message["ThoiGianGD"]
    assert (await partner.query(reference, at))["TrangThaiGD"] == "3"
    await sandbox.payments.pay(address)
    await sandbox.settle()
    known = await partner.query(reference, at)
    assert (known["MaLoi"], known["TrangThaiGD"], known["SoTien"]) == ("00", "1", int(message["SoTien"]))
    assert partner.is_genuine(known)
    assert (await partner.bill(reference, at)).content.startswith(b"%PDF-")


async def now(sandbox: Sandbox) -> datetime:
    return (await sandbox.clock.now()).astimezone(VIETNAM)


def code_of(at: datetime, number: int) -> str:
    return f"{AGENCY}-{at:%y%m%d}-{number:04}"


def price(procedure: Json) -> str:
    return str(procedure["CACHTHUCTHUCHIEN"][0]["THOIGIAN"][0]["PHILEPHI"][0]["SOTIEN"])


def array_dossier(code: str, procedure: Json, at: datetime) -> Json:
    field, empty = procedure["LINHVUCTHUCHIEN"][0], ("MaDoiTuong", "ThongTinKhac", "Email", "Fax", "ThongTinTra")
    lists = ("DanhSachLePhi", "DanhSachTepDinhKemKhac", "DanhSachHoSoBoSung", "DanhSachGiayToKetQua")
    paper = {"TepDinhKemId": "1", "TenTepDinhKem": "to-khai.pdf", "IsDeleted": "False", "MaThanhPhanHoSo": ""}
    paper |= {"DuongDanTaiTepTin": "", "DuocSoHoa": "0", "DuocTaiSuDung": "0", "DuocLayTuKhoDMQG": "0"}
    values: dict[str, Any] = dict.fromkeys((*empty, "NgayTra", "NgayKetThucXuLy", "NgayTuChoi"), "")
    values |= {name: [] for name in lists} | {"MaHoSo": code, "MaTTHC": procedure["MATTHC"]}
    values |= {"TenTTHC": procedure["TENTTHC"], "MaLinhVuc": field["MALINHVUC"], "TenLinhVuc": field["TENLINHVUC"]}
    values |= {"KenhThucHien": "1", "ChuHoSo": OWNER, "LoaiDoiTuong": "1", "SoDienThoai": "0900000000"}
    values |= {"DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": NUMBER}], "TrichYeuHoSo": procedure["TENTTHC"]}
    values |= {"NgayNopHoSo": stamp(at), "NgayTiepNhan": stamp(at), "NgayHenTra": stamp(at.replace(hour=17))}
    values |= {"TrangThaiHoSo": "2", "HinhThuc": "0", "DonViXuLy": "UBND Xã Gia Viễn", "NoiNopHoSo": "2"}
    values |= {"HoSoCoThanhPhanSoHoa": "0", "TaiKhoanDuocXacThucVoiVNeID": "0", "DuocThanhToanTrucTuyen": "0"}
    return values | {"DSKetNoiCSDL": [{"MaCSDL": "7"}], "TaiLieuNop": [paper]}


def receipt_of(code: str, procedure: Json) -> Json:
    """What both programs say of a fee; `MaDichVu` is theirs to write."""
    name, kind = str(procedure["TENTTHC"])[:250], procedure["MATTHC"]
    fee = {"LoaiPhiLePhi": "1", "MaPhiLePhi": "2", "TenPhiLePhi": "Phí", "SoTien": price(procedure)}
    service = {"MaDonVi": AGENCY, "TenDonVi": "UBND Xã Gia Viễn", "MaHoSo": code, "MaDVC": f"{kind}.01", "TenDVC": name}
    account = {"TKThuHuong": "0000000001", "MaNHThuHuong": "HUCAU", "TenTKThuHuong": "UBND XA GIA VIEN"}
    payer = {"HoTenNguoiNop": OWNER, "SoCMNDNguoiNop": NUMBER, "DiaChiNguoiNop": "", "NoiDungThanhToan": "Phí"}
    authority = {"MaCoQuanQD": "", "TenCoQuanQD": "", "PhiLePhi": [fee], "DSKhoanNop": []}
    return {"MaDichVu": 2, "MaTTHC": kind, "TenTTHC": name, **service, **account, **payer, **authority}


def rating(at: datetime) -> Json:
    """Of a month in which everybody was dissatisfied with something else: the shares need not sum to 100."""
    shares = {f"PhanTramDanhGia{name}": "0%" for name in ("RatHaiLong", "HaiLong", "ChuaHaiLong")}
    shares |= {f"PhanTramDanhGiaDichVu{name}": "0%" for name in ("RatHaiLong", "HaiLong", "ChuaHaiLong")}
    words = {"DanhSachNoiDungYKien": [], "MaThuTuc": "", "NoiDung": "Ông/Bà có hài lòng không?"}
    return {
        "NgayTongHop": f"{at.month}-{at.year}",
        "TongSoNguoiDanhGia": 10,
        **shares,
        **words,
        "Madonvi": "H42",
        "TenDonVi": "",
    }
