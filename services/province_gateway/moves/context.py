"""One move of an official: the dossier before and after it, its event, and the name under which it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from contracts import lifecycle as law
from contracts.calendar.worktime import Count, Pause
from contracts.catalogue import Place, agency_code
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.work import Work, save_and_publish
from shared.sandbox.clock import BUSINESS_ZONE

T = TypeVar("T")


@dataclass(frozen=True)
class Rules:
    """How this procedure system counts time; stored on each dossier at its reception."""

    count: Count = Count.LAW
    pause: Pause = Pause.ANEW


def desk(dossier: Dossier) -> str:
    place = dossier.reception or Place(dossier.province, dossier.commune)
    return f"Bộ phận Một cửa {agency_code(place.province, place.commune)}"


def handler(dossier: Dossier) -> str:
    return f"Bộ phận thụ lý {agency_code(dossier.province, dossier.commune)}"


class OfficialMove(Struct, frozen=True):
    """A move that an official is making: the dossier before and after it, its event, and the instruction."""

    work: Work
    before: Dossier
    after: Dossier
    event: str
    at: datetime
    instruction: Instruction
    rules: Rules

    def publish(self, dossier: Dossier, /, **facts: Any) -> None:
        """Save the dossier and publish the event of the move; what a connector said precedes the office's own facts."""
        save_and_publish(self.work, dossier, self.event, **{**facts, **self.instruction.said})

    def said(self, name: str, default: T) -> T:
        """A member of the connector's event; `default` if it has none, or if no connector speaks."""
        value: T = self.instruction.said.get(name, default)
        return value

    def said_time(self, name: str, default: datetime) -> datetime:
        """As `said`, for a member that is a time."""
        value = self.instruction.said.get(name)
        return default if value is None else datetime.fromisoformat(value).astimezone(BUSINESS_ZONE)

    def reason(self, default: str) -> str:
        return self.instruction.reason or default

    @property
    def handler(self) -> str:
        return handler(self.before)

    @property
    def official(self) -> str:
        """Who makes the move by the lifecycle table: the desk or the handler."""
        move = law.LIFECYCLE.move_for_event(self.before.state, self.event)
        return self.handler if move is not None and move.who == law.HANDLER else desk(self.before)
