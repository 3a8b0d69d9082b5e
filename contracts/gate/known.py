"""What the gate must know of a dossier to judge a message about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.calendar import CalendarTooShort
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR, agency_code, communes_of, procedure_of, procedure_to_show
from contracts.dossier import VERIFYING, Demand, DossierFacts, FeeItem, Supplement
from contracts.lifecycle import LIFECYCLE, Move
from shared.sandbox.clock import BUSINESS_ZONE


class Known(DossierFacts, frozen=True):
    """The facts of a dossier, and what a door knows besides.

    last_event_at  time of the dossier's last event, of either side; None: its submission
    partition      on which the connector's earlier records about it arrived; None: none did, or of no interest
    result_file    whether the connector has handed in the file of the result; None: of no interest
    """

    last_event_at: datetime | None = None
    partition: int | None = None
    result_file: bool | None = None

    @classmethod
    def of(cls, dossier: DossierFacts, **more: Any) -> Self:
        """What is known of a dossier of the gateway; `more`: the members that only the door knows."""
        known = msgspec.convert(dossier, cls, from_attributes=True)
        return replace(known, **more) if more else known

    @classmethod
    def in_state(
        cls, slug: str, *, now: datetime, province: str = "37", procedure: str = "2.000635", **more: Any
    ) -> Self:
        """A plausible dossier in this state, for who has none: its last move was made just before `now`.

        more    members in place of the plausible ones
        raises  KeyError for a state or province that does not exist; ProcedureNotFound, CalendarTooShort
        """
        state = {state.slug: state for state in LIFECYCLE.states}[slug]
        chosen = procedure_to_show(procedure, now.astimezone(BUSINESS_ZONE).date())
        commune = communes_of(province)[0].code if chosen.level == "commune" else None
        submitted, received, started, ended = (now - timedelta(minutes=each) for each in (60, 45, 30, 15))
        facts: dict[str, Any] = {
            "code": f"{agency_code(province, commune)}-{submitted.astimezone(BUSINESS_ZONE):%Y%m%d}-0000001",
            "province": province,
            "commune": commune,
            "procedure": procedure,
            "case": chosen.cases[0].code,
            "version": chosen.version,
            "state_code": state.code,
            "submitted_at": submitted,
            "last_event_at": submitted,
        }
        if state not in (law.SUBMITTED, law.REFUSED):
            limit = chosen.cases[0].limit_for("online")
            facts |= {
                "received_at": received,
                "last_event_at": received,
                "limit": limit,
                "due_at": CALENDAR.due(received, limit),
                "verify_by": CALENDAR.due(received, VERIFYING),
            }
        if state in (law.IN_PROCESSING, law.SUPPLEMENT, law.FINANCIAL_OBLIGATION, law.STOPPED, *law.DECIDED):
            facts |= {"started_at": started, "last_event_at": started}
        if state == law.SUPPLEMENT:
            request = Supplement(1, started, CALENDAR.due(started, Limit(10, Unit.WORKING_DAY)), answered_at=ended)
            facts |= {"supplements": (request,), "paused_at": started, "last_event_at": ended}
        if state == law.FINANCIAL_OBLIGATION:
            demand = Demand(1, "obligation", (FeeItem("tax", "Lệ phí trước bạ", 100_000),), now + timedelta(days=30))
            facts |= {"demands": (demand,), "paused_at": started}
        if state in law.DECIDED:
            facts |= {"ready_at": ended, "result_number": f"0000001/KQ-{facts['code']}", "last_event_at": ended}
        return cls(**facts | more)

    @property
    def lacks_file(self) -> bool:
        """Whether the file of the result must be handed in before the result can be announced."""
        return self.result_file is False and procedure_of(self.procedure, self.version).service_level == "full"

    @property
    def latest(self) -> datetime:
        """The time before which nothing more can have happened."""
        return self.last_event_at or self.submitted_at

    def unmet(self, move: Move, at: datetime) -> list[law.Need]:
        """The needs of a move that are not met, without those that a message about it meets by what it says."""
        return [need for need in move.needs if need != law.KNOWN_FEE and not self._meets(need, at)]

    def _meets(self, need: law.Need, at: datetime) -> bool:
        try:
            return self.meets(need, at)
        except CalendarTooShort:
            return True  # the rule about the calendar reports it

    def lawful(self, at: datetime, *, lenient: bool = False) -> dict[str, Move]:
        """Event type → move, for everything that its province may say of this dossier now.

        lenient  with what only the lenient mode takes: a second request for a supplement
        """
        return {
            move.event: move
            for move in LIFECYCLE.moves_from(self.state)
            if move.who in law.OFFICIALS
            and not self.unmet(move, at)
            and (lenient or move.event != law.SUPPLEMENT_REQUESTED or not self.supplements)
            and (move.event != law.DOSSIER_RESULT_READY or (self.due_at is not None and not self.lacks_file))
        }
