"""The one-stop rules of a province: its copy of a dossier, and what each step makes of it. Plain Python, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from contracts.lifecycle import LIFECYCLE, SUBMITTED, Move, State
from shared.errors import Refusal


class DossierNotFound(Refusal):
    """This province has no such dossier in this sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__("Check the code and the sandbox; a dossier just submitted may still be on its way.", code=code)


@dataclass(frozen=True)
class Script:
    """What the officers of one dossier will decide, instead of drawing from the seed."""

    reception: str | None = None  # "receive" | "refuse"
    reason: str | None = None
    processing_days: float | None = None  # working days from start to result


@dataclass(frozen=True)
class Dossier:
    """A province's copy. Times are sandbox time, aware; money in đồng."""

    code: str
    province: str
    commune: str | None
    procedure: str
    applicant: str
    state_code: int
    submitted_at: datetime
    received_at: datetime | None = None
    due_at: datetime | None = None
    fee_dong: int | None = None
    payment: str | None = None  # reference of the confirmed payment
    paid_dong: int = 0
    refunded_dong: int = 0
    withdrawal_reason: str | None = None  # asked and not answered yet
    result_number: str | None = None
    reason: str | None = None  # of a refusal or a withdrawal
    script: Script = Script()

    @property
    def state(self) -> State:
        return LIFECYCLE.state(self.state_code)

    def after(self, does: str, who: str) -> tuple[Dossier, Move]:
        """The dossier after a lawful move; raises MoveNotAllowed."""
        move = LIFECYCLE.after(self.state, does, who)
        return replace(self, state_code=move.then.code), move

    def on_time(self, at: datetime) -> bool:
        """The moment of the result decides, not of its return (fact sheet 2.3, status 9)."""
        return self.due_at is None or at <= self.due_at


def new_dossier(code: str, province: str, commune: str | None, procedure: str, applicant: str, at: datetime) -> Dossier:
    return Dossier(code, province, commune, procedure, applicant, SUBMITTED.code, at)
