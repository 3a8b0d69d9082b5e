"""The one-stop rules: a province's copy of a dossier, what officers may do with it and when. Plain Python, no I/O."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Count, Limit, Pause, Unit
from contracts.catalogue import CALENDAR, Channel, Place, apology_due_at
from contracts.lifecycle import LIFECYCLE, SUBMITTED, Move, MoveNotAllowed, State
from shared.errors import Refusal
from shared.storage.value import Kept

REQUESTS = 9  # as many as the event can number; the law knows one
VERIFYING = Limit(3, Unit.WORKING_DAY)  # ND 61/2018 art. 19.4: what fails verification goes back within this
AT_THE_OFFICE = ("counter", "transfer")  # how the office takes money itself
WAIVED = "waived"
FREELY = frozenset({law.REFUSE, law.DEMAND_FEE, law.FINISH, law.REJECT, law.STOP})  # no condition but the table's

FeeKind = Literal["service_fee", "registration_fee", "tax"]  # phí, lệ phí, a tax or land charge
Moment = Literal["at_reception", "at_supplement", "at_result", "obligation"]


class DossierNotFound(Refusal):
    """The province has no such dossier in this sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__("Check the code and the sandbox; a dossier just submitted may still be on its way.", code=code)


class NotYet(Refusal):
    """The table allows the move once something else has happened. Facts: `does`, `waits_for`."""


class AlreadyRescheduled(Refusal):
    """A due date is moved once, not twice (ND 61/2018 art. 19.9)."""


class ReschedulingTooLate(Refusal):
    """The apology goes out at the latest one day before expiry (ND 61/2018 art. 19.9)."""


class VerificationTooLate(Refusal):
    """What fails verification goes back within three working days (ND 61/2018 art. 19.4)."""


class AskedTooOften(Refusal):
    """The citizen was asked for supplements again and again; the law knows one request (ND 61/2018 art. 15.3)."""


class NoResultYet(Refusal):
    """The dossier has no result, or ended without one."""


class NothingDue(Refusal):
    """No fee waits to be paid."""


class FeeMismatch(Refusal):
    """The amount is not the one demanded."""


class RefundTooLarge(Refusal):
    """More is to be given back than was paid."""


class FeeItem(Kept, frozen=True):
    kind: FeeKind
    name: str
    amount_dong: int


class Demand(Kept, frozen=True):
    """A fee asked for; a corrected demand is superseded.

    paid_by   the payment's reference, `counter` or `transfer`; or `waived`
    paid_at   when that was
    """

    number: int
    moment: Moment
    items: tuple[FeeItem, ...]
    pay_by: datetime
    paid_by: str | None = None
    paid_at: datetime | None = None
    superseded: bool = False

    @property
    def amount_dong(self) -> int:
        return sum(item.amount_dong for item in self.items)


class Supplement(Kept, frozen=True):
    number: int
    requested_at: datetime
    answer_by: datetime
    answered_at: datetime | None = None


class Instruction(Kept, frozen=True):
    """What an official does: sent to the officers' door, or a step of a script.

    does        verb of the lifecycle table
    at          of a step only: slug of the state in which it is taken; None: as soon as it is lawful
    after_days  of a step only: working days that pass first
    days        reschedule: working days that the due date moves by
    answer_days request_supplement: working days the citizen has
    refund_dong what is given back of all that is held, besides what crossed the decision; None: all for a refusal or
                withdrawal, nothing for reject and stop
    at_desk     receive, resume: the citizen brought the missing papers to the desk
    """

    does: str
    at: str | None = None
    after_days: float = 0
    reason: str | None = None
    items: tuple[str, ...] = ()
    fee: tuple[FeeItem, ...] = ()
    notice_number: str | None = None
    days: int | None = None
    answer_days: int | None = None
    refund_dong: int | None = None
    amount_dong: int | None = None
    method: Literal["counter", "transfer"] = "counter"
    channel: Channel | None = None
    at_desk: bool = False


class Script(Kept, frozen=True):
    """What the officers will decide on one dossier, or on all of a province, instead of drawing from the seed.

    fee_moment  when the catalogue's fee is demanded
    steps       what they do besides the straight path, in order
    """

    reception: Literal["receive", "refuse"] | None = None
    reason: str | None = None
    processing_days: float | None = None  # working days from start to result
    withdrawal: Literal["grant", "decline"] = "grant"
    fee_moment: Literal["at_reception", "at_result"] = "at_reception"
    steps: tuple[Instruction, ...] = ()


