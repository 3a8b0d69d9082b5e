"""Faults of payments: at the payment page, at the return to the portal, in the confirmation, and in refunds."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting

CHECKOUT = "payment.checkout"  # when the payer presses the button
RETURN = "payment.return"  # when the browser is redirected to the portal
CONFIRM = "payment.confirm"  # when the platform sends CONFIRM to the portal
REFUND = "payment.refund"  # when the portal requests a refund
MATCH = ("province", "dossier")
TRY_AGAIN = "Nothing was delayed: the payer can try again."
SENT_THEN = "The true confirmation is sent at once, and repeated until the portal replies."
PLATFORM = "facts, integration.md 4.2 (CONFIRM); "

DECLINED = "payment-declined"
CANCELLED = "payment-cancelled"
TIMED_OUT = "payment-expired"
BANK_DOWN = "bank-down"
LATE = "confirmation-late"
MISSING = "confirmation-missing"
DOUBLED = "confirmation-doubled"
REORDERED = "confirmation-reordered"
CONTRADICTING = "confirmation-contradicting"
AMOUNT = "confirmation-wrong-amount"
SIGNATURE = "confirmation-wrong-signature"
NO_RETURN = "success-without-return"
ONLY_RETURN = "return-without-success"
REFUND_REFUSED = "refund-refused"

REASONS = {
    "insufficient-funds": ("Số dư không đủ", "Insufficient funds"),
    "card-expired": ("Thẻ hết hạn", "The card has expired"),
    "limit-exceeded": ("Vượt hạn mức giao dịch", "The daily limit is exceeded"),
    "account-blocked": ("Tài khoản bị khoá", "The account is blocked"),
    "otp-wrong": ("Sai mã OTP", "The one-time password is wrong"),
}

FAULTS = (
    NamedFault(
        *(DECLINED, CHECKOUT, "The bank declines", "Ngân hàng từ chối"),
        "The attempt fails; the browser returns with `reason`. No money is taken, the order stays open.",
        TRY_AGAIN,
        "facts, integration.md 4.2: TrangThaiGD 4. The fee stays due; the citizen can try again until the demand expires.",
        MATCH,
        (Setting("reason", Kind.WORD, "insufficient-funds", "why the bank declines", choices=tuple(REASONS)),),
        {"with": {"reason": "otp-wrong"}, "times": 1},
    ),
    NamedFault(
        *(CANCELLED, CHECKOUT, "The payer cancels", "Người nộp huỷ giao dịch"),
        "Nothing is paid, but the browser returns to the portal.",
        "Nothing was delayed: the order stays open until it expires.",
        "A browser also visits the return address without a payment: only CONFIRM counts.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(TIMED_OUT, CHECKOUT, "The time to pay has expired", "Giao dịch hết hạn"),
        "409 order-expired at the button, even if the payer was in time.",
        "The expired order stays expired; after 15 minutes (sandbox time) the portal starts a new one.",
        "An order is valid for minutes, a demand for days: start another payment for the same demand.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(BANK_DOWN, CHECKOUT, "The bank does not reply", "Ngân hàng không phản hồi"),
        "503 bank-down at the button; no money is taken.",
        TRY_AGAIN,
        "RFC 9110 section 15.6.4. The payer does not know what happened: say that no money was taken, and offer a new attempt.",
        MATCH,
        (),
        {"match": {"province": "01"}, "until": "2026-12-01T08:00:00+07:00"},
    ),
    NamedFault(
        *(LATE, CONFIRM, "The confirmation is late", "Xác nhận đến muộn"),
        "The payer has paid, but for some time the portal does not know it.",
        SENT_THEN,
        PLATFORM + "check with QUERY before you let a citizen pay twice.",
        MATCH,
        (Setting("by", Kind.DURATION, "2h", "how much later, sandbox time", least=1),),
        {"with": {"by": "1d"}},
    ),
    NamedFault(
        *(MISSING, CONFIRM, "The confirmation never comes", "Không có xác nhận"),
        "As long as the rule is on, the portal gets no confirmation of payments.",
        SENT_THEN,
        PLATFORM + "only QUERY finds a payment without a confirmation; waiting does not.",
        MATCH,
        (),
        {"match": {"province": "37"}},
    ),
    NamedFault(
        *(DOUBLED, CONFIRM, "The confirmation comes twice", "Xác nhận bị gửi hai lần"),
        "The same CONFIRM, byte for byte, twice.",
        "Nothing was delayed.",
        PLATFORM + "reply 00 to a repeated reference and transaction, and do nothing else.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(REORDERED, CONFIRM, "Confirmations arrive in the wrong order", "Xác nhận sai thứ tự"),
        "A confirmation waits until the next one has been sent, or until the rule is switched off.",
        SENT_THEN,
        "Messages about different payments have no order: the last to arrive need not be the last payment.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(CONTRADICTING, CONFIRM, "Paid, then failed", "Xác nhận mâu thuẫn"),
        "After the true confirmation comes another signed one, which says that the same payment failed.",
        "Nothing was delayed.",
        PLATFORM + "a confirmed payment stays confirmed; reply 99 to the contradiction and investigate it.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(AMOUNT, CONFIRM, "A confirmation with a wrong amount", "Xác nhận sai số tiền"),
        "A correctly signed CONFIRM with another SoTien comes instead of the true one, which waits.",
        SENT_THEN,
        PLATFORM + "compare SoTien with the requested amount; if it differs, reply 99 and change nothing.",
        MATCH,
        (Setting("more_dong", Kind.INTEGER, 1000, "amount that is added, in dong", least=1, most=10**9),),
        {"times": 1},
    ),
    NamedFault(
        *(SIGNATURE, CONFIRM, "A confirmation with a wrong signature", "Xác nhận sai MaXacThuc"),
        "A CONFIRM with a wrong MaXacThuc comes instead of the true one, which waits.",
        SENT_THEN,
        PLATFORM + "check MaXacThuc first; otherwise everybody can confirm a payment without paying.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(NO_RETURN, RETURN, "Paid, but the browser does not return", "Thanh toán xong nhưng không quay lại"),
        "The payment succeeds and is confirmed, but the browser is not redirected.",
        "Nothing was delayed: the confirmation does not depend on the browser.",
        "Do not depend on the return of the browser: people close the window.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(ONLY_RETURN, RETURN, "The browser returns, but nothing was paid", "Quay lại nhưng chưa thanh toán"),
        "The browser is redirected as after a success, but no money was taken and none is confirmed.",
        "Nothing was delayed: the order is still open, the payer can pay.",
        "A visit to the return address proves nothing: everybody who knows it can visit it.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(REFUND_REFUSED, REFUND, "The refund is refused", "Hoàn tiền bị từ chối"),
        "The platform replies to REFUND with MaLoi 99 and LyDo bank-refuses; the portal repeats the request later.",
        "The portal requests the refund again, and it succeeds.",
        "Our own message, unverified. A refund that is owed to a citizen must be repeated until it succeeds.",
        MATCH,
        (),
        {},
    ),
)
