"""The outermost middleware of every application: trace, log line, metrics, and the limit of a request body."""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import metrics, spans, trace_context
from shared.runtime import Runtime
from shared.web import problems, strict_json
from shared.web.faults import FaultMiddleware
from shared.web.recorder import Recorder

log = structlog.get_logger()
BODY_LIMIT = 1 << 20  # bytes: the largest body that the contracts allow, a submission, has a few KB
TOO_MUCH = "Send at most {} bytes."


class Edge:
    """Gives every request a trace, a log line and metrics. A body over the limit gets a 413.

    JSON bodies must be strict JSON (`strict_json`). Forms and file uploads are not checked.

    limits  path → bytes, for endpoints that accept files; BODY_LIMIT holds for all other paths
    """

    def __init__(self, app: ASGIApp, runtime: Runtime, limits: Mapping[str, int]) -> None:
        self.app, self._limits = app, limits
        self._inner = FaultMiddleware(Recorder(app, runtime), runtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        incoming = headers.get(b"traceparent", b"").decode("latin-1")
        own = trace_context.begin_request(incoming)
        structlog.contextvars.clear_contextvars()
        begun, status, size = time.perf_counter(), 500, 0
        limit = self._limits.get(scope["path"], BODY_LIMIT)
        method: str = scope["method"]
        if is_head := method == "HEAD":  # answered like GET, without the body (RFC 9110 section 9.3.2)
            scope = {**scope, "method": "GET"}

        async def respond(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                traceparent = trace_context.response_traceparent(own, incoming)
                message["headers"] = [*message["headers"], (b"traceparent", traceparent.encode())]
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:  # a chunked body, whose length was not declared
                raise HTTPException(413, TOO_MUCH.format(limit))
            return message

        length = headers.get(b"content-length", b"0")
        try:
            if length.isdigit() and int(length) > limit:
                await problems.render(problems.TOO_LARGE, TOO_MUCH.format(limit), {})(scope, receive, respond)
            else:
                is_file = scope["path"] in self._limits
                content_type = headers.get(b"content-type", b"")
                body = receive_limited if is_file else strict_json.strict(receive_limited, content_type)
                await self._inner(scope, receive, body, respond)
        finally:
            route = getattr(scope.get("route"), "path", "(none)")
            seconds = time.perf_counter() - begun
            metrics.REQUESTS.labels(route, method if method in spans.METHODS else "other", status).inc()
            metrics.REQUEST_SECONDS.labels(route).observe(seconds)
            if spans.on:
                spans.request(scope, status, own, incoming, seconds)
            is_change = method not in ("GET", "HEAD") and not route.startswith("/_lab")
            if (status >= 500 and route != "/readyz") or is_change:
                log.info("request", method=method, path=scope["path"], status=status)
