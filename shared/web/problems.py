"""Refusals as RFC 9457 problems: one table per service, one rendering, and its place in the OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared import errors
from shared.observability import metrics, trace_context
from shared.problem_types import COMMON, Problems, ProblemType, pointer_of

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"


UNREADABLE = 400  # FastAPI's word for a body that broke its JSON reader, which is the cause of the error
TOO_LARGE = ProblemType("body-too-large", 413, "The body is too large.", "Nội dung gửi lên quá lớn.")
SERVER_FAULT = ProblemType("server-fault", 500, "The machine failed.", "Máy chủ gặp sự cố.")
BY_STATUS = {
    404: ProblemType("no-such-address", 404, "There is nothing at this address.", "Không có gì ở địa chỉ này."),
    405: ProblemType(
        "method-not-allowed", 405, "This address has no such method.", "Địa chỉ này không nhận phương thức đó."
    ),
}


class ProblemResponse(JSONResponse):
    """JSON, in which a lone surrogate that somebody sent, and is told of, becomes a question mark: UTF-8 has none."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def render(kind: ProblemType, detail: str, facts: Mapping[str, object]) -> JSONResponse:
    body = {"type": f"/problems/{kind.slug}", "title": kind.title, "title_vi": kind.title_vi, "status": kind.status}
    headers = {"Retry-After": "1"} if kind.status == 503 else None
    return ProblemResponse({**body, "detail": detail, **facts}, kind.status, headers=headers)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: these statuses answer with a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": "Problem (RFC 9457)", "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def _unreadable(cause: Exception) -> str:
    if isinstance(cause, UnicodeDecodeError):
        return f"is not UTF-8 at byte {cause.start}"
    return "holds a number of too many digits"


def install(app: FastAPI, table: Problems) -> None:
    """Every refusal of `table` and of the common ones answers as its problem; everything else as a 500 with a trace id."""
    known = {**COMMON, **table}

    @app.exception_handler(errors.Refusal)
    async def refused(request: Request, refusal: errors.Refusal) -> JSONResponse:
        kind = next(known[cls] for cls in type(refusal).__mro__ if cls in known)
        facts = {"errors": refusal.errors} if isinstance(refusal, errors.BodyDoesNotFit) else refusal.facts
        metrics.REFUSALS.labels(kind.slug).inc()
        log.info("refused", problem=kind.slug, detail=refusal.detail)
        return render(kind, refusal.detail, facts)

    @app.exception_handler(RequestValidationError)
    async def does_not_fit(request: Request, error: RequestValidationError) -> JSONResponse:
        found = []
        for item in error.errors():
            location = tuple(item["loc"])
            if item["type"] == "json_invalid":
                location = ("body",)
            # What a validator of ours raised is a whole sentence; pydantic writes "Value error, " before it.
            ours = item.get("ctx", {}).get("error")
            found.append((pointer_of(location), str(ours if isinstance(ours, ValueError) else item["msg"])))
        return await refused(request, errors.BodyDoesNotFit(*found))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == UNREADABLE and isinstance(error.__cause__, errors.Refusal):
            return await refused(request, error.__cause__)
        if error.status_code == UNREADABLE and isinstance(error.__cause__, ValueError):
            return await refused(request, errors.BodyDoesNotFit(("", _unreadable(error.__cause__))))
        if error.status_code == TOO_LARGE.status:
            return render(TOO_LARGE, str(error.detail), {})
        detail = str(error.detail)
        kind = BY_STATUS.get(error.status_code) or ProblemType("http-error", error.status_code, detail, detail)
        return render(kind, f"{request.method} {request.url.path}: see /openapi.json for what there is.", {})

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        log.error("server_fault", path=request.url.path, exc_info=error)
        return render(
            SERVER_FAULT, "Give this trace id to whoever runs the service.", {"trace_id": trace_context.trace_id()}
        )
