"""The OpenAPI document of a service. It describes errors as problem+json, which FastAPI does not do by itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.web import problems


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the 422 and 503 responses that our services really send."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(title=app.title, version=app.version, summary=app.summary or None, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = {
        "type": "object",
        "description": "RFC 9457 problem details. The facts of the refusal are additional members.",
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
                    "properties": {
                        "pointer": {"type": "string"},
                        "detail": {"type": "string"},
                        "detail_vi": {"type": "string"},
                    },
                },
            },
            "more_errors": {"type": "integer", "description": "How many more errors there are than `errors` names."},
        },
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in ("/healthz", "/metrics"):  # a fault of the machine, or the service starts
                operation["responses"].setdefault("503", problems.problem_responses(503)[503])
            names = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
            if "x-api-key" in names:  # shared.web.dependencies.chosen_sandbox
                for status, response in problems.problem_responses(401, 403, 404).items():
                    operation["responses"].setdefault(str(status), response)
            if "422" in operation.get("responses", {}):
                operation["responses"].update({"422": problems.problem_responses(422)[422]})
    app.openapi_schema = document
    return document
