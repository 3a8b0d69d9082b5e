"""The one-stop rules: a province's copy of a dossier, what officers may do with it and when. Plain Python, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from msgspec.structs import asdict, replace

from contracts import lifecycle as law
from contracts.calendar.calendar import CalendarTooShort
from contracts.calendar.worktime import Count, Limit, Pause, Unit
from contracts.catalogue import CALENDAR, Channel, Place, apology_due_at, fee_of, procedure_of
from contracts.filing import Filing, Particulars
from contracts.lifecycle import LIFECYCLE, SUBMITTED, Move, MoveNotAllowed, Need, State
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE
from shared.storage.value import Value

REQUESTS = 9  # as many as the event can number; the law knows one
VERIFYING = Limit(3, Unit.WORKING_DAY)  # ND 61/2018 art. 19.4: what fails verification goes back within this
AT_THE_OFFICE = ("counter", "transfer")  # how the office takes money itself
WAIVED = "waived"

FeeKind = Literal["service_fee", "registration_fee", "tax"]  # phí, lệ phí, a tax or land charge
Moment = Literal["at_reception", "at_supplement", "at_result", "obligation"]


class DossierNotFound(Refusal):
    """The province has no such dossier in this sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__("Check the code and the sandbox; a dossier just submitted may still be on its way.", code=code)


class NotYet(Refusal):
    """A need of the move is not met yet. Facts: `does`, `waits_for` (slug of the need)."""


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


class FeeItem(Value, frozen=True):
    kind: FeeKind
    name: str
    amount_dong: int


class Demand(Value, frozen=True):
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


class Supplement(Value, frozen=True):
    number: int
    requested_at: datetime
    answer_by: datetime
    answered_at: datetime | None = None


class Instruction(Value, frozen=True):
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


class Script(Value, frozen=True):
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


class Dossier(Particulars, frozen=True):
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
    owner: str | None = None  # name of the person or organisation it is for, when that is not the applicant
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

    @property
    def lawful(self) -> dict[str, Move]:
        """The moves of officials in this state, by verb."""
        return LIFECYCLE.moves_of(self.state, *law.OFFICIALS)

    def after(self, does: str) -> tuple[Dossier, Move]:
        """The dossier after a lawful move of an official; raises MoveNotAllowed."""
        lawful = self.lawful
        move = lawful.get(does)
        if move is None:
            detail = f"In state {self.state.slug}, officials can do: {', '.join(lawful) or 'nothing'}."
            raise MoveNotAllowed(detail, code=self.code, state=self.state.slug, does=does, allowed=list(lawful))
        return replace(self, state_code=move.then.code), move

    def must_allow(self, instruction: Instruction, at: datetime) -> None:
        """Raises the refusal of the first need of a lawful move that is not met: NotYet, or its own of REFUSALS."""
        for need in self._needs(instruction):
            if not MET[need](self, at):
                if need in REFUSALS:
                    raise REFUSALS[need](self)
                raise NotYet(f"First comes: {need.slug}.", code=self.code, does=instruction.does, waits_for=need.slug)

    def waits_for(self, instruction: Instruction, at: datetime) -> Need | None:
        """The first need of a lawful move that is not met and can still be."""
        can_come = (need for need in self._needs(instruction) if need not in REFUSALS)
        return next((need for need in can_come if not MET[need](self, at)), None)

    def can(self, at: datetime) -> list[str]:
        """The moves that officials may make now, with the facts of `to_be_given`."""
        rows = self.lawful.items()
        return [does for does, move in rows if all(need.given or self._meets(need, at) for need in move.needs)]

    def to_be_given(self, at: datetime) -> dict[str, str]:
        """Verb of a lawful move → the fact without which it is refused now: `at_desk`, `fee`."""
        rows = self.lawful.items()
        return {does: n.given for does, move in rows for n in move.needs if n.given and not self._meets(n, at)}

    def _needs(self, instruction: Instruction) -> list[Need]:
        """What binds a lawful move, less what the instruction gives."""
        return [n for n in self.lawful[instruction.does].needs if not (n.given and getattr(instruction, n.given))]

    def _meets(self, need: Need, at: datetime) -> bool:
        try:
            return MET[need](self, at)
        except CalendarTooShort:
            return False

    def catalogue_fee(self, at: datetime) -> tuple[FeeItem, ...]:
        """What the catalogue asks for this case, province, channel and payer; empty if that is nothing or nobody knows."""
        procedure = procedure_of(self.procedure, self.version)
        fee = fee_of(
            procedure,
            procedure.case(self.case),
            province=self.province,
            channel=self.channel,
            payer_group=self.payer_group,
            on=(self.received_at or at.astimezone(BUSINESS_ZONE)).date(),
        )
        return tuple(FeeItem(item.kind, item.name_vi, item.amount_dong) for item in fee.items if item.amount_dong)

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


