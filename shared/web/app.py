"""The FastAPI application that every service starts from: middleware, problem responses, health and metrics endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp

from shared import errors, problem_types
from shared.observability import gauges, spans
from shared.runtime import Runtime
from shared.web import pages as web_pages
from shared.web import problems, sandbox_cookie
from shared.web.dependencies import chosen_sandbox
from shared.web.docs_page import add_docs_page
from shared.web.edge import Edge, RawBodies
from shared.web.guard import NO_PAGES, Guard, Pages
from shared.web.openapi import openapi_document
from shared.web.pages import Templates
from shared.web.problem_pages import ProblemPages

log = structlog.get_logger()
# FastAPI can export spans, but its spans cannot join the trace of a journey. `shared.observability.spans` exports them
# instead; both together would export every request twice.
FASTAPI_TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(
    runtime: Runtime,
    title: str,
    table: problem_types.Problems,
    *jobs: Callable[[], Coroutine[Any, Any, None]],
    routers: Sequence[APIRouter] = (),
    summary: str = "",
    body_limits: Mapping[str, int] | None = None,
    raw_bodies: RawBodies = (),
    pages: Pages = NO_PAGES,
    has_cookie: bool = False,
    templates: Templates | None = None,
) -> FastAPI:
    """A FastAPI application with everything that all services share, and the routers of one service.

    jobs         background work that runs while the application runs
    routers      every route of theirs refuses an API key of another sandbox than its path names
    body_limits, raw_bodies  see `Edge`
    pages        see `Guard`
    templates    renders the pages of the service
    has_cookie   whether a cookie or `/s/ID` in front of the path selects a browser's sandbox
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with runtime.opened(*jobs):
            yield
        if spans.on:  # the last chance to export: uvicorn then ends the process by the signal that it received
            await asyncio.to_thread(spans.stop)

    app = FastAPI(
        title=title,
        version="1",
        summary=summary,
        lifespan=lifespan,
        telemetry=FASTAPI_TELEMETRY_OFF,
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = runtime
    if templates is not None:
        app.state.templates = templates
        routers = (*routers, web_pages.router)
    app.add_middleware(Edge, runtime=runtime, limits=body_limits or {}, raw=raw_bodies)
    problems.install(app, table)
    if has_cookie:
        routers = (*routers, sandbox_cookie.router)
        sandbox_cookie.add_to(app, runtime.settings)
    install_starting_handler(app, runtime)
    for router in routers:
        app.include_router(router, dependencies=[Depends(chosen_sandbox)])
    add_health(app, runtime)
    add_docs_page(app)
    stack = app.build_middleware_stack
    shown: Callable[[], ASGIApp] = stack if templates is None else lambda: ProblemPages(stack(), templates)
    app.build_middleware_stack = lambda: Guard(shown(), runtime.settings, pages)  # type: ignore[method-assign]
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign]
    return app


def install_starting_handler(app: FastAPI, runtime: Runtime) -> None:
    """While the database is being opened, an endpoint that fails because of it replies 503 `not-ready`."""

    async def not_ready(request: Request, error: Exception) -> JSONResponse:
        if "database" not in runtime.waits_for:
            raise error
        kind = problem_types.COMMON[errors.NotReady]
        facts = {"waits_for": sorted(runtime.waits_for)}
        return problems.render(kind, "The service is starting; try again in a moment.", facts)

    # In this order: not connected; no connection; a missing table or column, or a migration that locks it; a closed connection.
    for fault in (RuntimeError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        app.add_exception_handler(fault, not_ready)


def add_health(app: FastAPI, runtime: Runtime) -> None:
    sampler = gauges.Sampler(runtime.service, runtime.database, runtime.metadata)

    @app.get("/healthz", tags=["health"], summary="Whether the process runs")
    async def healthz() -> dict[str, str]:
        return {"status": "running", "service": runtime.service}

    @app.get(
        "/readyz",
        tags=["health"],
        summary="Whether the service can serve requests; a 503 names what it waits for",
        responses=problems.problem_responses(503),
    )
    async def readyz() -> JSONResponse:
        if runtime.waits_for:
            kind = problem_types.COMMON[errors.NotReady]
            waits_for = sorted(runtime.waits_for)
            detail = f"Waiting for {', '.join(waits_for)}. {runtime.database.waits_for or runtime.trouble}".rstrip()
            return problems.render(kind, detail, {"waits_for": waits_for})
        return plain({"status": "ready", "service": runtime.service})

    @app.get("/metrics", tags=["health"], summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        await sampler.sample()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def plain(body: object, status: int = 200) -> JSONResponse:
    return JSONResponse(body, status)
