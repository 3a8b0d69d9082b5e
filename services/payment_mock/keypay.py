"""KeyPay for the national portal, version 3, for a partner: create, detail, pay later, refund (facts: integration.md 4.4).

Replies are 200 with `error` ("0": done), as its clients expect. What `detail` and `refund` reply besides is a guess of ours.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from contracts import keypay, payment_signing
from contracts import payment_platform as platform
from contracts.modes import address_fault
from contracts.payment_platform import Fields
from services.payment_mock import faults, orders, signatures, store, vietqr
from services.payment_mock.callbacks import keypay_message
from services.payment_mock.messages import Bill, Reference, Scalar, Short
from services.payment_mock.orders import REFUSALS, Reply
from services.payment_mock.partner import PartnerDep
from services.payment_mock.partners import Partner
from services.payment_mock.runtime import PaymentRuntime, RuntimeDep
from services.payment_mock.store import Order
from shared.observability import trace_context
from shared.runtime import in_sandbox
from shared.sandbox import journal
from shared.sandbox.registry import Sandbox
from shared.text import Exact
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/partner/{key}/keypay", tags=["partners"])
OPEN, PAID, FAILED = "1", "0", "2"  # `status`; only 0 is known
Text = Annotated[Exact, Field(max_length=1000)]


class Message(BaseModel):
    """What every message has. Members that no one signs are ignored, as the clients send many."""

    model_config = ConfigDict(extra="allow")

    client_id: Short
    command: Short
    check_sum: Short


class Create(Message):
    transaction_id: Annotated[Exact, Field(min_length=1, max_length=64)]  # 20 in the fact sheet; clients send more
    trans_amount: platform.Amount
    version: Short = keypay.VERSION
    addition_fee: Scalar = ""
    description: Text = ""
    currency_code: Short = platform.CURRENCY
    return_url: Annotated[Exact, Field(max_length=2000)] = ""
    bill_info: Bill | None = None


class Detail(Message):
    transaction_id: Reference


class Refund(Message):
    transaction_id: Reference
    amount: platform.Amount
    reason: Text = ""


class Refunded(Message):
    transaction_refund_code: Reference


@router.post("/create", summary="KeyPay: start a payment", responses=problem_responses(404, 422, 503))
async def keypay_create(message: Create, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    reply = await _opened(runtime, partner, message)
    if isinstance(reply, Order):
        return {**_done(), "payment_url": orders.checkout_of(runtime, reply), "transaction_id": reply.reference}
    return reply


@router.post("/qrcode", summary="KeyPay: pay later, by QR code", responses=problem_responses(404, 422, 503))
async def keypay_qrcode(message: Create, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 12.4."""
    reply = await _opened(runtime, partner, message)
    if not isinstance(reply, Order):
        return reply
    url = orders.checkout_of(runtime, reply)
    data = {
        "qrcode_pay": vietqr.data_uri(reply.amount_dong, reply.reference),
        "qrcode_link": f"{url}/qr.svg",
        "url_pay": url,
        "expired_in": int(runtime.payment.order_lifetime.total_seconds()),
        "transaction_id": reply.reference,
    }
    return {**_done(), "data": data}


