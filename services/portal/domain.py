"""The portal's rules: the national copy of a dossier, what its citizen may do, and its payments. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.catalogue import Channel
from contracts.filing import Filing, Paper
from contracts.lifecycle import LIFECYCLE, Move, MoveNotAllowed, Need, State
from services.portal.codes import reference_of
from shared.errors import Refusal
from shared.sandbox.clock import wire
from shared.storage.value import Value

STARTED, FAILED, PAID, REFUND_PENDING, REFUNDED = "started", "failed", "paid", "refund_pending", "refunded"
ATTEMPT_LIFE = timedelta(minutes=15)  # sandbox time; then the platform closes the order, and a new attempt is needed

# Verb of the lifecycle table → its word in `can`; `can` has the same order.
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
        super().__init__("Check the code, the sandbox, and whose token you send.", code=code)


class FeeMismatch(Refusal):
    """The amount is not the demanded fee."""


class NothingToPay(Refusal):
    """No fee is due in this state."""


class AlreadyPaid(Refusal):
    """The fee of this dossier is paid."""


class WithdrawalAlreadyAsked(Refusal):
    """The citizen has asked for a withdrawal, and the province has not answered yet."""


class WithdrawalTooLate(Refusal):
    """The result is returned, so the dossier cannot be withdrawn."""


class SupplementAlreadyAnswered(Refusal):
    """The last supplement request is answered; the office continues."""


class SupplementTooLate(Refusal):
    """The time to answer the supplement request has passed."""


class NothingToSupplement(Refusal):
    """No supplement is requested."""


class NotEndedYet(Refusal):
    """A dossier can be rated only after its end."""


class AlreadyRated(Refusal):
    """A dossier can be rated only once."""


class Receipt(Value, frozen=True):
    """A receipt for one kind of item; numbers have no gaps within a series."""

    kind: str
    series: str
    number: int
    amount_dong: int


class FeeItem(Value, frozen=True):
    kind: str  # "service_fee" (phí) | "registration_fee" (lệ phí) | "tax"
    name: str
    amount_dong: int


class Demand(Value, frozen=True):
    """A fee that the province demands.

    taken          how the office took the money itself: "counter" or "transfer"
    returned_dong  how much of that money the office returned
    waived         why the office waived it
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
    """One payment attempt; its reference is committed before the platform is called. Times are sandbox time.

    demand       number of its demand
    confirmed    which confirmation of the dossier it is, counted from 1; 0: not confirmed
    refund_dong  how much of it is refunded, all or a part
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

    def to_refund(self, amount_dong: int | None = None) -> Payment:
        """The payment with a pending refund; of the whole amount if `amount_dong` is None."""
        refund_dong = self.amount_dong if amount_dong is None else amount_dong
        return replace(self, status=REFUND_PENDING, refund_dong=refund_dong)


class Dossier(Filing, frozen=True):
    """The national copy: what the citizen submitted, and what the province published since then."""

    code: str
    procedure: str
    province: str
    commune: str | None
    applicant_id: str
    applicant_name: str
    state_code: int
    submitted_at: datetime
    channel: Channel = "online"
    heard: tuple[int, int] = (0, 0)  # epoch and dossierversion of the province's last applied event
    first_epoch: int = 0  # epoch of the province's first event about this dossier
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
        """The current demand: the last one."""
        return self.demands[-1] if self.demands else None

    @property
    def owing(self) -> Demand | None:
        """The demand that must still be paid."""
        demand = self.demand
        if demand is None or demand.taken or demand.waived or self.payment_of(demand.number) is not None:
            return None
        return demand

    @property
    def supplement(self) -> Supplement | None:
        return self.supplements[-1] if self.supplements else None

    def payment_of(self, demand: int) -> Payment | None:
        """The payment of a demand: confirmed and not refunded."""
        return next((payment for payment in self.payments if payment.demand == demand and payment.status == PAID), None)

    def belongs_to(self, person: str) -> bool:
        """Whether the person submitted or owns the dossier."""
        return person in (self.applicant_id, self.owner.id if self.owner else None)

    def can(self, at: datetime) -> list[str]:
        """What the citizen may do at this time, by the lifecycle table."""
        allowed = {does for does, move in self.lawful.items() if all(MET[need](self, at) for need in move.needs)}
        return [word for does, word in WORDS.items() if does in allowed]

    @property
    def lawful(self) -> dict[str, Move]:
        """Verb → move of the citizen in this state."""
        return LIFECYCLE.moves_of(self.state, law.CITIZEN)

    def must_allow(self, does: str, at: datetime) -> None:
        """Raises the refusal of the first need of a lawful move that is not met."""
        for need in self.lawful[does].needs:
            if not MET[need](self, at):
                raise REFUSALS[need](self).resting_on(need.law)

    def asking_withdrawal(self, at: datetime) -> Dossier:
        if self.state == law.RESULT_RETURNED:
            raise WithdrawalTooLate("The result is returned; rate it, or submit a new dossier.", code=self.code)
        if law.ASK_WITHDRAWAL not in self.lawful:
            can = self.can(at)
            raise MoveNotAllowed(
                f"In state {self.state.slug}, you can do: {', '.join(can) or 'nothing'}.",
                code=self.code,
                state=self.state.slug,
                does=law.ASK_WITHDRAWAL,
                allowed=can,
            )
        self.must_allow(law.ASK_WITHDRAWAL, at)
        return replace(self, withdrawal="asked")

    def answering_supplement(self, papers: tuple[Paper, ...], at: datetime) -> Dossier:
        """The dossier with the request answered by these papers."""
        supplement = self.supplement
        if law.ANSWER_SUPPLEMENT not in self.lawful or supplement is None:
            raise NothingToSupplement(
                "Wait until the province requests a supplement (status 5).", code=self.code, state=self.state.slug
            )
        self.must_allow(law.ANSWER_SUPPLEMENT, at)
        supplements = (*self.supplements[:-1], replace(supplement, answered_at=at))
        return replace(self, supplements=supplements, papers=(*self.papers, *papers))

    def rated(self, scores: dict[str, int], comment: str | None, at: datetime) -> Dossier:
        if law.RATE not in self.lawful:
            raise NotEndedYet(
                "Rate it when it has ended with a result, a refusal or a stop; a withdrawn dossier cannot be rated.",
                code=self.code,
                state=self.state.slug,
            )
        self.must_allow(law.RATE, at)
        return replace(self, rating=scores, rating_comment=comment)

    def paying(self, amount_dong: int, at: datetime) -> tuple[Dossier, Payment]:
        """A payment attempt for the due amount: the open attempt until it expires, then a new one."""
        if law.PAY not in self.lawful:
            raise _nothing_due(self)
        self.must_allow(law.PAY, at)
        demand = self.owing
        assert demand is not None  # needs: OPEN_DEMAND
        if amount_dong != demand.amount_dong:
            detail = f"Send exactly {demand.amount_dong} đồng, the amount of the last demand."
            raise FeeMismatch(detail, code=self.code, fee_dong=demand.amount_dong, offered_dong=amount_dong)
        last = self.payments[-1] if self.payments else None
        is_open = last is not None and last.status == STARTED and at - last.started_at < ATTEMPT_LIFE
        if last is not None and is_open and last.demand == demand.number:
            return self, last
        payment = Payment(reference_of(self.code, len(self.payments)), amount_dong, STARTED, at, demand.number)
        return replace(self, payments=(*self.payments, payment)), payment

    def payment(self, reference: str) -> Payment | None:
        return next((payment for payment in self.payments if payment.reference == reference), None)

    def with_payment(self, changed: Payment) -> Dossier:
        return replace(self, payments=tuple(changed if p.reference == changed.reference else p for p in self.payments))

    def refunds(self, refund_dong: int | None, paid_dong: int | None) -> list[Payment]:
        """The payments to refund, all or in part, when the dossier ends without a result; the last payment first.

        refund_dong  None: everything that was paid online
        paid_dong    the paid amount known to the province at its decision; a later payment is refunded in full
        """
        taken = sum(demand.amount_dong for demand in self.demands if demand.taken)
        known_dong = None if paid_dong is None else paid_dong - taken
        refunds: list[Payment] = []
        known: list[Payment] = []
        confirmed = [payment for payment in self.payments if payment.confirmed]
        for payment in sorted(confirmed, key=lambda payment: payment.confirmed):
            if known_dong is not None and payment.amount_dong > known_dong:
                refunds += [payment.to_refund()] if payment.status == PAID else []
                continue
            known_dong = None if known_dong is None else known_dong - payment.amount_dong
            known.append(payment)
        left = refund_dong
        for payment in reversed([payment for payment in known if payment.status == PAID]):
            amount = payment.amount_dong if left is None else min(left, payment.amount_dong)
            left = None if left is None else left - amount
            refunds += [payment.to_refund(amount)] if amount else []
        return refunds

    def with_returned(self, returned_dong: int) -> Dossier:
        """The dossier after the office returned money that it took itself, from the last demand backwards."""
        demands, left = list(self.demands), returned_dong
        for index, demand in reversed(list(enumerate(demands))):
            if demand.taken:
                demands[index] = replace(demand, returned_dong=min(left, demand.amount_dong))
                left -= demands[index].returned_dong
        return replace(self, demands=tuple(demands))

    def superseding(self, number: int) -> tuple[Dossier, list[Payment]]:
        """The dossier when a corrected demand replaces demand `number`, and the payment of that demand to refund."""
        demands = tuple(replace(d, superseded=True) if d.number == number else d for d in self.demands)
        payment = self.payment_of(number)
        return replace(self, demands=demands), [payment.to_refund()] if payment else []


def _nothing_due(dossier: Dossier) -> Refusal:
    """Why nothing is to be paid: the fee is paid, waived, or not demanded."""
    demand = dossier.demand
    payment = dossier.payment_of(demand.number) if demand else None
    taken = demand.taken if demand and dossier.state in law.MAY_OWE else None
    if payment is not None or taken:
        return AlreadyPaid("Nothing more is due.", code=dossier.code, reference=payment.reference if payment else taken)
    waived = demand is not None and demand.waived
    detail = "The office waived the fee." if waived else "Wait until the province demands the fee (status 6)."
    return NothingToPay(detail, code=dossier.code, state=dossier.state.slug)


# How to check each need of the citizen's moves, and the refusal if it is not met.
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
        "Wait for the office; GET the dossier to see its decision.",
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
    law.FIRST_RATING: lambda dossier: AlreadyRated("A dossier can be rated only once.", code=dossier.code),
}
