"""What a province has: its dossiers, newest first, its inbox, and one of them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

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
    "/provinces/{province}/dossiers", summary="The newest dossiers of a province.", responses=problem_responses(404)
)
async def dossiers(
    province: Text, sandbox: SandboxId, gateway: GatewayDep, page: PageDep, request: Request, response: Response
) -> list[DossierView]:
    now = (await known_sandbox(gateway, sandbox)).now
    cut = await queries.dossiers(gateway, sandbox, province, page)
    return [DossierView.of(dossier, now) for dossier in announce(request, response, cut)]


@router.get(
    "/provinces/{province}/inbox",
    summary="The open dossiers of a province, the first come in front; `can` says what may be done with each.",
    responses=problem_responses(404, 422),
)
async def inbox(
    province: Text,
    sandbox: SandboxId,
    gateway: GatewayDep,
    page: PageDep,
    request: Request,
    response: Response,
    state: Annotated[Text | None, Query(description="Only in this state", examples=["received"])] = None,
    commune: Annotated[Text | None, Query(description="Only of this competent commune", examples=["14464"])] = None,
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
    summary="The result as a file, once it is ready.",
    response_class=Response,
    responses={200: {"description": "One page of PDF", "content": {"application/pdf": {}}}, **problem_responses(404)},
)
async def result(province: Text, code: Text, sandbox: SandboxId, gateway: GatewayDep, request: Request) -> Response:
    await known_sandbox(gateway, sandbox)
    found = await queries.dossier(gateway, sandbox, province, code)
    if found.result_number is None or found.ready_at is None:
        raise NoResultYet("Look at its status: a result exists from 9 on.", code=code, state=found.state.slug)
    home = PROVINCES[found.province].name_vi
    facts = result_pdf.Facts(
        dossier_code=code,
        result_number=found.result_number,
        agency=f"UBND {COMMUNES[found.commune].name_vi}, {home}" if found.commune else f"UBND {home}",
        procedure=found.procedure,
        procedure_name=procedure_of(found.procedure, found.version).name_vi,
        applicant=found.owner or found.applicant,
        submitted_at=found.submitted_at,
        ready_at=found.ready_at,
        officer=handler(found),
    )
    content = await asyncio.to_thread(result_pdf.render, facts)
    file = File(files.hash_of(content), "application/pdf", content)
    return file_response.response(file, f"{found.result_number}.pdf", request.headers)
