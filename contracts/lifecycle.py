"""The one table of what may happen to a dossier, read by portal and province alike.

Codes and names of the states are found facts; the moves between them are our proposal (unverified), and so is
the assumption that Decree 118/2025 keeps these articles of Decree 61/2018 in substance.
"""

from dataclasses import dataclass

from contracts.texts import TEXTS, sentence
from shared.lifecycle import Hears, Lifecycle, Move, MoveNotAllowed, Need, Reaction, State

__all__ = ["LIFECYCLE", "Hears", "Lifecycle", "Move", "MoveNotAllowed", "Need", "Reaction", "State"]


def _state(code: int, slug: str, clock: str) -> State:
    return State(code, slug, *TEXTS[f"state.{slug}"], clock)


SUBMITTED = _state(1, "submitted", "not started")
RECEIVED = _state(2, "received", "runs")
REFUSED = _state(3, "refused_at_reception", "none")
IN_PROCESSING = _state(4, "in_processing", "runs")
SUPPLEMENT = _state(5, "supplement_requested", "paused")
FINANCIAL_OBLIGATION = _state(6, "financial_obligation", "paused")
WITHDRAWN = _state(7, "withdrawn", "stopped")
STOPPED = _state(8, "processing_stopped", "stopped")
RESULT_READY = _state(9, "result_ready", "stopped")
RESULT_RETURNED = _state(10, "result_returned", "stopped")

# who
CITIZEN = "citizen"
PORTAL = "portal"
RECEPTION = "reception"  # one-stop official: checks, receives, takes money, returns
HANDLER = "handler"  # case handler in the competent unit
OFFICIALS = (RECEPTION, HANDLER)
PROVINCE = "province"  # the procedure system: reads what the portal publishes, and publishes what officials did

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

VERBS_VI = {key.removeprefix("verb."): vi for key, (vi, _) in TEXTS.items() if key.startswith("verb.")}

# event


@dataclass(frozen=True, slots=True)
class Event:
    """An event type: who publishes it, and what a timeline says of it. Its body: `events/*.json`, by its name."""

    publisher: str
    text_vi: str
    text_en: str


# By name, such as dossier.submitted.v1. Every other list of event types is computed from this one.
EVENTS: dict[str, Event] = {}


def _event(publisher: str, name: str) -> str:
    EVENTS[name] = Event(publisher, *TEXTS[f"event.{name}"])
    return name


DOSSIER_SUBMITTED = _event(PORTAL, "dossier.submitted.v1")
SUPPLEMENT_ANSWERED = _event(PORTAL, "dossier.supplement_answered.v1")
WITHDRAWAL_REQUESTED = _event(PORTAL, "dossier.withdrawal_requested.v1")
DOSSIER_RATED = _event(PORTAL, "dossier.rated.v1")
PAYMENT_CONFIRMED = _event(PORTAL, "payment.confirmed.v1")
PAYMENT_REFUNDED = _event(PORTAL, "payment.refunded.v1")
DOSSIER_REGISTERED = _event(PROVINCE, "dossier.registered.v1")
DOSSIER_RECEIVED = _event(PROVINCE, "dossier.received.v1")
DOSSIER_REFUSED = _event(PROVINCE, "dossier.refused.v1")
DOSSIER_HANDED_OVER = _event(PROVINCE, "dossier.handed_over.v1")
SUPPLEMENT_REQUESTED = _event(PROVINCE, "dossier.supplement_requested.v1")
FEE_DEMANDED = _event(PROVINCE, "dossier.fee_demanded.v1")
FEE_PAID = _event(PROVINCE, "dossier.fee_paid.v1")
FEE_WAIVED = _event(PROVINCE, "dossier.fee_waived.v1")
PROCESSING_STARTED = _event(PROVINCE, "dossier.processing_started.v1")
PROCESSING_RESUMED = _event(PROVINCE, "dossier.processing_resumed.v1")
DOSSIER_RESCHEDULED = _event(PROVINCE, "dossier.rescheduled.v1")
DOSSIER_REJECTED = _event(PROVINCE, "dossier.rejected.v1")
DOSSIER_STOPPED = _event(PROVINCE, "dossier.stopped.v1")
DOSSIER_RESULT_READY = _event(PROVINCE, "dossier.result_ready.v1")
DOSSIER_RESULT_RETURNED = _event(PROVINCE, "dossier.result_returned.v1")
DOSSIER_WITHDRAWN = _event(PROVINCE, "dossier.withdrawn.v1")
WITHDRAWAL_DECLINED = _event(PROVINCE, "dossier.withdrawal_declined.v1")
PLATFORM_CONFIRMATION = "payment-platform confirmation"  # the platform's signed HTTP call, no event of ours

