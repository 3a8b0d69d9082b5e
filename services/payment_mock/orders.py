"""What the partner asks: INIT, QUERY, and a refund of our own. Answered with 200 and a MaLoi, never with a 5xx."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

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

router = APIRouter(tags=["partner"])
Answer = dict[str, object]

# LyDo is our own addition, unverified: public clients know no MaLoi but 00 and 99.
REFUSALS = {
    "unknown-partner": "Mã đối tác không tồn tại",
    "wrong-checksum": "Mã xác thực không đúng",
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


@router.post("/init", summary="INIT: ask for a payment", responses=problem_responses(404, 422, 503))
async def init(message: Init, sandbox: SandboxId, runtime: RuntimeDep) -> Answer:
    """Facts: integration.md 4.1. The same reference with the same amount gets the same answer."""
    reason = _not_from_partner(message, platform.INIT, runtime.secret(sandbox))
    if not reason and int(message.SoTien) == 0:
        reason = "amount-not-positive"
    if reason:
        return _refused(message, reason)
    bill = message.ThongTinBienLai
    async with in_sandbox(runtime, sandbox) as (connection, here):
        asked = Order(
            sandbox=here.id,
            partner=message.MaDoiTac,
            reference=message.MaThamChieu,
            transaction=store.transaction_of(here, "GD", message.MaDoiTac, message.MaThamChieu),
            amount_dong=int(message.SoTien),
            description=message.ThongTinGiaoDich,
            bank=message.MaNganHang,
            subject=(bill and bill.MaHoSo) or message.MaThamChieu,
            asked_time=message.ThoiGianGD,
            state="created",
            expires_at=here.now + runtime.payment.order_lifetime,
            traceparent=trace_context.traceparent(),
        )
        if await store.add_order(connection, asked):
            texts = (f"Mở giao dịch {asked.amount_dong} đ", f"Checkout opened for {asked.amount_dong} dong")
            facts: dict[str, Any] = {"reference": asked.reference, "transaction": asked.transaction}
            facts["amount_dong"] = asked.amount_dong
            await journal.note(connection, here.id, asked.subject, here.now, "checkout_opened", *texts, **facts)
        order = await store.order_by_reference(connection, here.id, asked.partner, asked.reference)
    if order is None or order.amount_dong != asked.amount_dong:
        return _refused(message, "amount-differs")
    url = f"{runtime.payment.payment_url}/s/{order.sandbox}/checkout/{order.transaction}"
    return {**_done(message), "MaGiaoDich": order.transaction, "UrlThanhToan": url}


@router.post("/query", summary="QUERY: how a payment stands", responses=problem_responses(404, 422, 503))
async def query(message: Query, sandbox: SandboxId, runtime: RuntimeDep) -> Answer:
    """Facts: integration.md 4.2. TrangThaiGD: 1 success, 3 pending, 4 failed; out of time is failed. MaLoi 00: paid."""
    reason = _not_from_partner(message, platform.QUERY, runtime.secret(sandbox))
    if reason:
        return _refused(message, reason)
    async with in_sandbox(runtime, sandbox) as (connection, here):
        order = await store.order_by_reference(connection, here.id, message.MaDoiTac, message.MaThamChieu)
    if order is None:
        return _refused(message, "unknown-reference")
    status = "4" if order.has_expired(here.now) else {"created": "3", "failed": "4", "paid": "1"}[order.state]
    result = {**result_message("QUERY", order, runtime.secret(sandbox)), "TrangThaiGD": status}
    if order.state == "paid":
        return {**result, "MoTaLoi": "Thành công"}
    return {**result, "MoTaLoi": REFUSALS["not-paid"], "LyDo": "not-paid"}


@router.post("/refund", summary="REFUND: give money back (unverified)", responses=problem_responses(404, 422, 503))
async def refund(message: Refund, sandbox: SandboxId, runtime: RuntimeDep) -> Answer:
    """Our own message: the real platform's is not public. The same MaHoanTien gives back once."""
    amount_dong = int(message.SoTien)
    reason = _not_from_partner(message, platform.REFUND, runtime.secret(sandbox))
    if not reason and amount_dong == 0:
        reason = "amount-not-positive"
    if reason:
        return _refused(message, reason)
    async with in_sandbox(runtime, sandbox) as (connection, here):
        order = await store.order_by_reference(connection, here.id, message.MaDoiTac, message.MaThamChieu)
        if order is None:
            return _refused(message, "unknown-reference")
        before = await store.refund_by_key(connection, here.id, order.partner, message.MaHoanTien)
        if before and before != store.Refunded(order.reference, amount_dong):
            return _refused(message, "refund-differs")
        transaction = store.transaction_of(here, "HT", order.partner, message.MaHoanTien)
        if before is None:
            if order.state != "paid":
                return _refused(message, "not-paid")
            if await store.refunded_dong(connection, order) + amount_dong > order.amount_dong:
                return _refused(message, "more-than-paid")
            if await faults.at_refund(connection, here, order):
                return _refused(message, "bank-refuses")
            if not await store.add_refund(connection, order, message.MaHoanTien, amount_dong, here.now):
                return _refused(message, "refund-differs")
            texts = (f"Hoàn {amount_dong} đ", f"{amount_dong} dong refunded")
            facts: dict[str, Any] = {"refund": message.MaHoanTien, "transaction": transaction}
            facts |= {"reference": order.reference, "amount_dong": amount_dong}
            await journal.note(connection, here.id, order.subject, here.now, "refunded", *texts, **facts)
    facts_sent = {"SoTien": amount_dong, "MaHoanTien": message.MaHoanTien, "MaGiaoDichHoan": transaction}
    return {**_done(message), **facts_sent}


def _not_from_partner(message: Signed, fields: platform.Fields, secret: str) -> str:
    if message.MaDoiTac != platform.PARTNER:
        return "unknown-partner"
    return "" if message.is_authentic(fields, secret) else "wrong-checksum"


def _done(message: Signed) -> Answer:
    return {
        "MaLoi": platform.OK,
        "MoTaLoi": "Thành công",
        "MaDoiTac": message.MaDoiTac,
        "MaThamChieu": message.MaThamChieu,
    }


def _refused(message: Signed, reason: str) -> Answer:
    return {**_done(message), "MaLoi": platform.OTHER_ERROR, "MoTaLoi": REFUSALS[reason], "LyDo": reason}
