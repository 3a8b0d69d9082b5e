"""The dossiers of a province, its inbox, one dossier and its result."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from contracts.catalogue import COMMUNES, PROVINCES, procedure_of
from services.province_gateway import queries, result_pdf
from services.province_gateway.api.views import DossierView, GatewayDep
from services.province_gateway.domain import NoResultYet
from services.province_gateway.moves.context import handler
from shared.runtime import known_sandbox
from shared.sandbox import files
from shared.sandbox.files import File
from shared.text import Text
from shared.web import file_response
from shared.web.dependencies import SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter(prefix="/api/v1", tags=["provinces"])


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
) -> list[DossierView]:
    now = (await known_sandbox(gateway, sandbox)).now
    cut = await queries.inbox(gateway, sandbox, province, page, state=state, commune=commune)
    return [DossierView.of(dossier, now) for dossier in announce(request, response, cut)]


@router.get(
    "/provinces/{province}/dossiers/{code}", summary="A province's copy of a dossier.", responses=problem_responses(404)
)
async def dossier(province: Text, code: Text, sandbox: SandboxId, gateway: GatewayDep) -> DossierView:
    now = (await known_sandbox(gateway, sandbox)).now
    return DossierView.of(await queries.dossier(gateway, sandbox, province, code), now)


@router.get(
    "/provinces/{province}/dossiers/{code}/result",
    summary="The result as a file, when it is ready.",
    response_class=Response,
    responses={200: {"description": "One page of PDF", "content": {"application/pdf": {}}}, **problem_responses(404)},
)
async def result(province: Text, code: Text, sandbox: SandboxId, gateway: GatewayDep, request: Request) -> Response:
    await known_sandbox(gateway, sandbox)
    dossier = await queries.dossier(gateway, sandbox, province, code)
    if dossier.result_number is None or dossier.ready_at is None:
        raise NoResultYet("Check its status: a result exists from status 9 on.", code=code, state=dossier.state.slug)
    place = PROVINCES[dossier.province].name_vi
    if dossier.commune:
        place = f"{COMMUNES[dossier.commune].name_vi}, {place}"
    facts = result_pdf.Facts(
        dossier_code=code,
        result_number=dossier.result_number,
        agency=f"UBND {place}",
        procedure=dossier.procedure,
        procedure_name=procedure_of(dossier.procedure, dossier.version).name_vi,
        applicant=dossier.owner or dossier.applicant,
        submitted_at=dossier.submitted_at,
        ready_at=dossier.ready_at,
        officer=handler(dossier),
    )
    content = await asyncio.to_thread(result_pdf.render, facts)
    file = File(files.hash_of(content), "application/pdf", content)
    return file_response.response(file, f"{dossier.result_number}.pdf", request.headers)
