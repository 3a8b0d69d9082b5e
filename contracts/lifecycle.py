"""The one table of what may happen to a dossier, read by portal and province alike.

Codes and names of the states are found facts; the moves between them are our proposal (unverified), and so is
the assumption that Decree 118/2025 keeps these articles of Decree 61/2018 in substance.
States 5 (supplement requested) and 8 (processing stopped) are not in the table yet.
"""

from shared.lifecycle import Hears, Lifecycle, Move, MoveNotAllowed, Reaction, State

__all__ = ["LIFECYCLE", "Hears", "Lifecycle", "Move", "MoveNotAllowed", "Reaction", "State"]

SUBMITTED = State(1, "submitted", "Mới đăng ký", "Newly submitted", "not started")
RECEIVED = State(2, "received", "Được tiếp nhận", "Received", "runs")
REFUSED = State(3, "refused_at_reception", "Không được tiếp nhận", "Refused at reception", "none")
IN_PROCESSING = State(4, "in_processing", "Đang xử lý", "In processing", "runs")
FINANCIAL_OBLIGATION = State(
    6, "financial_obligation", "Yêu cầu thực hiện nghĩa vụ tài chính", "Financial obligation due", "paused"
)
WITHDRAWN = State(7, "withdrawn", "Công dân yêu cầu rút hồ sơ", "Withdrawn by the citizen", "stopped")
RESULT_READY = State(9, "result_ready", "Đã xử lý xong", "Result ready", "stopped")
RESULT_RETURNED = State(10, "result_returned", "Đã trả kết quả", "Result returned", "stopped")

# who
CITIZEN = "citizen"
PORTAL = "portal"
RECEPTION = "reception"  # one-stop official: checks, receives, returns
HANDLER = "handler"  # case handler in the competent unit
PROVINCE = "province"  # the procedure system, as reader of what the portal says

# does
RECEIVE = "receive"
REFUSE = "refuse"
DEMAND_FEE = "demand_fee"
START = "start"
FINISH = "finish"
RETURN = "return"
GRANT_WITHDRAWAL = "grant_withdrawal"
DECLINE_WITHDRAWAL = "decline_withdrawal"
ASK_WITHDRAWAL = "ask_withdrawal"
PAY = "pay"

# event
DOSSIER_SUBMITTED = "dossier.submitted.v1"
WITHDRAWAL_REQUESTED = "dossier.withdrawal_requested.v1"
PAYMENT_CONFIRMED = "payment.confirmed.v1"
PAYMENT_REFUNDED = "payment.refunded.v1"
DOSSIER_RECEIVED = "dossier.received.v1"
DOSSIER_REFUSED = "dossier.refused.v1"
FEE_DEMANDED = "dossier.fee_demanded.v1"
PROCESSING_STARTED = "dossier.processing_started.v1"
DOSSIER_RESULT_READY = "dossier.result_ready.v1"
DOSSIER_RESULT_RETURNED = "dossier.result_returned.v1"
DOSSIER_WITHDRAWN = "dossier.withdrawn.v1"
WITHDRAWAL_DECLINED = "dossier.withdrawal_declined.v1"
PLATFORM_CONFIRMATION = "payment-platform confirmation"  # the platform's signed HTTP call, no event of ours

MOVED_BY_PROVINCE = (
    DOSSIER_RECEIVED,
    DOSSIER_REFUSED,
    FEE_DEMANDED,
    PROCESSING_STARTED,
    DOSSIER_RESULT_READY,
    DOSSIER_RESULT_RETURNED,
    DOSSIER_WITHDRAWN,
)

# when
UNDECIDED = (SUBMITTED, RECEIVED, FINANCIAL_OBLIGATION, IN_PROCESSING)  # no result yet: a withdrawal can be granted
DECIDED = (RESULT_READY, RESULT_RETURNED)
FINAL = (REFUSED, WITHDRAWN, RESULT_RETURNED)
EVERY = (*UNDECIDED, *DECIDED, REFUSED, WITHDRAWN)
ASKABLE = (*UNDECIDED, RESULT_READY)
NOT_OWING = tuple(state for state in EVERY if state != FINANCIAL_OBLIGATION)

