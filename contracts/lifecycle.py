"""The one table of what may happen to a dossier, read by portal and province alike.

Codes and names of the states are found facts; the moves between them are our proposal (unverified), and so is
the assumption that Decree 118/2025 keeps these articles of Decree 61/2018 in substance.
"""

from shared.lifecycle import Hears, Lifecycle, Move, MoveNotAllowed, Reaction, State

__all__ = ["LIFECYCLE", "Hears", "Lifecycle", "Move", "MoveNotAllowed", "Reaction", "State"]

SUBMITTED = State(1, "submitted", "Mới đăng ký", "Newly submitted", "not started")
RECEIVED = State(2, "received", "Được tiếp nhận", "Received", "runs")
REFUSED = State(3, "refused_at_reception", "Không được tiếp nhận", "Refused at reception", "none")
IN_PROCESSING = State(4, "in_processing", "Đang xử lý", "In processing", "runs")
SUPPLEMENT = State(5, "supplement_requested", "Yêu cầu bổ sung giấy tờ", "Supplement requested", "paused")
FINANCIAL_OBLIGATION = State(
    6, "financial_obligation", "Yêu cầu thực hiện nghĩa vụ tài chính", "Financial obligation due", "paused"
)
WITHDRAWN = State(7, "withdrawn", "Công dân yêu cầu rút hồ sơ", "Withdrawn by the citizen", "stopped")
STOPPED = State(8, "processing_stopped", "Dừng xử lý", "Processing stopped", "stopped")
RESULT_READY = State(9, "result_ready", "Đã xử lý xong", "Result ready", "stopped")
RESULT_RETURNED = State(10, "result_returned", "Đã trả kết quả", "Result returned", "stopped")

# who
CITIZEN = "citizen"
PORTAL = "portal"
RECEPTION = "reception"  # one-stop official: checks, receives, takes money, returns
HANDLER = "handler"  # case handler in the competent unit
OFFICIALS = (RECEPTION, HANDLER)
PROVINCE = "province"  # the procedure system, as reader of what the portal says

# does
RECEIVE = "receive"
REFUSE = "refuse"
DEMAND_FEE = "demand_fee"
TAKE_PAYMENT = "take_payment"
WAIVE_FEE = "waive_fee"
HAND_OVER = "hand_over"
REQUEST_SUPPLEMENT = "request_supplement"
START = "start"
RESUME = "resume"
RESCHEDULE = "reschedule"
FINISH = "finish"
RETURN = "return"
REJECT = "reject"
STOP = "stop"
GRANT_WITHDRAWAL = "grant_withdrawal"
DECLINE_WITHDRAWAL = "decline_withdrawal"
ASK_WITHDRAWAL = "ask_withdrawal"
ANSWER_SUPPLEMENT = "answer_supplement"
PAY = "pay"
RATE = "rate"

VERBS_VI = {
    RECEIVE: "tiếp nhận",
    REFUSE: "từ chối tiếp nhận",
    DEMAND_FEE: "yêu cầu nghĩa vụ tài chính",
    TAKE_PAYMENT: "thu tiền tại cơ quan",
    WAIVE_FEE: "miễn, bỏ khoản phải nộp",
    HAND_OVER: "chuyển hồ sơ",
    REQUEST_SUPPLEMENT: "yêu cầu bổ sung",
    START: "bắt đầu xử lý",
    RESUME: "tiếp tục xử lý",
    RESCHEDULE: "xin lỗi, hẹn lại ngày trả",
    FINISH: "hoàn thành xử lý",
    RETURN: "trả kết quả",
    REJECT: "từ chối giải quyết",
    STOP: "dừng xử lý",
    GRANT_WITHDRAWAL: "đồng ý cho rút",
    DECLINE_WITHDRAWAL: "không đồng ý cho rút",
    ASK_WITHDRAWAL: "yêu cầu rút hồ sơ",
    ANSWER_SUPPLEMENT: "nộp bổ sung",
    PAY: "thanh toán",
    RATE: "đánh giá",
}

