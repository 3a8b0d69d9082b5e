"""CONFIRM: the signed word to the partner that an order is paid (facts: integration.md 4.2).

It is written beside the payment, in one transaction, and told until the partner answers; the same bytes every time.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import httpx

from contracts import payment_platform as platform
from services.payment_mock import store
from services.payment_mock.migrations import STEPS
from services.payment_mock.settings import Settings
from services.payment_mock.store import Order
from shared import calls, http, journal, sandboxes
from shared.calls import Call, Callers
from shared.db import Connection
from shared.runtime import Runtime

CONFIRM = "confirm"
_MA_LOI = re.compile(r"[0-9A-Za-z]{1,8}")


class PaymentRuntime(Runtime):
    """Holds the callers that carry CONFIRM to the partner."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("payment", settings, settings.database_url, store.METADATA)
        self.payment = settings
        self.steps = STEPS
        self.callers = Callers(self.database, {CONFIRM: self._confirm})

    def secret(self, sandbox: str) -> str:
        """What signs to and from the partner in one sandbox."""
        return platform.partner_secret(self.payment.payment_partner_secret.get_secret_value(), sandbox)

    async def pending(self, sandbox: str) -> dict[str, Any]:
        return {"calls": await calls.in_flight(self.database, sandbox), "timers_due": 0, "next_due": None}

    async def timeline(self, sandbox: str, subject: str) -> list[dict[str, Any]]:
        return await journal.lines(self.database, self.service, sandbox, subject)

    async def _confirm(self, call: Call) -> None:
        """Tell the partner once; any answer but silence and 5xx ends it. Raises Unreachable to be asked again."""
        url = self.payment.confirm_url
        response = await http.call(self.http, "POST", url, sandbox=call.sandbox, body=call.data)
        answer = _ma_loi(response)
        async with self.database.transaction() as connection:
            here = (await sandboxes.lock(connection, [call.sandbox])).get(call.sandbox)
            await calls.done(connection, call)
            order = await store.order_by_transaction(connection, call.sandbox, call.key)
            if here is None or order is None:  # the sandbox was deleted meanwhile
                return
            await store.save_order(connection, replace(order, confirm_answer=answer))
            taken = answer == platform.OK
            await journal.note(
                connection,
                call.sandbox,
                order.subject,
                here.now,
                "confirm_taken" if taken else "confirm_refused",
                f"Cổng {'đã nhận' if taken else 'từ chối'} CONFIRM {order.reference}",
                f"The portal {'took' if taken else 'refused'} the CONFIRM of {order.reference}",
                reference=order.reference,
                MaLoi=answer,
                http_status=response.status_code,
                attempts=call.attempts,
            )


async def add_confirm(connection: Connection, order: Order, secret: str) -> None:
    """Write down, in the caller's transaction, that the partner must be told of a paid order."""
    message = result_message("CONFIRM", order, secret)
    await calls.add(connection, order.sandbox, CONFIRM, order.transaction, message)


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
    try:
        body = response.json()
    except ValueError:
        body = None
    ma_loi = str(body.get("MaLoi", "")) if response.is_success and isinstance(body, dict) else ""
    return ma_loi if _MA_LOI.fullmatch(ma_loi) else "?"
