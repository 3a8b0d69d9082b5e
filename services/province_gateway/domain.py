"""A province's copy of a dossier, and the rules: what officials may do with it, and when. Plain Python, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from msgspec import field
from msgspec.structs import asdict, replace

from contracts import lifecycle as law
from contracts.calendar.calendar import CalendarTooShort
from contracts.catalogue import Channel, Place, apology_due_at
from contracts.dossier import Demand, DossierFacts, FeeItem, Moment
from contracts.filing import Filing
from contracts.lifecycle import LIFECYCLE, SUBMITTED, Move, MoveNotAllowed, Need
from shared.errors import Refusal
from shared.sentences import Sentence
from shared.storage.value import Value


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


class ResultNotHandedIn(Refusal):
    """The file that a connector names as the result was not handed in. Facts: `pointer` into its message."""


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
    said        of a connector: the body of its event, whose members are published in place of the office's own
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
    said: dict[str, Any] = field(default_factory=dict)


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


class Prepayment(Value, frozen=True):
    """What the province was paid as a partner of the payment platform; `transaction`: MaGiaoDich."""

    transaction: str
    amount_dong: int

    def meets(self, demand: int) -> Sentence:
        return Sentence(
            f"Demand {demand} is met by the payment {self.transaction} of {self.amount_dong} dong, which the province took "
            "at the payment platform as a partner of it, not at the office",
            f"Khoản phải nộp số {demand} được đáp ứng bằng giao dịch {self.transaction}, {self.amount_dong} đ, mà tỉnh đã "
            "thu trên nền tảng thanh toán với tư cách đối tác, không thu tại cơ quan",
        )


class Dossier(DossierFacts, frozen=True, kw_only=True):
    """A province's copy of a dossier: its facts, and what its officers plan.

    owner     name of the person or organisation that the dossier is for, if not the applicant
    planned   kind of the timer of the officers' next action; there is at most one
    reason    why it ended without a result
    rated     sum of the nine indicators, 0-18
    script    its own; None: that of its province, whose first `steps_taken` steps are done if its mark is `steps_of`
    heard     `dossierversion` of the portal's last event that is applied here; 0: of none; None: it was not noted then
    is_told   whether the connector of its province was told everything so far, and so gets what comes next
    prepaid   no demand of this amount has come yet
    own_result  SHA-256 of the result that the connector has handed in; "": none, and the result is printed here
    """

    applicant: str
    owner: str | None = None
    papers: int = 0
    reason: str | None = None
    rated: int | None = None
    planned: str | None = None
    script: Script | None = None
    steps_of: str = ""
    steps_taken: int = 0
    heard: int | None = None
    is_told: bool = False
    own_result: str = ""
    prepaid: tuple[Prepayment, ...] = ()

    @property
    def is_expected(self) -> bool:
        """Whether it has not arrived yet: a script or a payment waits for it. No list has it, since it is in no province."""
        return not self.province

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
            if not self.meets(need, at):
                if need in REFUSALS:
                    raise REFUSALS[need](self).resting_on(need.law)
                facts = {"code": self.code, "does": instruction.does, "waits_for": need.slug}
                raise NotYet(f"Needed first: {need.slug}.", **facts).resting_on(need.law)

    def waits_for(self, instruction: Instruction, at: datetime) -> Need | None:
        """The first unmet need of a lawful move that can still be met."""
        needs = (need for need in self._needs(instruction) if need not in REFUSALS)
        return next((need for need in needs if not self.meets(need, at)), None)

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
            return self.meets(need, at)
        except CalendarTooShort:
            return False

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
        heard=0,
        **members,
    )


def expected_dossier(code: str, at: datetime) -> Dossier:
    """What is stored for a dossier that has a script or a payment, and is not submitted yet."""
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
