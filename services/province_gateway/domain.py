"""A province's copy of a dossier, and the rules: what officials may do with it, and when. Plain Python, no I/O."""

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

REQUESTS = 9  # the highest number that the event allows; the law allows one request
VERIFYING = Limit(3, Unit.WORKING_DAY)  # ND 61/2018 art. 19.4: time to verify and to request a supplement
AT_THE_OFFICE = ("counter", "transfer")  # methods by which the office itself takes money
WAIVED = "waived"

FeeKind = Literal["service_fee", "registration_fee", "tax"]  # phí, lệ phí, tax or land charge
Moment = Literal["at_reception", "at_supplement", "at_result", "obligation"]


class DossierNotFound(Refusal):
    """The province has no such dossier in this sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__("Check the code and the sandbox; a new dossier may not have arrived yet.", code=code)


class NotYet(Refusal):
    """A need of the move is not met yet. Facts: `does`, `waits_for` (slug of the need)."""


class AlreadyRescheduled(Refusal):
    """A due date may be moved only once."""


class ReschedulingTooLate(Refusal):
    """The apology must be sent at the latest one day before the due date."""


class VerificationTooLate(Refusal):
    """A dossier that fails verification must be sent back within three working days."""


class AskedTooOften(Refusal):
    """No further supplement can be requested; the law allows one request."""


class NoResultYet(Refusal):
    """The dossier has no result, or ended without one."""


class NothingDue(Refusal):
    """No fee is due."""


class FeeMismatch(Refusal):
    """The amount is not the demanded amount."""


class RefundTooLarge(Refusal):
    """The refund is larger than the amount held."""


class FeeItem(Value, frozen=True):
    kind: FeeKind
    name: str
    amount_dong: int


class Demand(Value, frozen=True):
    """A demanded fee. A corrected demand supersedes the earlier one.

    paid_by   reference of the payment, `counter`, `transfer` or `waived`
    paid_at   time of payment or waiver
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
    """A move that an official is to make: from the officers' endpoint, or a step of a script.

    does        verb of the lifecycle table
    at          steps only: slug of the state in which the step is taken; None: as soon as it is lawful
    after_days  steps only: working days to wait before
    days        reschedule: working days by which the due date moves
    answer_days request_supplement: working days that the citizen has to answer
    refund_dong amount to refund, in addition to payments that crossed the decision; None: everything for a refusal or
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
    """Decisions of the officers on one dossier or on all dossiers of a province, instead of draws from the seed.

    fee_moment  when the catalogue's fee is demanded
    steps       moves in addition to the default ones, in order
    """

    reception: Literal["receive", "refuse"] | None = None
    reason: str | None = None
    processing_days: float | None = None  # working days from start to result
    withdrawal: Literal["grant", "decline"] = "grant"
    fee_moment: Literal["at_reception", "at_result"] = "at_reception"
    steps: tuple[Instruction, ...] = ()


class Dossier(Particulars, frozen=True):
    """A province's copy of a dossier. Times are sandbox time, aware; money in đồng.

    commune   of the competent agency; None: the province itself
    planned   kind of the timer of the officers' next action; there is at most one
    script    its own; None: that of its province, whose first `steps_taken` steps are done if its mark is `steps_of`
    verify_by  last moment for a supplement request; waiting for money does not count
    """

    code: str
    province: str
    commune: str | None
    procedure: str
    applicant: str
    state_code: int
    submitted_at: datetime
    channel: Channel = "online"
    owner: str | None = None  # name of the person or organisation that the dossier is for, if not the applicant
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
    withdrawal_reason: str | None = None  # of the open withdrawal request
    result_number: str | None = None
    ready_at: datetime | None = None
    reason: str | None = None  # why it ended without a result
    rated: int | None = None  # sum of the nine indicators, 0-18
    planned: str | None = None
    script: Script | None = None
    steps_of: str = ""
    steps_taken: int = 0

    @property
    def state(self) -> State:
        return LIFECYCLE.state(self.state_code)

    @property
    def is_expected(self) -> bool:
        """Whether it has not arrived yet: only a script waits for it. No list has it, since it is in no province."""
        return not self.province

    @property
    def owing(self) -> Demand | None:
        """The open demand: not paid, waived or superseded."""
        return next((demand for demand in self.demands if demand.paid_by is None and not demand.superseded), None)

    @property
    def taken_dong(self) -> int:
        """The amount that the office itself took."""
        return sum(demand.amount_dong for demand in self.demands if demand.paid_by in AT_THE_OFFICE)

    @property
    def held_dong(self) -> int:
        """The amount paid and not refunded, as far as the province knows; the portal may be refunding a part."""
        return self.paid_dong - self.refunded_dong

    @property
    def unanswered(self) -> bool:
        return bool(self.supplements) and self.supplements[-1].answered_at is None

    @property
    def elsewhere(self) -> bool:
        """Whether a unit other than the competent one received it and has not handed it over."""
        return self.reception not in (None, Place(self.province, self.commune)) and self.handed_over_at is None

    @property
    def lawful(self) -> dict[str, Move]:
        """The moves that officials have in this state, by verb."""
        return LIFECYCLE.moves_of(self.state, *law.OFFICIALS)

    def after(self, does: str, at: datetime) -> tuple[Dossier, Move]:
        """The dossier in the state after an official's move, and the move; raises MoveNotAllowed."""
        move = self.lawful.get(does)
        if move is None:
            can = self.can(at)
            detail = f"In state {self.state.slug}, officials can do: {', '.join(can) or 'nothing'}."
            raise MoveNotAllowed(detail, code=self.code, state=self.state.slug, does=does, allowed=can)
        return replace(self, state_code=move.then.code), move

    def must_allow(self, instruction: Instruction, at: datetime) -> None:
        """Raise for the first unmet need of a lawful move: its refusal in REFUSALS, otherwise NotYet."""
        for need in self._needs(instruction):
            if not MET[need](self, at):
                if need in REFUSALS:
                    raise REFUSALS[need](self).resting_on(need.law)
                facts = {"code": self.code, "does": instruction.does, "waits_for": need.slug}
                raise NotYet(f"Needed first: {need.slug}.", **facts).resting_on(need.law)

    def waits_for(self, instruction: Instruction, at: datetime) -> Need | None:
        """The first unmet need of a lawful move that can still be met."""
        needs = (need for need in self._needs(instruction) if need not in REFUSALS)
        return next((need for need in needs if not MET[need](self, at)), None)

    def can(self, at: datetime) -> list[str]:
        """The moves that officials may make now, if they add the facts of `missing_facts`."""
        moves = self.lawful.items()
        return [does for does, move in moves if all(need.given or self._meets(need, at) for need in move.needs)]

    def missing_facts(self, at: datetime) -> dict[str, str]:
        """Verb of a lawful move → the fact (`at_desk`, `fee`) without which the move is refused now."""
        moves = self.lawful.items()
        return {does: n.given for does, move in moves for n in move.needs if n.given and not self._meets(n, at)}

    def _needs(self, instruction: Instruction) -> list[Need]:
        """The needs of a lawful move, without those that a fact of the instruction meets."""
        return [n for n in self.lawful[instruction.does].needs if not (n.given and getattr(instruction, n.given))]

    def _meets(self, need: Need, at: datetime) -> bool:
        try:
            return MET[need](self, at)
        except CalendarTooShort:
            return False

    def catalogue_fee(self, at: datetime) -> tuple[FeeItem, ...]:
        """The catalogue's fee for this case, province, channel and payer; empty if there is none or it is unknown."""
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
        """The dossier with a new demand, which supersedes an open one."""
        earlier = tuple(replace(d, superseded=True) if d == self.owing else d for d in self.demands)
        return replace(self, demands=(*earlier, Demand(len(self.demands) + 1, moment, items, pay_by)))

    def paid(self, demand: Demand, by: str, at: datetime) -> Dossier:
        paid = replace(demand, paid_by=by, paid_at=at)
        return replace(self, demands=tuple(paid if d == demand else d for d in self.demands))

    def answered(self, at: datetime) -> Dossier:
        """The dossier with its last supplement request answered."""
        *earlier, last = self.supplements
        return replace(self, supplements=(*earlier, replace(last, answered_at=at)))

    def running_again(self, at: datetime, pause: Pause) -> Dossier:
        """The dossier with its clock running: `pause` says how the waiting time moves `due_at` and `verify_by`."""
        if self.paused_at is None or self.due_at is None or self.limit is None:
            return replace(self, paused_at=None)
        pause_period = (self.paused_at, self._complete_at(at))
        due = CALENDAR.due_after_pause(self.due_at, *pause_period, self.limit, pause, self.count)
        verify_by = self.verify_by
        if verify_by is not None:
            verify_by = CALENDAR.due_after_pause(verify_by, *pause_period, VERIFYING, pause)
        return replace(self, due_at=due, paused_at=None, verify_by=verify_by)

    def _complete_at(self, at: datetime) -> datetime:
        """When the awaited payment or answer had arrived, so that the office could continue."""
        times = [request.answered_at for request in self.supplements] + [demand.paid_at for demand in self.demands]
        return max((time for time in times if time and self.paused_at and time >= self.paused_at), default=at)

    def timeliness(self, at: datetime) -> str:
        """early, on_time or overdue at the time of the result (fact sheet 2.3); overdue after two requests (QĐ 766)."""
        if len(self.supplements) > 1 or (self.due_at is not None and at > self.due_at):
            return "overdue"
        return "on_time" if self.due_at is None or at.date() == self.due_at.date() else "early"


