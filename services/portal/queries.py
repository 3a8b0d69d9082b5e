"""One function per question, read-only: a citizen's choice, a citizen's dossiers. The catalogue answers for itself."""

from __future__ import annotations

from datetime import date, datetime

from contracts import catalogue
from contracts.catalogue import CALENDAR, Choice
from services.portal.citizens import Citizen
from services.portal.domain import Dossier, DossierNotFound
from shared.calendar import BUSINESS_ZONE, CLOSING_TIME
from shared.errors import Refusal
from shared.house import House
from shared.paging import Cut, Page

SLACK_DAYS = 20  # working days beyond the limit: to be received, to pay, to take the result; a default of ours


class LevelTooLow(Refusal):
    """The procedure asks for a higher identity level."""


def choose(
    citizen_level: int,
    procedure_code: str,
    province_code: str,
    commune_code: str | None,
    *,
    case: str | None = None,
    on: date | datetime,
) -> Choice:
    """What a citizen chose to file online, if the law allows it on that day.

    citizen_level   assurance level of whoever files, 1 or 2
    raises          LevelTooLow, and what the catalogue's `choose` refuses
    """
    choice = catalogue.choose(procedure_code, province_code, commune_code, case=case, channel="online", on=on)
    if citizen_level < (needed := choice.procedure.identity_level):
        detail = f"Log in with a level-{needed} account."
        raise LevelTooLow(detail, procedure=choice.procedure.code, level=citizen_level, needed=needed)
    return choice


def must_reach_an_end(choice: Choice, at: datetime, channel: str = "online") -> None:
    """Raises CalendarTooShort unless the list of days off goes far enough for what is submitted at `at`.

    It must hold the next day on which officers act, the case's limit from its closing time on, and slack.
    """
    next_day = CALENDAR.add_working_days(at.astimezone(BUSINESS_ZONE).date(), 1)
    due = CALENDAR.due(datetime.combine(next_day, CLOSING_TIME, BUSINESS_ZONE), choice.case.limit_for(channel))
    CALENDAR.add_working_days(due.date(), SLACK_DAYS)


async def dossier(house: House[Dossier], citizen: Citizen, code: str) -> Dossier:
    """A citizen's own dossier; another's does not exist for them."""
    found = await house.drawer.find(house.database, citizen.sandbox, code)
    if found is None or not found.belongs_to(citizen.id):
        raise DossierNotFound(code)
    return found


async def dossiers(house: House[Dossier], citizen: Citizen, page: Page) -> Cut[Dossier]:
    """What a citizen handed in, newest first."""
    condition = "body->>'applicant_id' = $2"
    return await house.drawer.page(house.database, citizen.sandbox, condition, citizen.id, page)
