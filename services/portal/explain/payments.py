"""Causes in the money: begun and not paid, paid and not confirmed, on its way back."""

from __future__ import annotations

from collections.abc import Iterator

from services.portal.explain.causes import SWITCH_OFF, SWITCH_OFF_VI, Found, Kind, Words, kind, said
from services.portal.explain.facts import Call, Facts, Order

PAY = "Pay as its citizen: POST /api/v1/dossiers/{code}/payments at the portal, then at the `checkout_url` it gives"
PAY_VI = (
    "Thanh toán với tư cách công dân: POST /api/v1/dossiers/{code}/payments ở cổng, rồi tại `checkout_url` nhận được"
)


def _orders(facts: Facts) -> Iterator[Order]:
    yield from facts.orders or ()


@kind(
    "confirmation-held-by-fault",
    Words(
        "{amount_dong} đ were paid at the platform; fault rule {rule} holds the confirmation back: {says}.",
        "{amount_dong} đ đã được thanh toán trên nền tảng; sự cố bật sẵn {rule} giữ lại xác nhận: {says}.",
        f"{SWITCH_OFF} What it held goes on.",
        f"{SWITCH_OFF_VI} Những gì bị giữ sẽ đi tiếp.",
    ),
)
def confirmation_held_by_fault(facts: Facts) -> Iterator[Found]:
    """paid, and a fault rule holds the confirmation"""
    for order in _orders(facts):
        if order.confirm and order.confirm.rule:
            held = _held(facts, *order.confirm.rule)
            yield {**held, "reference": order.reference, "amount_dong": order.amount_dong}


@kind(
    "confirmation-refused",
    Words(
        "{amount_dong} đ were paid at the platform, and the portal refused the confirmation of {reference}: {why}",
        "{amount_dong} đ đã được thanh toán trên nền tảng, nhưng cổng từ chối xác nhận {reference}: {why}",
        "It is not told again: ask the platform with QUERY, and look into `lienthong logs --dossier {code}`.",
        "Xác nhận không được gửi lại: hỏi nền tảng bằng QUERY, và xem `lienthong logs --dossier {code}`.",
    ),
)
def confirmation_refused(facts: Facts) -> Iterator[Found]:
    """paid, and the portal did not take the confirmation"""
    for order in _orders(facts):
        if order.confirm is None and order.confirm_answer not in ("", "00") and _still_unconfirmed(facts, order):
            why = order.refused or f"MaLoi {order.confirm_answer}"
            yield {"why": why, "reference": order.reference, "amount_dong": order.amount_dong}


@kind(
    "confirmation-on-its-way",
    Words(
        "{amount_dong} đ were paid at the platform; the portal has not taken the confirmation, tried {attempts} time(s){error}.",
        "{amount_dong} đ đã được thanh toán trên nền tảng, cổng chưa nhận xác nhận: đã thử {attempts} lần{error}.",
        "It is told again by itself until the portal answers; `lienthong settle{flag}` waits for it.",
        "Nền tảng tự gửi lại đến khi cổng trả lời; `lienthong settle{flag}` chờ việc đó.",
    ),
)
def confirmation_on_its_way(facts: Facts) -> Iterator[Found]:
    """paid, and the confirmation is still to be told"""
    for order in _orders(facts):
        if order.confirm and not order.confirm.rule:
            yield {**_tries(order.confirm), "reference": order.reference, "amount_dong": order.amount_dong}


@kind(
    "refund-held-by-fault",
    Words(
        "Money is to come back ({reference}); fault rule {rule} holds the refund: {says}.",
        "Có khoản phải hoàn ({reference}); sự cố bật sẵn {rule} giữ việc hoàn tiền: {says}.",
        f"{SWITCH_OFF} What it held goes on.",
        f"{SWITCH_OFF_VI} Những gì bị giữ sẽ đi tiếp.",
    ),
)
def refund_held_by_fault(facts: Facts) -> Iterator[Found]:
    """money is to come back, and a fault rule holds it"""
    for call in facts.refunds:
        if call.rule:
            yield {**_held(facts, *call.rule), "reference": call.key}


@kind(
    "refund-refused",
    Words(
        "Money is to come back ({reference}), and the platform refuses it{error}.",
        "Có khoản phải hoàn ({reference}), nhưng nền tảng từ chối{error}.",
        "It is asked for again when time passes in the sandbox: `lienthong clock advance --by 1h{flag}`.",
        "Cổng hỏi lại khi thời gian trong sandbox trôi: `lienthong clock advance --by 1h{flag}`.",
    ),
)
def refund_refused(facts: Facts) -> Iterator[Found]:
    """money is to come back, and the platform says no"""
    for call in facts.refunds:
        if call.refused and not call.rule:
            yield {**_tries(call), "reference": call.key}


@kind(
    "refund-on-its-way",
    Words(
        "Money is to come back ({reference}), and the platform has not given it yet: tried {attempts} time(s){error}.",
        "Có khoản phải hoàn ({reference}), nền tảng chưa hoàn: đã thử {attempts} lần{error}.",
        "It is asked for again by itself; `lienthong settle{flag}` waits for it.",
        "Cổng tự hỏi lại; `lienthong settle{flag}` chờ việc đó.",
    ),
)
def refund_on_its_way(facts: Facts) -> Iterator[Found]:
    """money is to come back, and the platform was not asked yet, or did not answer"""
    for call in facts.refunds:
        if not call.refused:
            yield {**_tries(call), "reference": call.key}