@router.post("/detail", summary="KeyPay: the status of a payment", responses=problem_responses(404, 422, 503))
async def keypay_detail(message: Detail, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    if refusal := await _not_signed(runtime, partner, message, keypay.DETAIL, message.transaction_id):
        return refusal
    async with in_sandbox(runtime, partner.sandbox) as (connection, sandbox):
        order = await store.order_by_reference(connection, sandbox.id, partner.code, message.transaction_id)
    if order is None:
        return _refused("unknown-reference")
    return {**_done(), **keypay_message(order, _status(order, sandbox), partner.secret)}


@router.post("/refund", summary="KeyPay: give money back", responses=problem_responses(404, 422, 503))
async def keypay_refund(message: Refund, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    """Whole or in parts, at most what was paid."""
    if refusal := await _not_signed(runtime, partner, message, keypay.REFUND, message.transaction_id):
        return refusal
    amount_dong = int(message.amount)
    async with in_sandbox(runtime, partner.sandbox) as (connection, sandbox):
        order = await store.order_by_reference(connection, sandbox.id, partner.code, message.transaction_id)
        if order is None:
            return _refused("unknown-reference")
        if order.state != "paid":
            return _refused("not-paid")
        given, times = await store.refunds_of(connection, order)
        if amount_dong == 0:
            return _refused("amount-not-positive")
        if given + amount_dong > order.amount_dong:
            return _refused("more-than-paid")
        if await faults.refuses_refund(connection, sandbox, order):
            return _refused("bank-refuses")
        code = store.transaction_of(sandbox, "HT", partner.code, order.reference, str(times))
        await store.add_refund(connection, order, code, amount_dong, sandbox.now)
        texts = (f"Hoàn {amount_dong} đ", f"{amount_dong} dong refunded")
        facts: dict[str, Any] = {"refund": code, "transaction": order.transaction, "reference": order.reference}
        await journal.note(
            connection, sandbox.id, order.subject, sandbox.now, "refunded", *texts, **facts, amount_dong=amount_dong
        )
        at = platform.platform_time(sandbox.now)
    return {**_done(), **_refund_reply(partner, message, keypay.REFUND, code, amount_dong, at)}


@router.post("/refund-detail", summary="KeyPay: the status of a refund", responses=problem_responses(404, 422, 503))
async def refund_detail(message: Refunded, partner: PartnerDep, runtime: RuntimeDep) -> Reply:
    code = message.transaction_refund_code
    if refusal := await _not_signed(runtime, partner, message, keypay.REFUNDED, code):
        return refusal
    async with in_sandbox(runtime, partner.sandbox) as (connection, sandbox):
        refunded = await store.refund_by_key(connection, sandbox.id, partner.code, code)
    if refunded is None:
        return _refused("unknown-reference")
    at = platform.platform_time(refunded.refunded_at)
    return {**_done(), **_refund_reply(partner, message, keypay.REFUNDED, code, refunded.amount_dong, at)}


async def _opened(runtime: PaymentRuntime, partner: Partner, message: Create) -> Order | Reply:
    """The order of a message, or the reply that refuses it."""
    subject = (message.bill_info and message.bill_info.MaHoSo) or message.transaction_id
    if refusal := await _not_signed(runtime, partner, message, keypay.CREATE, subject):
        return refusal
    if message.currency_code != platform.CURRENCY:
        return _refused("currency-not-vnd")
    if int(message.trans_amount) == 0:
        return _refused("amount-not-positive")
    async with in_sandbox(runtime, partner.sandbox) as (connection, sandbox):
        order = await orders.opened(
            connection,
            sandbox,
            Order(
                sandbox=sandbox.id,
                partner=partner.code,
                reference=message.transaction_id,
                transaction=store.transaction_of(sandbox, "GD", partner.code, message.transaction_id),
                amount_dong=int(message.trans_amount),
                description=message.description,
                bank="KEYPAY",
                subject=subject,
                asked_time=platform.platform_time(sandbox.now),
                state="created",
                expires_at=sandbox.now + runtime.payment.order_lifetime,
                traceparent=trace_context.traceparent(),
                protocol="keypay",
                return_url="" if address_fault(message.return_url) else message.return_url,
            ),
        )
    return _refused("amount-differs") if order is None else order


async def _not_signed(
    runtime: PaymentRuntime, partner: Partner, message: Message, fields: Fields, subject: str
) -> Reply | None:
    if message.client_id != partner.code:
        return _refused("unknown-partner")
    sent, secret = message.model_dump(), keypay.keys(partner.secret)[0]
    if payment_signing.is_signed(sent, fields, secret, payment_signing.keyed, message.check_sum):
        return None
    explanation = await signatures.explain(
        runtime, partner, sent, fields, payment_signing.keyed, secret, message.check_sum, subject
    )
    return {**_refused("wrong-checksum"), **explanation}


def _status(order: Order, sandbox: Sandbox) -> str:
    if order.state == "paid":
        return PAID
    return FAILED if order.state == "failed" or order.has_expired(sandbox.now) else OPEN


def _refund_reply(partner: Partner, asked: Message, signed: Fields, code: str, amount_dong: int, at: str) -> Reply:
    """With what was asked: its fields are signed again, with the second key (integration.md 4.4)."""
    said = {name: value for name, value in asked.model_dump().items() if name in signed}
    values = [str(said[name]) for name in signed]
    reply: Reply = {"transaction_refund_code": code, "transaction_refund_id": code, "amount_refund": amount_dong}
    reply |= {"update_at": at, "check_sum": payment_signing.keyed(values, keypay.keys(partner.secret)[1])}
    return {**said, **reply}


def _done() -> Reply:
    return {"error": keypay.DONE, "msg": "Thành công"}


def _refused(reason: str) -> Reply:
    return {"error": "1", "msg": REFUSALS[reason], "reason": reason}
