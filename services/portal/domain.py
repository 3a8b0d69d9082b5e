"""The portal's rules: the national copy of a dossier, who may do what with it, and its money. Plain Python, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.catalogue import Channel
from contracts.filing import Filing, Paper
from contracts.lifecycle import LIFECYCLE, Move, Need, State
from services.portal.codes import reference_of
from shared.errors import Refusal
from shared.sandbox.clock import wire
from shared.storage.value import Value

STARTED, FAILED, PAID, REFUND_PENDING, REFUNDED = "started", "failed", "paid", "refund_pending", "refunded"
ATTEMPT_LIFE = timedelta(minutes=15)  # sandbox time; the platform closes an order after it, then a new attempt begins

# Verb of the lifecycle table → its word in `can`, in this order.
WORDS = {law.PAY: "pay", law.ANSWER_SUPPLEMENT: "supplement", law.ASK_WITHDRAWAL: "withdraw", law.RATE: "rate"}
# The nine indicators of TT 01/2018/TT-VPCP art. 13, each scored 0, 1 or 2; the English words are ours.
INDICATORS = (
    "total_time",
    "time_per_agency",
    "contacts",
    "agencies_contacted",
    "organisation",
    "publication",
    "attitude",
    "feedback",
    "online_service",
)


class DossierNotFound(Refusal):
    """This citizen has no such dossier in this sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__("Check the code, the sandbox and whose token this is.", code=code)


class FeeMismatch(Refusal):
    """The amount offered is not the fee demanded."""


class NothingToPay(Refusal):
    """No fee is due in this state."""


class AlreadyPaid(Refusal):
    """The fee of this dossier is paid."""


class WithdrawalAlreadyAsked(Refusal):
    """A withdrawal was asked for and is not answered yet."""


class WithdrawalTooLate(Refusal):
    """The result is returned; nothing is left to withdraw."""


class SupplementAlreadyAnswered(Refusal):
    """The last request is answered; the office looks at it next."""


class SupplementTooLate(Refusal):
    """The time to answer the request has run out."""


class NothingToSupplement(Refusal):
    """No supplement is asked for."""


class NotEndedYet(Refusal):
    """A dossier is rated after its end."""


class AlreadyRated(Refusal):
    """A dossier is rated once."""


class Receipt(Value, frozen=True):
    """Of one kind of item; numbered without gaps within its series."""

    kind: str
    series: str
    number: int
    amount_dong: int


class FeeItem(Value, frozen=True):
    kind: str  # "service_fee" (phí) | "registration_fee" (lệ phí) | "tax"
    name: str
    amount_dong: int


class Demand(Value, frozen=True):
    """A fee the province asks for.

    taken          how the office took the money itself: "counter" or "transfer"
    returned_dong  how much of that it gave back
    waived         why it is not asked for any longer
    """

    number: int
    amount_dong: int
    moment: str
    items: tuple[FeeItem, ...] = ()
    pay_by: datetime | None = None
    superseded: bool = False
    taken: str | None = None
    returned_dong: int = 0
    waived: str | None = None
    receipts: tuple[Receipt, ...] = ()


class Supplement(Value, frozen=True):
    """A request to hand in what is missing (form 02)."""

    number: int
    reason: str
    items: tuple[str, ...]
    answer_by: datetime
    counts_as_overdue: bool
    answered_at: datetime | None = None


class Payment(Value, frozen=True):
    """One attempt to pay; its reference is committed before the platform is called. Money in đồng, times in sandbox time.

    demand       which demand it is for
    confirmed    the how-manieth confirmation of its dossier it was; 0: not confirmed
    refund_dong  how much of it is given back, whole or part
    """

    reference: str
    amount_dong: int
    status: str
    started_at: datetime
    demand: int = 1
    transaction: str | None = None
    paid_at: datetime | None = None
    confirmed: int = 0
    receipts: tuple[Receipt, ...] = ()
    refund: str | None = None
    refund_dong: int = 0

    def going_back(self, amount_dong: int | None = None) -> Payment:
        """The payment while it is given back, whole if no amount is named."""
        back = self.amount_dong if amount_dong is None else amount_dong
        return replace(self, status=REFUND_PENDING, refund_dong=back)


