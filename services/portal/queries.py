"""Read-only queries: the choice of a citizen, and the dossiers of a citizen."""

from __future__ import annotations

from datetime import date, datetime

from contracts import catalogue, sources
from contracts.catalogue import Choice
from services.portal.auth import Citizen
from services.portal.domain import Dossier, DossierNotFound
from shared.errors import Refusal
from shared.messaging.runtime import MessagingRuntime
from shared.storage.page import Cut, Page


class LevelTooLow(Refusal):
    """The procedure needs a higher identity level."""


def choose(
    citizen_level: int,
    procedure_code: str,
    province_code: str,
    commune_code: str | None,
    *,
    case: str | None = None,
    on: date | datetime,
) -> Choice:
    """The procedure and authority that a citizen chose for filing online on that day.

    citizen_level   assurance level of the citizen, 1 or 2
    raises          LevelTooLow, and the refusals of `catalogue.choose`
    """
    choice = catalogue.choose(procedure_code, province_code, commune_code, case=case, channel="online", on=on)
    if citizen_level < (needed := choice.procedure.identity_level):
        detail = f"Log in with a level-{needed} account."
        raise LevelTooLow(detail, procedure=choice.procedure.code, level=citizen_level, needed=needed).resting_on(
            sources.LEVELS
        )
    return choice


async def dossier(runtime: MessagingRuntime[Dossier], citizen: Citizen, code: str) -> Dossier:
    """A citizen's own dossier. Raises DossierNotFound, also for a dossier of another person."""
    dossier = await runtime.documents.find(runtime.database, citizen.sandbox, code)
    if dossier is None or not dossier.belongs_to(citizen.id):
        raise DossierNotFound(code)
    return dossier


async def dossiers(runtime: MessagingRuntime[Dossier], citizen: Citizen, page: Page) -> Cut[Dossier]:
    """The dossiers that a citizen submitted or owns, newest first."""
    conditions = ("applicant = $2", "owner = $2")
    return await runtime.documents.page(runtime.database, citizen.sandbox, conditions, [citizen.id], page)
