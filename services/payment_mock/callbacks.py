"""CONFIRM: the signed message to the partner that an order is paid (facts: integration.md 4.2).

It is written in the transaction of the payment (HTTP outbox), and sent until the partner replies, with the same bytes
every time.
"""

from __future__ import annotations

import re
from typing import Any

import httpx

from contracts import payment_platform as platform
from services.payment_mock.store import Order
from shared.messaging import http_outbox
from shared.storage.database import Connection

CONFIRM = "confirm"
_MA_LOI = re.compile(r"[0-9A-Za-z]{1,8}")


async def add_confirm(connection: Connection, order: Order, secret: str) -> None:
    """Write the CONFIRM of a paid order to the HTTP outbox, in the caller's transaction."""
    message = result_message("CONFIRM", order, secret)
    await http_outbox.add(connection, order.sandbox, CONFIRM, order.transaction, message)


def result_message(kind: str, order: Order, secret: str) -> dict[str, object]:
    """The signed result of an order, as CONFIRM sends it and QUERY returns it; SoTien is an int here.

    MaLoi is 00 only for a paid order. The real value for an unpaid order is not public; 99 cannot be mistaken for success.
    """
    message: dict[str, object] = {
        "LoaiBanTin": kind,
        "MaLoi": platform.OK if order.state == "paid" else platform.OTHER_ERROR,
        "MaDoiTac": order.partner,
        "MaThamChieu": order.reference,
        "SoTien": order.amount_dong,
        "MaTienTe": platform.CURRENCY,
        "MaGiaoDich": order.transaction,
        "MaNganHang": order.bank,
        "ThoiGianGD": platform.platform_time(order.paid_at) if order.paid_at else order.asked_time,
        "ThongTinGiaoDich": order.description,
    }
    return {**message, "MaXacThuc": platform.checksum(message, platform.CONFIRM, secret)}


def ma_loi_of(response: httpx.Response) -> str:
    """The MaLoi of a reply; `?` if there is none, as in `{"return_code": -1}`, which one client sends."""
    ma_loi = str(_body(response).get("MaLoi", "")) if response.is_success else ""
    return ma_loi if _MA_LOI.fullmatch(ma_loi) else "?"


def mo_ta_loi_of(response: httpx.Response) -> str:
    """The partner's error text (MoTaLoi), without characters that PostgreSQL cannot store."""
    text = str(_body(response).get("MoTaLoi") or "")[:500]
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}
