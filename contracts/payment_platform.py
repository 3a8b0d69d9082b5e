"""The signed messages of the national payment platform, as two public clients send them: fields and their order.

Source: facts, integration.md sections 4.1 (INIT) and 4.2 (CONFIRM, QUERY). Pure functions; portal and payment_mock use them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ModelWrapValidatorHandler, PrivateAttr, StrictInt, model_validator

from shared.sandbox.clock import BUSINESS_ZONE
from shared.sandbox.names import DEFAULT

CURRENCY = "VND"  # MaTienTe: the only one
PARTNER = "DVCQG"  # MaDoiTac of the portal; our own value, because real partner codes are not public
OK = "00"  # MaLoi: done
OTHER_ERROR = "99"  # MaLoi: "other errors", the only refusal that public clients know (4.2, column Reply)

Fields = tuple[str, ...]
# SoTien: a number in one client, digits in the other. Nothing else is an amount, so what is signed is what is paid.
Amount = Annotated[StrictInt, Field(ge=0, lt=10**12)] | Annotated[str, Field(pattern=r"^[0-9]{1,12}$")]

# 4.1, row MaXacThuc: both clients use this order; ThongTinBienLai is not signed.
INIT: Fields = (
    "LoaiBanTin",
    "PhienBan",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "LoaiHinhThanhToan",
    "MaKenhThanhToan",
    "MaThietBi",
    "NgonNgu",
    "MaTienTe",
    "MaNganHang",
    "ThongTinGiaoDich",
    "ThoiGianGD",
    "Ip",
)
# 4.2, row Confirm, column Checksum: here ThoiGianGD comes before ThongTinGiaoDich. The reply to QUERY is signed in the same way.
CONFIRM: Fields = (
    "LoaiBanTin",
    "MaLoi",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "MaTienTe",
    "MaGiaoDich",
    "MaNganHang",
    "ThoiGianGD",
    "ThongTinGiaoDich",
)
# 4.2, row QUERY: "those five + secret".
QUERY: Fields = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
# Our own, unverified: no public client makes refunds through this platform (4.7). LoaiBanTin is always signed as REFUND, even
# if the message does not contain it.
REFUND: Fields = ("LoaiBanTin", "MaDoiTac", "MaThamChieu", "SoTien", "MaHoanTien")


def partner_secret(secret: str, sandbox_id: str) -> str:
    """The secret for signatures in one sandbox, so that a message of one sandbox is not valid in another.

    For `default` the secret itself; else HMAC-SHA256 of the sandbox id with the secret as key, in lower hex. This is our
    own rule, not that of the platform.
    """
    if sandbox_id == DEFAULT:
        return secret
    return hmac.new(secret.encode(), sandbox_id.encode(), hashlib.sha256).hexdigest()


def checksum(message: Mapping[str, object], fields: Fields, secret: str) -> str:
    """MaXacThuc: SHA-256, lower hex, of the values of `fields` and the secret, joined by `|`, in UTF-8 (4.1, 4.2).

    message  values as in the JSON text, so 8000 and "8000" have the same signature; KeyError if a field is missing
    """
    return joined([str(message[name]) for name in fields], secret)


def joined(values: Sequence[str], secret: str) -> str:
    """SHA-256, lower hex, of the values and the secret, joined by `|`."""
    return hashlib.sha256("|".join((*values, secret)).encode()).hexdigest()


def is_authentic(message: Mapping[str, object], fields: Fields, secret: str) -> bool:
    """Whether `MaXacThuc` of the message is correct. The comparison takes constant time."""
    claimed = str(message.get("MaXacThuc", "")).encode(errors="replace")
    return hmac.compare_digest(checksum(message, fields, secret).encode(), claimed)


class Signed(BaseModel):
    """Base of the messages with MaXacThuc. The checksum is checked over the values as they were sent, not as the fields
    below read them: a reading that changes a value ("8_000" is 8000 to pydantic) would let a message pass that says
    something else than what was signed.
    """

    _sent: Mapping[str, object] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def keep_what_was_sent(cls, sent: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        message = handler(sent)
        message._sent = {**message.model_dump(), **sent} if isinstance(sent, Mapping) else message.model_dump()
        return message

    @property
    def as_sent(self) -> Mapping[str, object]:
        """Its members with the values that were sent."""
        return self._sent

    def is_authentic(self, fields: Fields, secret: str) -> bool:
        """Whether MaXacThuc is correct. A member that was left out has its default."""
        return is_authentic(self._sent, fields, secret)


def result(
    kind: str,
    secret: str,
    *,
    partner: str,
    reference: str,
    amount_dong: int,
    transaction: str,
    bank: str,
    time: str,
    description: str,
    is_paid: bool = True,
) -> dict[str, Any]:
    """The signed result of a payment, as CONFIRM sends it and QUERY returns it; SoTien is an int here (4.2).

    MaLoi is 00 only for a payment. The real value for an unpaid order is not public; 99 cannot be mistaken for success.
    """
    message: dict[str, Any] = {
        "LoaiBanTin": kind,
        "MaLoi": OK if is_paid else OTHER_ERROR,
        "MaDoiTac": partner,
        "MaThamChieu": reference,
        "SoTien": amount_dong,
        "MaTienTe": CURRENCY,
        "MaGiaoDich": transaction,
        "MaNganHang": bank,
        "ThoiGianGD": time,
        "ThongTinGiaoDich": description,
    }
    return {**message, "MaXacThuc": checksum(message, CONFIRM, secret)}


def platform_time(at: datetime) -> str:
    """ThoiGianGD: yyyyMMddHHmmss in business time (4.1; one client sends a 12-hour clock, so it is never parsed)."""
    return at.astimezone(BUSINESS_ZONE).strftime("%Y%m%d%H%M%S")
