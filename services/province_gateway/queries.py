"""One function per question that is asked of a province; read-only."""

from __future__ import annotations

from contracts.catalogue import PROVINCES, ProvinceNotFound
from services.province_gateway.domain import Dossier, DossierNotFound
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
