"""Control endpoints of a service that keeps projections: how far each has read, and rebuilding one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from shared.errors import NotReady
from shared.lab.lanes import event_runtime
from shared.messaging import projection
from shared.messaging.runtime import MessagingRuntime
from shared.text import Text
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab", tags=["lab"])
EventRuntimeDep = Annotated[MessagingRuntime[Any], Depends(event_runtime)]


class ProjectionView(BaseModel):
    """One projection.

    sources     whose events it reads
    generation  how often it was built; 1: never rebuilt
    behind      events that are published and not read yet
    lanes_cut   lanes in which it could not begin with the first epoch: what was published before is neither in the
                broker nor in the log of its source any more, so it is not counted
    """

    name: str
    sources: list[str]
    generation: int
    behind: int
    lanes_cut: int


@router.get("/projections", summary="Projections, and how far each has read.", responses=problem_responses(422, 503))
async def projections(
    runtime: EventRuntimeDep, page: PageDep, request: Request, response: Response
) -> list[ProjectionView]:
    return announce(request, response, page.of([await _view(runtime, each) for each in runtime.projections]))


@router.post(
    "/projections/{name}/rebuild",
    summary="Empty a projection and compute it again from the first event.",
    responses=problem_responses(404, 422, 503),
)
async def rebuild(name: Text, runtime: EventRuntimeDep) -> ProjectionView:
    """For all sandboxes. It goes on beside everything else; `behind` is 0 once it is done."""
    if runtime.waits_for:
        raise NotReady("The service is starting; ask again in a moment.", waits_for=sorted(runtime.waits_for))
    each = projection.named(runtime.projections, name)
    await projection.rebuild(runtime.database, each)
    return await _view(runtime, each)


async def _view(runtime: MessagingRuntime[Any], each: projection.Projection) -> ProjectionView:
    rows = await runtime.database.fetch(
        "SELECT generation, (SELECT count(*) FROM positions WHERE listener = name AND is_cut) AS lanes_cut "
        "FROM projections WHERE name = $1",
        each.name,
    )
    if not rows:
        raise NotReady("The service is starting; ask again in a moment.", waits_for=sorted(runtime.waits_for))
    goal = await projection.goal(runtime.database, each, runtime.service)
    return ProjectionView(
        name=each.name,
        sources=[source.name for source in each.sources],
        generation=rows[0]["generation"],
        lanes_cut=rows[0]["lanes_cut"],
        behind=await projection.behind(runtime.database, each, runtime.service, goal),
    )
