"""One function per question, read-only: the catalogue, a citizen's choice, a citizen's dossiers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from contracts.catalogue import CALENDAR, COMMUNES, PROCEDURES, PROVINCES, Procedure, agency_code
from services.portal.citizens import Citizen
from services.portal.domain import Dossier, DossierNotFound
from shared.calendar import BUSINESS_ZONE
from shared.errors import Refusal
from shared.house import House

SLACK_DAYS = 20  # working days beyond the limit: to be received, to pay, to take the result; a default of ours


class ProcedureNotFound(Refusal):
    """The catalogue has no procedure with this code."""


class ProcedureNotOffered(Refusal):
    """The procedure exists and cannot be submitted here."""


class ProvinceNotFound(Refusal):
    """No province has this code."""


class CommuneNotFound(Refusal):
    """No commune has this code."""


class CommuneOutsideAuthority(Refusal):
    """The procedure is not handled there."""


class LevelTooLow(Refusal):
    """The procedure asks for a higher identity level."""


@dataclass(frozen=True)
class Choice:
    """A procedure and the agency that handles it, checked against the catalogue."""

    procedure: Procedure
    province: str
    commune: str | None

    @property
    def agency(self) -> str:
        return agency_code(self.province, self.commune)


def procedure(code: str) -> Procedure:
    found = PROCEDURES.get(code)
    if found is None:
        raise ProcedureNotFound("GET /api/v1/procedures lists the catalogue.", procedure=code)
    return found


def province(code: str) -> str:
    if code not in PROVINCES:
        raise ProvinceNotFound("GET /api/v1/provinces lists the 34.", province=code)
    return code


def choose(citizen: Citizen, procedure_code: str, province_code: str, commune_code: str | None) -> Choice:
    """What a citizen chose, if the law allows it. Raises the refusals above."""
    chosen = procedure(procedure_code)
    province(province_code)
    if commune_code is not None and commune_code not in COMMUNES:
        raise CommuneNotFound(f"GET /api/v1/provinces/{province_code}/communes lists them.", commune=commune_code)
    if not chosen.offered:
        raise ProcedureNotOffered(
            "Choose one with `offered: true` in GET /api/v1/procedures.", procedure=chosen.code, level=chosen.level
        )
    if chosen.level == "commune":
        if commune_code is None:
            raise CommuneOutsideAuthority(
                "A commune handles it: name one.", procedure=chosen.code, level="commune", commune=None
            )
        if COMMUNES[commune_code].province != province_code:
            facts = {
                "commune": commune_code,
                "commune_province": COMMUNES[commune_code].province,
                "province": province_code,
            }
            raise CommuneOutsideAuthority("The commune lies in another province.", **facts)
    elif commune_code is not None:
        detail = "The province handles it: leave the commune out."
        raise CommuneOutsideAuthority(detail, procedure=chosen.code, level="province", commune=commune_code)
    if citizen.level < chosen.identity_level:
        detail = f"Log in with a level-{chosen.identity_level} account."
        raise LevelTooLow(detail, procedure=chosen.code, level=citizen.level, needed=chosen.identity_level)
    return Choice(chosen, province_code, commune_code)


def must_reach_an_end(chosen: Procedure, at: datetime) -> None:
    """Raises CalendarTooShort unless the list of days off goes far enough for what is submitted at `at`.

    It must hold the next day on which officers act, the procedure's limit, and slack.
    """
    days = 1 + max(1, ceil(chosen.working_days or 0)) + SLACK_DAYS
    CALENDAR.add_working_days(at.astimezone(BUSINESS_ZONE).date(), days)


async def dossier(house: House[Dossier], citizen: Citizen, code: str) -> Dossier:
    """A citizen's own dossier; another's does not exist for them."""
    found = await house.drawer.find(house.database, citizen.sandbox, code)
    if found is None or found.applicant_id != citizen.id:
        raise DossierNotFound(code)
    return found


async def dossiers(house: House[Dossier], citizen: Citizen, limit: int) -> list[Dossier]:
    return await house.drawer.find_where(
        house.database, citizen.sandbox, "body->>'applicant_id' = $2", citizen.id, limit=limit
    )
