"""Programs of provinces that speak the adapter API, written from what is known of them; nothing of ours is used here.

Envelope  a login, a session, one flat object for each call: the Java program of OpenCPS
Array     bare arrays without a session, ten steps at a time: the C# program of Thanh Hóa
Partner  payments over the national platform, which both have
source    integration.md 1, 2, 4.1 to 4.4, 12.1, 12.2, 12.4
"""

from __future__ import annotations

import codecs
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

Json = dict[str, Any]
SESSION_SECONDS = 600  # a session is kept for ten minutes, then there is a new login
STEPS_AT_ONCE = 10
LONGEST_NAME = 50  # characters of NguoiXuLy
SHARED = ("LayDanhSachTTHC", "TraCuuTechID")  # and every LayDanhMuc…
AS_FINISHED = ("5", "6", "8")  # sent as 9
DONE, KNOWN = "thành công", "đã tồn tại"
OPENCPS_TEXTS = """MaHoSo MaTTHC TenTTHC MaLinhVuc TenLinhVuc ChuHoSo LoaiDoiTuong MaDoiTuong ThongTinKhac Email Fax
    SoDienThoai TrichYeuHoSo NgayTiepNhan NgayHenTra TrangThaiHoSo NgayTra ThongTinTra HinhThuc NgayKetThucXuLy
    DonViXuLy"""
OPENCPS_LISTS = "DanhSachLePhi DanhSachTepDinhKemKhac DanhSachHoSoBoSung DanhSachGiayToKetQua TaiLieuNop"
INIT_SIGNED = """LoaiBanTin PhienBan MaDoiTac MaThamChieu SoTien LoaiHinhThanhToan MaKenhThanhToan MaThietBi NgonNgu
    MaTienTe MaNganHang ThongTinGiaoDich ThoiGianGD Ip"""
CONFIRM_SIGNED = """LoaiBanTin MaLoi MaDoiTac MaThamChieu SoTien MaTienTe MaGiaoDich MaNganHang ThoiGianGD
    ThongTinGiaoDich"""
QUERY_SIGNED = "LoaiBanTin PhienBan MaDoiTac MaThamChieu ThoiGianGD"
KEYPAY_SIGNED = {
    "create": "addition_fee client_id command trans_amount transaction_id version",
    "detail": "client_id command transaction_id",
}


class MessageLost(Exception):
    """An answer at which the real program crashes, or drops what it wanted to say."""


def stamp(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}"


def reads_as_zero(answer: Json) -> bool:
    """As the Java program reads `error_code`: it must be there; what is no number counts as 0."""
    if "error_code" not in answer:
        return False
    try:
        return int(float(answer["error_code"])) == 0
    except (TypeError, ValueError):
        return True


def read(answer: httpx.Response) -> Json:
    """The object of an answer. Raises MessageLost for another status than 200, a byte-order mark, or no JSON object."""
    if answer.status_code != 200:
        raise MessageLost(f"HTTP {answer.status_code}: {answer.text[:300]}")
    if answer.content.startswith(codecs.BOM_UTF8):
        raise MessageLost("a byte-order mark")
    try:
        value = json.loads(answer.content.decode("utf-8"))
    except ValueError as error:
        raise MessageLost(f"no JSON: {answer.text[:300]}") from error
    if isinstance(value, str):
        return {"file": value}  # getfile: the body is the file (integration.md 1.10)
    if not isinstance(value, dict):
        raise MessageLost(f"no object: {answer.text[:300]}")
    return value


