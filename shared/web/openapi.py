"""The OpenAPI document of a service, with problem+json where FastAPI misstates it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.web import problems


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with its own 422 replaced by the problem that we really send."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(title=app.title, version=app.version, summary=app.summary or None, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = {
        "type": "object",
        "description": "RFC 9457 problem details; facts of the refusal are further members.",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "title_vi": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
        },
    }
    for place, path in document["paths"].items():
        for operation in path.values():
            if place.startswith("/_lab") and place != "/_lab/doors":  # while the service starts
                operation["responses"].setdefault("503", problems.problem_responses(503)[503])
            if "422" in operation.get("responses", {}):
                operation["responses"].update({"422": problems.problem_responses(422)[422]})
    app.openapi_schema = document
    return document