class Dossier(Filing, frozen=True):
    """The national copy: what the citizen asked, and what the province said since."""

    code: str
    procedure: str
    province: str
    commune: str | None
    applicant_id: str
    applicant_name: str
    state_code: int
    submitted_at: datetime
    channel: Channel = "online"
    heard: tuple[int, int] = (0, 0)  # epoch and dossierversion of the last event heard from the province
    first_epoch: int = 0  # the life of the province's event log in which we first heard of this dossier
    received_at: datetime | None = None
    handed_over_at: datetime | None = None
    due_at: datetime | None = None
    limit: tuple[float, str] | None = None
    count: str | None = None
    pause: str | None = None
    apologised_at: datetime | None = None
    reason: str | None = None
    supplements: tuple[Supplement, ...] = ()
    demands: tuple[Demand, ...] = ()
    payments: tuple[Payment, ...] = ()
    withdrawal: str = "none"  # "none" | "asked" | "granted" | "declined" | "lapsed"
    result_number: str | None = None
    ready_at: datetime | None = None
    on_time: bool | None = None
    timeliness: str | None = None  # "early" | "on_time" | "overdue"
    returned_at: datetime | None = None
    returned_by: str | None = None
    rating: dict[str, int] | None = None
    rating_comment: str | None = None

    @property
    def state(self) -> State:
        return LIFECYCLE.state(self.state_code)

    @property
    def demand(self) -> Demand | None:
        """The demand that stands: the last one."""
        return self.demands[-1] if self.demands else None

    @property
    def owing(self) -> Demand | None:
        """The demand that waits to be paid."""
        demand = self.demand
        if demand is None or demand.taken or demand.waived or self.payment_of(demand.number) is not None:
            return None
        return demand

    @property
    def supplement(self) -> Supplement | None:
        return self.supplements[-1] if self.supplements else None

    def payment_of(self, demand: int) -> Payment | None:
        """The payment that stands for a demand: confirmed, and not on its way back."""
        return next((each for each in self.payments if each.demand == demand and each.status == PAID), None)

    def belongs_to(self, person: str) -> bool:
        """Whoever handed it in, and the person it is for."""
        return person in (self.applicant_id, self.owner.id if self.owner else None)

    def can(self, at: datetime) -> list[str]:
        """What the citizen may do at this time, computed from the lifecycle table."""
        ready = {does for does, move in self.lawful.items() if all(MET[need](self, at) for need in move.needs)}
        return [word for does, word in WORDS.items() if does in ready]

    @property
    def lawful(self) -> dict[str, Move]:
        """The moves of the citizen in this state, by verb."""
        return LIFECYCLE.moves_of(self.state, law.CITIZEN)

    def must_allow(self, does: str, at: datetime) -> None:
        """Raises the refusal of the first need of a lawful move that is not met."""
        for need in self.lawful[does].needs:
            if not MET[need](self, at):
                raise REFUSALS[need](self)

    def asking_withdrawal(self, at: datetime) -> Dossier:
        if self.state == law.RESULT_RETURNED:
            raise WithdrawalTooLate("The result is returned; rate it, or submit anew.", code=self.code)
        LIFECYCLE.after(self.state, law.ASK_WITHDRAWAL, law.CITIZEN)
        self.must_allow(law.ASK_WITHDRAWAL, at)
        return replace(self, withdrawal="asked")

    def answering_supplement(self, papers: tuple[Paper, ...], at: datetime) -> Dossier:
        """The request answered, with what was handed in."""
        asked = self.supplement
        if law.ANSWER_SUPPLEMENT not in self.lawful or asked is None:
            raise NothingToSupplement(
                "Wait until the province asks for a supplement (status 5).", code=self.code, state=self.state.slug
            )
        self.must_allow(law.ANSWER_SUPPLEMENT, at)
        supplements = (*self.supplements[:-1], replace(asked, answered_at=at))
        return replace(self, supplements=supplements, papers=(*self.papers, *papers))

    def rated(self, scores: dict[str, int], comment: str | None, at: datetime) -> Dossier:
        if law.RATE not in self.lawful:
            raise NotEndedYet(
                "Rate it once it has ended with a result, a refusal or a stop; what was withdrawn is not rated.",
                code=self.code,
                state=self.state.slug,
            )
        self.must_allow(law.RATE, at)
        return replace(self, rating=scores, rating_comment=comment)

    def paying(self, amount_dong: int, at: datetime) -> tuple[Dossier, Payment]:
        """An attempt to pay what is due: the open one if it still lives, else a new one."""
        if law.PAY not in self.lawful:
            raise _nothing_due(self)
        self.must_allow(law.PAY, at)
        demand = self.owing
        assert demand is not None  # needs: OPEN_DEMAND
        if amount_dong != demand.amount_dong:
            detail = f"Offer exactly {demand.amount_dong} đồng, as the last demand says."
            raise FeeMismatch(detail, code=self.code, fee_dong=demand.amount_dong, offered_dong=amount_dong)
        last = self.payments[-1] if self.payments else None
        open_still = last is not None and last.status == STARTED and at - last.started_at < ATTEMPT_LIFE
        if last is not None and open_still and last.demand == demand.number:
            return self, last
        payment = Payment(reference_of(self.code, len(self.payments)), amount_dong, STARTED, at, demand.number)
        return replace(self, payments=(*self.payments, payment)), payment

    def payment(self, reference: str) -> Payment | None:
        return next((payment for payment in self.payments if payment.reference == reference), None)

    def with_payment(self, changed: Payment) -> Dossier:
        return replace(self, payments=tuple(changed if p.reference == changed.reference else p for p in self.payments))

    def giving_back(self, refund_dong: int | None, paid_dong: int | None) -> list[Payment]:
        """The payments to give back when it ends without a result, whole or in part, the last first.

        refund_dong  None: all that was paid online
        paid_dong    what the province knew to be paid when it decided; a payment beyond that crossed its decision
                     and goes back whole
        """
        taken = sum(demand.amount_dong for demand in self.demands if demand.taken)
        known = None if paid_dong is None else paid_dong - taken
        back: list[Payment] = []
        told: list[Payment] = []
        for payment in sorted((each for each in self.payments if each.confirmed), key=lambda each: each.confirmed):
            if known is not None and payment.amount_dong > known:
                back += [payment.going_back()] if payment.status == PAID else []
                continue
            known = None if known is None else known - payment.amount_dong
            told.append(payment)
        left = refund_dong
        for payment in reversed([each for each in told if each.status == PAID]):
            amount = payment.amount_dong if left is None else min(left, payment.amount_dong)
            left = None if left is None else left - amount
            back += [payment.going_back(amount)] if amount else []
        return back

    def returning(self, dong: int) -> Dossier:
        """What the office gave back of the money it took itself, the last first."""
        demands, left = list(self.demands), dong
        for place, demand in reversed(list(enumerate(demands))):
            if demand.taken:
                demands[place] = replace(demand, returned_dong=min(left, demand.amount_dong))
                left -= demands[place].returned_dong
        return replace(self, demands=tuple(demands))

    def superseding(self, replaced: int) -> tuple[Dossier, list[Payment]]:
        """A corrected demand takes the place of an open one; money that was on its way for that goes back."""
        demands = tuple(replace(d, superseded=True) if d.number == replaced else d for d in self.demands)
        paid = self.payment_of(replaced)
        return replace(self, demands=demands), [paid.going_back()] if paid else []


