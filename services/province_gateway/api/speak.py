"""The HTTP door in: what a connector says, its check without effect, and every verdict."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from fastapi.responses import JSONResponse

from contracts import gate
from contracts.catalogue import current_province
from contracts.gate import BATCH, STRUCTURED, Message, Verdict
from contracts.gate.verdict import Leniency
from services.province_gateway.api.pull import CONNECTOR_KEY, Wait, until_new
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors import connectors, examples, speaking, verdicts
from shared.runtime import has_effect, known_sandbox
from shared.storage.page import Cut, place_of
from shared.text import Text
from shared.web.dependencies import SANDBOX_KEY, Chosen, Number, SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter(prefix="/api/v1", tags=["connectors"])
# The gate judges these bodies itself, whatever they are. 24 MiB: also a body of 20 MB gets a verdict that says its limit.
RAW_BODIES = (re.compile(r"/api/v1/provinces/[^/]+/(events|check)"), 24 << 20)
VERDICTS: dict[str, Any] = {"schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}}
REJECTED = {
    "description": "Rejected: a verdict as for 200; or a problem of the request",
    "content": {"application/json": VERDICTS, **problem_responses(422)[422]["content"]},
}
ANY_EVENT = {"schema": {"type": "object", "description": "A CloudEvent, or the `data` of one with `ce-` headers"}}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: ANY_EVENT,
            BATCH: {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/json": ANY_EVENT,
        },
    }
}


async def speaker(
    province: Text,
    gateway: GatewayDep,
    chosen: Chosen,
    authorization: Annotated[str | None, Security(CONNECTOR_KEY)],
    own_key: Annotated[str | None, Security(SANDBOX_KEY)],
) -> str:
    """Sandbox of who may speak for the province: its connector, or the owner of the sandbox, who plays it.

    raises  what `connectors.of_key` and `connectors.require_own_key` raise
    """
    if authorization is None and (own_key is not None or chosen is not None):
        sandbox_id = chosen or "default"
        await connectors.require_own_key(gateway, sandbox_id, own_key)
        connectors.require_external(await known_sandbox(gateway, sandbox_id), current_province(province))
        return sandbox_id
    return (await connectors.of_key(gateway, authorization, province, chosen)).sandbox_id


async def reader(
    province: Text,
    gateway: GatewayDep,
    sandbox: SandboxId,
    chosen: Chosen,
    authorization: Annotated[str | None, Security(CONNECTOR_KEY)],
) -> str:
    """Sandbox of a request that only reads: that of the connector's key, else the chosen one."""
    if authorization is not None:
        return (await connectors.of_key(gateway, authorization, province, chosen)).sandbox_id
    await known_sandbox(gateway, sandbox)
    current_province(province)
    return sandbox


Speaker = Annotated[str, Depends(speaker)]
Reader = Annotated[str, Depends(reader)]


@router.post(
    "/provinces/{province}/events",
    summary="Say what happened in the province: a CloudEvent, structured or binary, or a batch; the reply is the verdict.",
    response_class=Response,
    responses={
        200: {
            "description": "Accepted, or a duplicate without effect. For a batch a list, each judged after the one before.",
            "content": {"application/json": VERDICTS},
        },
        422: REJECTED,
        **problem_responses(401, 403, 404, 409, 413, 503),
    },
    openapi_extra=BODY,
)
async def say(province: Text, sandbox: Speaker, request: Request, gateway: GatewayDep) -> Response:
    message = await _message(request, sandbox, province)
    parts = gate.split(message)
    said = [await speaking.say(gateway, gateway.rules, gateway.ring, part) for part in parts]
    gateway.waker.wake()
    return _reply(said, is_batch=_is_batch(message))


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
    province: Text,
    sandbox: Reader,
    request: Request,
    gateway: GatewayDep,
    gate_mode: Annotated[Leniency, Query(alias="gate", description="strict or lenient")] = "strict",
) -> Response:
    message = await _message(request, sandbox, province)
    return _reply(
        [await speaking.check(gateway, part, gate_mode) for part in gate.split(message)], is_batch=_is_batch(message)
    )


@router.get(
    "/provinces/{province}/verdicts",
    summary="The verdicts on what the connector said, in order, after a number; waits for what is new.",
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def list_verdicts(
    province: Text,
    sandbox: Reader,
    gateway: GatewayDep,
    page: PageDep,
    request: Request,
    response: Response,
    after: Annotated[int, Number, Query(ge=0, lt=1 << 62, description="Number of the last verdict that you have")] = 0,
    wait: Wait = 0,
) -> list[dict[str, Any]]:
    begin = max(after, place_of(page))

    async def look() -> list[dict[str, Any]]:
        return await verdicts.after(gateway.database, sandbox, province, begin, page.size + 1)

    rows = await until_new(gateway, (sandbox, province), look, wait if has_effect.get() else 0)
    cut = Cut(rows[: page.size], str(rows[page.size - 1]["number"]) if len(rows) > page.size else None)
    return announce(request, response, cut)


@router.get(
    "/provinces/{province}/dossiers/{code}/example",
    summary="A complete message of a type about a dossier; it is accepted now if the law allows it now.",
    responses=problem_responses(401, 403, 404, 409),
)
async def example(
    province: Text,
    code: Text,
    type: Annotated[Text, Query(description="Event type", examples=["dossier.received.v1"])],
    sandbox: Reader,
    gateway: GatewayDep,
) -> dict[str, Any]:
    return await examples.example(gateway, sandbox, province, code, type)


async def _message(request: Request, sandbox_id: str, province: str) -> Message:
    headers = tuple((name.decode("latin-1"), value) for name, value in request.headers.raw)
    return Message("http", province, headers, await request.body(), sandbox_id=sandbox_id)


def _is_batch(message: Message) -> bool:
    kinds = (value for name, value in message.headers if name == "content-type")
    return next(kinds, b"").decode("latin-1").lower().startswith(BATCH)


def _reply(said: list[Verdict], *, is_batch: bool) -> Response:
    documents = [verdict.document() for verdict in said]
    status = 422 if any(verdict.outcome == "rejected" for verdict in said) else 200
    return JSONResponse(documents if is_batch else documents[0], status)