def new_dossier(
    code: str, place: Place, procedure: str, applicant: str, at: datetime, channel: Channel, filing: Filing
) -> Dossier:
    """The province's copy of a new dossier; `place` is that of the competent agency."""
    members = asdict(filing)
    members["owner"], members["papers"] = filing.owner.name if filing.owner else None, len(filing.papers)
    return Dossier(
        code=code,
        province=place.province,
        commune=place.commune,
        procedure=procedure,
        applicant=applicant,
        state_code=SUBMITTED.code,
        submitted_at=at,
        channel=channel,
        **members,
    )


def expected_dossier(code: str, at: datetime) -> Dossier:
    """What is stored for a dossier that has a script and is not submitted yet."""
    return Dossier(
        code=code,
        province="",
        commune=None,
        procedure="",
        applicant="",
        state_code=SUBMITTED.code,
        submitted_at=at,
        channel="direct",  # so that the arrival of the online submission counts as a new stage
        planned="",  # not None, which would mean that its officers are silent
    )


# Need of the lifecycle table → whether this copy meets it.
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
# The refusals for needs that waiting cannot meet; every other need raises NotYet.
REFUSALS: dict[Need, Callable[[Dossier], Refusal]] = {
    law.KNOWN_FEE: lambda dossier: NothingDue(
        "The catalogue has no fee for this case; give the `fee` to demand.", code=dossier.code
    ),
    law.REQUESTS_LEFT: lambda dossier: AskedTooOften(
        "Decide with the papers that were sent.", code=dossier.code, requests=len(dossier.supplements)
    ),
    law.TIME_TO_VERIFY: lambda dossier: VerificationTooLate(
        "Decide with the papers that were sent: finish or reject.",
        code=dossier.code,
        latest=dossier.verify_by and dossier.verify_by.isoformat(),
    ),
    law.FIRST_APOLOGY: lambda dossier: AlreadyRescheduled(
        "Finish, reject or stop the dossier; a later result is overdue.", code=dossier.code
    ),
    law.TIME_TO_APOLOGISE: lambda dossier: ReschedulingTooLate(
        "The letter had to be sent one day before the due date; a later result is overdue.",
        code=dossier.code,
        latest=dossier.due_at and apology_due_at(dossier.due_at).isoformat(),
    ),
}
