"""The test doors that every service has: firing, what is pending, sizes, the timeline; and `told`, for all but the portal."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from shared.lab import sizes
from shared.runtime import Runtime, known_sandbox
from shared.sandbox import faults
from shared.sandbox.clock import END, FIRST
from shared.text import Text
from shared.web.dependencies import SandboxId, SandboxPath, chosen_sandbox, runtime_of
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter(
    prefix="/_lab",
    tags=["lab"],
    responses=problem_responses(401, 403, 404, 422, 503),
    dependencies=[Depends(chosen_sandbox)],  # a key of another sandbox than the path's is refused
)
told = APIRouter(prefix="/_lab", tags=["lab"], responses=problem_responses(404, 422, 503))  # not for who owns the rows
RuntimeDep = Annotated[Runtime, Depends(runtime_of)]
ReaderPlace = Annotated[
    str | None,
    Query(
        pattern=r"^(-1|[0-9]{1,9})\.[0-9]{1,18}$",
        examples=["1.17"],
        description="Epoch and number that the reader of its lane expects next; left out: what the relay took counts as read",
    ),
]
Moment = Annotated[AwareDatetime, Field(ge=FIRST, lt=END)]


class SandboxRow(BaseModel):
    """A sandbox as its owner tells it."""

    version: Annotated[int, Field(gt=0, lt=1 << 62)]
    name: Text
    seed: Text
    rate: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
    base_at: Moment
    base_real: Moment
    opened: bool
    deleted: bool
    created_at: Moment
    begins_at: Moment | None = None
    expires_at: Moment | None = None
    api_key: Text = ""
    modes: dict[str, Any] = Field(default_factory=dict)
    faults: list[dict[str, Any]] = Field(default_factory=list)
    people: dict[str, Any] = Field(default_factory=dict)


class TimelineEntry(BaseModel):
    """One line of a timeline. `at` is sandbox time, `real_at` real time.

    Only an event that was told or applied has `event` and `version`, and perhaps `status`: the state that it leads to.
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


@told.put("/sandboxes/{sandbox}", summary="The portal tells a sandbox's new row.")
async def take_over_sandbox(sandbox: SandboxPath, row: SandboxRow, runtime: RuntimeDep) -> dict[str, Any]:
    version = await runtime.take_over({**row.model_dump(mode="json"), "id": sandbox})
    return {"sandbox": sandbox, "version": version}


@router.post("/sandboxes/{sandbox}/fire", summary="Fire what is due in a frozen sandbox.")
async def fire(sandbox: SandboxPath, runtime: RuntimeDep) -> dict[str, Any]:
    await known_sandbox(runtime, sandbox)
    return {"fired": await runtime.fire(sandbox)}


@router.get("/sandboxes/{sandbox}/pending", summary="What may still happen in a sandbox.")
async def pending(sandbox: SandboxPath, runtime: RuntimeDep) -> dict[str, Any]:
    found = await known_sandbox(runtime, sandbox)
    return {"version": found.version, **await runtime.pending(sandbox)}


@router.get("/sandboxes/{sandbox}/pending/{subject}", summary="What may still happen to one thing there.")
async def pending_of(
    sandbox: SandboxPath, subject: Text, runtime: RuntimeDep, reader: ReaderPlace = None
) -> dict[str, Any]:
    await known_sandbox(runtime, sandbox)
    place = None
    if reader is not None:
        epoch, number = map(int, reader.split("."))
        place = (epoch, number)
    return await runtime.pending_of(sandbox, subject, place)


@router.get("/sandboxes/{sandbox}/sizes", summary="How much a sandbox holds here, table by table.")
async def sizes_of_sandbox(sandbox: SandboxPath, runtime: RuntimeDep) -> dict[str, sizes.Size]:
    await known_sandbox(runtime, sandbox)
    return await sizes.of_sandbox(runtime.database, runtime.metadata, sandbox)


@router.get("/sandboxes/{sandbox}/firings", summary="How often each fault rule was looked at and bit here.")
async def firings(
    sandbox: SandboxPath, runtime: RuntimeDep, page: PageDep, request: Request, response: Response
) -> list[dict[str, Any]]:
    await known_sandbox(runtime, sandbox)
    return announce(request, response, page.of(await faults.counts(runtime.database, sandbox)))


@router.get("/sandboxes/{sandbox}/recorded", summary="The calls that changed something here, to be made again.")
async def recorded(
    sandbox: SandboxPath, runtime: RuntimeDep, page: PageDep, request: Request, response: Response
) -> list[dict[str, Any]]:
    await known_sandbox(runtime, sandbox)
    return announce(request, response, page.of(await runtime.recorded(sandbox)))


@router.get(
    "/timeline/{subject}",
    summary="What this service knows of the story of a dossier.",
    response_model_exclude_unset=True,
)
async def timeline(
    subject: Text, sandbox: SandboxId, runtime: RuntimeDep, page: PageDep, request: Request, response: Response
) -> list[TimelineEntry]:
    await known_sandbox(runtime, sandbox)
    lines = announce(request, response, page.of(await runtime.timeline(sandbox, subject)))
    return [TimelineEntry(**line) for line in lines]