# law
RECEIPT = "ND 61/2018 art. 17; form 01 of TT 03/2025"
REFUSAL = "ND 61/2018 art. 17; form 03 of TT 03/2025"
FEES = "ND 61/2018 art. 22; that the clock pauses is system practice"
FORWARDING = "ND 61/2018 art. 18"
HANDLING = "ND 61/2018 art. 19"
RETURNING = "ND 61/2018 art. 20"
WITHDRAWAL = "form 05 of TT 03/2025; article unverified"

# note
FREE = "when no fee is due online"
PAID = "only after payment.confirmed.v1"
REPAY = "a payment already confirmed is refunded by the portal, once (compensate)"
TOLD = "the event is told once the platform has confirmed the payment"
CLOSED = "a result exists; the answer can only be to decline"

LIFECYCLE = Lifecycle(
    #    when                  who        does        then                  event                    law        note
    Move(SUBMITTED,            RECEPTION, RECEIVE,    RECEIVED,             DOSSIER_RECEIVED,        RECEIPT),
    Move(SUBMITTED,            RECEPTION, REFUSE,     REFUSED,              DOSSIER_REFUSED,         REFUSAL,    REPAY),
    Move(RECEIVED,             RECEPTION, DEMAND_FEE, FINANCIAL_OBLIGATION, FEE_DEMANDED,            FEES),
    Move(RECEIVED,             HANDLER,   START,      IN_PROCESSING,        PROCESSING_STARTED,      FORWARDING, FREE),
    Move(FINANCIAL_OBLIGATION, CITIZEN,   PAY,        FINANCIAL_OBLIGATION, PAYMENT_CONFIRMED,       FEES,       TOLD),
    Move(FINANCIAL_OBLIGATION, HANDLER,   START,      IN_PROCESSING,        PROCESSING_STARTED,      FORWARDING, PAID),
    Move(IN_PROCESSING,        HANDLER,   FINISH,     RESULT_READY,         DOSSIER_RESULT_READY,    HANDLING),
    Move(RESULT_READY,         RECEPTION, RETURN,     RESULT_RETURNED,      DOSSIER_RESULT_RETURNED, RETURNING),

    # The citizen only asks; the province answers.
    *(Move(at, CITIZEN,   ASK_WITHDRAWAL,     at,        WITHDRAWAL_REQUESTED, WITHDRAWAL) for at in ASKABLE),
    *(Move(at, RECEPTION, GRANT_WITHDRAWAL,   WITHDRAWN, DOSSIER_WITHDRAWN,    WITHDRAWAL, REPAY) for at in UNDECIDED),
    *(Move(at, RECEPTION, DECLINE_WITHDRAWAL, at,        WITHDRAWAL_DECLINED,  WITHDRAWAL) for at in UNDECIDED),
    *(Move(at, RECEPTION, DECLINE_WITHDRAWAL, at,        WITHDRAWAL_DECLINED,  WITHDRAWAL, CLOSED) for at in DECIDED),

    # What the province hears from the portal.
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, UNDECIDED, Reaction.ANSWER, "granted or declined"),
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, DECIDED, Reaction.ANSWER, CLOSED),
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, (WITHDRAWN, REFUSED), Reaction.LATE, "already ended without a result"),
    Hears(PROVINCE, PAYMENT_CONFIRMED, NOT_OWING, Reaction.LATE, "nothing waits for it; the portal may refund"),
    Hears(PROVINCE, PAYMENT_REFUNDED, EVERY, Reaction.APPLY, "noted; no state changes"),

    # What the portal hears from the province.
    *(Hears(PORTAL, event, FINAL, Reaction.LATE, "the dossier has ended") for event in MOVED_BY_PROVINCE),
    Hears(PORTAL, WITHDRAWAL_DECLINED, EVERY, Reaction.APPLY, "noted; no state changes"),

    # What the portal hears from the payment platform, over signed HTTP.
    Hears(PORTAL, PLATFORM_CONFIRMATION, (FINANCIAL_OBLIGATION,), Reaction.APPLY, "told as payment.confirmed.v1"),
    Hears(PORTAL, PLATFORM_CONFIRMATION, NOT_OWING, Reaction.COMPENSATE,
          "paid too late, or twice: refunded once, told as payment.refunded.v1"),
    begins=SUBMITTED,
    begun_by=DOSSIER_SUBMITTED,
)  # fmt: skip
