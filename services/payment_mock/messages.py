"""The messages that a partner sends. They are as lenient as the public clients need (facts: integration.md 4.1, 4.2, 12.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt

from contracts import payment_platform as platform
from shared.text import Exact

MAX_DONG = 10**12  # far above any fee, far below the maximum of a bigint

Short = Annotated[Exact, Field(max_length=100)]
Reference = Annotated[Exact, Field(min_length=1, max_length=64)]  # 20 characters in one client, more in the other
Amount = Annotated[StrictInt, Field(ge=0, le=MAX_DONG)] | Annotated[str, Field(pattern=r"^[0-9]{1,12}$")]
Moment = Annotated[str, Field(pattern=r"^[0-9]{14}$")]  # never parsed, because one client writes a 12-hour clock
Scalar = Annotated[StrictInt, Field(ge=-MAX_DONG, le=MAX_DONG)] | Short  # a number in one client, text in another


class Signed(BaseModel):
    """A message with MaXacThuc. Its values are not converted, because the signature covers them as they were sent."""

    MaDoiTac: Short
    MaThamChieu: Reference
    MaXacThuc: Short

    def is_authentic(self, fields: platform.Fields, secret: str) -> bool:
        message: Mapping[str, object] = self.model_dump()
        return platform.is_authentic(message, fields, secret)


class Bill(BaseModel):
    """ThongTinBienLai; not signed. Only the fields that this mock uses; the others are ignored."""

    MaDichVu: Scalar | None = None  # "2" fees and charges, "1" traffic fine
    MaHoSo: Short | None = None  # the dossier code


class Init(Signed):
    LoaiBanTin: Literal["INIT"]
    PhienBan: Short
    SoTien: Amount
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


class Refund(Signed):
    """Our own message; that of the real platform is not public."""

    LoaiBanTin: Literal["REFUND"] = "REFUND"
    SoTien: Amount
    MaHoanTien: Reference
