"""One function per question that is asked of a province; read-only."""

from __future__ import annotations

from contracts.catalogue import PROVINCES
from services.province_gateway.domain import Dossier, DossierNotFound
from shared.errors import Refusal
from shared.house import House


class ProvinceNotFound(Refusal):
    """No province has this code."""


def known_province(code: str) -> str:
    if code not in PROVINCES:
        raise ProvinceNotFound(f"The 34 codes are: {', '.join(PROVINCES)}.", province=code)
    return code


async def dossier(house: House[Dossier], sandbox: str, province: str, code: str) -> Dossier:
    found = await house.drawer.find(house.database, sandbox, code)
    if found is None or found.province != known_province(province):
        raise DossierNotFound(code)
    return found


async def dossiers(house: House[Dossier], sandbox: str, province: str, limit: int) -> list[Dossier]:
    """The newest dossiers of a province, at most `limit`."""
    condition = "body->>'province' = $2"
    return await house.drawer.find_where(house.database, sandbox, condition, known_province(province), limit=limit)
