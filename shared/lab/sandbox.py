"""The lab endpoints that every service has: fire, pending, sizes, firings, recorded calls, timeline.

All services except the portal also include `replica_router`, through which the portal sends sandbox rows.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, StrictBool

from shared.errors import BodyDoesNotFit
from shared.lab import sizes
from shared.runtime import Runtime, known_sandbox
from shared.sandbox import faults
from shared.sandbox.clock import END, FIRST
from shared.text import Text, require_text
from shared.web.dependencies import ForServices, SandboxId, SandboxPath, runtime_of
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(
    prefix="/_lab",
    tags=["lab"],
    responses=problem_responses(401, 403, 404, 422, 503),
)
replica_router = Router(
    prefix="/_lab", tags=["services"], responses=problem_responses(403, 404, 422, 503), dependencies=[ForServices]
)
FIRE_SECONDS = 1.0  # an answer of a batch more still comes before the caller gives up
VERSION_AHEAD = timedelta(days=1)  # versions are microseconds of real time: a later one cannot come from the portal
RuntimeDep = Annotated[Runtime, Depends(runtime_of)]
ReaderPosition = Annotated[
    str | None,
    Query(
        pattern=r"^(-1|[0-9]{1,9})\.[0-9]{1,18}$",
        examples=["1.17"],
        description="Epoch and number that the reader of this lane expects next; default: all that the relay has sent is read",
    ),
]
Moment = Annotated[AwareDatetime, Field(ge=FIRST, lt=END), BeforeValidator(require_text)]


class SandboxRow(BaseModel):
    """A sandbox row as the portal sends it."""

    version: Annotated[int, Field(gt=0, lt=1 << 62, strict=True)]
    name: Text
    seed: Text
    rate: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True)]
    base_at: Moment
    base_real: Moment
    opened: StrictBool
    deleted: StrictBool
    created_at: Moment
    begins_at: Moment | None = None
    expires_at: Moment | None = None
    api_key: Text = ""
    modes: dict[str, Any] = Field(default_factory=dict)
    faults: list[dict[str, Any]] = Field(default_factory=list)
    people: dict[str, Any] = Field(default_factory=dict)


class TimelineEntry(BaseModel):
    """One line of a timeline. `at` is sandbox time, `real_at` real time.

    Only an event that was published or applied has `event` and `version`, and perhaps `status`: the state that it leads to.
    """

    at: str
    real_at: str
    service: str
    kind: str
    text_vi: str
    text_en: str
    data: dict[str, Any]
    event: str | None = None
    version: int | None = None
    status: int | None = None


@replica_router.put("/sandboxes/{sandbox}", summary="Store the new row of a sandbox, sent by the portal")
async def take_over_sandbox(sandbox: SandboxPath, row: SandboxRow, runtime: RuntimeDep) -> dict[str, Any]:
    if row.version > (datetime.now(UTC) + VERSION_AHEAD).timestamp() * 1e6:
        raise BodyDoesNotFit(("/version", "lies more than a day ahead of real time (microseconds since 1970)"))
    version = await runtime.take_over({**row.model_dump(mode="json"), "id": sandbox})
    return {"sandbox": sandbox, "version": version}


@router.post(
    "/sandboxes/{sandbox}/fire",
    summary="Fire everything that is due in a frozen sandbox",
    tags=["services"],
    dependencies=[ForServices],
)
async def fire(sandbox: SandboxPath, runtime: RuntimeDep) -> dict[str, Any]:
    """`more`: the time for one answer was over; the caller asks again, because more can be due."""
    await known_sandbox(runtime, sandbox)
    begun = time.monotonic()
    fired = await runtime.fire(sandbox, FIRE_SECONDS)
    return {"fired": fired, "more": bool(fired) and time.monotonic() - begun >= FIRE_SECONDS}


@router.get(
    "/sandboxes/{sandbox}/pending",
    summary="What can still happen in a sandbox",
    tags=["services"],
    dependencies=[ForServices],
)
async def pending(sandbox: SandboxPath, runtime: RuntimeDep) -> dict[str, Any]:
    row = await known_sandbox(runtime, sandbox)
    return {"version": row.version, **await runtime.pending(sandbox)}


@router.get(
    "/sandboxes/{sandbox}/pending/{subject}",
    summary="What can still happen to one dossier",
    tags=["services"],
    dependencies=[ForServices],
)
async def pending_of(
    sandbox: SandboxPath, subject: Text, runtime: RuntimeDep, reader: ReaderPosition = None
) -> dict[str, Any]:
    await known_sandbox(runtime, sandbox)
    position = None
    if reader is not None:
        epoch, number = map(int, reader.split("."))
        position = (epoch, number)
    return await runtime.pending_of(sandbox, subject, position)


@router.get("/sandboxes/{sandbox}/sizes", summary="Size of a sandbox in this service, by table")
async def sizes_of_sandbox(sandbox: SandboxPath, runtime: RuntimeDep) -> dict[str, sizes.Size]:
    await known_sandbox(runtime, sandbox)
    return await sizes.of_sandbox(runtime.database, runtime.metadata, sandbox)


@router.get(
    "/sandboxes/{sandbox}/firings",
    summary="How often this service evaluated each fault rule, and how often it fired",
)
async def firings(
    sandbox: SandboxPath, runtime: RuntimeDep, page: PageDep, request: Request, response: Response
) -> list[dict[str, Any]]:
    await known_sandbox(runtime, sandbox)
    return announce(request, response, page.of(await faults.counts(runtime.database, sandbox)))


@router.get("/sandboxes/{sandbox}/recorded", summary="The recorded calls that changed something, for a replay")
async def recorded(
    sandbox: SandboxPath, runtime: RuntimeDep, page: PageDep, request: Request, response: Response
) -> list[dict[str, Any]]:
    await known_sandbox(runtime, sandbox)
    return announce(request, response, page.of(await runtime.recorded(sandbox)))


@router.get(
    "/timeline/{subject}",
    summary="The timeline entries of a dossier in this service",
    response_model_exclude_unset=True,
)
async def timeline(
    subject: Text, sandbox: SandboxId, runtime: RuntimeDep, page: PageDep, request: Request, response: Response
) -> list[TimelineEntry]:
    await known_sandbox(runtime, sandbox)
    lines = announce(request, response, page.of(await runtime.timeline(sandbox, subject)))
    return [TimelineEntry(**line) for line in lines]
