"""Signed messages of the national payment platform, as two public clients send them: fields and their order.

Source: facts, integration.md sections 4.1 (INIT) and 4.2 (CONFIRM, QUERY). Pure; portal and payment_mock both read it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from shared.sandbox.clock import BUSINESS_ZONE
from shared.sandbox.names import DEFAULT

PARTNER = "DVCQG"  # MaDoiTac of the portal; a value of this sandbox, real partner codes are not public
OK = "00"  # MaLoi: done
OTHER_ERROR = "99"  # MaLoi: "other errors", the only refusal that public clients know (4.2, column Reply)

Fields = tuple[str, ...]

# 4.1, row MaXacThuc: both clients agree on this order; ThongTinBienLai is not signed.
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
# 4.2, row Confirm, column Checksum: here ThoiGianGD comes before ThongTinGiaoDich. The answer to QUERY is signed alike.
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
# Our own, unverified: no public client refunds through this platform (4.7). LoaiBanTin is always REFUND, sent or not.
REFUND: Fields = ("LoaiBanTin", "MaDoiTac", "MaThamChieu", "SoTien", "MaHoanTien")


def partner_secret(secret: str, sandbox: str) -> str:
    """The secret that signs in one sandbox, so that a message of one is never good in another.

    The bare secret for `default`; else HMAC-SHA256, lower hex, of the sandbox id under it. Our own, not the platform's.
    """
    return secret if sandbox == DEFAULT else hmac.new(secret.encode(), sandbox.encode(), hashlib.sha256).hexdigest()


def checksum(message: Mapping[str, object], fields: Fields, secret: str) -> str:
    """MaXacThuc: SHA-256, lower hex, of the values of `fields` and the secret, joined by `|`, in UTF-8 (4.1, 4.2).

    message  values as they stand on the wire, so 8000 and "8000" sign alike; KeyError if a field is missing
    """
    return hashlib.sha256("|".join([*(str(message[name]) for name in fields), secret]).encode()).hexdigest()


def is_authentic(message: Mapping[str, object], fields: Fields, secret: str) -> bool:
    """Whether `MaXacThuc` of the message is right; takes as long for a nearly right one."""
    claimed = str(message.get("MaXacThuc", "")).encode(errors="replace")
    return hmac.compare_digest(checksum(message, fields, secret).encode(), claimed)


def platform_time(at: datetime) -> str:
    """ThoiGianGD: yyyyMMddHHmmss in business time (4.1; one client sends a 12-hour clock, so never read it back)."""
    return at.astimezone(BUSINESS_ZONE).strftime("%Y%m%d%H%M%S")
