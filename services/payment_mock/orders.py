"""What partners ask: INIT, QUERY, and our own REFUND; the endpoints of the portal. Replies are 200 with a MaLoi, never 5xx."""

from __future__ import annotations

from typing import Any

import msgspec

from contracts import payment_platform as platform
from services.payment_mock import faults, signatures, store
from services.payment_mock.callbacks import result_message
from services.payment_mock.messages import Bill, Init, Query, Refund, Signed
from services.payment_mock.partners import Partner
from services.payment_mock.runtime import PaymentRuntime, RuntimeDep
from services.payment_mock.store import Order
from shared.observability import trace_context
from shared.runtime import in_sandbox
from shared.sandbox import journal, recording
from shared.sandbox.names import DEFAULT
from shared.sandbox.recording import RecordedCall
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection
from shared.web.dependencies import SandboxId
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(tags=["partner"])
Reply = dict[str, object]

# LyDo is our own addition, unverified: public clients know only the MaLoi values 00 and 99.
REFUSALS = {
    "unknown-partner": "Mã đối tác không tồn tại",
    "wrong-checksum": "Mã xác thực không đúng",
    "currency-not-vnd": "Chỉ nhận tiền Việt Nam (VND)",
    "amount-not-positive": "Số tiền phải lớn hơn 0",
    "amount-differs": "Mã tham chiếu đã dùng với số tiền khác",
    "unknown-reference": "Không tìm thấy mã tham chiếu",
    "not-paid": "Giao dịch chưa được thanh toán",
    "more-than-paid": "Số tiền hoàn vượt quá số tiền còn lại",
    "bank-refuses": "Ngân hàng từ chối hoàn tiền",
    "refund-differs": "Mã hoàn tiền đã dùng cho yêu cầu khác",
}