# event
DOSSIER_SUBMITTED = "dossier.submitted.v1"
DOSSIER_REGISTERED = "dossier.registered.v1"
WITHDRAWAL_REQUESTED = "dossier.withdrawal_requested.v1"
SUPPLEMENT_ANSWERED = "dossier.supplement_answered.v1"
DOSSIER_RATED = "dossier.rated.v1"
PAYMENT_CONFIRMED = "payment.confirmed.v1"
PAYMENT_REFUNDED = "payment.refunded.v1"
DOSSIER_RECEIVED = "dossier.received.v1"
DOSSIER_REFUSED = "dossier.refused.v1"
DOSSIER_HANDED_OVER = "dossier.handed_over.v1"
SUPPLEMENT_REQUESTED = "dossier.supplement_requested.v1"
FEE_DEMANDED = "dossier.fee_demanded.v1"
FEE_PAID = "dossier.fee_paid.v1"
FEE_WAIVED = "dossier.fee_waived.v1"
PROCESSING_STARTED = "dossier.processing_started.v1"
PROCESSING_RESUMED = "dossier.processing_resumed.v1"
DOSSIER_RESCHEDULED = "dossier.rescheduled.v1"
DOSSIER_RESULT_READY = "dossier.result_ready.v1"
DOSSIER_RESULT_RETURNED = "dossier.result_returned.v1"
DOSSIER_REJECTED = "dossier.rejected.v1"
DOSSIER_STOPPED = "dossier.stopped.v1"
DOSSIER_WITHDRAWN = "dossier.withdrawn.v1"
WITHDRAWAL_DECLINED = "dossier.withdrawal_declined.v1"
PLATFORM_CONFIRMATION = "payment-platform confirmation"  # the platform's signed HTTP call, no event of ours

TOLD_BY_PROVINCE = (
    DOSSIER_RECEIVED,
    DOSSIER_REFUSED,
    DOSSIER_HANDED_OVER,
    SUPPLEMENT_REQUESTED,
    FEE_DEMANDED,
    FEE_PAID,
    FEE_WAIVED,
    PROCESSING_STARTED,
    PROCESSING_RESUMED,
    DOSSIER_RESCHEDULED,
    DOSSIER_RESULT_READY,
    DOSSIER_RESULT_RETURNED,
    DOSSIER_REJECTED,
    DOSSIER_STOPPED,
    DOSSIER_WITHDRAWN,
)

# when
UNDECIDED = (SUBMITTED, RECEIVED, IN_PROCESSING, SUPPLEMENT, FINANCIAL_OBLIGATION)  # a withdrawal can be granted
DECIDED = (RESULT_READY, RESULT_RETURNED)
ENDED_WITHOUT_RESULT = (REFUSED, WITHDRAWN, STOPPED)
FINAL = (*ENDED_WITHOUT_RESULT, RESULT_RETURNED)
EVERY = (*UNDECIDED, *DECIDED, *ENDED_WITHOUT_RESULT)
ASKABLE = (*UNDECIDED, RESULT_READY)
MAY_OWE = (SUPPLEMENT, FINANCIAL_OBLIGATION, RESULT_READY)  # the three moments of a fee: supplement, reception, result
RATABLE = (RESULT_RETURNED, REFUSED, STOPPED)


def _but(*left_out: State) -> tuple[State, ...]:
    return tuple(state for state in EVERY if state not in left_out)


# law
RECEIPT = "ND 61/2018 art. 17; form 01 of TT 03/2025"
REFUSAL = "ND 61/2018 art. 17; form 03 of TT 03/2025"
LATER_REFUSAL = "ND 61/2018 art. 19.8; form 03 of TT 03/2025"
SUPPLEMENT_AT_DESK = "ND 61/2018 art. 17, once and completely: art. 15.3; form 02 of TT 03/2025"
SUPPLEMENT_LATER = "ND 61/2018 art. 19.4: within 3 working days, the limit runs anew; form 02 of TT 03/2025"
SECOND_REQUEST = "against ND 61/2018 art. 15.3 (once); QĐ 766/2022 counts it as overdue"
FEES = "ND 61/2018 art. 22; that the clock pauses is system practice"
WAIVING = "exempt by the rules of the fee: unverified; that a demand can be cancelled is system practice"
FORWARDING = "ND 61/2018 art. 18: the same working day, received after 15:00 the next"
HANDLING = "ND 61/2018 art. 19"
APOLOGY = "ND 61/2018 art. 19.9: once, at the latest 1 day before expiry; form 04 of TT 03/2025"
RETURNING = "ND 61/2018 art. 20"
STOPPING = "form 05 of TT 03/2025; article unverified"
WITHDRAWAL = "form 05 of TT 03/2025; article unverified"
RATING = "ND 61/2018 arts. 27-32; TT 01/2018/TT-VPCP art. 13: nine indicators"

