"""One move of an official while it is made: what it starts from, what it says, and in whose name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Struct

from contracts import lifecycle as law
from contracts.calendar.worktime import Count, Pause
from contracts.catalogue import Place, agency_code
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.work import Work, tell


@dataclass(frozen=True)
class Rules:
    """How this procedure system counts; written down on each dossier at its reception."""

    count: Count = Count.LAW
    pause: Pause = Pause.ANEW


def desk(dossier: Dossier) -> str:
    at = dossier.reception or Place(dossier.province, dossier.commune)
    return f"Bộ phận Một cửa {agency_code(at.province, at.commune)}"


def handler(dossier: Dossier) -> str:
    return f"Bộ phận thụ lý {agency_code(dossier.province, dossier.commune)}"


class Act(Struct, frozen=True):
    """One move being made: the dossier before and after, the event that tells it, and what the official said."""

    work: Work
    before: Dossier
    after: Dossier
    event: str
    at: datetime
    instruction: Instruction
    rules: Rules

    def tell(self, dossier: Dossier, **facts: Any) -> None:
        tell(self.work, dossier, self.event, **facts)

    def reason(self, otherwise: str) -> str:
        return self.instruction.reason or otherwise

    @property
    def handler(self) -> str:
        return handler(self.before)

    @property
    def official(self) -> str:
        """Whose move it is by the table: the desk's, or the handler's."""
        move = law.LIFECYCLE.move_for_event(self.before.state, self.event)
        return self.handler if move is not None and move.who == law.HANDLER else desk(self.before)
