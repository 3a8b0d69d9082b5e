"""One function per question, read-only: a citizen's choice, a citizen's dossiers. The catalogue answers for itself."""

from __future__ import annotations

from datetime import date, datetime

from contracts import catalogue
from contracts.catalogue import Choice
from services.portal.auth import Citizen
from services.portal.domain import Dossier, DossierNotFound
from shared.errors import Refusal
from shared.messaging.runtime import MessagingRuntime
from shared.storage.page import Cut, Page


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


async def dossier(runtime: MessagingRuntime[Dossier], citizen: Citizen, code: str) -> Dossier:
    """A citizen's own dossier; another's does not exist for them."""
    found = await runtime.documents.find(runtime.database, citizen.sandbox, code)
    if found is None or not found.belongs_to(citizen.id):
        raise DossierNotFound(code)
    return found


async def dossiers(runtime: MessagingRuntime[Dossier], citizen: Citizen, page: Page) -> Cut[Dossier]:
    """What a citizen handed in, or what was handed in for them, newest first."""
    mine = ("body->>'applicant_id' = $2", "body->'owner'->>'id' = $2")
    return await runtime.documents.page(runtime.database, citizen.sandbox, mine, [citizen.id], page)