# note
FREE = "when no fee is due"
PAID = "only when the fee is paid"
ANSWERED = "only when the citizen has answered, or brought the papers to the desk"
FIRST_TIME = "only before it was ever received"
AGAIN = "only after it was received"
REPAY = "what was paid is given back, as far as the event says (compensate)"
TOLD = "the event is told once the platform has confirmed the payment"
CORRECTED = "a corrected demand takes the place of the open one"
AT_DESK = "at the counter or by transfer; a payment online at the same time is given back"
EXEMPT = "the payer is exempt, or the demand was a mistake; what was paid online for it is given back"
CLOSED = "a result exists; the answer can only be to decline"
ELSEWHERE = "when another unit than the competent one received it"
OVERDUE = "a second request: the dossier counts as overdue"
TAX = "such as the tax office's notice in a land case"

LIFECYCLE = Lifecycle(
    #    when                  who        does                then                  event                law        note
    # Reception
    Move(SUBMITTED,            RECEPTION, RECEIVE,            RECEIVED,             DOSSIER_RECEIVED,     RECEIPT),
    Move(SUBMITTED,            RECEPTION, REFUSE,             REFUSED,              DOSSIER_REFUSED,      REFUSAL, REPAY),
    Move(SUBMITTED,            RECEPTION, REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED,
         SUPPLEMENT_AT_DESK),
    Move(SUBMITTED,            RECEPTION, DEMAND_FEE,         FINANCIAL_OBLIGATION, FEE_DEMANDED,         FEES),
    Move(SUPPLEMENT,           RECEPTION, RECEIVE,            RECEIVED,             DOSSIER_RECEIVED,     RECEIPT,
         f"{ANSWERED}; {FIRST_TIME}"),
    Move(FINANCIAL_OBLIGATION, RECEPTION, RECEIVE,            RECEIVED,             DOSSIER_RECEIVED,     RECEIPT,
         f"{PAID}; {FIRST_TIME}"),
    Move(RECEIVED,             RECEPTION, DEMAND_FEE,         FINANCIAL_OBLIGATION, FEE_DEMANDED,         FEES),
    *(Move(at, RECEPTION, HAND_OVER, at, DOSSIER_HANDED_OVER, FORWARDING, ELSEWHERE)
      for at in (RECEIVED, FINANCIAL_OBLIGATION)),

    # Handling
    Move(RECEIVED,             HANDLER,   START,              IN_PROCESSING,        PROCESSING_STARTED,   FORWARDING, FREE),
    Move(FINANCIAL_OBLIGATION, HANDLER,   START,              IN_PROCESSING,        PROCESSING_STARTED,   FORWARDING, PAID),
    Move(IN_PROCESSING,        HANDLER,   DEMAND_FEE,         FINANCIAL_OBLIGATION, FEE_DEMANDED,         FEES, TAX),
    Move(FINANCIAL_OBLIGATION, HANDLER,   RESUME,             IN_PROCESSING,        PROCESSING_RESUMED,   FEES,
         f"{PAID}; after processing had started"),
    Move(RECEIVED,             HANDLER,   REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED, SUPPLEMENT_LATER),
    Move(IN_PROCESSING,        HANDLER,   REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED, SUPPLEMENT_LATER),
    Move(SUPPLEMENT,           HANDLER,   RESUME,             IN_PROCESSING,        PROCESSING_RESUMED,   SUPPLEMENT_LATER,
         f"{ANSWERED}; {AGAIN}"),
    Move(RECEIVED,             HANDLER,   RESCHEDULE,         RECEIVED,             DOSSIER_RESCHEDULED,  APOLOGY),
    Move(IN_PROCESSING,        HANDLER,   RESCHEDULE,         IN_PROCESSING,        DOSSIER_RESCHEDULED,  APOLOGY),
    Move(IN_PROCESSING,        HANDLER,   FINISH,             RESULT_READY,         DOSSIER_RESULT_READY, HANDLING),
    Move(RESULT_READY,         RECEPTION, RETURN,             RESULT_RETURNED,      DOSSIER_RESULT_RETURNED, RETURNING, FREE),

    # Ends without a result
    *(Move(at, HANDLER,   REJECT, STOPPED, DOSSIER_REJECTED, LATER_REFUSAL, REPAY) for at in (RECEIVED, IN_PROCESSING)),
    *(Move(at, HANDLER,   STOP,   STOPPED, DOSSIER_STOPPED,  STOPPING,      REPAY) for at in (RECEIVED, IN_PROCESSING)),
    *(Move(at, RECEPTION, STOP,   STOPPED, DOSSIER_STOPPED,  STOPPING,      REPAY)
      for at in (SUPPLEMENT, FINANCIAL_OBLIGATION)),

    # Supplement
    Move(SUPPLEMENT,           CITIZEN,   ANSWER_SUPPLEMENT,  SUPPLEMENT,           SUPPLEMENT_ANSWERED,
         SUPPLEMENT_AT_DESK),
    Move(SUPPLEMENT,           RECEPTION, REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED, SECOND_REQUEST,
         OVERDUE),

    # Money: demanded at reception, with a supplement, or at the result
    *(Move(at, RECEPTION, DEMAND_FEE,   at, FEE_DEMANDED,      FEES, CORRECTED) for at in MAY_OWE),
    *(Move(at, CITIZEN,   PAY,          at, PAYMENT_CONFIRMED, FEES, TOLD) for at in MAY_OWE),
    *(Move(at, RECEPTION, TAKE_PAYMENT, at, FEE_PAID,          FEES, AT_DESK) for at in MAY_OWE),
    *(Move(at, RECEPTION, WAIVE_FEE,    at, FEE_WAIVED,        WAIVING, EXEMPT) for at in MAY_OWE),

    # The citizen only asks; the province answers.
    *(Move(at, CITIZEN,   ASK_WITHDRAWAL,     at,        WITHDRAWAL_REQUESTED, WITHDRAWAL) for at in ASKABLE),
    *(Move(at, RECEPTION, GRANT_WITHDRAWAL,   WITHDRAWN, DOSSIER_WITHDRAWN,    WITHDRAWAL, REPAY) for at in UNDECIDED),
    *(Move(at, RECEPTION, DECLINE_WITHDRAWAL, at,        WITHDRAWAL_DECLINED,  WITHDRAWAL) for at in UNDECIDED),
    *(Move(at, RECEPTION, DECLINE_WITHDRAWAL, at,        WITHDRAWAL_DECLINED,  WITHDRAWAL, CLOSED) for at in DECIDED),

    # Rating
    *(Move(at, CITIZEN, RATE, at, DOSSIER_RATED, RATING, "once") for at in RATABLE),

    # What the province hears from the portal.
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, UNDECIDED, Reaction.ANSWER, "granted or declined"),
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, DECIDED, Reaction.ANSWER, CLOSED),
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, ENDED_WITHOUT_RESULT, Reaction.LATE, "already ended without a result"),
    Hears(PROVINCE, SUPPLEMENT_ANSWERED, _but(SUBMITTED, SUPPLEMENT), Reaction.LATE,
          "the desk went on without it: papers brought to the counter, stopped, or withdrawn"),
    Hears(PROVINCE, PAYMENT_CONFIRMED, _but(*MAY_OWE), Reaction.LATE, "nothing waits for it; the portal gives it back"),
    Hears(PROVINCE, PAYMENT_REFUNDED, EVERY, Reaction.APPLY, "noted; no state changes"),

    # What the portal hears from the province.
    *(Hears(PORTAL, event, FINAL, Reaction.LATE, "the dossier has ended") for event in TOLD_BY_PROVINCE),
    Hears(PORTAL, WITHDRAWAL_DECLINED, EVERY, Reaction.APPLY, "noted; no state changes"),

    # What the portal hears from the payment platform, over signed HTTP.
    Hears(PORTAL, PLATFORM_CONFIRMATION, MAY_OWE, Reaction.APPLY,
          "told as payment.confirmed.v1; what no open demand waits for is refunded all the same"),
    Hears(PORTAL, PLATFORM_CONFIRMATION, _but(*MAY_OWE), Reaction.COMPENSATE,
          "paid too late, or twice: refunded once, told as payment.refunded.v1"),
    begins=SUBMITTED,
    begun_by=(DOSSIER_SUBMITTED, DOSSIER_REGISTERED),
    verbs_vi=VERBS_VI,
)  # fmt: skip
