"""The frame of every HTTP door: traces, logs, metrics, health, the sandbox of a request, text that PostgreSQL can keep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import errors, problem_types
from shared.observability import gauges, spans
from shared.runtime import Runtime
from shared.web import problems
from shared.web.edge import Edge
from shared.web.openapi import _openapi

log = structlog.get_logger()
# FastAPI can tell spans itself, but not let a request join the trace of a journey: `tracing` does, and once is enough.
NO_SPANS_OF_FASTAPI: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


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


def plain(body: object, status: int = 200) -> JSONResponse:
    return JSONResponse(body, status)