class Dossier(Kept, frozen=True):
    """A province's copy. Times are sandbox time, aware; money in đồng.

    commune   of the competent agency; None: the province itself
    planned   what the officers will do next by themselves: the one timer of theirs
    script    its own; None: it follows its province's, of which `steps_taken` are done if it is the one marked `steps_of`
    verify_by  until when what fails verification can go back; waiting for money does not use it up
    """

    code: str
    province: str
    commune: str | None
    procedure: str
    applicant: str
    state_code: int
    submitted_at: datetime
    channel: Channel = "online"
    case: str | None = None
    version: str | None = None
    payer_group: str = "ordinary"
    owner: str | None = None  # name of the person or organisation it is for, when that is not the applicant
    reception: Place | None = None  # where it is received, when that is not the competent agency
    help_at: Place | None = None
    return_by: Channel | None = None
    papers: int = 0
    received_at: datetime | None = None
    verify_by: datetime | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    handed_over_at: datetime | None = None
    limit: Limit | None = None
    count: Count = Count.LAW
    pause: Pause = Pause.ANEW
    due_at: datetime | None = None
    rescheduled: bool = False
    demands: tuple[Demand, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    paid_dong: int = 0
    refunded_dong: int = 0
    withdrawal_reason: str | None = None  # asked and not answered yet
    result_number: str | None = None
    ready_at: datetime | None = None
    reason: str | None = None  # of its end without a result
    rated: int | None = None  # sum of the nine indicators, 0-18
    planned: str | None = None
    script: Script | None = None
    steps_of: str = ""
    steps_taken: int = 0

    @property
    def state(self) -> State:
        return LIFECYCLE.state(self.state_code)

    @property
    def owing(self) -> Demand | None:
        """The demand that waits to be paid."""
        return next((each for each in self.demands if each.paid_by is None and not each.superseded), None)

    @property
    def taken_dong(self) -> int:
        """What the office took itself."""
        return sum(each.amount_dong for each in self.demands if each.paid_by in AT_THE_OFFICE)

    @property
    def held_dong(self) -> int:
        """What was paid and is not given back, as far as the province knows; what crossed a decision may be on its way back."""
        return self.paid_dong - self.refunded_dong

    @property
    def unanswered(self) -> bool:
        return bool(self.supplements) and self.supplements[-1].answered_at is None

    @property
    def elsewhere(self) -> bool:
        """Received by another unit than the competent one, and not handed over yet."""
        return self.reception not in (None, Place(self.province, self.commune)) and self.handed_over_at is None

    def after(self, does: str) -> tuple[Dossier, Move]:
        """The dossier after a lawful move of an official; raises MoveNotAllowed."""
        lawful = {move.does: move for move in LIFECYCLE.moves_from(self.state) if move.who in law.OFFICIALS}
        move = lawful.get(does)
        if move is None:
            detail = f"In state {self.state.slug}, officials can do: {', '.join(lawful) or 'nothing'}."
            raise MoveNotAllowed(detail, code=self.code, state=self.state.slug, does=does, allowed=list(lawful))
        return replace(self, state_code=move.then.code), move

    def waits_for(self, does: str, *, at_desk: bool = False) -> str | None:
        """What must come before `does`, which the table allows here: payment, supplement, reception, start, hand_over."""
        by_handler = any(m.does == does and m.who == law.HANDLER for m in LIFECYCLE.moves_from(self.state))
        if by_handler and self.received_at is not None and self.elsewhere:
            return "hand_over"  # a handler has only what has reached the competent unit
        if does in FREELY:
            return None
        if does in (law.RECEIVE, law.START, law.RESUME, law.RETURN) and self.owing is not None:
            return "payment"
        if self.state == law.SUPPLEMENT and does in (law.RECEIVE, law.RESUME) and self.unanswered and not at_desk:
            return "supplement"
        if does == law.RESUME and (self.received_at is None or (self._owed and self.started_at is None)):
            return "reception" if self.received_at is None else "start"
        if does == law.RECEIVE and self.received_at is not None:
            return "resume"
        if does == law.START and (self._owed and (self.received_at is None or self.started_at is not None)):
            return "reception" if self.received_at is None else "resume"
        if does == law.HAND_OVER and not self.elsewhere:
            return "another place of reception"
        if does == law.HAND_OVER and self.received_at is None:
            return "reception"
        if does == law.REQUEST_SUPPLEMENT and self.state == law.SUPPLEMENT and self.unanswered:
            return "supplement"
        if does in (law.GRANT_WITHDRAWAL, law.DECLINE_WITHDRAWAL) and self.withdrawal_reason is None:
            return "withdrawal request"
        return "demand" if does in (law.TAKE_PAYMENT, law.WAIVE_FEE) and self.owing is None else None

    @property
    def _owed(self) -> bool:
        return self.state == law.FINANCIAL_OBLIGATION

    def must_be_in_time(self, does: str, at: datetime) -> None:
        """Raises AlreadyRescheduled, ReschedulingTooLate, VerificationTooLate, AskedTooOften."""
        if does == law.RESCHEDULE:
            if self.rescheduled:
                raise AlreadyRescheduled("Finish, reject or stop it; the result will be overdue.", code=self.code)
            if self.due_at is not None and at > (last := apology_due_at(self.due_at)):
                detail = "The letter had to go out one day before expiry; the result will be overdue."
                raise ReschedulingTooLate(detail, code=self.code, latest=last.isoformat())
        if does == law.REQUEST_SUPPLEMENT and len(self.supplements) >= REQUESTS:
            raise AskedTooOften("Decide on what is there.", code=self.code, requests=len(self.supplements))
        verifying = does == law.REQUEST_SUPPLEMENT and self.state in (law.RECEIVED, law.IN_PROCESSING)
        if verifying and self.verify_by is not None and at > self.verify_by:
            detail = "Decide on what is there: finish, or reject."
            raise VerificationTooLate(detail, code=self.code, latest=self.verify_by.isoformat())

    def can(self, at: datetime) -> list[str]:
        """The moves that officials may make now, computed from the table and the conditions above."""
        verbs = [move.does for move in LIFECYCLE.moves_from(self.state) if move.who in law.OFFICIALS]
        return [does for does in verbs if self._may(does, at)]

    def _may(self, does: str, at: datetime) -> bool:
        try:
            self.must_be_in_time(does, at)
        except Refusal:  # one of those above, or a calendar that ends before the answer
            return False
        return self.waits_for(does, at_desk=True) is None

    def with_demand(self, moment: Moment, items: tuple[FeeItem, ...], pay_by: datetime) -> Dossier:
        """One more demand; it takes the place of an open one."""
        closed = tuple(replace(d, superseded=True) if d == self.owing else d for d in self.demands)
        return replace(self, demands=(*closed, Demand(len(self.demands) + 1, moment, items, pay_by)))

    def paid(self, demand: Demand, by: str, at: datetime) -> Dossier:
        paid = replace(demand, paid_by=by, paid_at=at)
        return replace(self, demands=tuple(paid if d == demand else d for d in self.demands))

    def answered(self, at: datetime) -> Dossier:
        """The last supplement request is answered."""
        *earlier, last = self.supplements
        return replace(self, supplements=(*earlier, replace(last, answered_at=at)))

    def running_again(self, at: datetime, pause: Pause) -> Dossier:
        """The clock runs again: the due date follows the way in which waiting counts, and the time to verify with it."""
        if self.paused_at is None or self.due_at is None or self.limit is None:
            return replace(self, paused_at=None)
        waited = (self.paused_at, self._complete_at(at))
        due = CALENDAR.due_after_pause(self.due_at, *waited, self.limit, pause, self.count)
        verify_by = self.verify_by
        if verify_by is not None:
            verify_by = CALENDAR.due_after_pause(verify_by, *waited, VERIFYING, pause)
        return replace(self, due_at=due, paused_at=None, verify_by=verify_by)

    def _complete_at(self, at: datetime) -> datetime:
        """When what it waited for had come, the money or the answer: from then on the office has its time."""
        came = [each.answered_at for each in self.supplements] + [each.paid_at for each in self.demands]
        since = [moment for moment in came if moment is not None and self.paused_at and moment >= self.paused_at]
        return max(since, default=at)

    def timeliness(self, at: datetime) -> str:
        """early, on_time or overdue: the result's moment decides (fact sheet 2.3); a second request is overdue (QĐ 766)."""
        if len(self.supplements) > 1 or (self.due_at is not None and at > self.due_at):
            return "overdue"
        return "on_time" if self.due_at is None or at.date() == self.due_at.date() else "early"


def new_dossier(code: str, province: str, commune: str | None, procedure: str, applicant: str, at: datetime) -> Dossier:
    return Dossier(code, province, commune, procedure, applicant, SUBMITTED.code, at)
