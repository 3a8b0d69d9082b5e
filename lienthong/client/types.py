"""What services answer and what a new sandbox takes, generated from openapi/ by `make contracts`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class Adapter(TypedDict):
    """How the adapter API answers a province: a profile, and what is otherwise than in it (contracts/legacy/profiles.toml)."""

    profile: NotRequired[str]
    error_code: NotRequired[int | str | None]
    done: NotRequired[str | None]
    exists: NotRequired[str | None]
    session_minutes: NotRequired[int | None]
    latency_ms: NotRequired[int | None]
    group_id: NotRequired[int | None]


class Cause(TypedDict):
    """Why nothing happens; `mend_en` and `mend_vi` say how to fix it."""

    name: str
    sentence_en: str
    sentence_vi: str
    mend_en: str
    mend_vi: str
    facts: dict[str, Any]


class Child1(TypedDict):
    """An invented child under 14, for whom a parent acts. A text instead of an object is its name."""

    name: str


Child: TypeAlias = Child1 | str


class ConnectorRow(TypedDict):
    """
    A province's connector. Times are real time.

    `via`: its door, null if the province is not external now; `waiting`: deliveries that it has not acknowledged, the
    oldest of `waiting_since`, `given_up` of them not sent any more; `last_error`: of the last webhook; `deliveries`:
    number of the last one; `verdicts`: outcome → how many; `adapter`: only over the adapter API: its profile, and the
    members that are otherwise than in it.
    """

    province: str
    name_vi: str
    name_en: str
    via: str | None
    url: str | None
    gate: str | None
    adapter: dict[str, Any] | None
    has_key: bool
    heard_at: str | None
    said_at: str | None
    waiting: int
    waiting_since: str | None
    given_up: int
    last_error: str
    deliveries: int
    verdicts: dict[str, int]


class DeliveryAttempt(TypedDict):
    """
    One request to a webhook's receiver.

    `at`: sandbox time, `real_at`: real time; `status` of the answer, null without one; `error`: "" if it was taken;
    `head`: the beginning of the answer.
    """

    attempt: int
    at: str
    real_at: str
    status: int | None
    error: str
    milliseconds: int
    head: str


Event: TypeAlias = Literal[
    "dossier.fee_demanded.v1",
    "dossier.fee_paid.v1",
    "dossier.fee_waived.v1",
    "dossier.handed_over.v1",
    "dossier.processing_resumed.v1",
    "dossier.processing_started.v1",
    "dossier.rated.v1",
    "dossier.received.v1",
    "dossier.refused.v1",
    "dossier.registered.v1",
    "dossier.rejected.v1",
    "dossier.rescheduled.v1",
    "dossier.result_ready.v1",
    "dossier.result_returned.v1",
    "dossier.stopped.v1",
    "dossier.submitted.v1",
    "dossier.supplement_answered.v1",
    "dossier.supplement_requested.v1",
    "dossier.withdrawal_declined.v1",
    "dossier.withdrawal_requested.v1",
    "dossier.withdrawn.v1",
    "lane.void.v1",
    "payment.confirmed.v1",
    "payment.refunded.v1",
]


FaultName: TypeAlias = Literal[
    "http-latency",
    "http-error",
    "http-timeout",
    "http-reset",
    "http-slow-body",
    "http-truncated-body",
    "http-too-many-requests",
    "http-stale-answer",
    "token-wrong-issuer",
    "token-wrong-audience",
    "token-wrong-signature",
    "token-wrong-algorithm",
    "token-expired",
    "token-not-yet-valid",
    "token-wrong-nonce",
    "token-unknown-key",
    "token-level-too-low",
    "key-rotated",
    "code-replayed",
    "account-locked",
    "consent-refused",
    "provider-down",
    "payment-declined",
    "payment-cancelled",
    "payment-expired",
    "bank-down",
    "confirmation-late",
    "confirmation-missing",
    "confirmation-doubled",
    "confirmation-reordered",
    "confirmation-contradicting",
    "confirmation-wrong-amount",
    "confirmation-wrong-signature",
    "success-without-return",
    "return-without-success",
    "refund-refused",
    "officers-silent",
    "officers-slow",
    "officers-answer-late",
    "overdue-without-apology",
    "second-supplement-request",
    "refusal-without-reason",
    "delivery-doubled",
    "delivery-late",
    "delivery-reordered-across-dossiers",
    "delivery-reordered-within-dossier",
    "delivery-gap",
    "delivery-held",
    "delivery-bad-signature",
    "delivery-expired-timestamp",
    "delivery-other-mode",
    "delivery-unknown-field",
    "delivery-newer-type",
    "delivery-connection-cut",
    "credential-revoked",
    "verdict-late",
    "adapter-session-expired",
    "adapter-login-refused",
    "adapter-slow",
    "adapter-401",
    "adapter-500",
    "adapter-byte-order-mark",
    "adapter-pretty-printed",
    "adapter-other-error-code",
    "adapter-exists-already",
    "adapter-without-the-words",
    "adapter-other-result",
    "adapter-cut-off",
    "adapter-pushed-twice",
]


class FeeItem(TypedDict):
    """`kind`: service_fee (phí), registration_fee (lệ phí), tax."""

    kind: str
    name: str
    amount_dong: int


class FeeItemBody(TypedDict):
    kind: str
    name: str
    amount_dong: int


class Fired(TypedDict):
    """A timer that fired. `at` is the time for which it was set, `subject` usually a dossier code."""

    at: str
    service: str
    kind: str
    subject: str


class Limit(TypedDict):
    """The limit in force at reception; `count` and `pause` say how it is counted."""

    value: float
    unit: str
    count: str | None
    pause: str | None


Move: TypeAlias = Literal[
    "decline_withdrawal",
    "demand_fee",
    "finish",
    "grant_withdrawal",
    "hand_over",
    "receive",
    "refuse",
    "reject",
    "request_supplement",
    "reschedule",
    "resume",
    "return",
    "start",
    "stop",
    "take_payment",
    "waive_fee",
]


class News(TypedDict):
    """The number of timeline entries, whether the dossier has ended, and the main reason why nothing happens to it."""

    entries: int
    ended: bool
    now: str
    cause: Cause


class Organisation(TypedDict):
    """An invented organisation. Its tax code is drawn from the seed and its key."""

    name: str


class OwnPerson(TypedDict):
    """An invented adult who can sign in. The number is drawn from the seed; so is the birthday if none is given."""

    name: str
    sex: str
    born_on: NotRequired[str | None]
    level: NotRequired[int]
    represents: NotRequired[list[str]]
    children: NotRequired[list[Child]]


class Owner(TypedDict):
    kind: str
    id: str
    name: str


class Paper(TypedDict):
    """A paper of the dossier. `digitisation`: 0 not, 1 digitised, 2 reused paper, 3 reused result."""

    component: str
    form: str
    digitisation: int
    name: str | None
    media_type: str | None
    size: int | None
    sha256: str | None


class Place(TypedDict):
    """Of a commune, or of the province itself (commune null)."""

    province: str
    commune: str | None


class ProvinceFeeItem(TypedDict):
    """`kind`: service_fee (phí), registration_fee (lệ phí), tax."""

    kind: str
    name: str
    amount_dong: int


class ProvinceKafka(TypedDict):
    """
    What a connector over Kafka signs in with, and the names that it uses.

    The names of its consumer groups begin with `group_prefix`. `is_open` false: the broker does not reply now; the user can
    sign in as soon as it does. `security_protocol` is then empty, if the door was never open.
    """

    bootstrap: str
    security_protocol: str
    mechanism: str
    user: str
    password: str
    inbox: str
    outbox: str
    verdicts: str
    group_prefix: str
    is_open: bool


class ProvinceLegacy(TypedDict):
    """
    What a client of the adapter API is configured with: one base URL, and endpoints that it appends.

    `wrapper`: base for clients that send bare arrays without a session; who knows it needs no password. `agency`: `madonvi`.
    """

    base: str
    login: str
    share: str
    integration: str
    wrapper: str
    username: str
    password: str
    agency: str


class ProvinceLimit(TypedDict):
    value: float
    unit: str
    count: str
    pause: str


class ProvinceMode(TypedDict):
    """
    `set_for`: where the mode is set: for the province itself, for `*`, or nowhere (null).

    `adapter`: only over the adapter API: its profile, and the members that are otherwise than in it.
    """

    province: str
    name_vi: str
    name_en: str
    mode: str
    tempo: str | None
    decisions: dict[str, Any] | None
    via: str | None
    url: str | None
    content_mode: str | None
    gate: str | None
    adapter: dict[str, Any] | None
    set_for: str | None


class ProvincePlace(TypedDict):
    """Of a commune, or of the province itself (commune null)."""

    province: str
    commune: str | None


class ProvincePrepayment(TypedDict):
    """What the province was paid as a partner of the payment platform; `transaction`: MaGiaoDich."""

    transaction: str
    amount_dong: int


class ProvinceSupplement(TypedDict):
    number: int
    requested_at: str
    answer_by: str
    answered_at: str | None


class Reading(TypedDict):
    """The time of a clock. `rate` is sandbox seconds per real second; 0 is frozen."""

    now: str
    rate: float


class Receipt(TypedDict):
    """A receipt; phí and lệ phí have separate ones. Numbers have no gaps within a series."""

    kind: str
    series: str
    number: int
    amount_dong: int


class RedrivenLetter(TypedDict):
    """
    What became of a dead letter.

    outcome  applied; released: a timer, which fires again by itself; failed: it, or an older event of its dossier, could
             not be applied again; gone: it was redriven before
    applied  events of its dossier that were applied now, with those that waited behind it; of several letters of a dossier
             in one answer, the first that was applied has them all, and the others have 0
    reason, detail  of the dead letter, if it failed; else null
    """

    id: int
    subject: str
    kind: str
    outcome: str
    applied: int
    reason: str | None
    detail: str | None


class Result(TypedDict):
    """`timeliness`: early, on_time, overdue."""

    number: str
    ready_at: str
    on_time: bool
    timeliness: str | None
    returned_at: str | None
    returned_by: str | None


RuleBody = TypedDict(
    "RuleBody",
    {
        "fault": FaultName,
        "id": NotRequired[str | None],
        "match": NotRequired[dict[str, str]],
        "with": NotRequired[dict[str, Any]],
        "nth": NotRequired[int | None],
        "times": NotRequired[int | None],
        "probability": NotRequired[float | None],
        "from": NotRequired[str | None],
        "until": NotRequired[str | None],
    },
)


class SandboxRow(TypedDict):
    """
    `issuer` and `oidc_client` are for signing people in to this sandbox; `api_key` selects it, as X-Sandbox does.

    `people` and `organisations` are those of this sandbox only, with every default filled in. `lagging` names the
    services that do not have the sandbox yet.
    """

    id: str
    name: str
    seed: str
    rate: float
    now: str
    created_at: str
    begins_at: str | None
    expires_at: str | None
    api_key: str
    oidc_client: str
    issuer: str
    people: dict[str, dict[str, Any]]
    organisations: dict[str, dict[str, Any]]
    lagging: list[str]


State: TypeAlias = Literal[
    "submitted",
    "received",
    "refused_at_reception",
    "in_processing",
    "supplement_requested",
    "financial_obligation",
    "withdrawn",
    "processing_stopped",
    "result_ready",
    "result_returned",
]


class Status(TypedDict):
    code: int
    slug: State
    name_vi: str
    name_en: str


class Step(TypedDict):
    """
    One move outside the normal path: made as soon as the lifecycle allows it, or in the state `at`.

    after_days  working days to wait before it
    """

    does: Move
    reason: NotRequired[str | None]
    items: NotRequired[list[str]]
    fee: NotRequired[list[FeeItemBody]]
    notice_number: NotRequired[str | None]
    days: NotRequired[int | None]
    answer_days: NotRequired[int | None]
    refund_dong: NotRequired[int | None]
    amount_dong: NotRequired[int | None]
    method: NotRequired[str]
    channel: NotRequired[str | None]
    at_desk: NotRequired[bool]
    at: NotRequired[State | None]
    after_days: NotRequired[float]


class Supplement(TypedDict):
    """A request to hand in what is missing; a second request counts as overdue."""

    number: int
    reason: str
    items: list[str]
    answer_by: str
    answered_at: str | None
    counts_as_overdue: bool


class Waiting(TypedDict):
    name: str
    service: str
    detail: str


class Credentials(TypedDict):
    """
    What a connector needs. Key and secret are shown only here; those before are valid until `previous_key_until` (real time).

    `secret`: verifies the signatures of webhooks, null for another door. `kafka` and `legacy` are null behind the other
    doors; the password over Kafka replaces the one before.
    """

    sandbox: str
    province: str
    key: str
    secret: str | None
    previous_key_until: str | None
    events: str
    check: str
    verdicts: str
    kafka: ProvinceKafka | None
    legacy: ProvinceLegacy | None


class Decisions(TypedDict):
    """The decisions of the officers, instead of decisions drawn from the seed."""

    reception: NotRequired[str | None]
    reason: NotRequired[str | None]
    processing_days: NotRequired[float | None]
    withdrawal: NotRequired[str]
    fee_moment: NotRequired[str]
    steps: NotRequired[list[Step]]


class Delivery(TypedDict):
    """
    One event for a connector.

    `at`: when it happened, in sandbox time; `real_at`, `acknowledged_at`, `given_up_at`: real time; `attempts`: how many were
    made by webhook, the last 20 in `log`; `next_try`: sandbox time of the next one, null for now or never; `waits_for`: why a
    reverse call is not told at the door of the connector, null if it is.
    """

    number: int
    id: str
    type: str
    dossier: str
    at: str
    real_at: str
    state: str
    acknowledged_at: str | None
    attempts: int
    next_try: str | None
    given_up_at: str | None
    waits_for: str | None
    log: list[DeliveryAttempt]


class Entry(TypedDict):
    """
    One line of a timeline. `at` is sandbox time, `real_at` real time.

    Only an event that was published or applied has `event` and `version`, and perhaps `status`: the state that it leads to.
    """

    at: str
    real_at: str
    service: str
    kind: str
    text_vi: str
    text_en: str
    data: dict[str, Any]
    event: NotRequired[Event | None]
    version: NotRequired[int | None]
    status: NotRequired[int | None]


class Fee(TypedDict):
    """
    One demand. `status`: due, paid, refund_pending, partly_refunded, refunded; superseded by a correction, waived by
    the office, or lapsed because the dossier ended before it was paid. `paid_by`: online, counter, transfer.
    `refunded_dong` counts every payment for this demand, so it can exceed the demand if it was paid twice.
    """

    demand: int
    amount_dong: int
    moment: str
    items: list[FeeItem]
    status: str
    waived_because: str | None
    pay_by: str | None
    paid_by: str | None
    reference: str | None
    refunded_dong: int
    receipts: list[Receipt]


class Mode(TypedDict):
    """
    How a province acts: simulated officers, manual, or external, where an integrator's connector decides.

    tempo      only simulated; default working_clock
    decisions  only for the tempo scripted
    via        only external, needed there: the door through which the connector is told
    url        via webhook, needed there: the address of the connector; via legacy: that of its reverse calls
    content_mode  only via webhook: how a CloudEvent is sent; default structured
    gate       only external; default strict, over the adapter API lenient
    adapter    only via legacy: how the adapter API answers
    """

    mode: str
    tempo: NotRequired[str | None]
    decisions: NotRequired[Decisions | None]
    via: NotRequired[str | None]
    url: NotRequired[str | None]
    content_mode: NotRequired[str | None]
    gate: NotRequired[str | None]
    adapter: NotRequired[Adapter | None]


class ProvinceDemand(TypedDict):
    """A demanded fee; `status` is due, paid, waived or superseded."""

    number: int
    moment: str
    amount_dong: int
    items: list[ProvinceFeeItem]
    pay_by: str
    status: str
    paid_by: str | None


class ProvinceStatus(TypedDict):
    code: int
    slug: State
    name_vi: str
    name_en: str


class Verdict(TypedDict):
    """
    The result of `settle`: still, waiting or held; and what the sandbox waits for.

    `proof_of_absence`: nothing happens before the clock moves; never while a connector can still speak.
    """

    verdict: str
    proof_of_absence: bool
    next_due: str | None
    waiting_for: list[Waiting]


class Wish(TypedDict):
    """
    All optional. `rate` is sandbox seconds per real second; 0 is frozen. The default `start` is drawn from the seed.

    `time_to_live` is real time, such as `1h`, because a frozen clock would never reach an end.
    `people` and `organisations` exist only here, beside the six people of every sandbox; they cannot be changed later.
    `modes` (by province, or `*` for all others) and `faults` apply from the start; the form is that of their endpoints.
    """

    organisations: NotRequired[dict[str, Organisation] | None]
    people: NotRequired[dict[str, OwnPerson] | None]
    seed: NotRequired[str | None]
    name: NotRequired[str | None]
    start: NotRequired[str | None]
    rate: NotRequired[float | None]
    time_to_live: NotRequired[str | None]
    modes: NotRequired[dict[str, Mode] | None]
    faults: NotRequired[list[RuleBody] | None]


class Advance(TypedDict):
    """The time after the advance, and what fired, in order."""

    now: str
    fired: list[Fired]
    verdict: Verdict


class Arrival(TypedDict):
    """
    `verdict`: there (published and applied), absent (it cannot come any more), unknown (no service knows the
    dossier), not-before, held, waiting.
    """

    verdict: str
    entry: Entry | None
    sentence_en: str
    sentence_vi: str
    not_before: str | None
    waiting_for: list[Waiting]
    cause: Cause | None


class Dossier(TypedDict):
    """The national copy of a dossier, as its citizen sees it."""

    code: str
    procedure: str
    case: str | None
    version: str | None
    channel: str
    applicant: str
    reception: Place | None
    help_at: Place | None
    status: Status
    submitted_at: str
    received_at: str | None
    handed_over_at: str | None
    due_at: str | None
    paid_dong: int
    refunded_dong: int
    return_by: str | None
    reason: str | None
    can: list[str]
    authority: Place
    filed_under: Place | None
    capacity: str
    owner: Owner | None
    limit: Limit | None
    apologised_at: str | None
    supplements: list[Supplement]
    fee: Fee | None
    demands: list[Fee]
    withdrawal: str
    result: Result | None
    papers: list[Paper]
    note: str | None
    rating: dict[str, int] | None


class ProvinceDossier(TypedDict):
    """
    A province's copy of a dossier.

    `can`: the moves that officials may make now; `needs`: the name of a fact that a move in `can` needs;
    `planned`: the next action of simulated officers; `prepaid`: payments that have met no demand, as none had their amount.
    """

    code: str
    procedure: str
    case: str | None
    version: str | None
    channel: str
    applicant: str
    reception: ProvincePlace | None
    help_at: ProvincePlace | None
    status: ProvinceStatus
    submitted_at: str
    received_at: str | None
    handed_over_at: str | None
    due_at: str | None
    paid_dong: int
    refunded_dong: int
    return_by: str | None
    reason: str | None
    can: list[Move]
    province: str
    commune: str | None
    owner: str | None
    started_at: str | None
    limit: ProvinceLimit | None
    rescheduled: bool
    supplements: list[ProvinceSupplement]
    fee_dong: int | None
    demands: list[ProvinceDemand]
    paid: bool
    prepaid: list[ProvincePrepayment]
    papers: int
    withdrawal_asked: bool
    result_number: str | None
    rated: int | None
    planned: str | None
    needs: dict[str, str]


class BatchOutcome(TypedDict):
    """`pointer`: of the item in the request; `key`: null if it has none that fits; `problem`: as the single request has it."""

    pointer: str
    key: str | None
    outcome: str
    dossier: NotRequired[ProvinceDossier | None]
    problem: NotRequired[dict[str, Any] | None]


class Batch(TypedDict):
    """How many items have each outcome, and the outcomes in the order of the items."""

    accepted: int
    already_known: int
    refused: int
    outcomes: list[BatchOutcome]
