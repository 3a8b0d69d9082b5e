"""The reverse calls that events make: what the portal tells a province at the address of its system (integration.md 1.11, 4.2).

How a new online dossier is told is not public: it comes in the envelope of the other calls, as an element of DongBoHoSoMC (a
guess of ours). A payment is told as CONFIRM, as the payment platform does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from contracts import lifecycle as law
from contracts import payment_platform as platform
from contracts.catalogue import procedure_of
from contracts.legacy.listed import KENH, field_code
from contracts.legacy.values import written

Body = dict[str, Any]
TAKEN = (0, "0", "00", 1, "1")  # error_code: 1 says that it had it before
NO_FILE = "0_"  # before a reference: clients read a number up to _, and look for the dossier if it is 0 (12.4)
HEADERS = {"Content-Type": "application/json", "User-Agent": "lienthong", "Accept-Encoding": "identity"}
GROUP = "groupId"  # header: the site of the system that is called; one client chooses by it (integration.md 1.11)
# Behind the address that the system names; with a leading slash, behind its origin (integration.md 1.11, 4.3).
DOSSIER, AMENDMENT, PAYMENT = "nhanhsdvcqg", "nhanhsdvcqg", "/o/pgi/ppdvcqg/dpnhankqthanhtoanhs"
PAYMENT_THERE = "/DvcPayment/Confirm"  # of another family of systems
FEES = "/o/pgi/kpdvcqg/dptracuuthanhtoanhs"
PLAYED = "adapter."  # how the type of a call begins that no event makes: its data are the call (`played.py`)


class Call(Struct, frozen=True):
    """One reverse call: the end of its address, and its body."""

    path: str
    body: Body

    def address(self, base: str) -> str:
        """Where it is sent; `base`: the address that the system names."""
        parts = urlsplit(base)
        path = self.path if self.path.startswith("/") else f"{parts.path.rstrip('/')}/{self.path}"
        return parts._replace(path=path, fragment="").geturl()


def call_of(event: Mapping[str, Any], secret: str) -> Call | None:
    """What a province is told of an event of the portal, given in its structured form; None: nothing can be said of it.

    secret  of the province, with which a payment is signed
    """
    data: Mapping[str, Any] = event["data"]
    if event["type"].startswith(PLAYED):
        return Call(data["path"], data["body"])
    if event["type"] == law.PAYMENT_CONFIRMED:
        return _paid(data, secret)
    make = _CALLS.get(event["type"])
    return make(event, data) if make else None


def is_taken(answer: Any) -> bool:
    """Whether the answer of a province says that it has the call, in any of the forms that clients answer in.

    Payments are answered with MaLoi or return_code, imports with `succeeded`. Some libraries begin names in lower case.
    """
    if not isinstance(answer, dict):
        return False
    said = {name.lower(): value for name, value in answer.items()}
    return (
        said.get("error_code") in TAKEN
        or said.get("return_code") in ("0", 0)
        or said.get("maloi") == "00"
        or said.get("succeeded") is True
    )


def _submitted(event: Mapping[str, Any], data: Mapping[str, Any]) -> Call:
    procedure = procedure_of(data["procedure"], data.get("version"))
    owner = data.get("owner") or {}
    dossier = {
        "MaHoSo": data["dossier_code"],
        "MaTTHC": data["procedure"],
        "TenTTHC": procedure.name_vi,
        "MaLinhVuc": field_code(procedure.field_en),
        "TenLinhVuc": procedure.field_vi,
        "KenhThucHien": KENH["online"],
        "ChuHoSo": owner.get("name") or data["applicant"]["name"],
        "LoaiDoiTuong": "2" if owner.get("kind") == "organisation" else "1",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": data["applicant"]["id"]}],
        "TrichYeuHoSo": data.get("note", ""),
        "NgayNopHoSo": written(datetime.fromisoformat(data["submitted_at"])),
        "TrangThaiHoSo": str(law.SUBMITTED.code),
        "NoiNopHoSo": "1",
        "TaiKhoanDuocXacThucVoiVNeID": "1",
        "TaiLieuNop": [_paper(paper) for paper in data.get("papers", ())],
    }
    return Call(DOSSIER, {"service": "NhanHoSoDVCQG", "isUpdating": False, "data": dossier})


def _supplemented(event: Mapping[str, Any], data: Mapping[str, Any]) -> Call:
    amendment = {
        "MaHoSoQG": data["dossier_code"],
        "ThongTinSuaDoi": data.get("note", ""),
        "TaiLieuNop": [_paper(paper) for paper in data.get("papers", ())],
    }
    return Call(AMENDMENT, {"service": "NhanHoSoDVCQG", "isUpdating": True, "data": amendment})


def _withdrawal(event: Mapping[str, Any], data: Mapping[str, Any]) -> Call:
    request = {
        "MaHoSoQG": data["dossier_code"],
        "TrangThai": str(law.WITHDRAWN.code),
        "NoiDung": data.get("reason", ""),
    }
    return Call(AMENDMENT, {"service": "NhanHoSoDVCQG", "isUpdating": True, "data": request})


def _paid(data: Mapping[str, Any], secret: str) -> Call:
    return Call(
        PAYMENT,
        confirmation(
            secret,
            reference=str(data["reference"]),
            transaction=str(data["transaction"]),
            amount_dong=int(data["amount_dong"]),
            at=datetime.fromisoformat(data["paid_at"]),
            code=data["dossier_code"],
        ),
    )


def confirmation(secret: str, *, reference: str, transaction: str, amount_dong: int, at: datetime, code: str) -> Body:
    """CONFIRM, signed (integration.md 4.2, 12.4). The province has no file of a payment at the portal: it goes by MaHoSo."""
    message = platform.result(
        "CONFIRM",
        secret,
        partner=platform.PARTNER,
        reference=f"{NO_FILE}{reference}",
        amount_dong=amount_dong,
        transaction=transaction,
        bank="PAYMENT",
        time=platform.platform_time(at),
        description=f"THANH TOAN HO SO {code}",
    )
    return {**message, "MaHoSo": code}


def _paper(paper: Mapping[str, Any]) -> Body:
    return {
        "TenTepDinhKem": paper.get("name", ""),
        "MaThanhPhanHoSo": paper["component"],
        "DuongDanTaiTepTin": paper.get("address", ""),
        "IsDeleted": "False",
        "DuocSoHoa": "1" if paper.get("digitisation") else "0",
    }


_CALLS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Call]] = {
    law.DOSSIER_SUBMITTED: _submitted,
    law.SUPPLEMENT_ANSWERED: _supplemented,
    law.WITHDRAWAL_REQUESTED: _withdrawal,
}
