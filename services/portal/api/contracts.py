"""The contracts, as the documents that generators and validators read."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from contracts import published, schemas
from shared.web.problems import problem_responses
from shared.web.router import Router

YAML = "application/yaml"  # RFC 9512
SCHEMA = "application/schema+json"
router = Router(tags=["contracts"])


@router.get(
    "/asyncapi.yaml",
    summary="Topics, lanes and events, as AsyncAPI 3.0",
    response_class=Response,
    responses={200: {"content": {YAML: {"schema": {"type": "object"}}}}},
)
async def asyncapi() -> Response:
    return Response(published.asyncapi(), media_type=YAML)


@router.get(
    "/schemas/{event_type}.json",
    summary="The JSON Schema of the body of one event type",
    response_class=Response,
    responses={200: {"content": {SCHEMA: {"schema": {"type": "object"}}}}, **problem_responses(404)},
)
async def event_schema(event_type: str) -> Response:
    schemas.schema(event_type)  # raises UnknownEventType
    return Response((schemas.EVENTS / f"{event_type}.json").read_bytes(), media_type=SCHEMA)


@router.get(
    "/verdict.v1.json",
    summary="The JSON Schema of a verdict of the gate",
    response_class=Response,
    responses={200: {"content": {SCHEMA: {"schema": {"type": "object"}}}}},
)
async def verdict_schema() -> Response:
    return Response(published.VERDICT.read_bytes(), media_type=SCHEMA)


@router.get("/invalid.json", summary="Messages that break a rule, by name: contracts/invalid, with their verdicts")
async def invalid() -> dict[str, Any]:
    return published.zoo()


@router.get("/lifecycle.json", summary="States, moves, needs and reactions: what docs/lifecycle.md prints")
async def lifecycle() -> dict[str, Any]:
    return published.lifecycle()


@router.get("/rules.json", summary="Every rule of bodies and gate by its id, as dead letters and verdicts name it")
async def rules() -> dict[str, Any]:
    return published.all_rules() | published.gate_rules()
