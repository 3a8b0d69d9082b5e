"""Outermost layer of every HTTP application: trace, log line, count, time, and the limit of a body."""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import metrics, spans, trace_context
from shared.runtime import Runtime
from shared.web import problems, strict_json
from shared.web.faults import FaultyDoor
from shared.web.recorder import Recorder

log = structlog.get_logger()
BODY_LIMIT = 1 << 20  # bytes: the largest lawful body, a submission, is a few KB
TOO_MUCH = "Send at most {} bytes."


class Edge:
    """Outermost: every request gets a trace, a log line, a count and a time; a body over the limit gets a 413.

    Bodies are JSON as `bodies` wants it, but for forms and at doors that take files.

    limits  bytes that the bodies of some paths may have instead of BODY_LIMIT: doors that take files
    """

    def __init__(self, app: ASGIApp, runtime: Runtime, limits: Mapping[str, int]) -> None:
        self.app, self._limits = app, limits
        self._door = FaultyDoor(Recorder(app, runtime), runtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        came = headers.get(b"traceparent", b"").decode("latin-1")
        own = trace_context.begin_request(came)
        structlog.contextvars.clear_contextvars()
        begun, status, size = time.perf_counter(), 500, 0
        limit = self._limits.get(scope["path"], BODY_LIMIT)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"traceparent", trace_context.found_as(own, came).encode())]
            await send(message)

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:  # it came in chunks and never said how long it would be
                raise HTTPException(413, TOO_MUCH.format(limit))
            return message

        length = headers.get(b"content-length", b"0")
        try:
            if length.isdigit() and int(length) > limit:
                await problems.render(problems.TOO_LARGE, TOO_MUCH.format(limit), {})(scope, receive, answer)
            else:
                is_file = scope["path"] in self._limits
                reading = limited if is_file else strict_json.strict(limited, headers.get(b"content-type", b""))
                await self._door(scope, receive, reading, answer)
        finally:
            route = getattr(scope.get("route"), "path", "(none)")
            seconds = time.perf_counter() - begun
            method = scope["method"] if scope["method"] in spans.METHODS else "other"
            metrics.REQUESTS.labels(route, method, status).inc()
            metrics.REQUEST_SECONDS.labels(route).observe(seconds)
            if spans.on:
                spans.request(scope, status, own, came, seconds)
            if (status >= 500 and route != "/readyz") or (scope["method"] != "GET" and not route.startswith("/_lab")):
                log.info("request", method=scope["method"], path=scope["path"], status=status)