@router.post("/init", summary="INIT: start a payment", responses=problem_responses(404, 422, 503))
async def init(message: Init, sandbox_id: SandboxId, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.1. The same reference with the same amount gets the same reply."""
    return await open_checkout(runtime, runtime.portal(sandbox_id), message)


@router.post("/query", summary="QUERY: the status of a payment", responses=problem_responses(404, 422, 503))
async def query(message: Query, sandbox_id: SandboxId, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.2. TrangThaiGD: 1 success, 3 pending, 4 failed or expired. MaLoi 00: paid."""
    return await status(runtime, runtime.portal(sandbox_id), message)


async def open_checkout(runtime: PaymentRuntime, partner: Partner, message: Init) -> Reply:
    """The reply to INIT."""
    if refusal := await not_from_partner(runtime, partner, message, platform.INIT, subject_of(message)):
        return refusal
    reason = ""
    if message.MaTienTe != platform.CURRENCY:
        reason = "currency-not-vnd"
    if not reason and int(message.SoTien) == 0:
        reason = "amount-not-positive"
    if reason:
        return refused(message, reason)
    async with in_sandbox(runtime, partner.sandbox) as (connection, sandbox):
        new_order = Order(
            sandbox=sandbox.id,
            partner=message.MaDoiTac,
            reference=message.MaThamChieu,
            transaction=store.transaction_of(sandbox, "GD", message.MaDoiTac, message.MaThamChieu),
            amount_dong=int(message.SoTien),
            description=message.ThongTinGiaoDich,
            bank=message.MaNganHang,
            subject=subject_of(message),
            asked_time=message.ThoiGianGD,
            state="created",
            expires_at=sandbox.now + runtime.payment.order_lifetime,
            traceparent=trace_context.traceparent(),
        )
        order = await opened(connection, sandbox, new_order)
    if order is None:
        return refused(message, "amount-differs")
    return {**_done(message), "MaGiaoDich": order.transaction, "UrlThanhToan": checkout_of(runtime, order)}


async def opened(connection: Connection, sandbox: Sandbox, new: Order) -> Order | None:
    """The order with this reference, which is new or was there with the same amount; None: with another one."""
    if await store.add_order(connection, new):
        texts = (f"Mở giao dịch {new.amount_dong} đ", f"Checkout opened for {new.amount_dong} dong")
        facts: dict[str, Any] = {"reference": new.reference, "transaction": new.transaction}
        facts["amount_dong"] = new.amount_dong
        facts |= {} if new.partner == platform.PARTNER else {"partner": new.partner}
        await journal.note(connection, sandbox.id, new.subject, sandbox.now, "checkout_opened", *texts, **facts)
        if (
            new.partner != platform.PARTNER and sandbox.id != DEFAULT
        ):  # the portal's are made again by the citizen's call
            await recording.record(connection, sandbox.id, _recorded(new))
    order = await store.order_by_reference(connection, sandbox.id, new.partner, new.reference)
    return order if order is not None and order.amount_dong == new.amount_dong else None


def _recorded(order: Order) -> RecordedCall:
    """INIT of a partner as a replay makes it again, without its address and signature."""
    facts = {"MaThamChieu": order.reference, "SoTien": order.amount_dong, "ThongTinGiaoDich": order.description}
    facts |= {"MaHoSo": order.subject, "MaGiaoDich": order.transaction}
    return RecordedCall(f"partner/{order.partner}", "POST", "/init", "application/json", msgspec.json.encode(facts))


def checkout_of(runtime: PaymentRuntime, order: Order) -> str:
    """The address of the page at which an order is paid."""
    return f"{runtime.payment.payment_url}/s/{order.sandbox}/checkout/{order.transaction}"


async def status(runtime: PaymentRuntime, partner: Partner, message: Query) -> Reply:
    """The reply to QUERY."""
    if refusal := await not_from_partner(runtime, partner, message, platform.QUERY, message.MaThamChieu):
        return refusal
    async with in_sandbox(runtime, partner.sandbox) as (connection, sandbox):
        order = await store.order_by_reference(connection, sandbox.id, message.MaDoiTac, message.MaThamChieu)
    if order is None:
        return refused(message, "unknown-reference")
    state = "4" if order.has_expired(sandbox.now) else {"created": "3", "failed": "4", "paid": "1"}[order.state]
    result = {**result_message("QUERY", order, partner.secret), "TrangThaiGD": state}
    if order.state == "paid":
        return {**result, "MoTaLoi": "Thành công"}
    return {**result, "MoTaLoi": REFUSALS["not-paid"], "LyDo": "not-paid"}


@router.post("/refund", summary="REFUND: refund money (unverified)", responses=problem_responses(404, 422, 503))
async def refund(message: Refund, sandbox_id: SandboxId, runtime: RuntimeDep) -> Reply:
    """Our own message; that of the real platform is not public. The same MaHoanTien refunds only once."""
    amount_dong, portal = int(message.SoTien), runtime.portal(sandbox_id)
    if refusal := await not_from_partner(runtime, portal, message, platform.REFUND, message.MaThamChieu):
        return refusal
    if amount_dong == 0:
        return refused(message, "amount-not-positive")
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        order = await store.order_by_reference(connection, sandbox.id, message.MaDoiTac, message.MaThamChieu)
        if order is None:
            return refused(message, "unknown-reference")
        earlier = await store.refund_by_key(connection, sandbox.id, order.partner, message.MaHoanTien)
        if earlier and (earlier.reference, earlier.amount_dong) != (order.reference, amount_dong):
            return refused(message, "refund-differs")
        transaction = store.transaction_of(sandbox, "HT", order.partner, message.MaHoanTien)
        if earlier is None:
            if order.state != "paid":
                return refused(message, "not-paid")
            given, _ = await store.refunds_of(connection, order)
            if given + amount_dong > order.amount_dong:
                return refused(message, "more-than-paid")
            if await faults.refuses_refund(connection, sandbox, order):
                return refused(message, "bank-refuses")
            if not await store.add_refund(connection, order, message.MaHoanTien, amount_dong, sandbox.now):
                return refused(message, "refund-differs")
            texts = (f"Hoàn {amount_dong} đ", f"{amount_dong} dong refunded")
            facts: dict[str, Any] = {"refund": message.MaHoanTien, "transaction": transaction}
            facts |= {"reference": order.reference, "amount_dong": amount_dong}
            await journal.note(connection, sandbox.id, order.subject, sandbox.now, "refunded", *texts, **facts)
    refund_fields = {"SoTien": amount_dong, "MaHoanTien": message.MaHoanTien, "MaGiaoDichHoan": transaction}
    return {**_done(message), **refund_fields}


async def not_from_partner(
    runtime: PaymentRuntime, partner: Partner, message: Signed, fields: platform.Fields, subject: str
) -> Reply | None:
    """The refusal of a message that the partner has not signed; None if it has. `subject`: of its line in the journal."""
    if message.MaDoiTac != partner.code:
        return refused(message, "unknown-partner")
    if message.is_authentic(fields, partner.secret):
        return None
    return {**refused(message, "wrong-checksum"), **await signatures.note(runtime, partner, message, fields, subject)}


def subject_of(message: Init) -> str:
    """What a payment is for: the dossier, or its own reference if INIT has none."""
    bill: Bill | None = message.ThongTinBienLai
    return (bill and bill.MaHoSo) or message.MaThamChieu


def _done(message: Signed) -> Reply:
    return {
        "MaLoi": platform.OK,
        "MoTaLoi": "Thành công",
        "MaDoiTac": message.MaDoiTac,
        "MaThamChieu": message.MaThamChieu,
    }


def refused(message: Signed, reason: str) -> Reply:
    return {**_done(message), "MaLoi": platform.OTHER_ERROR, "MoTaLoi": REFUSALS[reason], "LyDo": reason}
