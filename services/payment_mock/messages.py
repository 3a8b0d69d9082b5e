"""The messages that a partner sends. They are as lenient as the public clients need (facts: integration.md 4.1, 4.2, 12.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt

from contracts import payment_platform as platform
from shared.text import Exact

MAX_NUMBER = 10**12

Short = Annotated[Exact, Field(max_length=100)]
Reference = Annotated[Exact, Field(min_length=1, max_length=64)]  # 20 characters in one client, more in the other
Moment = Annotated[str, Field(pattern=r"^[0-9]{14}$")]  # never parsed, because one client writes a 12-hour clock
Scalar = Annotated[StrictInt, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)] | Short  # a number in one client, text in another


class Signed(platform.Signed):
    """What every message of a partner has."""

    MaDoiTac: Short
    MaThamChieu: Reference
    MaXacThuc: Short


class Bill(BaseModel):
    """ThongTinBienLai; not signed. Only the fields that this mock uses; the others are ignored."""

    MaDichVu: Scalar | None = None  # "2" fees and charges, "1" traffic fine
    MaHoSo: Short | None = None  # the dossier code


class Init(Signed):
    LoaiBanTin: Literal["INIT"]
    PhienBan: Short
    SoTien: platform.Amount
    LoaiHinhThanhToan: Short
    MaKenhThanhToan: Scalar
    MaThietBi: Scalar
    NgonNgu: Short
    MaTienTe: Short
    MaNganHang: Short
    ThongTinGiaoDich: Annotated[Exact, Field(max_length=1000)]
    ThoiGianGD: Moment
    Ip: Short
    ThongTinBienLai: Bill | None = None


class Query(Signed):
    LoaiBanTin: Literal["QUERY"]
    PhienBan: Short
    ThoiGianGD: Moment


class GetBill(Signed):
    LoaiBanTin: Literal["GET_BILL"]
    PhienBan: Short
    ThoiGianGD: Moment


AnyMessage = Annotated[Init | Query | GetBill, Field(discriminator="LoaiBanTin")]


class Refund(Signed):
    """Our own message; that of the real platform is not public."""

    LoaiBanTin: Literal["REFUND"] = "REFUND"
    SoTien: platform.Amount
    MaHoanTien: Reference
