"""Which procedure can be submitted where, and through which channel. The portal and the desks share these rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from contracts.calendar.worktime import CLOSING_TIME, Limit
from contracts.catalogue.procedures import Case, Procedure
from contracts.catalogue.units import COMMUNES, Place, agency_code, resolve_unit
from contracts.catalogue.versions import procedure_at
from contracts.catalogue.working_days import CALENDAR
from contracts.sources import WITHIN_THE_PROVINCE
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE

SLACK_DAYS = 45  # working days beyond the limit, for reception, a supplement and 30 days to pay; our choice


class ProcedureNotOffered(Refusal):
    """The procedure is in force, but cannot be submitted through this channel."""


class CommuneOutsideAuthority(Refusal):
    """The authority of this place does not handle the procedure."""


class ReceptionElsewhere(Refusal):
    """The desk is in another province, or only the agency that handles the procedure can receive it."""


@dataclass(frozen=True)
class Choice:
    """A version and a case of a procedure, and the place that handles it, checked against the catalogue.

    province, commune   current codes; `was` has the given codes, if those are older
    """

    procedure: Procedure
    case: Case
    province: str
    commune: str | None
    was: Place | None = None

    @property
    def place(self) -> Place:
        return Place(self.province, self.commune)

    @property
    def agency(self) -> str:
        return agency_code(self.province, self.commune)

    def received_at(self, place: Place | None, on: date | datetime) -> Place:
        """The desk that receives the dossier, in current codes: `place`, or the agency's own desk if `place` is None.

        raises  ReceptionElsewhere, UnitUnknown, UnitSplit
        source  fact sheet 2.8: independence of the place is set by provincial decisions, within the province
        """
        desk = in_current_codes(place, on) or self.place
        if desk != self.place:
            facts = {"procedure": self.procedure.code, "reception": agency_code(desk.province, desk.commune)}
            if desk.province != self.province:
                detail = "Choose a desk in the province that handles it."
                raise ReceptionElsewhere(detail, **facts).resting_on(WITHIN_THE_PROVINCE)
            if not self.procedure.any_reception:
                raise ReceptionElsewhere(
                    "Leave `reception` out: only the agency itself receives this procedure.", **facts
                ).resting_on(WITHIN_THE_PROVINCE)
        return desk

    def require_calendar(self, at: datetime, channel: str) -> None:
        """Raises CalendarTooShort if the list of days off is too short for a dossier submitted at `at`.

        It must include the next working day, the limit of the case from the closing time of that day, and SLACK_DAYS.
        """
        _must_reach(_day(at), self.case.limit_for(channel))


def choose(
    procedure_code: str,
    province_code: str,
    commune_code: str | None,
    *,
    case: str | None = None,
    channel: str,
    on: date | datetime,
) -> Choice:
    """The choice of a citizen, checked: the catalogue must allow it on that day.

    case            code of the case; None for the first
    channel         direct, online or public_postal
    on              a day, or an aware moment: its day in Viet Nam
    raises          CalendarTooShort, UnitUnknown, UnitSplit, ProcedureNotFound, ProcedureWithdrawn,
                    ProcedureNotYetInForce, CaseNotFound, ProcedureNotOffered, CommuneOutsideAuthority
    """
    return _choose(procedure_code, province_code, commune_code, case, channel, _day(on))


def in_current_codes(place: Place | None, on: date | datetime) -> Place | None:
    """The place in current codes; None for None. Raises what `resolve_unit` raises."""
    if place is None:
        return None
    resolved = resolve_unit(place.province, place.commune, _day(on))
    return Place(resolved.province, resolved.commune)


@lru_cache(maxsize=10_000)  # the result for a day never changes; exceptions are not cached
def _choose(
    procedure_code: str, province_code: str, commune_code: str | None, case: str | None, channel: str, day: date
) -> Choice:
    CALENDAR.is_working_day(day)  # first refuses a day outside the list of days off
    place = resolve_unit(province_code, commune_code, day)
    procedure = procedure_at(procedure_code, day)
    chosen_case = procedure.case(case)
    require_offered(procedure, channel)
    _require_authority(procedure, place.province, place.commune)
    return Choice(procedure, chosen_case, place.province, place.commune, place.was)


@lru_cache(maxsize=10_000)
def _must_reach(day: date, limit: Limit) -> None:
    next_day = CALENDAR.add_working_days(day, 1)
    due = CALENDAR.due(datetime.combine(next_day, CLOSING_TIME, BUSINESS_ZONE), limit)
    CALENDAR.add_working_days(due.date(), SLACK_DAYS)


def require_offered(procedure: Procedure, channel: str) -> None:
    """Raises ProcedureNotOffered unless the procedure can be submitted through `channel`."""
    if channel not in procedure.channels:
        raise ProcedureNotOffered(
            "Choose one of its channels.", procedure=procedure.code, channel=channel, channels=list(procedure.channels)
        )


def _require_authority(procedure: Procedure, province: str, commune: str | None) -> None:
    """Level commune needs a commune; the levels province and ministry allow none; any_level allows both.

    raises  CommuneOutsideAuthority
    """
    if commune is None:
        if procedure.level == "commune":
            detail = "A commune handles this procedure: name one."
            raise CommuneOutsideAuthority(detail, procedure=procedure.code, level="commune", commune=None)
        return
    if procedure.level in ("province", "ministry"):
        detail = "The desk of the province receives this procedure: leave the commune out."
        raise CommuneOutsideAuthority(detail, procedure=procedure.code, level=procedure.level, commune=commune)
    if COMMUNES[commune].province != province:
        facts = {"commune": commune, "commune_province": COMMUNES[commune].province, "province": province}
        raise CommuneOutsideAuthority("The commune belongs to another province.", **facts)


def _day(on: date | datetime) -> date:
    return on.astimezone(BUSINESS_ZONE).date() if isinstance(on, datetime) else on
