"""Renders refusals as RFC 9457 problems, from one table per service, and describes them in the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from shared import errors
from shared.misfits import Schema, misfits
from shared.observability import metrics, trace_context
from shared.problem_types import COMMON, Problems, ProblemType
from shared.sentences import Sentence

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")  # that routes of ours have
UNREADABLE = 400  # FastAPI's status for a body that its JSON parser cannot read; the parser's error is the cause
TOO_LARGE = ProblemType("body-too-large", 413, "The body is too large.", "Nội dung gửi lên quá lớn.")
TOO_SLOW = ProblemType("request-timeout", 408, "The request did not arrive in time.", "Yêu cầu không đến kịp.")
HEAD_TOO_LARGE = ProblemType(
    "request-head-too-large", 431, "The address and the headers are too large.", "Địa chỉ và các header quá lớn."
)
CLIENT_GONE = ProblemType(
    "client-gone", 499, "The client hung up.", "Bên gửi đã ngắt kết nối."
)  # seen by nobody but us
MOST_ERRORS = 20  # in one response
SERVER_FAULT = ProblemType("server-fault", 500, "The server failed.", "Máy chủ gặp sự cố.")
BY_STATUS = {
    404: ProblemType("no-such-address", 404, "No resource has this address.", "Không có gì ở địa chỉ này."),
    405: ProblemType(
        "method-not-allowed", 405, "This address does not support the method.", "Địa chỉ này không nhận phương thức đó."
    ),
}


OF_THE_BODY = {kind.status: kind for kind in (TOO_LARGE, TOO_SLOW, CLIENT_GONE)}  # raised while it is received


class ProblemResponse(JSONResponse):
    """JSON that may repeat text of the request. A lone surrogate in it becomes a question mark, because UTF-8 has none."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def document(kind: ProblemType, detail: str, facts: Mapping[str, object]) -> dict[str, Any]:
    body = {"type": f"/problems/{kind.slug}", "title": kind.title, "title_vi": kind.title_vi, "status": kind.status}
    return {**body, "detail": detail, **facts}


def document_of(table: Problems, refusal: errors.Refusal, under: str = "") -> dict[str, Any]:
    """The problem of a refusal, counted; `under`: pointer of the part of a larger body that is refused."""
    if isinstance(refusal, errors.BodyDoesNotFit) and under:
        refusal = errors.BodyDoesNotFit(*refusal.misfits(under), more=refusal.more)
    return document(*_seen_by_caller({**COMMON, **table}, refusal))


def _seen_by_caller(types: Problems, refusal: errors.Refusal) -> tuple[ProblemType, str, Mapping[str, object]]:
    """Type, detail and facts of a refusal, which is counted and logged."""
    kind = next(types[cls] for cls in type(refusal).__mro__ if cls in types)
    detail: str = refusal.detail
    facts: Mapping[str, object] = refusal.facts
    if isinstance(refusal, errors.BodyDoesNotFit):
        detail, facts = _first_errors(refusal)
    metrics.REFUSALS.labels(kind.slug).inc()
    log.info("refused", problem=kind.slug, detail=detail)
    return kind, detail, facts


def render(kind: ProblemType, detail: str, facts: Mapping[str, object]) -> JSONResponse:
    headers = {"Retry-After": "1"} if kind.status == 503 else {}
    if kind in (TOO_SLOW, HEAD_TOO_LARGE):
        headers["Connection"] = "close"  # RFC 9110 section 15.5.9
    if kind.challenge:
        headers["WWW-Authenticate"] = challenge(kind.challenge, detail)
    return ProblemResponse(document(kind, detail, facts), kind.status, headers=headers)


def challenge(text: str, detail: str) -> str:
    """A challenge; one that names an error also describes it, in the characters that RFC 6750 section 3 allows."""
    described = re.sub(r"[^ !#-\[\]-~]", "'", detail)
    return f'{text}, error_description="{described}"' if "error=" in text else text


