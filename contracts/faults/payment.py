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
        name=DECLINED,
        edge=CHECKOUT,
        title_en="The bank declines",
        title_vi="Ngân hàng từ chối",
        shows="The attempt fails; the browser returns with `reason`. No money is taken, the order stays open.",
        released=TRY_AGAIN,
        teaches="facts, integration.md 4.2: TrangThaiGD 4. The payer can try again until the demand expires.",
        match=MATCH,
        settings=(Setting("reason", Kind.WORD, "insufficient-funds", "why the bank declines", choices=tuple(REASONS)),),
        example={"with": {"reason": "otp-wrong"}, "times": 1},
    ),
    NamedFault(
        name=CANCELLED,
        edge=CHECKOUT,
        title_en="The payer cancels",
        title_vi="Người nộp huỷ giao dịch",
        shows="Nothing is paid, but the browser returns to the portal.",
        released="Nothing was delayed: the order stays open until it expires.",
        teaches="A browser also visits the return address without a payment: only CONFIRM counts.",
        match=MATCH,
        example={"times": 1},
    ),
    NamedFault(
        name=TIMED_OUT,
        edge=CHECKOUT,
        title_en="The time to pay has expired",
        title_vi="Giao dịch hết hạn",
        shows="409 order-expired at the button, even if the payer was in time.",
        released="The expired order stays expired; after 15 minutes (sandbox time) the portal starts a new one.",
        teaches="An order is valid for minutes, a demand for days: start another payment for the same demand.",
        match=MATCH,
        example={"times": 1},
    ),
    NamedFault(
        name=BANK_DOWN,
        edge=CHECKOUT,
        title_en="The bank does not reply",
        title_vi="Ngân hàng không phản hồi",
        shows="503 bank-down at the button; no money is taken.",
        released=TRY_AGAIN,
        teaches="RFC 9110 section 15.6.4. The payer does not know what happened: say that no money was taken, and "
        "offer a new attempt.",
        match=MATCH,
        example={"match": {"province": "01"}, "until": "2026-12-01T08:00:00+07:00"},
    ),
    NamedFault(
        name=LATE,
        edge=CONFIRM,
        title_en="The confirmation is late",
        title_vi="Xác nhận đến muộn",
        shows="The payer has paid, but for some time the portal does not know it.",
        released=SENT_THEN,
        teaches=PLATFORM + "check with QUERY before you let a citizen pay twice.",
        match=MATCH,
        settings=(Setting("by", Kind.DURATION, "2h", "how much later, sandbox time", least=1),),
        example={"with": {"by": "1d"}},
    ),
    NamedFault(
        name=MISSING,
        edge=CONFIRM,
        title_en="The confirmation never comes",
        title_vi="Không có xác nhận",
        shows="As long as the rule is on, the portal gets no confirmation of payments.",
        released=SENT_THEN,
        teaches=PLATFORM + "only QUERY finds a payment without a confirmation; waiting does not.",
        match=MATCH,
        example={"match": {"province": "37"}},
    ),
    NamedFault(
        name=DOUBLED,
        edge=CONFIRM,
        title_en="The confirmation comes twice",
        title_vi="Xác nhận bị gửi hai lần",
        shows="The same CONFIRM, byte for byte, twice.",
        released="Nothing was delayed.",
        teaches=PLATFORM + "reply 00 to a repeated reference and transaction, and do nothing else.",
        match=MATCH,
    ),
    NamedFault(
        name=REORDERED,
        edge=CONFIRM,
        title_en="Confirmations arrive in the wrong order",
        title_vi="Xác nhận sai thứ tự",
        shows="A confirmation waits until the next one has been sent, or until the rule is switched off.",
        released=SENT_THEN,
        teaches="Messages about different payments have no order: the last to arrive need not be the last payment.",
        match=MATCH,
    ),
    NamedFault(
        name=CONTRADICTING,
        edge=CONFIRM,
        title_en="Paid, then failed",
        title_vi="Xác nhận mâu thuẫn",
        shows="After the true confirmation comes another signed one, which says that the same payment failed.",
        released="Nothing was delayed.",
        teaches=PLATFORM + "a confirmed payment stays confirmed; reply 99 to the contradiction and investigate it.",
        match=MATCH,
    ),
    NamedFault(
        name=AMOUNT,
        edge=CONFIRM,
        title_en="A confirmation with a wrong amount",
        title_vi="Xác nhận sai số tiền",
        shows="A correctly signed CONFIRM with another SoTien comes instead of the true one, which waits.",
        released=SENT_THEN,
        teaches=PLATFORM + "compare SoTien with the requested amount; if it differs, reply 99 and change nothing.",
        match=MATCH,
        settings=(Setting("more_dong", Kind.INTEGER, 1000, "amount that is added, in dong", least=1, most=10**9),),
        example={"times": 1},
    ),
    NamedFault(
        name=SIGNATURE,
        edge=CONFIRM,
        title_en="A confirmation with a wrong signature",
        title_vi="Xác nhận sai MaXacThuc",
        shows="A CONFIRM with a wrong MaXacThuc comes instead of the true one, which waits.",
        released=SENT_THEN,
        teaches=PLATFORM + "check MaXacThuc first; otherwise everybody can confirm a payment without paying.",
        match=MATCH,
        example={"times": 1},
    ),
    NamedFault(
        name=NO_RETURN,
        edge=RETURN,
        title_en="Paid, but the browser does not return",
        title_vi="Thanh toán xong nhưng không quay lại",
        shows="The payment succeeds and is confirmed, but the browser is not redirected.",
        released="Nothing was delayed: the confirmation does not depend on the browser.",
        teaches="Do not depend on the return of the browser: people close the window.",
        match=MATCH,
    ),
    NamedFault(
        name=ONLY_RETURN,
        edge=RETURN,
        title_en="The browser returns, but nothing was paid",
        title_vi="Quay lại nhưng chưa thanh toán",
        shows="The browser is redirected as after a success, but no money was taken and none is confirmed.",
        released="Nothing was delayed: the order is still open, the payer can pay.",
        teaches="A visit to the return address proves nothing: everybody who knows it can visit it.",
        match=MATCH,
        example={"times": 1},
    ),
    NamedFault(
        name=REFUND_REFUSED,
        edge=REFUND,
        title_en="The refund is refused",
        title_vi="Hoàn tiền bị từ chối",
        shows="REFUND gets MaLoi 99 and LyDo bank-refuses; the portal repeats the request later.",
        released="The portal requests the refund again, and it succeeds.",
        teaches="Our own message, unverified. A refund that is owed to a citizen must be repeated until it succeeds.",
        match=MATCH,
    ),
)
