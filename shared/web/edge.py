"""The outermost middleware of every application: trace, log line, metrics, limits of a body, faults of the machine."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import logs, metrics, spans, trace_context
from shared.observability.paths import masked
from shared.runtime import Runtime, has_effect
from shared.storage.database import is_machine_fault
from shared.web import problems, strict_json
from shared.web.faults import BrokenOnPurpose, FaultMiddleware
from shared.web.recorder import Recorder

log = structlog.get_logger()
BODY_LIMIT = 1 << 20  # bytes: the largest body that the contracts allow, a submission, has a few KB
RawBodies = Sequence[tuple[re.Pattern[str], int]]  # paths, bytes
TOO_MUCH = "Send at most {} bytes."
PIECE_SECONDS, BODY_SECONDS = 10.0, 60.0  # until the next piece of a body, and until its end, must have arrived
TOO_LATE = "Send the whole body within {:.0f} seconds, without a pause of {:.0f}."


class Edge:
    """Gives every request a trace, a log line and metrics. A body over the limit gets a 413, one that stops a 408.

    A HEAD is answered like a GET, without the body and without effect.

    After a fault of the machine (a lock, a connection, the database) the response is a 503, wherever it was raised.

    JSON bodies must be strict JSON (`strict_json`). Forms and file uploads are not checked.

    limits  path → bytes, for endpoints that accept files; BODY_LIMIT holds for all other paths
    raw     paths whose endpoint judges every body itself, and its limit
    """

    def __init__(self, app: ASGIApp, runtime: Runtime, limits: Mapping[str, int], raw: RawBodies) -> None:
        self.app, self._limits, self._raw = app, limits, raw
        self._inner = FaultMiddleware(Recorder(_head_as_get(app), runtime), runtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        incoming = headers.get(b"traceparent", b"").decode("latin-1")
        own = trace_context.begin_request(incoming)
        logs.begin()
        begun, status, size = time.perf_counter(), 500, 0
        has_begun = is_complete = False
        body_until = asyncio.get_running_loop().time() + BODY_SECONDS
        limit = self._limits.get(scope["path"])
        for paths, bytes_at_most in self._raw if limit is None else ():
            if paths.fullmatch(scope["path"]):
                limit = bytes_at_most
        is_checked, limit = limit is None, limit or BODY_LIMIT
        method: str = scope["method"]
        if is_head := method == "HEAD":
            scope = {**scope}  # `_head_as_get` changes it, and the server reads its own

        async def respond(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                traceparent = trace_context.response_traceparent(own, incoming)
                message["headers"] = [*message["headers"], (b"traceparent", traceparent.encode())]
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        async def receive_limited() -> Message:
            nonlocal size, is_complete
            message = await receive() if is_complete else await _next_piece(receive, body_until)
            is_complete = is_complete or not message.get("more_body", False)
            size += len(message.get("body", b""))
            if size > limit:  # a chunked body, whose length was not declared
                raise HTTPException(413, TOO_MUCH.format(limit))
            return message

        length = headers.get(b"content-length", b"0")
        try:
            if length.isdigit() and int(length) > limit:
                await problems.render(problems.TOO_LARGE, TOO_MUCH.format(limit), {})(scope, receive, respond)
            else:
                content_type = headers.get(b"content-type", b"")
                body = strict_json.strict(receive_limited, content_type) if is_checked else receive_limited
                await self._inner(scope, receive, body, respond)
        except Exception as error:
            if has_begun or isinstance(error, BrokenOnPurpose) or not is_machine_fault(error):
                raise
            await problems.overloaded(error)(scope, receive, respond)
        finally:
            route = getattr(scope.get("route"), "path", "(none)")
            seconds = time.perf_counter() - begun
            metrics.REQUESTS.labels(route, method if method in spans.METHODS else "other", status).inc()
            metrics.REQUEST_SECONDS.labels(route).observe(seconds)
            if spans.on:
                spans.request(scope, status, own, incoming, seconds)
            is_change = method not in ("GET", "HEAD") and not route.startswith("/_lab")
            if (status >= 500 and route != "/readyz") or is_change:
                log.info("request", method=method, path=masked(scope["path"]), status=status)


def _head_as_get(app: ASGIApp) -> ASGIApp:
    """Passes a HEAD on as a GET that changes nothing (RFC 9110 sections 9.2.1 and 9.3.2)."""

    async def pass_on(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "HEAD":
            await app(scope, receive, send)
            return
        scope["method"] = "GET"
        token = has_effect.set(False)
        try:
            await app(scope, receive, send)
        finally:
            has_effect.reset(token)

    return pass_on


async def _next_piece(receive: Receive, until: float) -> Message:
    """The next piece of a body. Raises HTTPException: 408 if it comes too late, 499 if the client has hung up."""
    is_whole = not getattr(getattr(receive, "__self__", None), "more_body", True)  # uvicorn's: it has the rest already
    piece_until = asyncio.get_running_loop().time() + PIECE_SECONDS
    try:
        async with nullcontext() if is_whole else asyncio.timeout_at(min(piece_until, until)):
            message = await receive()
    except TimeoutError:
        raise HTTPException(problems.TOO_SLOW.status, TOO_LATE.format(BODY_SECONDS, PIECE_SECONDS)) from None
    if message["type"] == "http.disconnect":
        raise HTTPException(problems.CLIENT_GONE.status, "The body was not complete.")
    return message
