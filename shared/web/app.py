"""The frame of every HTTP door: traces, logs, metrics, health, the sandbox of a request, text that PostgreSQL can keep."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import structlog
import uvicorn
from fastapi import Depends, FastAPI, Header, Path, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import detours, errors, problem_types
from shared.observability import gauges, metrics, spans
from shared.runtime import Runtime
from shared.sandbox.registry import DEFAULT, IDS
from shared.settings import host_and_port
from shared.web import problems, strict_json
from shared.web.faults import FaultyDoor
from shared.web.recorder import Recorder

log = structlog.get_logger()
KEEP_ALIVE = 75  # s; longer than any client keeps an idle connection, so none is closed under a request
BODY_LIMIT = 1 << 20  # bytes: the largest lawful body, a submission, is a few KB
TOO_MUCH = "Send at most {} bytes."
# FastAPI can tell spans itself, but not let a request join the trace of a journey: `tracing` does, and once is enough.
NO_SPANS_OF_FASTAPI: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


SandboxPath = Annotated[str, Path(pattern=f"^{IDS.pattern}$", description="Id of a sandbox")]


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
        own = metrics.begin_request(came)
        structlog.contextvars.clear_contextvars()
        begun, status, size = time.perf_counter(), 500, 0
        limit = self._limits.get(scope["path"], BODY_LIMIT)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"traceparent", metrics.found_as(own, came).encode())]
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


def create_app(
    runtime: Runtime,
    title: str,
    table: problem_types.Problems,
    *jobs: Callable[[], Coroutine[Any, Any, None]],
    summary: str = "",
    body_limits: Mapping[str, int] | None = None,
) -> FastAPI:
    """A FastAPI with the frame on; the caller includes its routers. `body_limits`: see `Edge`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with runtime.opened(*jobs):
            yield
        if spans.on:  # the last chance: uvicorn then ends the process by the signal that it got
            await asyncio.to_thread(spans.stop)

    app = FastAPI(title=title, version="1", summary=summary, lifespan=lifespan, telemetry=NO_SPANS_OF_FASTAPI)
    app.state.runtime = runtime
    app.add_middleware(Edge, runtime=runtime, limits=body_limits or {})
    problems.install(app, table)
    install_starting(app, runtime)
    add_health(app, runtime)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def install_starting(app: FastAPI, runtime: Runtime) -> None:
    """What fails for want of a database that is still being opened answers as "not ready", at whichever door."""

    async def failed(request: Request, error: Exception) -> JSONResponse:
        if "database" not in runtime.waits_for:
            raise error
        kind = problem_types.COMMON[errors.NotReady]
        waits = {"waits_for": sorted(runtime.waits_for)}
        return problems.render(kind, "The service is starting; ask again in a moment.", waits)

    # Not connected, a table or column not there yet, a migration that holds it, a connection given up to try anew.
    for fault in (RuntimeError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        app.add_exception_handler(fault, failed)


def add_health(app: FastAPI, runtime: Runtime) -> None:
    sampler = gauges.Sampler(runtime.service, runtime.database, runtime.metadata)

    @app.get("/healthz", tags=["health"], summary="The process runs.")
    async def healthz() -> dict[str, str]:
        return {"status": "running", "service": runtime.service}

    @app.get(
        "/readyz",
        tags=["health"],
        summary="It can serve; 503 names what it waits for.",
        responses=problems.problem_responses(503),
    )
    async def readyz() -> JSONResponse:
        if runtime.waits_for:
            kind = problem_types.COMMON[errors.NotReady]
            waits = sorted(runtime.waits_for)
            detail = f"Waiting for {', '.join(waits)}. {runtime.database.waits_for or runtime.trouble}".rstrip()
            return problems.render(kind, detail, {"waits_for": waits})
        return plain({"status": "ready", "service": runtime.service})

    @app.get("/metrics", tags=["health"], summary="Prometheus metrics.", response_class=Response)
    async def metrics() -> Response:
        await sampler.sample()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


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


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def chosen_sandbox(
    request: Request,
    x_sandbox: Annotated[str | None, Header(description="Sandbox of this request")] = None,
    x_api_key: Annotated[str | None, Header(description="A key of a sandbox, which chooses it")] = None,
) -> str | None:
    """By its key, else by name; None if neither was sent. Raises ApiKeyUnknown, SandboxMismatch."""
    if x_api_key is None:
        return x_sandbox or None
    opened = await runtime_of(request).key_opens(x_api_key)
    for named in (x_sandbox, request.path_params.get("sandbox")):
        if named not in (None, opened):
            raise errors.SandboxMismatch(
                "Send this sandbox's own key, or none.", key_sandbox=opened, named_sandbox=named
            )
    return opened


Chosen = Annotated[str | None, Depends(chosen_sandbox)]


async def sandbox_header(chosen: Chosen) -> str:
    return chosen or DEFAULT


SandboxId = Annotated[str, Depends(sandbox_header)]


def serve(app: FastAPI, url: str) -> None:
    """Be the role whose address is `url`, until SIGTERM; requests under way are finished.

    It listens there unless its settings say elsewhere, and takes the detours to its neighbours that they name.
    A process that cannot start ends with status 1, its reason the last line of its log.
    """
    runtime: Runtime = app.state.runtime
    runtime.mounts = detours.transports(runtime.settings.detours)
    host, port = host_and_port(runtime.settings.listen or url)
    spans.start(runtime.settings, metrics.role)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        loop="uvloop",
        timeout_keep_alive=KEEP_ALIVE,
    )
    server, reasons = uvicorn.Server(config), []

    def give_up(reason: str) -> None:
        reasons.append(reason)
        server.should_exit = True

    runtime.give_up = give_up
    gc.freeze()  # what is there now stays: no collection looks at it again
    gc.set_threshold(20_000, 20, 50)  # requests leave few cycles behind; the default looks several times in each
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())
    if reasons:
        print(reasons[0], file=sys.stderr)
        raise SystemExit(1)


def plain(body: object, status: int = 200) -> JSONResponse:
    return JSONResponse(body, status)
