"""CONFIRM: the signed message to the partner that an order is paid (facts: integration.md 4.2).

It is written in the transaction of the payment (HTTP outbox), and sent until the partner replies, with the same bytes
every time.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import msgspec

from contracts import keypay
from contracts import payment_platform as platform
from services.payment_mock.partners import Partner
from services.payment_mock.store import Order
from shared import posting
from shared.http import TOO_MANY, Unreachable
from shared.messaging import http_outbox
from shared.receivers import AllowedHosts, AllowedTransport
from shared.sandbox.names import DEFAULT
from shared.storage.database import Connection

CONFIRM, PAID = "confirm", "paid"  # kinds of calls: to the partner; to the gateway, which has the dossier
SECONDS = 15.0  # for a whole request to a partner
ADDRESS = 100  # characters of an address in an error, which is cut too: what mends it stands at its end
HEADERS = {"Content-Type": "application/json", "User-Agent": "lienthong"}
_MA_LOI = re.compile(r"[0-9A-Za-z]{1,8}")


async def add_calls(connection: Connection, order: Order, partner: Partner) -> None:
    """Write the CONFIRM of a paid order to the HTTP outbox, in the caller's transaction; the gateway is told of a partner's."""
    if partner.confirm_url:
        if order.protocol == "keypay":
            message = keypay_message(order, keypay.DONE, partner.secret)
            # Of what was paid later, clients read these two.
            message |= {"error": keypay.DONE, "data": {"status": keypay.DONE}}
        else:
            message = result_message("CONFIRM", order, partner.secret)
        await http_outbox.add(connection, order.sandbox, CONFIRM, order.transaction, message)
    if partner.is_registered:
        paid = {"dossier": order.subject, "amount_dong": order.amount_dong, "partner": order.partner}
        paid |= {"reference": order.reference, "transaction": order.transaction}
        await http_outbox.add(connection, order.sandbox, PAID, order.transaction, paid)


async def post(allowed: AllowedHosts, partner: Partner, message: dict[str, Any]) -> httpx.Response:
    """Send a message to a partner. Raises Unreachable for no reply, 5xx and 429; it says what mends that."""
    url = partner.confirm_url
    transport, body = AllowedTransport(allowed, connections=1), msgspec.json.encode(message)
    async with httpx.AsyncClient(transport=transport, timeout=None, trust_env=False) as http:  # noqa: S113 - see `post`
        reply = await posting.post(http, url, HEADERS, body, seconds=SECONDS)
    status = reply.status or 0
    if not reply.is_whole or status >= 500 or status == TOO_MANY:
        raise Unreachable(f"POST {url[:ADDRESS]}: {reply.error}. {_mends(partner)}")
    return httpx.Response(status, content=reply.content)


def _mends(partner: Partner) -> str:
    """What to type when a partner does not answer."""
    flag = "" if partner.sandbox == DEFAULT else f" --sandbox {partner.sandbox}"
    return (
        f"`lienthong partner add {partner.code} --confirm URL{flag}` sends it elsewhere ('' as URL: nowhere), "
        f"`lienthong partner remove {partner.code}{flag}` drops it"
    )


def result_message(kind: str, order: Order, secret: str) -> dict[str, Any]:
    return platform.result(
        kind,
        secret,
        partner=order.partner,
        reference=order.reference,
        amount_dong=order.amount_dong,
        transaction=order.transaction,
        bank=order.bank,
        time=platform.platform_time(order.paid_at) if order.paid_at else order.asked_time,
        description=order.description,
        is_paid=order.state == "paid",
    )


def keypay_message(order: Order, status: str, secret: str) -> dict[str, object]:
    """The signed status of an order in KeyPay's form, as its callback tells it and `detail` returns it."""
    message: dict[str, object] = {
        "client_id": order.partner,
        "command": keypay.PAY,
        "version": keypay.VERSION,
        "addition_fee": keypay.NO_FEE,
        "transaction_id": order.reference,
        "trans_amount": order.amount_dong,
        "status": status,
        "keypay_transaction_id": order.transaction,
        "bank": order.bank,
        "pay_time": platform.platform_time(order.paid_at) if order.paid_at else "",
    }
    return {**message, "check_sum": keypay.callback_signature(message, secret)}


def ma_loi_of(response: httpx.Response) -> str:
    """The MaLoi of a reply; `?` if there is none, as in `{"return_code": -1}`, which one client sends.

    KeyPay's clients reply with `return_code`, 0 for done.
    """
    body = _body(response) if response.is_success else {}
    ma_loi = platform.OK if str(body.get("return_code", "")) == keypay.DONE else str(body.get("MaLoi", ""))
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
