"""Middleware that applies the HTTP fault rules to requests at our public endpoints, before any other code decides.

The `/_lab` endpoints, health and metrics are never affected, so that a fault can always be switched off. A request belongs
to the sandbox that its headers, its path or its query names. A request that names it only in its body counts as a request
of the default sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import replace

from starlette.types import ASGIApp, Receive, Scope, Send

from shared import problem_types
from shared.runtime import Runtime
from shared.sandbox import faults, registry
from shared.sandbox.faults import Rule
from shared.sandbox.http_fault_names import EDGE, ERROR, LATENCY, RESET, SLOW_BODY, STALE, TIMEOUT, TOO_MANY, TRUNCATED
from shared.web import problems
from shared.web.buffered_response import BufferedResponse
from shared.web.request_facts import sandbox_of

UNTOUCHED = ("/_lab", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
PIECES = 10  # into which a slow body is cut
CACHE_LIMIT = 100  # responses that the stale cache keeps
CUT = "lienthong.cut"  # in the scope: the response (`CutResponse`) ends here, and so does the connection
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closing the socket sends RST instead of FIN
FAULT_PROBLEM = problem_types.ProblemType(
    "fault", 500, "A fault rule is switched on for this request.", "Tại đây đang bật một sự cố."
)


class BrokenOnPurpose(ConnectionResetError):
    """A fault rule broke the connection, and there is none: a test calls the application directly."""


class FaultMiddleware:
    """Wraps the app of one service. Passes a request on unchanged if no fault rule fires for it."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app, self._runtime = app, runtime
        self._cache: dict[tuple[str | bytes, ...], BufferedResponse] = {}

    async def __call__(self, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        """Handle one request. `receive` comes from the server; `body` is what the app receives: limited and checked."""
        rule = await self._firing_rule(scope) if self._runtime.faults else None
        if rule is None:
            await self._app(scope, body, send)
            if scope.get(CUT):
                await _close_connection(receive, at_once=False)
            return
        await _BEHAVIOUR[rule.fault](self, rule, scope, receive, body, send)

    async def _firing_rule(self, scope: Scope) -> Rule | None:
        path: str = scope["path"]
        if path.startswith(UNTOUCHED):
            return None
        sandbox_id = sandbox_of(scope, self._runtime)
        if not self._runtime.watches(sandbox_id, EDGE):
            return None
        async with self._runtime.database.transaction(sandbox_id) as connection:
            sandbox = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
            if sandbox is None:
                return None
            attributes = {"service": self._runtime.service, "method": str(scope["method"]), "path": path}
            firing = await faults.fire(connection, sandbox, EDGE, self._runtime.subject_of(path), **attributes)
        return firing.rule if firing else None

    async def latency(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        await asyncio.sleep(rule.seconds("by"))
        await self._app(scope, body, send)

    async def error(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        kind = replace(FAULT_PROBLEM, status=rule.settings["status"])
        await _problem(kind, rule, {})(scope, receive, send)

    async def too_many(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        kind = replace(FAULT_PROBLEM, status=429)
        await _problem(kind, rule, {"Retry-After": str(rule.settings["retry_after"])})(scope, receive, send)

    async def reset(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        await _close_connection(receive, at_once=True)

    async def timeout(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        await self._app(scope, body, BufferedResponse().collect)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rule.seconds("after")):
                await _disconnected(receive)  # the client closes it earlier
        await _close_connection(receive, at_once=True)

    async def slow_body(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        response = BufferedResponse()
        await self._app(scope, body, response.collect)
        await send(response.start)
        for index in range(PIECES):
            await asyncio.sleep(rule.seconds("over") / PIECES)
            begin, end = (len(response.body) * each // PIECES for each in (index, index + 1))
            piece = {"body": response.body[begin:end], "more_body": index + 1 < PIECES}
            await send({"type": "http.response.body", **piece})

    async def truncated(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        response = BufferedResponse()
        await self._app(scope, body, response.collect)
        if response.body:  # without a body there is nothing to cut off
            await send(response.start)
            half = response.body[: len(response.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
        await _close_connection(receive, at_once=False)

    async def stale(self, rule: Rule, scope: Scope, receive: Receive, body: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await self._app(scope, body, send)
            return
        caller = tuple(dict(scope["headers"]).get(name, b"") for name in (b"authorization", b"x-sandbox", b"x-api-key"))
        key = (rule.key, scope["path"], scope["query_string"], *caller)
        if (cached := self._cache.get(key)) is not None:
            await cached.send(send, (b"age", str(int(time.monotonic() - cached.created_at)).encode()))
            return
        response = BufferedResponse()
        await self._app(scope, body, response.collect)
        if response.start["status"] < 400:
            self._cache[key] = response
            if len(self._cache) > CACHE_LIMIT:
                self._cache.pop(next(iter(self._cache)))
        await response.send(send)


_BEHAVIOUR = {
    LATENCY: FaultMiddleware.latency,
    ERROR: FaultMiddleware.error,
    TIMEOUT: FaultMiddleware.timeout,
    RESET: FaultMiddleware.reset,
    SLOW_BODY: FaultMiddleware.slow_body,
    TRUNCATED: FaultMiddleware.truncated,
    TOO_MANY: FaultMiddleware.too_many,
    STALE: FaultMiddleware.stale,
}


def _problem(kind: problem_types.ProblemType, rule: Rule, headers: dict[str, str]) -> ASGIApp:
    detail = f"Rule '{rule.id}': {rule.text_en}. The request was not read; send it again, or switch the rule off."
    response = problems.render(kind, detail, {"rule": rule.id, "fault": rule.fault})
    response.headers.update(headers)
    return response


async def _close_connection(receive: Receive, *, at_once: bool) -> None:
    """Close the connection of the request: with a reset if `at_once`, otherwise after the written bytes are sent.

    Raises BrokenOnPurpose if there is no connection.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)  # uvicorn's
    if transport is None:
        raise BrokenOnPurpose("a fault broke the connection")
    if transport.is_closing():
        return
    if at_once:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        transport.abort()
    else:
        transport.close()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    """Wait until the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass
