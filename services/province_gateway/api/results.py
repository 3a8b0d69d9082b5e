"""The result of a dossier as a file: printed here, or handed in by the connector of the province."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import BaseModel, Field

from contracts import file_types
from contracts.catalogue import COMMUNES, PROVINCES, procedure_of
from contracts.decisions import Body
from contracts.file_types import PDF
from contracts.modes import address_fault
from services.province_gateway import commands, queries, result_pdf
from services.province_gateway.api.access import ConnectorDep
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.domain import Dossier, NoResultYet
from services.province_gateway.doors import speaking
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.fetching import fetch
from services.province_gateway.moves.context import handler
from services.province_gateway.runtime import Gateway
from shared.errors import BodyDoesNotFit
from shared.runtime import in_sandbox, known_sandbox
from shared.sandbox import files, recording
from shared.sandbox.files import File, FileNotFound
from shared.sandbox.names import DEFAULT
from shared.sandbox.recording import RecordedCall
from shared.text import Text
from shared.web import file_response
from shared.web.dependencies import SandboxId
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["provinces"])
PATH = "/provinces/{province}/dossiers/{code}/result"
MOST_BYTES = 10 << 20  # as the portal's papers
RAW_BODIES = (re.compile(r"/api/v1/provinces/[^/]+/dossiers/[^/]+/result"), MOST_BYTES)
NOT_DECLARED = ("", "application/octet-stream", "binary/octet-stream")  # of a server that does not know what it serves
BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


class ResultFileView(BaseModel):
    """The file that will be the result of the dossier."""

    dossier: str
    sha256: str
    size: int  # bytes


@router.get(
    PATH,
    summary="The result as a file, when it is ready.",
    response_class=Response,
    responses={
        200: {"description": "PDF: of the connector, or one page of ours", "content": {PDF.media_type: BYTES}},
        **problem_responses(404),
    },
)
async def result(province: Text, code: Text, sandbox: SandboxId, gateway: GatewayDep, request: Request) -> Response:
    await known_sandbox(gateway, sandbox)
    dossier = await queries.dossier(gateway, sandbox, province, code)
    if dossier.result_number is None or dossier.ready_at is None:
        raise NoResultYet("Check its status: a result exists from status 9 on.", code=code, state=dossier.state.slug)
    file = await _file(gateway, sandbox, dossier)
    return file_response.response(file, f"{dossier.result_number}.pdf", request.headers)


class ResultAddress(Body):
    """Where the result lies: on loopback, or on a host that WEBHOOK_ALLOWED_HOSTS allows."""

    url: Annotated[Text, Field(max_length=2000, examples=["http://127.0.0.1:9000/17-TLHT.pdf"])]
    sha256: Annotated[str, Field(pattern=files.HASH)] | None = None


@router.put(
    PATH,
    summary="Hand in the result of a dossier, before it is announced; the body is the PDF. An earlier one is replaced.",
    tags=["connectors"],
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra={"requestBody": {"required": True, "content": {PDF.media_type: BYTES}}},
)
async def hand_in(code: Text, connector: ConnectorDep, request: Request, gateway: GatewayDep) -> ResultFileView:
    await queries.dossier(gateway, connector.sandbox_id, connector.province, code)
    content, declared = await request.body(), request.headers.get("content-type", "")
    return await _keep(gateway, connector, code, content, declared)


@router.put(
    f"{PATH}/address",
    summary="Hand in the result of a dossier by its address, from which it is fetched now, within 15 s.",
    tags=["connectors"],
    responses=problem_responses(400, 401, 403, 404, 409, 415, 422, 503),
)
async def hand_in_by_address(
    code: Text, body: ResultAddress, connector: ConnectorDep, gateway: GatewayDep
) -> ResultFileView:
    await queries.dossier(gateway, connector.sandbox_id, connector.province, code)
    if fault := address_fault(body.url):
        raise BodyDoesNotFit(("/url", fault))
    content, declared = await fetch(gateway.allowed_hosts, body.url, "/url", most=MOST_BYTES, ours=gateway.own_ports)
    if declared.partition(";")[0].strip().lower() in NOT_DECLARED:
        declared = PDF.media_type
    if body.sha256 is not None and body.sha256.lower() != (found := files.hash_of(content)):
        raise BodyDoesNotFit(("/sha256", f"must be that of the file at the address, which has {found}"))
    return await _keep(gateway, connector, code, content, declared)


async def _keep(gateway: Gateway, connector: Connector, code: str, content: bytes, declared: str) -> ResultFileView:
    sandbox_id = connector.sandbox_id
    kind = await asyncio.to_thread(file_types.kind_of, content)
    file_types.agree(kind, declared, f"result{PDF.extensions[0]}")
    async with in_sandbox(gateway, sandbox_id) as (connection, sandbox):
        sha256 = await gateway.files.put(connection, sandbox, content, kind.media_type)
    async with gateway.unit_of_work(sandbox_id, codes=[code]) as change:
        commands.hand_in_result(change.work, code, sha256)
    if sandbox_id != DEFAULT:
        path = f"/dossiers/{code}/result"
        call = RecordedCall(speaking.caller(connector.province), "PUT", path, kind.media_type, content)
        await recording.record(gateway.database.pool, sandbox_id, call)
    return ResultFileView(dossier=code, sha256=sha256, size=len(content))


async def _file(gateway: Gateway, sandbox_id: str, dossier: Dossier) -> File:
    if not dossier.own_result:
        content = await asyncio.to_thread(result_pdf.render, _facts(dossier))
        return File(files.hash_of(content), PDF.media_type, content)
    handed_in = await gateway.files.get(sandbox_id, dossier.own_result)
    if handed_in is None:
        raise FileNotFound("Hand it in again.", sha256=dossier.own_result)
    return handed_in


def _facts(dossier: Dossier) -> result_pdf.Facts:
    assert dossier.result_number is not None and dossier.ready_at is not None
    place = PROVINCES[dossier.province].name_vi
    if dossier.commune:
        place = f"{COMMUNES[dossier.commune].name_vi}, {place}"
    return result_pdf.Facts(
        dossier_code=dossier.code,
        result_number=dossier.result_number,
        agency=f"UBND {place}",
        procedure=dossier.procedure,
        procedure_name=procedure_of(dossier.procedure, dossier.version).name_vi,
        applicant=dossier.owner or dossier.applicant,
        submitted_at=dossier.submitted_at,
        ready_at=dossier.ready_at,
        officer=handler(dossier),
    )