def _nothing_due(dossier: Dossier) -> Refusal:
    """Why there is nothing to pay: it is paid, waived, or not demanded."""
    demand = dossier.demand
    paid = dossier.payment_of(demand.number) if demand else None
    taken = demand.taken if demand and dossier.state in law.MAY_OWE else None
    if paid is not None or taken:
        return AlreadyPaid("Nothing more is due.", code=dossier.code, reference=paid.reference if paid else taken)
    waived = demand is not None and demand.waived
    detail = "The office waived the fee." if waived else "Wait until the province demands the fee (status 6)."
    return NothingToPay(detail, code=dossier.code, state=dossier.state.slug)


# How this copy shows the needs of the citizen's moves, and what is said when one is not met.
MET: dict[Need, Callable[[Dossier, datetime], bool]] = {
    law.OPEN_DEMAND: lambda dossier, at: dossier.owing is not None,
    law.OPEN_REQUEST: lambda dossier, at: dossier.supplement is not None and dossier.supplement.answered_at is None,
    law.TIME_TO_ANSWER: lambda dossier, at: dossier.supplement is not None and at <= dossier.supplement.answer_by,
    law.NO_WITHDRAWAL_ASKED: lambda dossier, at: dossier.withdrawal != "asked",
    law.FIRST_RATING: lambda dossier, at: dossier.rating is None,
}
REFUSALS: dict[Need, Callable[[Dossier], Refusal]] = {
    law.OPEN_DEMAND: _nothing_due,
    law.OPEN_REQUEST: lambda dossier: SupplementAlreadyAnswered(
        "Wait for the office; GET the dossier to see what it says.",
        code=dossier.code,
        request=dossier.supplements[-1].number,
    ),
    law.TIME_TO_ANSWER: lambda dossier: SupplementTooLate(
        "Submit a new dossier; the office stops this one.",
        code=dossier.code,
        answer_by=wire(dossier.supplements[-1].answer_by),
    ),
    law.NO_WITHDRAWAL_ASKED: lambda dossier: WithdrawalAlreadyAsked(
        "Wait for the province's answer; GET the dossier to see it.", code=dossier.code
    ),
    law.FIRST_RATING: lambda dossier: AlreadyRated("A dossier is rated once.", code=dossier.code),
}