class Envelope:
    """The Java program.

    credentials  `base`, the endpoints that are appended to it (`login`, `share`, `integration`), `username`, `password`, `agency`
    zero         text of the `error_code` that acknowledges a push; "00" for the older program, which compares texts everywhere
    """

    def __init__(self, http: httpx.AsyncClient, credentials: Mapping[str, str], zero: str = "0") -> None:
        self._http, self._credentials, self.zero = http, credentials, zero
        self._session, self._since = "", 0.0

    async def log_in(self) -> str:
        """The session. Raises MessageLost without one, or for an `error_code` that does not read as 0."""
        login = {"password": self._credentials["password"], "username": self._credentials["username"]}
        answer = await self._send("login", login)
        if not answer.get("session") or not reads_as_zero(answer):
            raise MessageLost(f"no session: {answer}")
        self._session, self._since = str(answer["session"]), time.monotonic()
        return self._session

    async def call(self, service: str, **fields: Any) -> Json:
        if not self._session or time.monotonic() - self._since > SESSION_SECONDS:
            await self.log_in()
        shared = service in SHARED or service.startswith("LayDanhMuc")
        envelope = {"madonvi": self._credentials["agency"], "session": self._session, **fields, "service": service}
        return await self._send("share" if shared else "integration", envelope)

    async def rows(self, service: str, **fields: Any) -> list[Json]:
        """The `result` of a reading service."""
        answer = await self.call(service, **fields)
        if not self._goes_on(answer) or not isinstance(answer.get("result"), list):
            raise MessageLost(f"{service}: {str(answer)[:300]}")
        return list(answer["result"])

    async def procedure(self, code: str) -> Json:
        """Raises MessageLost where the program crashes: an object for a list, or no field of law."""
        rows = await self.rows("LayThuTuc", maTTHC=code)
        if rows and not rows[0].get("LINHVUCTHUCHIEN"):
            raise MessageLost(f"LINHVUCTHUCHIEN is missing or empty: {rows[0]}")
        return rows[0] if rows else {}

    async def account(self, number: str) -> str:
        return str((await self.rows("TraCuuTechID", provider="wso2is", mstorcmnd=number))[0]["TECHNICALID"])

    async def knows(self, code: str) -> bool:
        try:
            return bool((await self.call("TraCuuHoSo", mahoso=code)).get("result"))
        except MessageLost:
            return False

    async def write(self, dossier: Json, updating: str) -> Json:
        return await self.call("DongBoHoSoMC", isUpdating=updating, data=[dossier])

    async def progress(self, *steps: Json) -> Json:
        return await self.call("CapNhatTienDoHoSoMC", data=list(steps))

    async def push(self, dossier: Json, step: Json) -> bool:
        """What the queue sends for one dossier, with its one present step; whether that is acknowledged."""
        known = await self.knows(dossier["MaHoSo"])
        procedure = await self.procedure(dossier["MaTTHC"])
        if procedure:
            field = procedure["LINHVUCTHUCHIEN"][0]
            dossier |= {
                "TenTTHC": procedure["TENTTHC"],
                "MaLinhVuc": field["MALINHVUC"],
                "TenLinhVuc": field["TENLINHVUC"],
            }
        answer = await self.write(dossier, "True" if known else "False")
        if self._goes_on(answer):
            answer = await self.progress(step)
        return self.acknowledged(answer)

    def acknowledged(self, answer: Json) -> bool:
        return str(answer.get("error_code")) == self.zero

    def _goes_on(self, answer: Json) -> bool:
        return reads_as_zero(answer) if self.zero == "0" else answer.get("error_code") == self.zero

    async def _send(self, endpoint: str, body: Json) -> Json:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Charset": "utf-8"}
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/").encode()
        address = self._credentials["base"] + self._credentials[endpoint]
        return read(await self._http.post(address, content=content, headers={**headers, "dstcode": "VN:GOV:G22"}))


def opencps_dossier(**values: Any) -> Json:
    """All keys that the Java program sends, and no other; what is unknown is an empty text or list."""
    empty: Json = dict.fromkeys(OPENCPS_TEXTS.split(), "") | {name: [] for name in OPENCPS_LISTS.split()}
    if unknown := values.keys() - empty.keys():
        raise ValueError(f"the program does not send {sorted(unknown)}")
    return {**empty, "LoaiDoiTuong": "1", "HinhThuc": "0", **values}


class Array:
    """The C# program. `wrapper`: base address, whose owner needs no password; `zero`: the `error_code` of success."""

    def __init__(self, http: httpx.AsyncClient, wrapper: str, zero: str = "0") -> None:
        self._http, self._base, self.zero = http, f"{wrapper}/KetNoiMotCuaQuocGia", zero

    async def rows(self, service: str, **query: str) -> list[Json]:
        """The `result` in the JSON text `message`."""
        answer = read(await self._http.get(f"{self._base}/{service}", params=query))
        if str(answer["error_code"]) != self.zero or not isinstance(answer["message"], str):
            raise MessageLost(f"{service}: {str(answer)[:300]}")
        return list(json.loads(answer["message"])["result"])

    async def post(self, name: str, body: Any) -> Json:
        return read(await self._http.post(f"{self._base}/{name}", json=body))

    async def push(self, dossier: Json, steps: Sequence[Json]) -> bool:
        """Write the dossier, as an update if it is known, then its whole history; whether all of it succeeded."""
        dossier = dossier | {"TrangThaiHoSo": as_sent(dossier["TrangThaiHoSo"])}
        answer = await self.post("ThemMoi", [dossier])
        if self.exists(answer):
            answer = await self.post("CapNhat", [dossier])
        return self.succeeded(answer) and await self.progress(whole_history(dossier, steps))

    async def progress(self, steps: Sequence[Json]) -> bool:
        chunks = [list(steps[at : at + STEPS_AT_ONCE]) for at in range(0, len(steps), STEPS_AT_ONCE)]
        return all([self.succeeded(await self.post("DongBoTienTrinh", chunk)) for chunk in chunks])

    def succeeded(self, answer: Json) -> bool:
        return str(answer.get("error_code")) == self.zero and DONE in self._message(answer).lower()

    def exists(self, answer: Json) -> bool:
        return str(answer.get("error_code")) in ("3", "-3") and KNOWN in self._message(answer)

    def _message(self, answer: Json) -> str:
        if answer.get("message") is None:
            raise MessageLost(f"message is null: {answer}")
        return str(answer["message"])


