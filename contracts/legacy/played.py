"""Reverse calls that no event of ours makes: they are played on request, about a dossier (integration.md 1.11, 4.3)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as xml

from msgspec import Struct

from contracts import payment_platform as platform
from contracts.legacy import reverse
from contracts.legacy.reverse import Body, Call
from contracts.legacy.values import written
from shared.sandbox.clock import BUSINESS_ZONE

TAX_CODE, NUMBER = "2700999999", "037190900123"  # invented: of no company, of nobody


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
    data = {
        "MaHoSoQG": about.code,
        "ThongTinDaNop": "Giảm giá 10 %",
        "ThongTinSuaDoi": "Giảm giá 20 %",
        "TenTepDangKy": "sua-doi.pdf",
        "URLTepDangKy": f"{about.files}sua-doi",
    }
    return Call(reverse.AMENDMENT, {"service": "NhanHoSoSuaDoi", "isUpdating": True, "data": data})


def _tax_notice(about: About) -> Call:
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
    file = _text64(xml.tostring(rows, encoding="unicode", xml_declaration=False))
    return Call(
        "nhantbthuedvcqg", {"service": "NhanThongBaoThueDat", "isUpdating": False, "data": {"FileThongBaoThue": file}}
    )


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


def _imported(call: Callable[[About], Call], name: str) -> Callable[[About], Call]:
    """The call in the envelope of the systems that import it; what their SecurityKey is, is not public: here the password."""

    def make(about: About) -> Call:
        sent = call(about).body
        envelope = {"SecurityKey": about.secret, "Service": sent["service"], "Ngay": written(about.now)}
        return Call(name, {**envelope, "IsUpdating": sent["isUpdating"], "Data": sent["data"]})

    return make


def _confirmation_there(about: About) -> Call:
    return Call(reverse.PAYMENT_THERE, _confirmation(about).body)


def _confirmation(about: About) -> Call:
    reference = written(about.now)  # a number: another one is unknown to one client (integration.md 12.4)
    body = reverse.confirmation(
        about.secret,
        reference=reference,
        transaction=f"GD{written(about.now)}",
        amount_dong=about.amount_dong,
        at=about.now,
        code=about.code,
    )
    return Call(reverse.PAYMENT, body)


def _look_up(about: About) -> Call:
    return Call(reverse.FEES, {"MaHoSo": about.code})


def _text64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAYS: Mapping[str, Callable[[About], Call]] = {
    "promotion-notice": _promotion,
    "promotion-amendment": _amendment,
    "tax-notice": _tax_notice,
    "tax-receipt": _tax_receipt,
    "tax-notice-import": _imported(_tax_notice, "ImportThongBaoThueFromDVCQG"),
    "tax-receipt-import": _imported(_tax_receipt, "ImportChungTuThueFromDVCQG"),
    "payment-confirmation": _confirmation,
    "payment-confirmation-there": _confirmation_there,
    "fee-look-up": _look_up,
}


def play(name: str, about: About, changes: Mapping[str, Any]) -> Call:
    """The call, with other members in the place of ours: of its `data` or `Data` if it has an envelope. Raises KeyError."""
    call = PLAYS[name](about)
    body: Body = {**call.body}
    if inner := next((name for name in ("data", "Data") if isinstance(body.get(name), dict)), ""):
        body[inner] = {**body[inner], **changes}
    else:
        body |= changes
        if "MaXacThuc" in body and "MaXacThuc" not in changes:
            body["MaXacThuc"] = platform.checksum(body, platform.CONFIRM, about.secret)
    return Call(call.path, body)
