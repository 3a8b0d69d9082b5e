"""What may be filed where, through which channel: the rules that a portal and a desk share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from contracts.calendar.worktime import CLOSING_TIME, Limit
from contracts.catalogue.procedures import Case, Procedure
from contracts.catalogue.units import COMMUNES, Place, agency_code, understand_unit
from contracts.catalogue.versions import procedure_at
from contracts.catalogue.working_days import CALENDAR
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE

SLACK_DAYS = 45  # working days beyond the limit: to be received, to hand in what is missing, 30 days to pay; ours


class ProcedureNotOffered(Refusal):
    """The procedure is in force and cannot be filed through this channel."""


class CommuneOutsideAuthority(Refusal):
    """The procedure is not handled there."""


class ReceptionElsewhere(Refusal):
    """The desk lies in another province, or the procedure is received only by the agency that handles it."""


@dataclass(frozen=True)
class Choice:
    """A procedure's version and case, and the agency that receives it, checked against the catalogue.

    province, commune   in codes of today; `was` keeps those that were given, if they are older
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
        """The desk that receives, in codes of today: the agency's own, or any of the province where place does not matter.

        raises  ReceptionElsewhere, UnitUnknown, UnitSplit
        source  fact sheet 2.8: independence of the place is set by provincial decisions, within the province
        """
        desk = in_codes_of_today(place, on) or self.place
        if desk != self.place:
            facts = {"procedure": self.procedure.code, "reception": agency_code(desk.province, desk.commune)}
            if desk.province != self.province:
                raise ReceptionElsewhere("The desk must lie in the province that handles it.", **facts)
            if not self.procedure.any_reception:
                raise ReceptionElsewhere("Leave `reception` out: this procedure depends on the place.", **facts)
        return desk

    def must_reach_an_end(self, at: datetime, channel: str) -> None:
        """Raises CalendarTooShort unless the list of days off goes far enough for what is filed at `at`.

        It must hold the next day on which officers act, the case's limit from its closing time on, and slack.
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
    """What somebody wants to file, if the law allows it on that day.

    case            its code, None for the first
    channel         direct, online or public_postal
    on              a day, or an aware moment: its day in Viet Nam
    raises          CalendarTooShort, UnitUnknown, UnitSplit, ProcedureNotFound, ProcedureWithdrawn,
                    ProcedureNotYetInForce, CaseNotFound, ProcedureNotOffered, CommuneOutsideAuthority
    """
    return _choose(procedure_code, province_code, commune_code, case, channel, _day(on))


def in_codes_of_today(place: Place | None, on: date | datetime) -> Place | None:
    """The same place; nothing stays nothing. Raises what `understand_unit` refuses."""
    if place is None:
        return None
    found = understand_unit(place.province, place.commune, _day(on))
    return Place(found.province, found.commune)


@lru_cache(maxsize=10_000)  # a day's answer never changes; refusals are not kept
def _choose(
    procedure_code: str, province_code: str, commune_code: str | None, case: str | None, channel: str, day: date
) -> Choice:
    CALENDAR.is_working_day(day)  # a day that the list of days off does not reach is refused before anything else
    place = understand_unit(province_code, commune_code, day)
    chosen = procedure_at(procedure_code, day)
    found = chosen.case(case)
    must_be_offered(chosen, channel)
    _must_be_handled_there(chosen, place.province, place.commune)
    return Choice(chosen, found, place.province, place.commune, place.was)


@lru_cache(maxsize=10_000)
def _must_reach(day: date, limit: Limit) -> None:
    next_day = CALENDAR.add_working_days(day, 1)
    due = CALENDAR.due(datetime.combine(next_day, CLOSING_TIME, BUSINESS_ZONE), limit)
    CALENDAR.add_working_days(due.date(), SLACK_DAYS)


def must_be_offered(chosen: Procedure, channel: str) -> None:
    """Raises ProcedureNotOffered unless it can be filed through `channel`."""
    if channel not in chosen.channels:
        raise ProcedureNotOffered(
            "Choose one of its channels.", procedure=chosen.code, channel=channel, channels=list(chosen.channels)
        )


def _must_be_handled_there(chosen: Procedure, province: str, commune: str | None) -> None:
    """A commune's procedure needs a commune; a province's or a ministry's has none; any_level may have one."""
    if commune is None:
        if chosen.level == "commune":
            detail = "A commune handles it: name one."
            raise CommuneOutsideAuthority(detail, procedure=chosen.code, level="commune", commune=None)
        return
    if chosen.level in ("province", "ministry"):
        detail = "The province's desk receives it: leave the commune out."
        raise CommuneOutsideAuthority(detail, procedure=chosen.code, level=chosen.level, commune=commune)
    if COMMUNES[commune].province != province:
        facts = {"commune": commune, "commune_province": COMMUNES[commune].province, "province": province}
        raise CommuneOutsideAuthority("The commune lies in another province.", **facts)


def _day(on: date | datetime) -> date:
    return on.astimezone(BUSINESS_ZONE).date() if isinstance(on, datetime) else on