def allowed_methods(request: Request) -> list[str]:
    """The methods of an address (RFC 9110 section 10.2.1), over all routes that have it; HEAD wherever GET is."""

    def is_full(route: BaseRoute, method: str) -> bool:
        return route.matches({**request.scope, "method": method})[0] is Match.FULL

    methods = [method for method in METHODS if any(is_full(route, method) for route in request.app.routes)]
    return ["HEAD", *methods] if "GET" in methods else methods


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: with these statuses the body is a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": "Problem (RFC 9457)", "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


async def rendered(request: Request, error: Exception) -> Response:
    """The problem with which the application answers an error of a route, for a route that tells it in another form."""
    handlers = request.app.exception_handlers
    handler = next(handlers[cls] for cls in type(error).__mro__ if cls in handlers)
    response: Response = await handler(request, error)
    return response


def overloaded(error: Exception) -> JSONResponse:
    """The response after a fault of the machine. The log has the error, the caller gets the trace id."""
    kind = COMMON[errors.Overloaded]
    metrics.REFUSALS.labels(kind.slug).inc()
    log.warning("machine_fault", error=repr(error))
    detail = "Nothing was changed, or the change is complete: send the same request again."
    return render(kind, detail, {"trace_id": trace_context.trace_id()})


def _first_errors(refusal: errors.BodyDoesNotFit) -> tuple[str, Mapping[str, object]]:
    """Detail and facts of a 422: the first errors, and how many more there are."""
    shown = refusal.errors[:MOST_ERRORS]
    more = len(refusal.errors) - len(shown) + refusal.more
    if not more:
        return refusal.detail, {"errors": shown}
    return f"{refusal.detail} There are {more:,} more errors.", {"errors": shown, "more_errors": more}


def _unreadable(cause: Exception) -> Sentence:
    if isinstance(cause, UnicodeDecodeError) and cause.object.startswith(b"\x1f\x8b"):
        return Sentence("is compressed with gzip; send the JSON as it is", "bị nén bằng gzip; hãy gửi JSON để nguyên")
    if isinstance(cause, UnicodeDecodeError):
        return Sentence(f"is not UTF-8 at byte {cause.start}", f"không phải UTF-8 ở byte {cause.start}")
    return Sentence("contains a number with too many digits", "có số quá nhiều chữ số")


def _schema_of_body(request: Request) -> Schema:
    """The JSON Schema of the body that the route of a request takes; empty if it takes none."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.body_field is None:
        return {}
    described = route.body_field.field_info  # of a body of several kinds it has the member that tells them apart
    body: Any = Annotated[described.annotation, described]
    return TypeAdapter(body).json_schema()


def install(app: FastAPI, table: Problems) -> None:
    """Render every refusal in `table` and in COMMON as its problem, and every other exception as a 500 with a trace id."""
    types = {**COMMON, **table}

    @app.exception_handler(errors.Refusal)
    async def refused(request: Request, refusal: errors.Refusal) -> JSONResponse:
        return render(*_seen_by_caller(types, refusal))

    @app.exception_handler(RequestValidationError)
    async def does_not_fit(request: Request, error: RequestValidationError) -> JSONResponse:
        items = error.errors()
        faults = misfits(items[:MOST_ERRORS], partial(_schema_of_body, request))
        return await refused(request, errors.BodyDoesNotFit(*faults, more=len(items) - len(faults)))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == UNREADABLE and isinstance(error.__cause__, errors.Refusal):
            return await refused(request, error.__cause__)
        if error.status_code == UNREADABLE and isinstance(error.__cause__, ValueError):
            return await refused(request, errors.BodyDoesNotFit(("", _unreadable(error.__cause__))))
        if kind := OF_THE_BODY.get(error.status_code):
            return render(kind, str(error.detail), {})
        detail = str(error.detail)
        kind = BY_STATUS.get(error.status_code) or ProblemType("http-error", error.status_code, detail, detail)
        response = render(kind, f"{request.method} {request.url.path}: /openapi.json lists all addresses.", {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(allowed_methods(request))
        return response

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        log.error("server_fault", path=request.url.path, exc_info=error)
        return render(
            SERVER_FAULT, "Give this trace id to the operator of the service.", {"trace_id": trace_context.trace_id()}
        )
