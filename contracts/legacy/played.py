"""Reverse calls that no event of ours makes: they are played on request, about a dossier (integration.md 1.11, 4.3)."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as xml

from msgspec import Struct

from contracts import payment_platform as platform
from contracts.legacy import reverse
from contracts.legacy.reverse import Body, Call
from contracts.legacy.values import written
from shared.sandbox.clock import BUSINESS_ZONE

TAX_CODE, NUMBER = "9900999990", "037190900123"  # invented: of no company, of nobody


OF_COMPANY = (  # members of a notice that its amendment has, too
    *("MaTTHC", "MaSoThue", "TenThuongNhan", "DiaChiDoanhNghiep", "DienThoai", "Fax", "Email"),
    *("NguoiLienHe", "SoDienThoaiNguoiLienHe"),
)


class About(Struct, frozen=True):
    """What a call is about.

    code    of the dossier, as its province calls it
    files   address before the name of a file that is served here
    secret  of the province, for what is signed
    """

    code: str
    procedure: str
    name: str
    amount_dong: int
    now: datetime
    files: str
    secret: str


def _promotion(about: About) -> Call:
    body = {
        "MaHoSo": about.code,
        "MaTTHC": about.procedure,
        "MaSoThue": TAX_CODE,
        "TenThuongNhan": f"Công ty {about.name}",
        "SoVanBan": "01/TB-KM",
        "NgayNopHoSo": written(about.now),
        "DiaChiDoanhNghiep": {"MaTinh": "37", "MaHuyen": "", "MaXa": "14464", "DiaChiChiTiet": "Số 1, phố Diễn Tập"},
        "DienThoai": "",
        "Fax": "",
        "Email": "",
        "NguoiLienHe": about.name,
        "SoDienThoaiNguoiLienHe": "",
        "TenChuongTrinhKhuyenMai": "Chương trình diễn tập",
        "HinhThucKhuyenMai": "Giảm giá",
        "ThoiGianKhuyenMaiTu": written(about.now),
        "ThoiGianKhuyenMaiDen": written(about.now + timedelta(days=30)),
        "HangHoaDichVuKhuyenMai": "Hàng diễn tập",
        "SoLuongHangHoaDichVu": "10",
        "KhachHang": "Mọi khách hàng",
        "CoCauGiaiThuong": "",
        "TongGiaTriHangHoa": str(about.amount_dong),
        "NoiDungChiTiet": "",
        "TenTepDonDangKy": "don-dang-ky.pdf",
        "TepDonDangKy": _text64("%PDF-1.4 đơn diễn tập"),
        "TaiLieuNop": [],
    }
    return Call("createdossierfromdvcqg", body)


def _amendment(about: About) -> Call:
    """What was handed in, and what is changed: one receiver reads both as objects, and the address without a check."""
    notice = _promotion(about).body
    number, name = notice["SoVanBan"], notice["TenChuongTrinhKhuyenMai"]
    data = {
        **{member: notice[member] for member in OF_COMPANY},
        "MaHoSoQG": about.code,
        "ThongTinDaNop": {
            "MaHoSoQGDNP": about.code,
            "SoVanBanDaNopDNP": number,
            "NgayNopHoSoDNP": notice["NgayNopHoSo"],
            "TenChuongTrinhKhuyenMaiDNP": name,
        },
        "ThongTinSuaDoi": {"SoVanBan": "02/TB-KM", "TenChuongTrinhKhuyenMai": name, "NoiDungChiTiet": "Giảm giá 20 %"},
        "TenTepDangKy": "sua-doi.pdf",
        "URLTepDangKy": f"{about.files}sua-doi",
    }
    return Call(reverse.AMENDMENT, {"service": "NhanHoSoSuaDoi", "isUpdating": True, "data": data})


def _tax_notice(about: About) -> Call:
    data = {"FileThongBaoThue": _notice_file(_tax_rows(about))}
    return Call("nhantbthuedvcqg", {"service": "NhanThongBaoThueDat", "isUpdating": False, "data": data})


def _tax_rows(about: About) -> xml.Element:
    rows = xml.Element("ROW_LIST")
    xml.SubElement(rows, "MA_HSO").text = about.code
    each = xml.SubElement(rows, "LIST")
    for name, value in (
        ("MA_SO_THUE", TAX_CODE),
        ("SO_QUYET_DINH", "01/TB-CCT"),
        ("NGAY_QUYET_DINH", about.now.astimezone(BUSINESS_ZONE).strftime("%d-%m-%Y")),
        ("TEN_TIEUMUC", "Lệ phí trước bạ nhà, đất"),
        ("SO_TIEN", str(about.amount_dong)),
    ):
        xml.SubElement(each, name).text = value
    return rows


def _notice_file(root: xml.Element) -> str:
    return _text64(xml.tostring(root, encoding="unicode", xml_declaration=False))


def _tax_receipt(about: About) -> Call:
    data = {
        "MaHoSo": about.code,
        "MaSoThue": TAX_CODE,
        "HoTenNguoiNopTien": about.name,
        "SoCMTNguoiNopTien": NUMBER,
        "DiaChiNguoiNopTien": "Số 1, phố Diễn Tập",
        "TinhNguoiNopTien": "37",
        "HuyenNguoiNopTien": "-",
        "XaNguoiNopTien": "14464",
        "UrlFileChungTu": f"{about.files}chung-tu",
        "ThongTinThanhToan": {
            "MaThongBaoThue": "01/TB-CCT",
            "SoTien": str(about.amount_dong),
            "NoiDungThanhToan": "Lệ phí trước bạ nhà, đất",
            "ThoiGianThanhToan": written(about.now),
            "TrangThaiThanhToan": 1,
        },
    }
    return Call(reverse.DOSSIER, {"service": "NhanChungTuThueDat", "isUpdating": False, "data": data})


def _imported_notice(about: About) -> Call:
    whole = xml.Element("DATA")  # around what the others get
    xml.SubElement(whole, "BODY").append(_tax_rows(about))
    return _imported("ImportThongBaoThueFromDVCQG", _tax_notice(about), about, FileThongBaoThue=_notice_file(whole))


def _imported_receipt(about: About) -> Call:
    call = _tax_receipt(about)
    payment = call.body["data"]["ThongTinThanhToan"]
    paid = {**payment, "SoTien": int(payment["SoTien"])}
    return _imported("ImportChungTuThueFromDVCQG", call, about, ThongTinThanhToan=paid)


def _imported(name: str, call: Call, about: About, **otherwise: Any) -> Call:
    """The call in the envelope of the systems that import it. Their SecurityKey is of their own: here the password."""
    envelope = {"SecurityKey": about.secret, "Service": call.body["service"], "Ngay": written(about.now)}
    is_updating = str(call.body["isUpdating"])  # a text there
    return Call(name, {**envelope, "IsUpdating": is_updating, "Data": {**call.body["data"], **otherwise}})


def _confirmation_there(about: About) -> Call:
    return Call(reverse.PAYMENT_THERE, _confirmation(about).body)


def _confirmation(about: About) -> Call:
    """Each dossier has a reference and a transaction of its own: receivers drop what they know already."""
    number = zlib.crc32(about.code.encode())
    body = reverse.confirmation(
        about.secret,
        reference=f"{number:010}",
        transaction=f"GD{written(about.now)}{number:010}",
        amount_dong=about.amount_dong,
        at=about.now,
        code=about.code,
    )
    return Call(reverse.PAYMENT, body)


def _look_up(about: About) -> Call:
    return Call(reverse.FEES, {"MaHoSo": about.code})


def _changed(part: Any, changes: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_changed(each, changes) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: changes[name] if name in changes else _changed(each, changes) for name, each in part.items()}


def _members(part: Any) -> Iterator[str]:
    for name, each in part.items() if isinstance(part, dict) else ():
        yield name
        yield from _members(each)


def _text64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAYS: Mapping[str, Callable[[About], Call]] = {
    "promotion-notice": _promotion,
    "promotion-amendment": _amendment,
    "tax-notice": _tax_notice,
    "tax-receipt": _tax_receipt,
    "tax-notice-import": _imported_notice,
    "tax-receipt-import": _imported_receipt,
    "payment-confirmation": _confirmation,
    "payment-confirmation-there": _confirmation_there,
    "fee-look-up": _look_up,
}


def play(name: str, about: About, changes: Mapping[str, Any]) -> Call:
    """The call, with other members in the place of ours, wherever the call has them. Raises KeyError.

    A member that it does not have is added: to its `data` or `Data` if it has an envelope.
    """
    call = PLAYS[name](about)
    inner = next((name for name in ("data", "Data") if isinstance(call.body.get(name), dict)), "")
    body: Body = _changed(call.body, changes)
    known = {*_members(call.body)}
    new = {name: value for name, value in changes.items() if name not in known}
    if inner and isinstance(body[inner], dict):
        body[inner] = {**body[inner], **new}
    else:
        body |= new
        if "MaXacThuc" in body and "MaXacThuc" not in changes:
            body["MaXacThuc"] = platform.checksum(body, platform.CONFIRM, about.secret)
    return Call(call.path, body)
