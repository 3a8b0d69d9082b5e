"""Health and metrics of every process."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import errors, problem_types
from shared.web import problems
from shared.web.dependencies import runtime_of

router = APIRouter()


@router.get("/healthz", tags=["health"], summary="Whether the process runs")
async def healthz(request: Request) -> dict[str, str]:
    return {"status": "running", "service": runtime_of(request).service}


@router.get(
    "/readyz",
    tags=["health"],
    summary="Whether the service can serve requests; a 503 names what it waits for",
    responses=problems.problem_responses(503),
)
async def readyz(request: Request) -> JSONResponse:
    runtime = runtime_of(request)
    if runtime.waits_for:
        kind = problem_types.COMMON[errors.NotReady]
        waits_for = sorted(runtime.waits_for)
        detail = f"Waiting for {', '.join(waits_for)}. {runtime.database.waits_for or runtime.trouble}".rstrip()
        return problems.render(kind, detail, {"waits_for": waits_for})
    return JSONResponse({"status": "ready", "service": runtime.service})


@router.get("/metrics", tags=["health"], summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    await request.app.state.sampler.sample()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
