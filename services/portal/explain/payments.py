"""Causes about money: started and not paid, paid and not confirmed, to be refunded."""

from __future__ import annotations

from collections.abc import Iterator

from services.portal.explain.causes import SWITCH_OFF, SWITCH_OFF_VI, Kind, Values, Words, kind, text_of
from services.portal.explain.facts import Call, Facts, Order

PAY = "Pay as the citizen: POST /api/v1/dossiers/{code}/payments at the portal, then pay at the `checkout_url`"
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
        f"{SWITCH_OFF} What it held is then sent.",
        f"{SWITCH_OFF_VI} Những gì bị giữ sẽ đi tiếp.",
    ),
)
def confirmation_held_by_fault(facts: Facts) -> Iterator[Values]:
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
        "It is not sent again: ask the platform with QUERY, and read `lienthong logs --dossier {code}`.",
        "Xác nhận không được gửi lại: hỏi nền tảng bằng QUERY, và xem `lienthong logs --dossier {code}`.",
    ),
)
def confirmation_refused(facts: Facts) -> Iterator[Values]:
    """paid, and the portal refused the confirmation"""
    for order in _orders(facts):
        if order.confirm is None and order.confirm_answer not in ("", "00") and _still_unconfirmed(facts, order):
            why = order.refused or f"MaLoi {order.confirm_answer}"
            yield {"why": why, "reference": order.reference, "amount_dong": order.amount_dong}


@kind(
    "confirmation-on-its-way",
    Words(
        "{amount_dong} đ were paid at the platform; "
        "the portal has not accepted the confirmation yet, tried {attempts} time(s){error}.",
        "{amount_dong} đ đã được thanh toán trên nền tảng, cổng chưa nhận xác nhận: đã thử {attempts} lần{error}.",
        "The platform sends it again by itself until the portal answers; `lienthong settle{flag}` waits for that.",
        "Nền tảng tự gửi lại đến khi cổng trả lời; `lienthong settle{flag}` chờ việc đó.",
    ),
)
def confirmation_on_its_way(facts: Facts) -> Iterator[Values]:
    """paid, and the confirmation has not reached the portal"""
    for order in _orders(facts):
        if order.confirm and not order.confirm.rule:
            yield {**_attempts(order.confirm), "reference": order.reference, "amount_dong": order.amount_dong}


@kind(
    "refund-held-by-fault",
    Words(
        "A refund is due ({reference}); fault rule {rule} holds it back: {says}.",
        "Có khoản phải hoàn ({reference}); sự cố bật sẵn {rule} giữ việc hoàn tiền: {says}.",
        f"{SWITCH_OFF} What it held is then sent.",
        f"{SWITCH_OFF_VI} Những gì bị giữ sẽ đi tiếp.",
    ),
)
def refund_held_by_fault(facts: Facts) -> Iterator[Values]:
    """a refund is due, and a fault rule holds it"""
    for call in facts.refunds:
        if call.rule:
            yield {**_held(facts, *call.rule), "reference": call.key}


@kind(
    "refund-refused",
    Words(
        "A refund is due ({reference}), and the platform refuses it{error}.",
        "Có khoản phải hoàn ({reference}), nhưng nền tảng từ chối{error}.",
        "The portal requests it again when time passes in the sandbox: `lienthong clock advance --by 1h{flag}`.",
        "Cổng hỏi lại khi thời gian trong sandbox trôi: `lienthong clock advance --by 1h{flag}`.",
    ),
)
def refund_refused(facts: Facts) -> Iterator[Values]:
    """a refund is due, and the platform refuses it"""
    for call in facts.refunds:
        if call.refused and not call.rule:
            yield {**_attempts(call), "reference": call.key}


@kind(
    "refund-on-its-way",
    Words(
        "A refund is due ({reference}), and the platform has not made it yet: tried {attempts} time(s){error}.",
        "Có khoản phải hoàn ({reference}), nền tảng chưa hoàn: đã thử {attempts} lần{error}.",
        "The portal requests it again by itself; `lienthong settle{flag}` waits for that.",
        "Cổng tự hỏi lại; `lienthong settle{flag}` chờ việc đó.",
    ),
)
def refund_on_its_way(facts: Facts) -> Iterator[Values]:
    """a refund is due, and the platform was not asked yet, or did not answer"""
    for call in facts.refunds:
        if not call.refused:
            yield {**_attempts(call), "reference": call.key}


@kind(
    "payment-not-opened",
    Words(
        "A payment was started ({reference}), but the platform has no order for it: it did not answer, or refused.",
        "Đã bắt đầu thanh toán ({reference}) nhưng nền tảng không có giao dịch đó: không phản hồi, hoặc từ chối.",
        "Send the same request with the same Idempotency-Key again.",
        "Gửi lại đúng yêu cầu đó với cùng Idempotency-Key.",
    ),
)
def payment_not_opened(facts: Facts) -> Iterator[Values]:
    """a payment was started, and the platform has no order for it"""
    attempt = _attempt(facts)
    if attempt and facts.orders is not None and _order_of(facts, attempt) is None:
        yield {"reference": attempt}


@kind(
    "payment-failed",
    Words(
        "A payment of {amount_dong} đ failed at the checkout; it can be tried again until {expires_at}.",
        "Công dân đã thử nộp {amount_dong} đ nhưng thanh toán thất bại; có thể thử lại đến {expires_at}.",
        "Pay again at the checkout, or start another payment.",
        "Bấm thanh toán lại ở trang nền tảng, hoặc bắt đầu thanh toán mới.",
    ),
)
def payment_failed(facts: Facts) -> Iterator[Values]:
    """the last attempt at the checkout failed"""
    yield from _open(facts, "failed", expired=False)