def new_dossier(
    code: str, place: Place, procedure: str, applicant: str, at: datetime, channel: Channel, filing: Filing
) -> Dossier:
    """What a filing becomes here; `place` is the competent agency's."""
    short = {"owner": filing.owner.name if filing.owner else None, "papers": len(filing.papers)}
    begun = (code, place.province, place.commune, procedure, applicant, SUBMITTED.code, at, channel)
    return Dossier(*begun, **(asdict(filing) | short))


# How this copy shows the needs of the table.
MET: dict[Need, Callable[[Dossier, datetime], bool]] = {
    law.HANDED_OVER: lambda dossier, at: dossier.received_at is None or not dossier.elsewhere,
    law.RECEIVED_ELSEWHERE: lambda dossier, at: dossier.elsewhere,
    law.RECEIVED_BEFORE: lambda dossier, at: dossier.received_at is not None,
    law.NEVER_RECEIVED: lambda dossier, at: dossier.received_at is None,
    law.STARTED_BEFORE: lambda dossier, at: dossier.started_at is not None,
    law.NEVER_STARTED: lambda dossier, at: dossier.started_at is None,
    law.PAYMENT: lambda dossier, at: dossier.owing is None,
    law.OPEN_DEMAND: lambda dossier, at: dossier.owing is not None,
    law.KNOWN_FEE: lambda dossier, at: dossier.owing is not None or bool(dossier.catalogue_fee(at)),
    law.ANSWER: lambda dossier, at: not dossier.unanswered,
    law.ANSWER_OR_PAPERS: lambda dossier, at: not dossier.unanswered,
    law.WITHDRAWAL_ASKED: lambda dossier, at: dossier.withdrawal_reason is not None,
    law.REQUESTS_LEFT: lambda dossier, at: len(dossier.supplements) < REQUESTS,
    law.TIME_TO_VERIFY: lambda dossier, at: dossier.verify_by is None or at <= dossier.verify_by,
    law.FIRST_APOLOGY: lambda dossier, at: not dossier.rescheduled,
    law.TIME_TO_APOLOGISE: lambda dossier, at: dossier.due_at is None or at <= apology_due_at(dossier.due_at),
}
# What is said of a need that no waiting meets; every other one is NotYet.
REFUSALS: dict[Need, Callable[[Dossier], Refusal]] = {
    law.KNOWN_FEE: lambda dossier: NothingDue(
        "The catalogue asks for nothing here; say which `fee` to demand.", code=dossier.code
    ),
    law.REQUESTS_LEFT: lambda dossier: AskedTooOften(
        "Decide on what is there.", code=dossier.code, requests=len(dossier.supplements)
    ),
    law.TIME_TO_VERIFY: lambda dossier: VerificationTooLate(
        "Decide on what is there: finish, or reject.",
        code=dossier.code,
        latest=dossier.verify_by and dossier.verify_by.isoformat(),
    ),
    law.FIRST_APOLOGY: lambda dossier: AlreadyRescheduled(
        "Finish, reject or stop it; the result will be overdue.", code=dossier.code
    ),
    law.TIME_TO_APOLOGISE: lambda dossier: ReschedulingTooLate(
        "The letter had to go out one day before expiry; the result will be overdue.",
        code=dossier.code,
        latest=dossier.due_at and apology_due_at(dossier.due_at).isoformat(),
    ),
}
