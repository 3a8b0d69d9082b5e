"""What goes wrong with money: at the bank's page, on the way back to the portal, and when the platform tells of it."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting

CHECKOUT = "payment.checkout"  # when the payer presses the button
RETURN = "payment.return"  # when the browser is sent back
CONFIRM = "payment.confirm"  # when the platform tells the portal
REFUND = "payment.refund"  # when money is to come back
MATCH = ("province", "dossier")
TRY_AGAIN = "Nothing is held: the payer tries again."
TOLD_THEN = "What is true is told at once, as often as it takes."
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
    "limit-exceeded": ("Vượt hạn mức giao dịch", "The limit of the day is exceeded"),
    "account-blocked": ("Tài khoản bị khoá", "The account is blocked"),
    "otp-wrong": ("Sai mã OTP", "The one-time password is wrong"),
}

FAULTS = (
    NamedFault(
        *(DECLINED, CHECKOUT, "The bank declines", "Ngân hàng từ chối"),
        "The attempt fails; the browser comes back with `reason`. Nothing is taken, the order stays open.",
        TRY_AGAIN,
        "facts, integration.md 4.2: TrangThaiGD 4. The fee stays due; the citizen may try again until it lapses.",
        MATCH,
        (Setting("reason", Kind.WORD, "insufficient-funds", "why", choices=tuple(REASONS)),),
        {"with": {"reason": "otp-wrong"}, "times": 1},
    ),
    NamedFault(
        *(CANCELLED, CHECKOUT, "The payer turns back", "Người nộp huỷ giao dịch"),
        "Nothing is paid; the browser returns to the portal all the same.",
        "Nothing is held: the order stays open until its time is over.",
        "A return address is visited by those who did not pay, too: only CONFIRM counts.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(TIMED_OUT, CHECKOUT, "The time to pay is over", "Giao dịch hết hạn"),
        "409 order-expired at the button, however quick the payer was.",
        "The order that ran out stays so; a quarter of an hour later (sandbox time) the portal begins another.",
        "An order lives for minutes, a demand for days: begin another payment for the same demand.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(BANK_DOWN, CHECKOUT, "The bank does not answer", "Ngân hàng không phản hồi"),
        "503 bank-down at the button; nothing is taken.",
        TRY_AGAIN,
        "RFC 9110 section 15.6.4. Nobody knows less than the payer: say that nothing was taken, and let them try again.",
        MATCH,
        (),
        {"match": {"province": "01"}, "until": "2026-12-01T08:00:00+07:00"},
    ),
    NamedFault(
        *(LATE, CONFIRM, "The confirmation comes late", "Xác nhận đến muộn"),
        "The payer has paid, and for a while the portal does not know.",
        TOLD_THEN,
        PLATFORM + "ask with QUERY before you let somebody pay twice.",
        MATCH,
        (Setting("by", Kind.DURATION, "2h", "how much later, sandbox time", least=1),),
        {"with": {"by": "1d"}},
    ),
    NamedFault(
        *(MISSING, CONFIRM, "The confirmation never comes", "Không có xác nhận"),
        "As long as the rule is on, the portal hears nothing of what was paid.",
        TOLD_THEN,
        PLATFORM + "money that was taken and not told is found by asking (QUERY), not by waiting.",
        MATCH,
        (),
        {"match": {"province": "37"}},
    ),
    NamedFault(
        *(DOUBLED, CONFIRM, "The confirmation comes twice", "Xác nhận bị gửi hai lần"),
        "The same CONFIRM, byte for byte, twice.",
        "Nothing is held.",
        PLATFORM + "the same reference and transaction once more is answered with 00 and does nothing.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(REORDERED, CONFIRM, "Confirmations overtake each other", "Xác nhận sai thứ tự"),
        "A confirmation waits until the next one has been told; while none comes, until the rule is off.",
        TOLD_THEN,
        "Messages about different payments have no order: the last to come is not the last that was paid.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(CONTRADICTING, CONFIRM, "Paid, then failed", "Xác nhận mâu thuẫn"),
        "After the true confirmation another comes, signed, that says the same payment failed.",
        "Nothing is held.",
        PLATFORM + "what was confirmed stays confirmed; the contradiction is answered with 99 and looked into.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(AMOUNT, CONFIRM, "A confirmation of another amount", "Xác nhận sai số tiền"),
        "A well signed CONFIRM with another SoTien comes instead of the true one, which waits.",
        TOLD_THEN,
        PLATFORM + "compare SoTien with what was asked; answer 99 and let nothing move.",
        MATCH,
        (Setting("more_dong", Kind.INTEGER, 1000, "how much more it says", least=1, most=10**9),),
        {"times": 1},
    ),
    NamedFault(
        *(SIGNATURE, CONFIRM, "A confirmation that nobody signed", "Xác nhận sai MaXacThuc"),
        "A CONFIRM with a wrong MaXacThuc comes instead of the true one, which waits.",
        TOLD_THEN,
        PLATFORM + "MaXacThuc is checked first; who answers 00 here lets anybody pay with a sentence.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(NO_RETURN, RETURN, "Paid, and the browser never comes back", "Thanh toán xong nhưng không quay lại"),
        "The payment succeeds and is confirmed; the page stays where it is.",
        "Nothing is held: the confirmation travels by itself.",
        "Nothing may hang on the browser's return: people close the window.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(ONLY_RETURN, RETURN, "The browser comes back, and nothing was paid", "Quay lại nhưng chưa thanh toán"),
        "The browser is sent to the return address as after a success; no money was taken, none is confirmed.",
        "Nothing is held: the order is still open, the payer can pay.",
        "The return address proves nothing: whoever knows it can visit it.",
        MATCH,
        (),
        {"times": 1},
    ),
    NamedFault(
        *(REFUND_REFUSED, REFUND, "The refund is refused", "Hoàn tiền bị từ chối"),
        "The platform answers REFUND with MaLoi 99 and LyDo bank-refuses; the portal asks again as time passes.",
        "The refund is asked for again, and given.",
        "Our own message, unverified. What is owed to a citizen is asked for until it is given.",
        MATCH,
        (),
        {},
    ),
)