def as_sent(status: str) -> str:
    return "9" if status in AS_FINISHED else status


def whole_history(dossier: Json, steps: Sequence[Json]) -> list[Json]:
    """The steps between a first one of reception, and a closing one at the end or while no due date is known."""
    first = step(dossier["MaHoSo"], "2", dossier["NgayTiepNhan"], "Tiếp nhận hồ sơ")
    history = [first, *(each | {"TrangThai": as_sent(each["TrangThai"])} for each in steps)]
    if dossier["TrangThaiHoSo"] in ("9", "10") or not dossier["NgayHenTra"]:
        at = dossier["NgayKetThucXuLy"] or dossier["NgayTiepNhan"]
        history.append(step(dossier["MaHoSo"], "9", at, "Đã xử lý xong"))
    return history


def step(code: str, status: str, at: str, words: str, officer: str = "Cán bộ Hư Cấu") -> Json:
    named = {"NguoiXuLy": officer[:LONGEST_NAME], "ChucDanh": "Chuyên viên", "PhongBanXuLy": "Bộ phận Một cửa"}
    return {"MaHoSo": code, **named, "ThoiDiemXuLy": at, "NoiDungXuLy": words, "TrangThai": status}


class Partner:
    """A partner of the payment platform, as it was registered there."""

    def __init__(self, http: httpx.AsyncClient, registered: Mapping[str, Any]) -> None:
        self._http, self._registered = http, registered
        self._secret = str(registered["secret"])

    def message(self, reference: str, dong: int, words: str, receipt: Json, at: str) -> Json:
        """An INIT, signed; what the receipt says is not."""
        init = self._begun("INIT", reference, at) | {"SoTien": str(dong), "LoaiHinhThanhToan": "PAY"}
        init |= {
            "MaKenhThanhToan": "1",
            "MaThietBi": "1",
            "NgonNgu": "vi-VN",
            "MaTienTe": "VND",
            "MaNganHang": "PAYMENT",
        }
        init |= {"ThongTinGiaoDich": words, "Ip": "192.0.2.10"}
        return init | {"MaXacThuc": self._checksum(init, INIT_SIGNED), "ThongTinBienLai": receipt}

    async def init(self, message: Json, *, wrapped: bool = False) -> str:
        """Address of the page where the payer pays. wrapped: asked of the wrapper of a province."""
        answer = read(await self._http.post(self._registered["wrapper" if wrapped else "init"], json=message))
        if wrapped:
            if str(answer["error_code"]) != "0":
                raise MessageLost(str(answer))
            answer = json.loads(answer["message"])
        elif answer["MaLoi"] != "00":
            raise MessageLost(str(answer))
        return str(answer["UrlThanhToan"])

    async def query(self, reference: str, at: str) -> Json:
        return read(await self._http.post(self._registered["query"], json=self._signed("QUERY", reference, at)))

    async def bill(self, reference: str, at: str) -> httpx.Response:
        return await self._http.post(self._registered["get_bill"], json=self._signed("GET_BILL", reference, at))

    def is_genuine(self, confirm: Json) -> bool:
        """Whether a CONFIRM, or the answer to a QUERY, is signed with our secret."""
        return hmac.compare_digest(str(confirm["MaXacThuc"]), self._checksum(confirm, CONFIRM_SIGNED))

    async def keypay(self, verb: str, body: Json) -> Json:
        """Ask KeyPay, version 3. verb: create or detail."""
        body = body | {"client_id": self._registered["keypay"]["client_id"]}
        body["check_sum"] = self._keyed(body, KEYPAY_SIGNED[verb])
        return read(await self._http.post(f"{self._registered['keypay']['base']}/{verb}", json=body))

    def _signed(self, kind: str, reference: str, at: str) -> Json:
        message = self._begun(kind, reference, at)
        return message | {"MaXacThuc": self._checksum(message, QUERY_SIGNED)}

    def _begun(self, kind: str, reference: str, at: str) -> Json:
        partner = self._registered["partner"]
        return {
            "LoaiBanTin": kind,
            "PhienBan": "1.0.6",
            "MaDoiTac": partner,
            "MaThamChieu": reference,
            "ThoiGianGD": at,
        }

    def _checksum(self, message: Json, names: str) -> str:
        return hashlib.sha256(
            "|".join([*(str(message[name]) for name in names.split()), self._secret]).encode()
        ).hexdigest()

    def _keyed(self, body: Json, names: str) -> str:
        text = "|".join(str(body[name]) for name in names.split())
        return hmac.new(self._registered["keypay"]["hash_key_1"].encode(), text.encode(), hashlib.sha256).hexdigest()
