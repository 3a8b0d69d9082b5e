"""One function per question that is asked of a province; read-only."""

from __future__ import annotations

from contracts import lifecycle as law
from contracts.catalogue import COMMUNES, PROVINCES, ProvinceNotFound
from services.province_gateway.domain import Dossier, DossierNotFound
from services.province_gateway.officers import faults
from services.province_gateway.store import OPEN
from shared.did_you_mean import no_such
from shared.errors import BodyDoesNotFit
from shared.messaging.runtime import MessagingRuntime
from shared.sandbox.registry import Sandbox
from shared.storage.page import LARGEST, Cut, Page

# Slug → code, as the documents have it. What was returned is open again while a withdrawal request waits there.
OPEN_STATES = {state.slug: str(state.code) for state in (*law.UNDECIDED, *law.DECIDED)}


def known_province(code: str) -> str:
    if code not in PROVINCES:
        raise ProvinceNotFound(f"The 34 codes are: {', '.join(PROVINCES)}.", province=code)
    return code


async def dossier(runtime: MessagingRuntime[Dossier], sandbox_id: str, province: str, code: str) -> Dossier:
    found = await runtime.documents.find(runtime.database, sandbox_id, code)
    if found is None or found.province != known_province(province):
        raise DossierNotFound(code)
    return found


async def dossiers(runtime: MessagingRuntime[Dossier], sandbox_id: str, province: str, page: Page) -> Cut[Dossier]:
    """The newest dossiers of a province."""
    wanted = ["body->>'province' = $2"], [known_province(province)]
    return await runtime.documents.page(runtime.database, sandbox_id, *wanted, page)


async def inbox(
    runtime: MessagingRuntime[Dossier],
    sandbox_id: str,
    province: str,
    page: Page,
    *,
    state: str | None,
    commune: str | None,
) -> Cut[Dossier]:
    """The open dossiers of a province, those that came first in front.

    state, commune  slug of a state, code of a competent commune: only those
    raises          BodyDoesNotFit for words that name none
    """
    known_province(province)
    condition, values = f"body->>'province' = $2 AND {OPEN}", [province]
    if state is not None:
        if state not in OPEN_STATES:
            raise BodyDoesNotFit(("/query/state", no_such("state of an open dossier", state, OPEN_STATES)))
        values.append(OPEN_STATES[state])
        condition += f" AND body->>'state_code' = ${len(values) + 1}"
    if commune is not None:
        if commune not in COMMUNES or COMMUNES[commune].province != province:
            communes = f"GET /api/v1/provinces/{province}/communes at the portal lists them"
            raise BodyDoesNotFit(("/query/commune", f"'{commune}' is no commune of province {province}: {communes}"))
        values.append(commune)
        condition += f" AND body->>'commune' = ${len(values) + 1}"
    return await runtime.documents.page(runtime.database, sandbox_id, [condition], values, page, oldest_first=True)


async def silenced(runtime: MessagingRuntime[Dossier], here: Sandbox) -> list[str]:
    """What lies because a fault keeps officers from acting, for `settle`: a sentence for each rule."""
    idle = f"{OPEN} AND body->>'planned' IS NULL"
    found = await runtime.documents.page(runtime.database, here.id, [idle], [], Page(LARGEST), oldest_first=True)
    lie: dict[str, list[Dossier]] = {}
    for dossier in found.rows:
        if rule := faults.silenced(here, dossier):
            lie.setdefault(f"{rule.id}: {rule.text_en}", []).append(dossier)
    more = " or more" if found.next else ""
    return [f"{said}; {len(dossiers)}{more} lie there, {dossiers[0].code} first" for said, dossiers in lie.items()]
