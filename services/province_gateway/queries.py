"""One function per question that is asked of a province; read-only."""

from __future__ import annotations

from datetime import datetime

from contracts.catalogue import PROVINCES, Choice, ProvinceNotFound, understand_unit
from services.province_gateway.domain import Dossier, DossierNotFound, Place
from shared.calendar import BUSINESS_ZONE
from shared.house import House
from shared.paging import Cut, Page


def known_province(code: str) -> str:
    if code not in PROVINCES:
        raise ProvinceNotFound(f"The 34 codes are: {', '.join(PROVINCES)}.", province=code)
    return code


async def dossier(house: House[Dossier], sandbox: str, province: str, code: str) -> Dossier:
    found = await house.drawer.find(house.database, sandbox, code)
    if found is None or found.province != known_province(province):
        raise DossierNotFound(code)
    return found


async def dossiers(house: House[Dossier], sandbox: str, province: str, page: Page) -> Cut[Dossier]:
    """The newest dossiers of a province."""
    return await house.drawer.page(house.database, sandbox, ["body->>'province' = $2"], known_province(province), page)


def reception(choice: Choice, place: Place | None, at: datetime) -> Place:
    """The desk that receives; the competent agency's own, if none is named. Raises what `Choice.received_at` refuses."""
    if place is None:
        return Place(choice.province, choice.commune)
    return Place(*choice.received_at(place.province, place.commune, at))


def place_of_help(place: Place | None, at: datetime) -> Place | None:
    """Where the applicant was helped, in codes of today. Raises what `understand_unit` refuses."""
    if place is None:
        return None
    here = understand_unit(place.province, place.commune, at.astimezone(BUSINESS_ZONE).date())
    return Place(here.province, here.commune)