BEGUN_BY = (DOSSIER_SUBMITTED, DOSSIER_REGISTERED)
NOTED = (WITHDRAWAL_DECLINED,)  # of the province: applied in every state, also after the end
FOLLOWED = tuple(
    name for name, event in EVENTS.items() if event.publisher == PROVINCE and name not in (*BEGUN_BY, *NOTED)
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
RECEIPT = sentence("law.receipt")
REFUSAL = sentence("law.refusal")
LATER_REFUSAL = sentence("law.later_refusal")
SUPPLEMENT_AT_DESK = sentence("law.supplement_at_desk")
SUPPLEMENT_LATER = sentence("law.supplement_later")
SECOND_REQUEST = sentence("law.second_request")
FEES = sentence("law.fees")
WAIVING = sentence("law.waiving")
FORWARDING = sentence("law.forwarding")
HANDLING = sentence("law.handling")
APOLOGY = sentence("law.apology")
RETURNING = sentence("law.returning")
STOPPING = sentence("law.stopping")
WITHDRAWAL = sentence("law.withdrawal")
RATING = sentence("law.rating")

# needs: what binds a move. The slugs are part of our API: the problem `not-yet` carries them as `waits_for`.
HANDED_OVER = Need(
    "hand_over",
    "what another unit received was handed over to the competent one",
    "hồ sơ tiếp nhận tại nơi khác đã được chuyển đến cơ quan có thẩm quyền",
    FORWARDING,
)
RECEIVED_ELSEWHERE = Need(
    "another place of reception",
    "its place of reception is another unit than the competent one, and it was not handed over yet",
    "nơi tiếp nhận không phải cơ quan có thẩm quyền và hồ sơ chưa được chuyển đi",
    FORWARDING,
)
RECEIVED_BEFORE = Need("reception", "it was received before", "hồ sơ đã được tiếp nhận", RECEIPT)
NEVER_RECEIVED = Need("resume", "it was never received before", "hồ sơ chưa từng được tiếp nhận", RECEIPT)
STARTED_BEFORE = Need("start", "processing had started before", "hồ sơ đã được bắt đầu xử lý", HANDLING)
NEVER_STARTED = Need("resume", "processing never started before", "hồ sơ chưa từng được bắt đầu xử lý", HANDLING)
PAYMENT = Need("payment", "no fee is owed", "không còn khoản nào phải nộp", FEES)
OPEN_DEMAND = Need("demand", "a demanded fee is not paid yet", "có khoản phải nộp chưa được thanh toán", FEES)
KNOWN_FEE = Need(
    "fee",
    "the fee is known: from the catalogue, from the open demand, or because the official names it",
    "đã biết khoản phải nộp: theo danh mục, theo yêu cầu đang mở, hoặc do cán bộ ghi rõ",
    FEES,
    given="fee",
)
ANSWER = Need(
    "supplement",
    "the last request for a supplement is answered",
    "yêu cầu bổ sung gần nhất đã được trả lời",
    SUPPLEMENT_AT_DESK,
)
ANSWER_OR_PAPERS = Need(
    "supplement",
    "the last request for a supplement is answered, or the citizen brings the papers to the desk",
    "yêu cầu bổ sung gần nhất đã được trả lời, hoặc công dân mang giấy tờ đến bộ phận Một cửa",
    SUPPLEMENT_AT_DESK,
    given="at_desk",
)
OPEN_REQUEST = Need(
    "request",
    "a request for a supplement is not answered yet",
    "có yêu cầu bổ sung chưa được trả lời",
    SUPPLEMENT_AT_DESK,
)
TIME_TO_ANSWER = Need(
    "time_to_answer",
    "the time to answer the request has not run out",
    "chưa hết thời hạn bổ sung",
    SUPPLEMENT_AT_DESK,
)
TIME_TO_VERIFY = Need(
    "time_to_verify",
    "at most 3 working days have passed since reception, waiting not counted",
    "chưa quá 3 ngày làm việc kể từ khi tiếp nhận, không kể thời gian chờ",
    SUPPLEMENT_LATER,
)
REQUESTS_LEFT = Need(
    "requests_left",
    "fewer than nine supplements were requested: a limit of ours, the law knows one",
    "số lần yêu cầu bổ sung chưa đến chín: giới hạn của hệ thống này, luật chỉ cho một lần",
    SECOND_REQUEST,
)
FIRST_APOLOGY = Need("first_apology", "the due date was never moved before", "chưa từng hẹn lại ngày trả", APOLOGY)
TIME_TO_APOLOGISE = Need(
    "time_to_apologise",
    "at least one day is left before the due date",
    "còn ít nhất một ngày trước ngày hẹn trả",
    APOLOGY,
)
WITHDRAWAL_ASKED = Need(
    "withdrawal request",
    "a withdrawal request is not answered yet",
    "có yêu cầu rút hồ sơ chưa được trả lời",
    WITHDRAWAL,
)
NO_WITHDRAWAL_ASKED = Need(
    "withdrawal answer",
    "every withdrawal request is answered",
    "mọi yêu cầu rút hồ sơ đều đã được trả lời",
    WITHDRAWAL,
)
FIRST_RATING = Need("first_rating", "it was never rated before", "hồ sơ chưa được đánh giá", RATING)

# note
REPAY = sentence("note.repay")
PUBLISHED_LATER = sentence("note.published_later")
CORRECTED = sentence("note.corrected")
AT_DESK = sentence("note.at_desk")
EXEMPT = sentence("note.exempt")
CLOSED = sentence("note.closed")
OVERDUE = sentence("note.overdue")
TAX = sentence("note.tax")

LIFECYCLE = Lifecycle(
    #    when                  who        does                then                  event                law        needs, note
    # Reception
    Move(SUBMITTED,            RECEPTION, RECEIVE,            RECEIVED,             DOSSIER_RECEIVED,     RECEIPT),
    Move(SUBMITTED,            RECEPTION, REFUSE,             REFUSED,              DOSSIER_REFUSED,      REFUSAL, note=REPAY),
    Move(SUBMITTED,            RECEPTION, REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED, SUPPLEMENT_AT_DESK),
    Move(SUBMITTED,            RECEPTION, DEMAND_FEE,         FINANCIAL_OBLIGATION, FEE_DEMANDED,         FEES,
         needs=(KNOWN_FEE,)),
    Move(SUPPLEMENT,           RECEPTION, RECEIVE,            RECEIVED,             DOSSIER_RECEIVED,     RECEIPT,
         needs=(PAYMENT, ANSWER_OR_PAPERS, NEVER_RECEIVED)),
    Move(FINANCIAL_OBLIGATION, RECEPTION, RECEIVE,            RECEIVED,             DOSSIER_RECEIVED,     RECEIPT,
         needs=(PAYMENT, NEVER_RECEIVED)),
    Move(RECEIVED,             RECEPTION, DEMAND_FEE,         FINANCIAL_OBLIGATION, FEE_DEMANDED,         FEES,
         needs=(KNOWN_FEE,)),
    Move(RECEIVED,             RECEPTION, HAND_OVER,          RECEIVED,             DOSSIER_HANDED_OVER,  FORWARDING,
         needs=(RECEIVED_ELSEWHERE,)),
    Move(FINANCIAL_OBLIGATION, RECEPTION, HAND_OVER,          FINANCIAL_OBLIGATION, DOSSIER_HANDED_OVER,  FORWARDING,
         needs=(RECEIVED_ELSEWHERE, RECEIVED_BEFORE)),

    # Handling; out of "received" only in the competent unit
    Move(RECEIVED,             HANDLER,   START,              IN_PROCESSING,        PROCESSING_STARTED,   FORWARDING,
         needs=(HANDED_OVER,)),
    Move(FINANCIAL_OBLIGATION, HANDLER,   START,              IN_PROCESSING,        PROCESSING_STARTED,   FORWARDING,
         needs=(HANDED_OVER, PAYMENT, RECEIVED_BEFORE, NEVER_STARTED)),
    Move(IN_PROCESSING,        HANDLER,   DEMAND_FEE,         FINANCIAL_OBLIGATION, FEE_DEMANDED,         FEES,
         needs=(KNOWN_FEE,), note=TAX),
    Move(FINANCIAL_OBLIGATION, HANDLER,   RESUME,             IN_PROCESSING,        PROCESSING_RESUMED,   FEES,
         needs=(HANDED_OVER, PAYMENT, RECEIVED_BEFORE, STARTED_BEFORE)),
    Move(RECEIVED,             HANDLER,   REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED, SUPPLEMENT_LATER,
         needs=(HANDED_OVER, REQUESTS_LEFT, TIME_TO_VERIFY)),
    Move(IN_PROCESSING,        HANDLER,   REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED, SUPPLEMENT_LATER,
         needs=(REQUESTS_LEFT, TIME_TO_VERIFY)),
    Move(SUPPLEMENT,           HANDLER,   RESUME,             IN_PROCESSING,        PROCESSING_RESUMED,   SUPPLEMENT_LATER,
         needs=(PAYMENT, ANSWER_OR_PAPERS, RECEIVED_BEFORE)),
    Move(RECEIVED,             HANDLER,   RESCHEDULE,         RECEIVED,             DOSSIER_RESCHEDULED,  APOLOGY,
         needs=(HANDED_OVER, FIRST_APOLOGY, TIME_TO_APOLOGISE)),
    Move(IN_PROCESSING,        HANDLER,   RESCHEDULE,         IN_PROCESSING,        DOSSIER_RESCHEDULED,  APOLOGY,
         needs=(FIRST_APOLOGY, TIME_TO_APOLOGISE)),
    Move(IN_PROCESSING,        HANDLER,   FINISH,             RESULT_READY,         DOSSIER_RESULT_READY, HANDLING),
    Move(RESULT_READY,         RECEPTION, RETURN,             RESULT_RETURNED,      DOSSIER_RESULT_RETURNED, RETURNING,
         needs=(PAYMENT,)),

    # Ends without a result
    Move(RECEIVED,             HANDLER,   REJECT,             STOPPED,              DOSSIER_REJECTED,     LATER_REFUSAL,
         needs=(HANDED_OVER,), note=REPAY),
    Move(IN_PROCESSING,        HANDLER,   REJECT,             STOPPED,              DOSSIER_REJECTED,     LATER_REFUSAL,
         note=REPAY),
    Move(RECEIVED,             HANDLER,   STOP,               STOPPED,              DOSSIER_STOPPED,      STOPPING,
         needs=(HANDED_OVER,), note=REPAY),
    Move(IN_PROCESSING,        HANDLER,   STOP,               STOPPED,              DOSSIER_STOPPED,      STOPPING, note=REPAY),
    *(Move(at, RECEPTION, STOP, STOPPED, DOSSIER_STOPPED, STOPPING, note=REPAY) for at in (SUPPLEMENT, FINANCIAL_OBLIGATION)),

    # Supplement
    Move(SUPPLEMENT,           CITIZEN,   ANSWER_SUPPLEMENT,  SUPPLEMENT,           SUPPLEMENT_ANSWERED,  SUPPLEMENT_AT_DESK,
         needs=(OPEN_REQUEST, TIME_TO_ANSWER)),
    Move(SUPPLEMENT,           RECEPTION, REQUEST_SUPPLEMENT, SUPPLEMENT,           SUPPLEMENT_REQUESTED, SECOND_REQUEST,
         needs=(ANSWER, REQUESTS_LEFT), note=OVERDUE),

    # Money: demanded at reception, with a supplement, or at the result
    *(Move(at, RECEPTION, DEMAND_FEE,   at, FEE_DEMANDED,      FEES,    needs=(KNOWN_FEE,),   note=CORRECTED) for at in MAY_OWE),
    *(Move(at, CITIZEN,   PAY,          at, PAYMENT_CONFIRMED, FEES,    needs=(OPEN_DEMAND,), note=PUBLISHED_LATER)
      for at in MAY_OWE),
    *(Move(at, RECEPTION, TAKE_PAYMENT, at, FEE_PAID,          FEES,    needs=(OPEN_DEMAND,), note=AT_DESK) for at in MAY_OWE),
    *(Move(at, RECEPTION, WAIVE_FEE,    at, FEE_WAIVED,        WAIVING, needs=(OPEN_DEMAND,), note=EXEMPT) for at in MAY_OWE),

    # The citizen only asks; the province answers.
    *(Move(at, CITIZEN,   ASK_WITHDRAWAL,     at,        WITHDRAWAL_REQUESTED, WITHDRAWAL, needs=(NO_WITHDRAWAL_ASKED,))
      for at in ASKABLE),
    *(Move(at, RECEPTION, GRANT_WITHDRAWAL,   WITHDRAWN, DOSSIER_WITHDRAWN,    WITHDRAWAL, needs=(WITHDRAWAL_ASKED,), note=REPAY)
      for at in UNDECIDED),
    *(Move(at, RECEPTION, DECLINE_WITHDRAWAL, at,        WITHDRAWAL_DECLINED,  WITHDRAWAL, needs=(WITHDRAWAL_ASKED,))
      for at in UNDECIDED),
    *(Move(at, RECEPTION, DECLINE_WITHDRAWAL, at,        WITHDRAWAL_DECLINED,  WITHDRAWAL, needs=(WITHDRAWAL_ASKED,), note=CLOSED)
      for at in DECIDED),

    # Rating
    *(Move(at, CITIZEN, RATE, at, DOSSIER_RATED, RATING, needs=(FIRST_RATING,)) for at in RATABLE),

    # What the province hears from the portal.
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, UNDECIDED, Reaction.ANSWER, "granted or declined"),
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, DECIDED, Reaction.ANSWER, CLOSED),
    Hears(PROVINCE, WITHDRAWAL_REQUESTED, ENDED_WITHOUT_RESULT, Reaction.LATE, "already ended without a result"),
    Hears(PROVINCE, SUPPLEMENT_ANSWERED, _but(SUBMITTED, SUPPLEMENT), Reaction.LATE,
          "the desk went on without it: papers brought to the counter, stopped, or withdrawn"),
    Hears(PROVINCE, PAYMENT_CONFIRMED, _but(*MAY_OWE), Reaction.LATE, "nothing waits for it; the portal gives it back"),
    Hears(PROVINCE, PAYMENT_REFUNDED, EVERY, Reaction.APPLY, "noted; no state changes"),

    # What the portal hears from the province.
    *(Hears(PORTAL, event, FINAL, Reaction.LATE, "the dossier has ended") for event in FOLLOWED),
    *(Hears(PORTAL, event, EVERY, Reaction.APPLY, "noted; no state changes") for event in NOTED),

    # What the portal hears from the payment platform, over signed HTTP.
    Hears(PORTAL, PLATFORM_CONFIRMATION, MAY_OWE, Reaction.APPLY,
          "published as payment.confirmed.v1; a payment without an open demand is refunded nevertheless"),
    Hears(PORTAL, PLATFORM_CONFIRMATION, _but(*MAY_OWE), Reaction.COMPENSATE,
          "paid too late, or twice: refunded once, published as payment.refunded.v1"),
    begins=SUBMITTED,
    begun_by=BEGUN_BY,
    verbs_vi=VERBS_VI,
)  # fmt: skip
