"""The edge at which HTTP faults bite: between a client and our public doors, outside everything that decides.

Test doors, health and metrics are never hit, so that a fault can always be switched off. A request belongs to the sandbox
that its headers, its address or its query name; one that names it in its body alone counts as the default sandbox's.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from shared import problem_types
from shared.runtime import Runtime
from shared.sandbox import faults, registry
from shared.sandbox.faults import Rule
from shared.sandbox.http_fault_names import EDGE, ERROR, LATENCY, RESET, SLOW_BODY, STALE, TIMEOUT, TOO_MANY, TRUNCATED
from shared.web import problems
from shared.web.held_answer import Answer
from shared.web.request_facts import sandbox_of

UNTOUCHED = ("/_lab", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
PIECES = 10  # of a body that drips
REMEMBERED = 100  # answers that a stale cache keeps
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset instead of an end
BROKEN = problem_types.ProblemType("fault", 500, "A fault is switched on here.", "Tại đây đang bật một sự cố.")


class FaultyDoor:
    """Stands before one service's app; lets everything pass that no rule looks at."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app, self._runtime = app, runtime
        self._remembered: dict[tuple[str | bytes, ...], Answer] = {}

    async def __call__(self, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        """One request. `receive` is the server's own, `reading` what the app may read of it."""
        rule = await self._rule(scope) if self._runtime.faults else None
        if rule is None:
            await self._app(scope, reading, send)
            return
        await _BEHAVIOUR[rule.fault](self, rule, scope, receive, reading, send)

    async def _rule(self, scope: Scope) -> Rule | None:
        path: str = scope["path"]
        if path.startswith(UNTOUCHED):
            return None
        named = sandbox_of(scope, self._runtime)
        if not self._runtime.watches(named, EDGE):
            return None
        async with self._runtime.database.transaction() as connection:
            here = (await registry.lock(connection, [named])).get(named)
            if here is None:
                return None
            about = {"service": self._runtime.service, "method": str(scope["method"]), "path": path}
            bite = await faults.bite(connection, here, EDGE, self._runtime.subject_of(path), **about)
        return bite.rule if bite else None

    async def late(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        await asyncio.sleep(rule.seconds("by"))
        await self._app(scope, reading, send)

    async def error(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        kind = problem_types.ProblemType(BROKEN.slug, rule.settings["status"], BROKEN.title, BROKEN.title_vi)
        await _problem(kind, rule, {})(scope, receive, send)

    async def too_many(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        kind = problem_types.ProblemType(BROKEN.slug, 429, BROKEN.title, BROKEN.title_vi)
        await _problem(kind, rule, {"Retry-After": str(rule.settings["retry_after"])})(scope, receive, send)

    async def reset(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        await _break(receive, at_once=True)

    async def silent(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        await self._app(scope, reading, Answer().take)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_end(receive), rule.seconds("after"))  # unless the client gives up before
        await _break(receive, at_once=True)

    async def dripping(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        answer = Answer()
        await self._app(scope, reading, answer.take)
        await send(answer.start)
        for place in range(PIECES):
            await asyncio.sleep(rule.seconds("over") / PIECES)
            begin, end = (len(answer.body) * each // PIECES for each in (place, place + 1))
            part = {"body": answer.body[begin:end], "more_body": place + 1 < PIECES}
            await send({"type": "http.response.body", **part})

    async def cut(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        answer = Answer()
        await self._app(scope, reading, answer.take)
        if answer.body:  # without one, nothing but the head could be missing
            await send(answer.start)
            half = answer.body[: len(answer.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
        await _break(receive, at_once=False)

    async def stale(self, rule: Rule, scope: Scope, receive: Receive, reading: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await self._app(scope, reading, send)
            return
        who = tuple(dict(scope["headers"]).get(name, b"") for name in (b"authorization", b"x-sandbox", b"x-api-key"))
        asked = (rule.key, scope["path"], scope["query_string"], *who)
        if (before := self._remembered.get(asked)) is not None:
            await before.say(send, (b"age", str(int(time.monotonic() - before.at)).encode()))
            return
        answer = Answer()
        await self._app(scope, reading, answer.take)
        if answer.start["status"] < 400:
            self._remembered[asked] = answer
            if len(self._remembered) > REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
        await answer.say(send)


_BEHAVIOUR = {
    LATENCY: FaultyDoor.late,
    ERROR: FaultyDoor.error,
    TIMEOUT: FaultyDoor.silent,
    RESET: FaultyDoor.reset,
    SLOW_BODY: FaultyDoor.dripping,
    TRUNCATED: FaultyDoor.cut,
    TOO_MANY: FaultyDoor.too_many,
    STALE: FaultyDoor.stale,
}


def _problem(kind: problem_types.ProblemType, rule: Rule, headers: dict[str, str]) -> ASGIApp:
    detail = f"Rule '{rule.id}': {rule.text_en}. The request was not read; send it again, or switch the rule off."
    answer = problems.render(kind, detail, {"rule": rule.id, "fault": rule.fault})
    answer.headers.update(headers)
    return answer


async def _break(receive: Receive, *, at_once: bool) -> None:
    """End the connection under the request; what was written goes out first unless it shall break `at_once`.

    Raises ConnectionResetError where there is no connection (a test that calls the app itself).
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)  # uvicorn's
    if transport is None:
        raise ConnectionResetError("a fault broke the connection")
    if transport.is_closing():
        return
    if at_once:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        transport.abort()
    else:
        transport.close()
    await _end(receive)


async def _end(receive: Receive) -> None:
    """Wait until the connection is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
