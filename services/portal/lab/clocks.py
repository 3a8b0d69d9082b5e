"""The clock of a sandbox: read, set, advance, change its rate; and settle."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.portal.api.views import PortalDep
from services.portal.lab.router import lab_router
from services.portal.sandboxes.settle import CONNECTOR, Verdict
from shared.errors import BodyDoesNotFit
from shared.runtime import known_sandbox
from shared.sandbox.clock import DurationText, TimeText, in_reach, parse_duration, parse_time, wire
from shared.web.dependencies import SandboxPath
from shared.web.problems import problem_responses

router = lab_router()


class ClockView(BaseModel):
    """The time of a clock. `rate` is sandbox seconds per real second; 0 is frozen."""

    now: str
    rate: float


class SetClock(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: TimeText


class SetRate(BaseModel):
    """Sandbox seconds per real second."""

    model_config = ConfigDict(extra="forbid")
    rate: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True)]


class Advance(BaseModel):
    """Either `to`, an absolute time (safe to repeat), or `by`, a duration."""

    model_config = ConfigDict(extra="forbid")
    to: TimeText | None = None
    by: DurationText | None = None


class Settle(BaseModel):
    model_config = ConfigDict(extra="forbid")
    timeout_seconds: Annotated[float, Field(ge=0, le=120, strict=True)] = 10


class WaitingView(BaseModel):
    name: str
    service: str
    detail: str


class VerdictView(BaseModel):
    """The result of `settle`: still, waiting or held; and what the sandbox waits for.

    `proof_of_absence`: nothing happens before the clock moves; never while a connector can still speak.
    """

    verdict: str
    proof_of_absence: bool
    next_due: str | None
    waiting_for: list[WaitingView]

    @classmethod
    def of(cls, verdict: Verdict, *, frozen: bool) -> VerdictView:
        waiting_for = [WaitingView(**asdict(waiting)) for waiting in verdict.waiting_for]
        connected = any(waiting.name in (CONNECTOR, "silent-connector") for waiting in verdict.waiting_for)
        absent = frozen and verdict.verdict == "still" and not connected
        return cls(verdict=verdict.verdict, proof_of_absence=absent, next_due=verdict.next_due, waiting_for=waiting_for)


class FiredView(BaseModel):
    """A timer that fired. `at` is the time for which it was set, `subject` usually a dossier code."""

    at: str
    service: str
    kind: str
    subject: str


class Advanced(BaseModel):
    """The time after the advance, and what fired, in order."""

    now: str
    fired: list[FiredView]
    verdict: VerdictView


@router.get("/sandboxes/{sandbox}/clock", summary="The time in a sandbox.", responses=problem_responses(404))
async def clock(sandbox: SandboxPath, portal: PortalDep) -> ClockView:
    current = await known_sandbox(portal, sandbox)
    return ClockView(now=wire(current.now), rate=current.rate)


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
    "/sandboxes/{sandbox}/clock/rate",
    summary="Change the rate of the clock from its current time on; 0 freezes it.",
    responses=problem_responses(404, 409, 422, 503),
)
async def set_rate(sandbox: SandboxPath, body: SetRate, portal: PortalDep) -> ClockView:
    await known_sandbox(portal, sandbox)
    await portal.timekeeping.set_rate(sandbox, body.rate)
    return await clock(sandbox, portal)


@router.post(
    "/sandboxes/{sandbox}/clock/advance",
    summary="Move the clock forward; every timer fires at its due time.",
    responses=problem_responses(404, 409, 422, 503),
)
async def advance(sandbox: SandboxPath, body: Advance, portal: PortalDep) -> Advanced:
    current = await known_sandbox(portal, sandbox)
    if (body.to is None) == (body.by is None):
        raise BodyDoesNotFit(("", "give either `to` (an instant) or `by` (a duration)"))
    try:
        target = parse_time(body.to or "", "/to") if body.by is None else current.now + parse_duration(body.by, "/by")
    except OverflowError as error:
        raise BodyDoesNotFit(("/by", "leads beyond the last possible date")) from error
    in_reach(target, "/by")
    fired, verdict = await portal.timekeeping.advance(sandbox, target, counted=body.by is not None)
    return Advanced(
        now=(await clock(sandbox, portal)).now,
        fired=[FiredView(**firing) for firing in fired],
        verdict=VerdictView.of(verdict, frozen=current.frozen),
    )


@router.post(
    "/sandboxes/{sandbox}/settle",
    summary="Wait until nothing is under way; at the timeout, name what is.",
    responses=problem_responses(404, 422),
)
async def settle(sandbox: SandboxPath, portal: PortalDep, body: Settle | None = None) -> VerdictView:
    current = await known_sandbox(portal, sandbox)
    verdict = await portal.timekeeping.settle(sandbox, (body or Settle()).timeout_seconds)
    return VerdictView.of(verdict, frozen=current.frozen)
