"""Read-only queries about the dossiers of a province."""

from __future__ import annotations

from contracts import lifecycle as law
from contracts.catalogue import COMMUNES, FIELDS, PROCEDURES, current_province
from services.province_gateway.domain import Dossier, DossierNotFound
from services.province_gateway.officers import faults
from shared.did_you_mean import no_such
from shared.errors import BodyDoesNotFit
from shared.messaging.runtime import MessagingRuntime
from shared.sandbox.registry import Sandbox
from shared.storage.page import LARGEST, Cut, Page

# Slug → code as in the documents. A returned dossier counts as open while its withdrawal request is not answered.
OPEN_STATES = {state.slug: str(state.code) for state in (*law.UNDECIDED, *law.DECIDED)}


async def dossier(runtime: MessagingRuntime[Dossier], sandbox_id: str, province: str, code: str) -> Dossier:
    document = await runtime.documents.find(runtime.database, sandbox_id, code)
    if document is None or document.province != current_province(province):
        raise DossierNotFound(code)
    return document


async def dossiers(runtime: MessagingRuntime[Dossier], sandbox_id: str, province: str, page: Page) -> Cut[Dossier]:
    """The dossiers of a province, newest first."""
    conditions, values = ["province = $2"], [current_province(province)]
    return await runtime.documents.page(runtime.database, sandbox_id, conditions, values, page)


async def inbox(
    runtime: MessagingRuntime[Dossier],
    sandbox_id: str,
    province: str,
    page: Page,
    *,
    state: str | None,
    commune: str | None,
    field: str | None = None,
) -> Cut[Dossier]:
    """The open dossiers of a province, oldest first.

    state, commune, field  filters: slug of a state, code of a competent commune, code of a field of administration
    raises                 BodyDoesNotFit for a filter that is unknown
    """
    current_province(province)
    condition = "province = $2 AND open"
    values: list[object] = [province]
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
    if field is not None:
        if field not in FIELDS:
            raise BodyDoesNotFit(("/query/field", no_such("field of administration", field, FIELDS)))
        values.append([procedure.code for procedure in PROCEDURES.values() if procedure.field_en == field])
        condition += f" AND body->>'procedure' = ANY(${len(values) + 1})"
    return await runtime.documents.page(runtime.database, sandbox_id, [condition], values, page, oldest_first=True)


async def silenced(runtime: MessagingRuntime[Dossier], sandbox: Sandbox) -> list[str]:
    """The dossiers on which officers do not act because of a fault, for `settle`: one sentence per rule."""
    idle = "open AND body->>'planned' IS NULL"
    page = await runtime.documents.page(runtime.database, sandbox.id, [idle], [], Page(LARGEST), oldest_first=True)
    waiting: dict[str, list[str]] = {}  # rule → codes
    for dossier in page.rows:
        if rule := faults.silenced(sandbox, dossier):
            waiting.setdefault(f"{rule.id}: {rule.text_en}", []).append(dossier.code)
    more = " or more" if page.next else ""
    return [f"{rule}; dossiers waiting: {len(codes)}{more}, the first is {codes[0]}" for rule, codes in waiting.items()]
