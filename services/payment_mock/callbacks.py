"""CONFIRM: the signed word to the partner that an order is paid (facts: integration.md 4.2).

It is written beside the payment, in one transaction, and told until the partner answers; the same bytes every time.
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
    """Write down, in the caller's transaction, that the partner must be told of a paid order."""
    message = result_message("CONFIRM", order, secret)
    await http_outbox.add(connection, order.sandbox, CONFIRM, order.transaction, message)


def result_message(kind: str, order: Order, secret: str) -> dict[str, object]:
    """The signed outcome of an order as CONFIRM tells it and QUERY answers it; SoTien is an int here.

    MaLoi is the payment's: 00 only for a paid order. That of an unpaid one is not public; 99 can be mistaken for nothing.
    """
    message: dict[str, object] = {
        "LoaiBanTin": kind,
        "MaLoi": platform.OK if order.state == "paid" else platform.OTHER_ERROR,
        "MaDoiTac": order.partner,
        "MaThamChieu": order.reference,
        "SoTien": order.amount_dong,
        "MaTienTe": "VND",
        "MaGiaoDich": order.transaction,
        "MaNganHang": order.bank,
        "ThoiGianGD": platform.platform_time(order.paid_at) if order.paid_at else order.asked_time,
        "ThongTinGiaoDich": order.description,
    }
    return {**message, "MaXacThuc": platform.checksum(message, platform.CONFIRM, secret)}


def _ma_loi(response: httpx.Response) -> str:
    """The MaLoi of an answer; `?` where there is none, as in `{"return_code": -1}`, which one client sends."""
    ma_loi = str(_body(response).get("MaLoi", "")) if response.is_success else ""
    return ma_loi if _MA_LOI.fullmatch(ma_loi) else "?"


def _why(response: httpx.Response) -> str:
    """What the partner says of it, as any PostgreSQL keeps it."""
    said = str(_body(response).get("MoTaLoi") or "")[:500]
    return said.encode(errors="replace").decode().replace("\x00", "\ufffd")


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}
