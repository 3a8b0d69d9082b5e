"""The test doors that only the portal has: sandboxes, their clocks, settle, and where everything is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.portal.api.views import PortalDep
from shared import sandboxes
from shared.clock import in_reach, parse_duration, parse_time, wire
from shared.errors import BodyDoesNotFit, SandboxNotFound
from shared.problems import problem_responses
from shared.runtime import known_sandbox
from shared.settle import Verdict
from shared.web import SandboxPath, Shown, Text

router = APIRouter(prefix="/_lab", tags=["lab"])


class NewSandbox(BaseModel):
    """All optional. `rate` is sandbox seconds per real second; 0 is frozen. `start` comes from the seed unless given."""

    model_config = ConfigDict(extra="forbid")
    seed: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    name: Annotated[Shown, Field(max_length=100)] | None = None
    start: Annotated[Text, Field(max_length=40)] | None = None
    rate: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True)] = 0


class SandboxView(BaseModel):
    id: str
    name: str
    seed: str
    rate: float
    now: str
    created_at: str
    lagging: list[str] = []


class ClockView(BaseModel):
    now: str
    rate: float


class SetClock(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: Annotated[Text, Field(max_length=40, examples=["2026-06-09T08:00:00+07:00"])]


class Advance(BaseModel):
    """Either an absolute target (safe to repeat) or a distance."""

    model_config = ConfigDict(extra="forbid")
    to: Annotated[Text, Field(max_length=40)] | None = None
    by: Annotated[Text, Field(max_length=40, examples=["P3D"])] | None = None


class Settle(BaseModel):
    model_config = ConfigDict(extra="forbid")
    timeout_seconds: Annotated[float, Field(ge=0, le=120, strict=True)] = 10


class WaitingView(BaseModel):
    name: str
    service: str
    detail: str


class VerdictView(BaseModel):
    verdict: str
    proof_of_absence: bool
    next_due: str | None
    waiting_for: list[WaitingView]

    @classmethod
    def of(cls, verdict: Verdict, *, frozen: bool) -> VerdictView:
        waiting = [WaitingView(**asdict(found)) for found in verdict.waiting_for]
        absent = frozen and verdict.verdict == "still"
        return cls(verdict=verdict.verdict, proof_of_absence=absent, next_due=verdict.next_due, waiting_for=waiting)


class Advanced(BaseModel):
    now: str
    fired: list[dict[str, Any]]
    verdict: VerdictView


@router.post(
    "/sandboxes",
    summary="A new sandbox, frozen unless it has a rate.",
    status_code=201,
    responses=problem_responses(422, 503),
)
async def create_sandbox(portal: PortalDep, body: NewSandbox | None = None) -> SandboxView:
    wanted = body or NewSandbox()
    start = parse_time(wanted.start, "/start") if wanted.start else None
    row, lagging = await portal.ownership.create(wanted.seed, wanted.name, start, wanted.rate)
    shown = await show_row(portal, row["id"])
    return shown.model_copy(update={"lagging": lagging})


@router.get("/sandboxes/{sandbox}", summary="A sandbox and what time it is there.", responses=problem_responses(404))
async def sandbox_of(sandbox: SandboxPath, portal: PortalDep) -> SandboxView:
    return await show_row(portal, sandbox)


@router.get(
    "/sandboxes/{sandbox}/row",
    summary="The whole row, for services that never heard of it.",
    responses=problem_responses(404),
)
async def sandbox_row(sandbox: SandboxPath, portal: PortalDep) -> dict[str, Any]:
    row = await sandboxes.row_of(portal.database, sandbox)
    if row is None:
        raise SandboxNotFound("No sandbox ever had this id.", sandbox=sandbox)
    return {**dict(row), "opened": True}


@router.delete(
    "/sandboxes/{sandbox}",
    summary="Delete it everywhere; 202 names the services that will be told as soon as they answer.",
    status_code=204,
    responses=problem_responses(404, 409),
)
async def delete_sandbox(sandbox: SandboxPath, portal: PortalDep) -> Response:
    lagging = await portal.ownership.delete(sandbox)
    return JSONResponse({"lagging": lagging}, 202) if lagging else Response(status_code=204)


@router.get("/sandboxes/{sandbox}/clock", summary="What time it is there.", responses=problem_responses(404))
async def clock(sandbox: SandboxPath, portal: PortalDep) -> ClockView:
    found = await known_sandbox(portal, sandbox)
    return ClockView(now=wire(found.now), rate=found.rate)


@router.post(
    "/sandboxes/{sandbox}/clock/set",
    summary="Settle, then move the clock.",
    responses=problem_responses(404, 409, 422, 503),
)
async def set_clock(sandbox: SandboxPath, body: SetClock, portal: PortalDep) -> ClockView:
    await known_sandbox(portal, sandbox)
    await portal.timekeeping.set_clock(sandbox, parse_time(body.to, "/to"))
    return await clock(sandbox, portal)


@router.post(
    "/sandboxes/{sandbox}/clock/advance",
    summary="Move the clock tick by tick; what falls due fires on its day.",
    responses=problem_responses(404, 409, 422, 503),
)
async def advance(sandbox: SandboxPath, body: Advance, portal: PortalDep) -> Advanced:
    found = await known_sandbox(portal, sandbox)
    if (body.to is None) == (body.by is None):
        raise BodyDoesNotFit(("", "give either `to` (an instant) or `by` (a duration)"))
    try:
        target = found.now + parse_duration(body.by, "/by") if body.by is not None else parse_time(body.to or "", "/to")
    except OverflowError as error:
        raise BodyDoesNotFit(("/by", "leads beyond the end of the calendar")) from error
    in_reach(target, "/by")
    fired, verdict = await portal.timekeeping.advance(sandbox, target, counted=body.by is not None)
    now = await clock(sandbox, portal)
    return Advanced(now=now.now, fired=fired, verdict=VerdictView.of(verdict, frozen=found.frozen))


@router.post(
    "/sandboxes/{sandbox}/settle",
    summary="Wait until nothing is under way, or say what is.",
    responses=problem_responses(404, 422),
)
async def settle(sandbox: SandboxPath, portal: PortalDep, body: Settle | None = None) -> VerdictView:
    found = await known_sandbox(portal, sandbox)
    verdict = await portal.timekeeping.settle(sandbox, (body or Settle()).timeout_seconds)
    return VerdictView.of(verdict, frozen=found.frozen)


@router.get("/doors", summary="Every address: a user needs one.")
async def doors(portal: PortalDep) -> dict[str, Any]:
    settings = portal.settings
    return {
        "portal": settings.portal_url,
        "province_gateway": settings.province_gateway_url,
        "identity": settings.identity_url,
        "payment": settings.payment_url,
        "portal_worker": settings.portal_worker_url,
        "province_gateway_worker": settings.province_gateway_worker_url,
        "kafka": settings.kafka_bootstrap_servers,
        "topics": ["dossier.to-province.v1", "dossier.to-portal.v1"],
        "issuer": settings.identity_url,
    }


async def show_row(portal: PortalDep, sandbox: str) -> SandboxView:
    row = await sandboxes.row_of(portal.database, sandbox)
    if row is None or row["deleted"]:
        raise SandboxNotFound("Create one with POST /_lab/sandboxes.", sandbox=sandbox)
    now = await portal.database.fetch(f"SELECT {sandboxes.ROW_SQL} FROM sandboxes s WHERE id = $1", sandbox)
    shown = {name: row[name] for name in ("id", "name", "seed", "rate")}
    return SandboxView(**shown, now=wire(now[0]["now"]), created_at=wire(row["created_at"]))
