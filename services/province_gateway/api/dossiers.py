"""The dossiers of a province, its inbox, one dossier and its result."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field

from contracts.catalogue import FIELDS
from services.province_gateway import queries
from services.province_gateway.api.views import DossierView, GatewayDep
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["provinces"])


@router.get(
    "/provinces/{province}/dossiers", summary="Dossiers of a province, newest first.", responses=problem_responses(404)
)
async def dossiers(
    province: Text, sandbox: SandboxId, gateway: GatewayDep, page: PageDep, request: Request, response: Response
) -> list[DossierView]:
    now = (await known_sandbox(gateway, sandbox)).now
    cut = await queries.dossiers(gateway, sandbox, province, page)
    return [DossierView.of(dossier, now) for dossier in announce(request, response, cut)]


@router.get(
    "/provinces/{province}/inbox",
    summary="The open dossiers of a province, oldest first; `can` lists the moves that are lawful now.",
    responses=problem_responses(404, 422),
)
async def inbox(
    province: Text,
    sandbox: SandboxId,
    gateway: GatewayDep,
    page: PageDep,
    request: Request,
    response: Response,
    state: Annotated[
        Annotated[Text, Field(json_schema_extra={"enum": [*queries.OPEN_STATES]})] | None,
        Query(description="Only in this state"),
    ] = None,
    commune: Annotated[Text | None, Query(description="Only with this competent commune", examples=["14464"])] = None,
    field: Annotated[
        Annotated[Text, Field(json_schema_extra={"enum": [*FIELDS]})] | None,
        Query(description="Only of this field of administration, which is one department's"),
    ] = None,
) -> list[DossierView]:
    now = (await known_sandbox(gateway, sandbox)).now
    cut = await queries.inbox(gateway, sandbox, province, page, state=state, commune=commune, field=field)
    return [DossierView.of(dossier, now) for dossier in announce(request, response, cut)]


@router.get(
    "/provinces/{province}/dossiers/{code}", summary="A province's copy of a dossier.", responses=problem_responses(404)
)
async def dossier(province: Text, code: Text, sandbox: SandboxId, gateway: GatewayDep) -> DossierView:
    now = (await known_sandbox(gateway, sandbox)).now
    return DossierView.of(await queries.dossier(gateway, sandbox, province, code), now)
