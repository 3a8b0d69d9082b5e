"""The HTTP door in: what a connector says, its check without effect, and every verdict."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from contracts import gate
from contracts.gate import BATCH, STRUCTURED, Message
from contracts.gate.message import content_type
from contracts.gate.verdict import Leniency
from services.province_gateway import arrival
from services.province_gateway.api.access import ConnectorDep, ReaderDep
from services.province_gateway.api.pull import Wait
from services.province_gateway.api.stream import until_new
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.domain import DossierNotFound
from services.province_gateway.doors import examples, speaking, verdicts
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.speaking import Said
from shared.runtime import has_effect
from shared.storage.page import Cut, place_of
from shared.text import Text
from shared.web.dependencies import Number
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

LATE = "late"  # `outcome` in place of a verdict that a fault rule delays
router = Router(prefix="/api/v1", tags=["connectors"])
# The gate judges these bodies itself, whatever they are. 24 MiB: also a body of 20 MB gets a verdict that says its limit.
RAW_BODIES = (re.compile(r"/api/v1/provinces/[^/]+/(events|check)"), 24 << 20)
VERDICTS: dict[str, Any] = {"schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}}
REJECTED = {
    "description": "Rejected: a verdict as for 200; or a problem of the request",
    "content": {"application/json": VERDICTS, **problem_responses(422)[422]["content"]},
}
EVENT_SCHEMA: dict[str, Any] = {"type": "object", "description": "A CloudEvent in structured mode"}
# Without a type: generators would make a second class of the same name.
DATA: dict[str, Any] = {"description": "The `data` of a CloudEvent whose attributes are in `ce-` headers; or as above"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: {"schema": EVENT_SCHEMA},
            BATCH: {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/json": {"schema": DATA},
        },
    }
}


@router.post(
    "/provinces/{province}/events",
    summary="Say what happened in the province: a CloudEvent, structured or binary, or a batch; the reply is the verdict.",
    response_class=Response,
    responses={
        200: {
            "description": "Accepted, or a duplicate without effect. For a batch a list, each judged after the one before.",
            "content": {"application/json": VERDICTS},
        },
        202: {
            "description": "A fault rule delays the verdict: `outcome` is `late`; `verdicts` is where number `number` will be.",
            "content": {"application/json": VERDICTS},
        },
        422: REJECTED,
        **problem_responses(401, 403, 404, 409, 413, 503),
    },
    openapi_extra=BODY,
)
async def say(connector: ConnectorDep, request: Request, gateway: GatewayDep) -> Response:
    message = await _message(request, connector)
    parts = gate.split(message)
    said = [await speaking.say(gateway, gateway.rules, gateway.ring, part) for part in parts]
    documents = [_late(connector, each) if each.hidden_until else each.verdict.document() for each in said]
    return _reply(documents, is_batch=content_type(message).startswith(BATCH))


@router.post(
    "/provinces/{province}/check",
    summary="The verdict that a message would get now, without effect.",
    response_class=Response,
    responses={
        200: {"description": "It would be accepted. For a batch a list.", "content": {"application/json": VERDICTS}},
        422: REJECTED,
        **problem_responses(401, 403, 404, 409, 413, 503),
    },
    openapi_extra=BODY,
)
async def check(
    connector: ReaderDep,
    request: Request,
    gateway: GatewayDep,
    gate_mode: Annotated[Leniency, Query(alias="gate", description="strict or lenient")] = "strict",
) -> Response:
    message = await _message(request, connector)
    return _reply(
        [(await speaking.check(gateway, part, gate_mode)).document() for part in gate.split(message)],
        is_batch=content_type(message).startswith(BATCH),
    )


@router.get(
    "/provinces/{province}/verdicts",
    summary="The verdicts on what the connector said, in order, after a number; waits for what is new.",
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def list_verdicts(
    connector: ReaderDep,
    gateway: GatewayDep,
    page: PageDep,
    request: Request,
    response: Response,
    after: Annotated[int, Number, Query(ge=0, lt=1 << 62, description="Number of the last verdict that you have")] = 0,
    wait: Wait = 0,
) -> list[dict[str, Any]]:
    begin, place = max(after, place_of(page)), (connector.sandbox_id, connector.province)

    async def look() -> list[dict[str, Any]]:
        return await verdicts.after(gateway.database, *place, begin, page.size + 1)

    rows = await until_new(gateway, place, look, wait if has_effect.get() else 0)
    cut = Cut(rows[: page.size], str(rows[page.size - 1]["number"]) if len(rows) > page.size else None)
    return announce(request, response, cut)


@router.get(
    "/provinces/{province}/dossiers/{code}/example",
    summary="A complete message of a type about a dossier; it is accepted now if the law allows it now.",
    responses=problem_responses(401, 403, 404, 409, 503),
)
async def example(
    code: Text,
    type: Annotated[Text, Query(description="Event type", examples=["dossier.received.v1"])],
    connector: ReaderDep,
    gateway: GatewayDep,
) -> dict[str, Any]:
    """A dossier that is still on its way from the portal is waited for."""
    place = (connector.sandbox_id, connector.province)
    try:
        return await examples.example(gateway, *place, code, type)
    except DossierNotFound:
        await arrival.arrived(gateway, *place, code)
        return await examples.example(gateway, *place, code, type)


async def _message(request: Request, connector: Connector) -> Message:
    headers = tuple((name.decode("latin-1"), value) for name, value in request.headers.raw)
    return Message("http", connector.province, headers, await request.body(), sandbox_id=connector.sandbox_id)


def _late(connector: Connector, said: Said) -> dict[str, Any]:
    """In place of a verdict that a fault rule delays: where it will be."""
    verdict = said.verdict
    return {
        "outcome": LATE,
        "province": verdict.province,
        "sandbox": verdict.sandbox,
        "id": verdict.id,
        "type": verdict.type,
        "dossier": verdict.dossier,
        "number": said.number,
        "verdicts": f"/api/v1/provinces/{connector.province}/verdicts?after={said.number - 1}",
    }


def _reply(documents: list[dict[str, Any]], *, is_batch: bool) -> Response:
    outcomes = {document["outcome"] for document in documents}
    status = 422 if "rejected" in outcomes else 202 if LATE in outcomes else 200
    return JSONResponse(documents if is_batch else documents[0], status)