@kind(
    "payment-not-opened",
    Words(
        "A payment was begun ({reference}), but the platform has no order of it: it did not answer, or refused.",
        "Đã bắt đầu thanh toán ({reference}) nhưng nền tảng không có giao dịch đó: không phản hồi, hoặc từ chối.",
        "Send the same request with the same Idempotency-Key again.",
        "Gửi lại đúng yêu cầu đó với cùng Idempotency-Key.",
    ),
)
def payment_not_opened(facts: Facts) -> Iterator[Found]:
    """a payment was begun, and the platform knows nothing of it"""
    attempt = _attempt(facts)
    if attempt and facts.orders is not None and _order_of(facts, attempt) is None:
        yield {"reference": attempt}


@kind(
    "payment-failed",
    Words(
        "A payment of {amount_dong} đ was tried and failed at the checkout; it can be tried again until {expires_at}.",
        "Công dân đã thử nộp {amount_dong} đ nhưng thanh toán thất bại; có thể thử lại đến {expires_at}.",
        "Press again at the checkout, or begin another payment.",
        "Bấm thanh toán lại ở trang nền tảng, hoặc bắt đầu thanh toán mới.",
    ),
)
def payment_failed(facts: Facts) -> Iterator[Found]:
    """the last try at the checkout failed"""
    yield from _open(facts, "failed", expired=False)


@kind(
    "payment-expired",
    Words(
        "A payment of {amount_dong} đ was begun and not made before its order expired at {expires_at}.",
        "Đã bắt đầu thanh toán {amount_dong} đ nhưng chưa hoàn tất trước khi giao dịch hết hạn lúc {expires_at}.",
        f"Begin another one. {PAY}.",
        f"Hãy bắt đầu lại. {PAY_VI}.",
    ),
)
def payment_expired(facts: Facts) -> Iterator[Found]:
    """the order ran out before it was paid"""
    yield from _open(facts, "created", expired=True)
    yield from _open(facts, "failed", expired=True)


@kind(
    "payment-begun",
    Words(
        "A payment of {amount_dong} đ was begun ({reference}) and not made at the checkout; its order is open until {expires_at}.",
        "Đã bắt đầu thanh toán {amount_dong} đ ({reference}), chưa trả tiền tại trang thanh toán; giao dịch mở đến {expires_at}.",
        "Open its `checkout_url` and pay; to see it again, send the same payment request with the same Idempotency-Key.",
        "Mở `checkout_url` và thanh toán; để lấy lại địa chỉ, gửi lại yêu cầu với cùng Idempotency-Key.",
    ),
)
def payment_begun(facts: Facts) -> Iterator[Found]:
    """a payment was begun, and is not made at the checkout"""
    yield from _open(facts, "created", expired=False)


@kind(
    "payment-awaited",
    Words(
        "It waits for its citizen to pay {amount_dong} đ{until}.",
        "Hồ sơ chờ công dân nộp {amount_dong} đ{until}.",
        f"{PAY}; or let the desk take the money (move `take_payment`).",
        f"{PAY_VI}; hoặc để cơ quan thu tiền (bước `take_payment`).",
    ),
)
def payment_awaited(facts: Facts) -> Iterator[Found]:
    """a fee is demanded, and not paid"""
    owing = facts.owing
    if owing is not None and not any(
        order.state == "paid" and _still_unconfirmed(facts, order) for order in _of_attempt(facts)
    ):
        by = owing.pay_by
        until, until_vi = (f", until {said(by)}", f", đến {said(by)}") if by else ("", "")
        yield {"amount_dong": owing.amount_dong, "pay_by": by, "until_en": until, "until_vi": until_vi}


def _attempt(facts: Facts) -> str | None:
    """Reference of the last try to pay what is owed."""
    tries = [each.reference for each in facts.here.payments] if facts.here and facts.owing else []
    last = facts.here.payment(tries[-1]) if tries and facts.here else None
    return last.reference if last and facts.owing and last.demand == facts.owing.number else None


def _order_of(facts: Facts, reference: str) -> Order | None:
    return next((order for order in _orders(facts) if order.reference == reference), None)


def _of_attempt(facts: Facts) -> list[Order]:
    attempt = _attempt(facts)
    order = _order_of(facts, attempt) if attempt else None
    return [order] if order else []


def _open(facts: Facts, state: str, *, expired: bool) -> Iterator[Found]:
    for order in _of_attempt(facts):
        if order.state == state and (order.expires_at <= facts.now) == expired:
            yield {name: getattr(order, name) for name in ("amount_dong", "reference", "expires_at")}


def _still_unconfirmed(facts: Facts, order: Order) -> bool:
    payment = facts.here.payment(order.reference) if facts.here else None
    return payment is None or not payment.confirmed


def _held(facts: Facts, rule: str, says: str) -> Found:
    return {"rule": rule, "says_en": says, "says_vi": facts.rules_vi.get(rule, says)}


def _tries(call: Call) -> Found:
    error = f": {call.last_error}" if call.last_error else ""
    return {"attempts": call.attempts, "last_error": call.last_error, "error_en": error, "error_vi": error}


CONFIRMATIONS = (confirmation_held_by_fault, confirmation_refused, confirmation_on_its_way)
REFUNDS = (refund_held_by_fault, refund_refused, refund_on_its_way)
PAYMENTS = (payment_not_opened, payment_failed, payment_expired, payment_begun, payment_awaited)
KINDS: tuple[Kind, ...] = (*CONFIRMATIONS, *REFUNDS, *PAYMENTS)
