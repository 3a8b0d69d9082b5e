"""What a province knows of a dossier, and what follows from it: money, deadlines, and which needs of a move are met.

The gateway's copy extends it; the gate judges messages by it. Plain Python, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Literal, Self

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Count, Limit, Pause, Unit
from contracts.catalogue import CALENDAR, Channel, Place, apology_due_at, fee_of, procedure_of
from contracts.filing import Particulars
from contracts.lifecycle import LIFECYCLE, Need, State
from shared.sandbox.clock import BUSINESS_ZONE
from shared.storage.value import Value

REQUESTS = 9  # the highest number that the event allows; the law allows one request
VERIFYING = Limit(3, Unit.WORKING_DAY)  # ND 61/2018 art. 19.4: time to verify and to request a supplement
AT_THE_OFFICE = ("counter", "transfer")  # methods by which the office itself takes money
WAIVED = "waived"

FeeKind = Literal["service_fee", "registration_fee", "tax"]  # phí, lệ phí, tax or land charge
Moment = Literal["at_reception", "at_supplement", "at_result", "obligation"]
MOMENTS: dict[str, Moment] = {
    law.SUBMITTED.slug: "at_reception",
    law.RECEIVED.slug: "at_reception",
    law.IN_PROCESSING.slug: "obligation",
    law.SUPPLEMENT.slug: "at_supplement",
    law.RESULT_READY.slug: "at_result",
}


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


class DossierFacts(Particulars, frozen=True):
    """What moves and deadlines depend on. Times are sandbox time, aware; money in đồng.

    commune    of the competent agency; None: the province itself
    verify_by  last moment for a supplement request; waiting for money does not count
    withdrawal_reason  of the open withdrawal request
    """

    code: str
    province: str
    commune: str | None
    procedure: str
    state_code: int
    submitted_at: datetime
    channel: Channel = "online"
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
    withdrawal_reason: str | None = None
    result_number: str | None = None
    ready_at: datetime | None = None

    @property
    def state(self) -> State:
        return LIFECYCLE.state(self.state_code)

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
    def last_act_at(self) -> datetime:
        """When its office, or before that its submitter, last did something. Payments and answers of citizens are left out."""
        times = [self.submitted_at, self.received_at, self.handed_over_at]
        times += [self.started_at, self.paused_at, self.ready_at]
        times += [demand.paid_at for demand in self.demands if demand.paid_by in (*AT_THE_OFFICE, WAIVED)]
        times += [request.requested_at for request in self.supplements]
        return max(time for time in times if time is not None)

    def meets(self, need: Need, at: datetime) -> bool:
        """Whether a need of the lifecycle table is met; raises CalendarTooShort."""
        return MET[need](self, at)

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

    def running_again(self, at: datetime, pause: Pause) -> Self:
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
        if self.due_at is None or _day(at) == _day(self.due_at):
            return "on_time"
        return "early"


def _day(at: datetime) -> date:
    return at.astimezone(BUSINESS_ZONE).date()


# Need of the lifecycle table → whether the dossier meets it.
MET: dict[Need, Callable[[DossierFacts, datetime], bool]] = {
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