@kind(
    "payment-expired",
    Words(
        "A payment of {amount_dong} đ was started but not made before its order expired at {expires_at}.",
        "Đã bắt đầu thanh toán {amount_dong} đ nhưng chưa hoàn tất trước khi giao dịch hết hạn lúc {expires_at}.",
        f"Start another one. {PAY}.",
        f"Hãy bắt đầu lại. {PAY_VI}.",
    ),
)
def payment_expired(facts: Facts) -> Iterator[Values]:
    """the order expired before it was paid"""
    yield from _open(facts, "created", expired=True)
    yield from _open(facts, "failed", expired=True)


@kind(
    "payment-begun",
    Words(
        "A payment of {amount_dong} đ was started ({reference}) but not made; its order is open until {expires_at}.",
        "Đã bắt đầu thanh toán {amount_dong} đ ({reference}), chưa trả tiền tại trang thanh toán; "
        "giao dịch mở đến {expires_at}.",
        "Open its `checkout_url` and pay; to get it again, repeat the request with the same Idempotency-Key.",
        "Mở `checkout_url` và thanh toán; để lấy lại địa chỉ, gửi lại yêu cầu với cùng Idempotency-Key.",
    ),
)
def payment_begun(facts: Facts) -> Iterator[Values]:
    """a payment was started, and not made at the checkout"""
    yield from _open(facts, "created", expired=False)


@kind(
    "paid-another-amount",
    Words(
        "{amount_dong} đ were paid to the province as a partner of the platform ({transaction}), but {owing_dong} đ are "
        "demanded: a payment meets only a demand of its own amount.",
        "Tỉnh đã thu {amount_dong} đ với tư cách đối tác của nền tảng ({transaction}), nhưng khoản phải nộp là "
        "{owing_dong} đ: giao dịch chỉ đáp ứng khoản có đúng số tiền.",
        "Demand {amount_dong} đ (move `demand_fee`), and this payment meets it; or pay {owing_dong} đ as well.",
        "Yêu cầu nộp {amount_dong} đ (bước `demand_fee`) thì giao dịch này được tính; hoặc nộp thêm {owing_dong} đ.",
    ),
)
def paid_another_amount(facts: Facts) -> Iterator[Values]:
    """the province was paid as a partner of the platform, another amount than is demanded"""
    owing = facts.owing
    if owing is not None and facts.province_copy is not None:
        for payment in facts.province_copy.get("prepaid", ()):
            if payment["amount_dong"] != owing.amount_dong:
                yield {**payment, "owing_dong": owing.amount_dong}


@kind(
    "payment-awaited",
    Words(
        "The dossier waits for the citizen to pay {amount_dong} đ{until}.",
        "Hồ sơ chờ công dân nộp {amount_dong} đ{until}.",
        f"{PAY}; or let the office take the money (move `take_payment`).",
        f"{PAY_VI}; hoặc để cơ quan thu tiền (bước `take_payment`).",
    ),
)
def payment_awaited(facts: Facts) -> Iterator[Values]:
    """a fee is demanded, and not paid"""
    owing = facts.owing
    if owing is not None and not any(
        order.state == "paid" and _still_unconfirmed(facts, order) for order in _of_attempt(facts)
    ):
        pay_by = owing.pay_by
        until, until_vi = (f", until {text_of(pay_by)}", f", đến {text_of(pay_by)}") if pay_by else ("", "")
        yield {"amount_dong": owing.amount_dong, "pay_by": pay_by, "until_en": until, "until_vi": until_vi}


def _attempt(facts: Facts) -> str | None:
    """Reference of the last attempt to pay the open demand."""
    payments = facts.portal_copy.payments if facts.portal_copy else ()
    is_open = bool(payments) and facts.owing is not None and payments[-1].demand == facts.owing.number
    return payments[-1].reference if is_open else None


def _order_of(facts: Facts, reference: str) -> Order | None:
    return next((order for order in _orders(facts) if order.reference == reference), None)


def _of_attempt(facts: Facts) -> list[Order]:
    attempt = _attempt(facts)
    order = _order_of(facts, attempt) if attempt else None
    return [order] if order else []


def _open(facts: Facts, state: str, *, expired: bool) -> Iterator[Values]:
    for order in _of_attempt(facts):
        if order.state == state and (order.expires_at <= facts.now) == expired:
            yield {name: getattr(order, name) for name in ("amount_dong", "reference", "expires_at")}


def _still_unconfirmed(facts: Facts, order: Order) -> bool:
    payment = facts.portal_copy.payment(order.reference) if facts.portal_copy else None
    return payment is None or not payment.confirmed


def _held(facts: Facts, rule: str, text: str) -> Values:
    return {"rule": rule, "says_en": text, "says_vi": facts.rules_vi.get(rule, text)}


def _attempts(call: Call) -> Values:
    error = f": {call.last_error}" if call.last_error else ""
    return {"attempts": call.attempts, "last_error": call.last_error, "error_en": error, "error_vi": error}


CONFIRMATIONS = (confirmation_held_by_fault, confirmation_refused, confirmation_on_its_way)
REFUNDS = (refund_held_by_fault, refund_refused, refund_on_its_way)
PAYMENTS = (
    payment_not_opened,
    payment_failed,
    payment_expired,
    payment_begun,
    paid_another_amount,
    payment_awaited,
)
KINDS: tuple[Kind, ...] = (*CONFIRMATIONS, *REFUNDS, *PAYMENTS)
