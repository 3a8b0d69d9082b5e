"""The endpoints for the partner: INIT, QUERY, and our own REFUND. They reply with 200 and a MaLoi, never with a 5xx."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Depends, Request

from contracts import payment_platform as platform
from services.payment_mock import faults, store
from services.payment_mock.callbacks import result_message
from services.payment_mock.messages import Init, Query, Refund, Signed
from services.payment_mock.runtime import PaymentRuntime
from services.payment_mock.store import Order
from shared.observability import trace_context
from shared.runtime import in_sandbox
from shared.sandbox import journal
from shared.web.dependencies import SandboxId, runtime_of
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


async def payment_runtime(request: Request) -> PaymentRuntime:
    return cast(PaymentRuntime, runtime_of(request))


RuntimeDep = Annotated[PaymentRuntime, Depends(payment_runtime)]


@router.post("/init", summary="INIT: start a payment", responses=problem_responses(404, 422, 503))
async def init(message: Init, sandbox_id: SandboxId, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.1. The same reference with the same amount gets the same reply."""
    reason = _not_from_partner(message, platform.INIT, runtime.secret(sandbox_id))
    if not reason and message.MaTienTe != platform.CURRENCY:
        reason = "currency-not-vnd"
    if not reason and int(message.SoTien) == 0:
        reason = "amount-not-positive"
    if reason:
        return _refused(message, reason)
    bill = message.ThongTinBienLai
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        new_order = Order(
            sandbox=sandbox.id,
            partner=message.MaDoiTac,
            reference=message.MaThamChieu,
            transaction=store.transaction_of(sandbox, "GD", message.MaDoiTac, message.MaThamChieu),
            amount_dong=int(message.SoTien),
            description=message.ThongTinGiaoDich,
            bank=message.MaNganHang,
            subject=(bill and bill.MaHoSo) or message.MaThamChieu,
            asked_time=message.ThoiGianGD,
            state="created",
            expires_at=sandbox.now + runtime.payment.order_lifetime,
            traceparent=trace_context.traceparent(),
        )
        if await store.add_order(connection, new_order):
            amount = new_order.amount_dong
            texts = (f"Mở giao dịch {amount} đ", f"Checkout opened for {amount} dong")
            facts: dict[str, Any] = {"reference": new_order.reference, "transaction": new_order.transaction}
            facts["amount_dong"] = amount
            await journal.note(
                connection, sandbox.id, new_order.subject, sandbox.now, "checkout_opened", *texts, **facts
            )
        order = await store.order_by_reference(connection, sandbox.id, new_order.partner, new_order.reference)
    if order is None or order.amount_dong != new_order.amount_dong:
        return _refused(message, "amount-differs")
    url = f"{runtime.payment.payment_url}/s/{order.sandbox}/checkout/{order.transaction}"
    return {**_done(message), "MaGiaoDich": order.transaction, "UrlThanhToan": url}


@router.post("/query", summary="QUERY: the status of a payment", responses=problem_responses(404, 422, 503))
async def query(message: Query, sandbox_id: SandboxId, runtime: RuntimeDep) -> Reply:
    """Facts: integration.md 4.2. TrangThaiGD: 1 success, 3 pending, 4 failed or expired. MaLoi 00: paid."""
    reason = _not_from_partner(message, platform.QUERY, runtime.secret(sandbox_id))
    if reason:
        return _refused(message, reason)
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        order = await store.order_by_reference(connection, sandbox.id, message.MaDoiTac, message.MaThamChieu)
    if order is None:
        return _refused(message, "unknown-reference")
    status = "4" if order.has_expired(sandbox.now) else {"created": "3", "failed": "4", "paid": "1"}[order.state]
    result = {**result_message("QUERY", order, runtime.secret(sandbox_id)), "TrangThaiGD": status}
    if order.state == "paid":
        return {**result, "MoTaLoi": "Thành công"}
    return {**result, "MoTaLoi": REFUSALS["not-paid"], "LyDo": "not-paid"}


@router.post("/refund", summary="REFUND: refund money (unverified)", responses=problem_responses(404, 422, 503))
async def refund(message: Refund, sandbox_id: SandboxId, runtime: RuntimeDep) -> Reply:
    """Our own message; that of the real platform is not public. The same MaHoanTien refunds only once."""
    amount_dong = int(message.SoTien)
    reason = _not_from_partner(message, platform.REFUND, runtime.secret(sandbox_id))
    if not reason and amount_dong == 0:
        reason = "amount-not-positive"
    if reason:
        return _refused(message, reason)
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        order = await store.order_by_reference(connection, sandbox.id, message.MaDoiTac, message.MaThamChieu)
        if order is None:
            return _refused(message, "unknown-reference")
        earlier = await store.refund_by_key(connection, sandbox.id, order.partner, message.MaHoanTien)
        if earlier and earlier != store.Refunded(order.reference, amount_dong):
            return _refused(message, "refund-differs")
        transaction = store.transaction_of(sandbox, "HT", order.partner, message.MaHoanTien)
        if earlier is None:
            if order.state != "paid":
                return _refused(message, "not-paid")
            if await store.refunded_dong(connection, order) + amount_dong > order.amount_dong:
                return _refused(message, "more-than-paid")
            if await faults.refuses_refund(connection, sandbox, order):
                return _refused(message, "bank-refuses")
            if not await store.add_refund(connection, order, message.MaHoanTien, amount_dong, sandbox.now):
                return _refused(message, "refund-differs")
            texts = (f"Hoàn {amount_dong} đ", f"{amount_dong} dong refunded")
            facts: dict[str, Any] = {"refund": message.MaHoanTien, "transaction": transaction}
            facts |= {"reference": order.reference, "amount_dong": amount_dong}
            await journal.note(connection, sandbox.id, order.subject, sandbox.now, "refunded", *texts, **facts)
    refund_fields = {"SoTien": amount_dong, "MaHoanTien": message.MaHoanTien, "MaGiaoDichHoan": transaction}
    return {**_done(message), **refund_fields}


def _not_from_partner(message: Signed, fields: platform.Fields, secret: str) -> str:
    if message.MaDoiTac != platform.PARTNER:
        return "unknown-partner"
    return "" if message.is_authentic(fields, secret) else "wrong-checksum"


def _done(message: Signed) -> Reply:
    return {
        "MaLoi": platform.OK,
        "MoTaLoi": "Thành công",
        "MaDoiTac": message.MaDoiTac,
        "MaThamChieu": message.MaThamChieu,
    }


def _refused(message: Signed, reason: str) -> Reply:
    return {**_done(message), "MaLoi": platform.OTHER_ERROR, "MoTaLoi": REFUSALS[reason], "LyDo": reason}
