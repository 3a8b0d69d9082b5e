"""The lab endpoints that show published events: those of the last minutes, and one as it is on the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query, Request, Response

from shared.lab.lanes import EventRuntimeDep
from shared.messaging import published
from shared.messaging.published import OnTheWire, Recent
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import Number, SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab/events", tags=["lab"])
Minutes = Annotated[int, Number, Query(ge=1, le=60, description="How far back, in minutes of real time")]


@router.get(
    "/recent",
    summary="What this service has published in the last minutes: by type how many, and the newest",
    responses=problem_responses(404, 422),
)
async def recent(
    sandbox: SandboxId,
    runtime: EventRuntimeDep,
    page: PageDep,
    request: Request,
    response: Response,
    minutes: Minutes = 5,
    type: Annotated[Text | None, Query(max_length=100, description="Only events of this type")] = None,
) -> list[Recent]:
    await known_sandbox(runtime, sandbox)
    found = await published.recent(runtime.database, sandbox, timedelta(minutes=minutes), type)
    return announce(request, response, page.of(found))


@router.get(
    "/{dossier}/{version}",
    summary="One published event as it is on the wire: CloudEvents headers and body",
    responses=problem_responses(404, 422),
)
async def on_the_wire(
    dossier: Text, version: Annotated[int, Number, Path(ge=1, lt=1 << 31)], sandbox: SandboxId, runtime: EventRuntimeDep
) -> OnTheWire:
    await known_sandbox(runtime, sandbox)
    given = (runtime.database, runtime.service, runtime.published_topics, runtime.signer)
    return await published.on_the_wire(*given, sandbox, dossier, version)
