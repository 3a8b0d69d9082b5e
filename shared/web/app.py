"""The FastAPI application that every service starts from: middleware, problem responses, health and metrics endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp

from shared import errors, problem_types
from shared.observability import gauges, spans
from shared.runtime import Runtime
from shared.web import docs_page, health, problems, sandbox_cookie
from shared.web import pages as web_pages
from shared.web.edge import Edge, RawBodies
from shared.web.guard import NO_PAGES, Guard, Pages
from shared.web.openapi import openapi_document
from shared.web.pages import Templates
from shared.web.problem_pages import ProblemPages
from shared.web.router import Router

log = structlog.get_logger()
# FastAPI can export spans, but its spans cannot join the trace of a journey. `shared.observability.spans` exports them
# instead; both together would export every request twice.
FASTAPI_TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(
    runtime: Runtime,
    title: str,
    table: problem_types.Problems,
    *jobs: Callable[[], Coroutine[Any, Any, None]],
    routers: Sequence[Router] = (),
    summary: str = "",
    body_limits: Mapping[str, int] | None = None,
    raw_bodies: RawBodies = (),
    pages: Pages = NO_PAGES,
    has_cookie: bool = False,
    templates: Templates | None = None,
) -> FastAPI:
    """A FastAPI application with everything that all services share, and the routers of one service.

    jobs         background work that runs while the application runs
    routers      see `Router`
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
    app.state.sampler = gauges.Sampler(runtime.service, runtime.database, runtime.metadata)
    if templates is not None:
        app.state.templates = templates
        routers = (*routers, web_pages.router)
    app.add_middleware(Edge, runtime=runtime, limits=body_limits or {}, raw=raw_bodies)
    problems.install(app, table)
    if has_cookie:
        routers = (*routers, sandbox_cookie.router)
        sandbox_cookie.add_to(app, runtime.settings)
    install_starting_handler(app, runtime)
    for router in (*routers, health.router, docs_page.router):
        app.router.routes.extend(router.routes)  # see `Router`
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
