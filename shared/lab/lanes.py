"""The lab endpoints of a service that publishes and reads events: lanes, replay, events."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import BodyDoesNotFit, NotReady
from shared.lab.sandbox import Moment
from shared.messaging import event_log
from shared.messaging.event_log import Republished
from shared.messaging.lanes import EPOCHS_AHEAD, LANES
from shared.messaging.runtime import MessagingRuntime
from shared.observability import metrics
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import ForServices, Number, SandboxId, SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab", tags=["lab"])


async def event_runtime(request: Request) -> MessagingRuntime[Any]:
    runtime: MessagingRuntime[Any] = request.app.state.runtime
    return runtime


EventRuntimeDep = Annotated[MessagingRuntime[Any], Depends(event_runtime)]


class ReaderPosition(BaseModel):
    """The position of a reader: the epoch of the source's event log, and the number that it expects next.

    topic  the one that it reads; may be left out where the source publishes on one topic only
    """

    topic: Text | None = None
    epoch: int = Field(ge=-1, lt=1 << 30, strict=True)
    expected: int = Field(ge=1, lt=1 << 62, strict=True)


class ReplayPosition(BaseModel):
    """The position from which the reader shall continue."""

    epoch: int
    expected: int


@router.get(
    "/lanes",
    summary="Positions per lane: read (by source), numbered in our event log and acknowledged by the broker (by topic)",
    tags=["services"],
    dependencies=[ForServices],
    responses=problem_responses(403, 422, 503),
)
async def lanes(runtime: EventRuntimeDep) -> dict[str, Any]:
    given: dict[str, dict[int, list[int]]] = {topic: {} for topic in runtime.published_topics}
    sent: dict[str, dict[int, list[int]]] = {topic: {} for topic in runtime.published_topics}
    for row in await runtime.database.fetch("SELECT * FROM lanes_out ORDER BY topic, lane"):
        given[row["topic"]][row["lane"]] = [row["epoch"], row["head"]]
        sent[row["topic"]][row["lane"]] = [row["sent_epoch"], row["sent_number"]]
    return {"read": await runtime.places(), "given": given, "sent": sent}


@router.post(
    "/lanes/{lane}/replay",
    summary="Send the events of a lane again, from the position of the reader",
    tags=["services"],
    dependencies=[ForServices],
    responses=problem_responses(403, 422, 503),
)
async def replay(
    lane: Annotated[int, Number, Path(ge=0, lt=LANES)], position: ReaderPosition, runtime: EventRuntimeDep
) -> ReplayPosition:
    if runtime.waits_for:
        raise NotReady("The event log is not ready yet; try again.", waits_for=sorted(runtime.waits_for))
    topics = runtime.published_topics
    topic = position.topic or topics[0]
    if topic not in topics:
        raise BodyDoesNotFit(("/topic", f"'{topic}' is not published here; there is {', '.join(topics)}"))
    sql = "SELECT epoch FROM lanes_out WHERE topic = $1 AND lane = $2"
    (current,) = await runtime.database.fetch(sql, topic, lane)
    if position.epoch > current["epoch"] + EPOCHS_AHEAD:
        detail = f"unknown epoch {position.epoch}; this lane is at epoch {current['epoch']}"
        raise BodyDoesNotFit(("/epoch", detail))
    place = (position.epoch, position.expected)
    (epoch, expected), is_new_epoch = await event_log.replay(runtime.database, topic, lane, place)
    metrics.REPLAYS.labels(runtime.service).inc()
    if is_new_epoch:
        metrics.EPOCHS.labels(runtime.service).inc()
    runtime.waker.wake()
    return ReplayPosition(epoch=epoch, expected=expected)


class RepublishFilter(BaseModel):
    """From which events on; without a member, from the first event of every lane.

    lane     number of a lane
    dossier  the lane of this dossier, from its first event on
    since    each lane from its first event that was numbered then or later (real time)
    """

    model_config = ConfigDict(extra="forbid")  # a misspelt member would publish everything again
    lane: Annotated[int, Field(ge=0, lt=LANES, strict=True)] | None = None
    dossier: Annotated[Text, Field(max_length=100)] | None = None
    since: Moment | None = None


class RepublishedLanes(BaseModel):
    """The lanes that are published again, each with the place of its first event, and how many events follow."""

    lanes: list[Republished]


@router.post(
    "/republish",
    summary="Publish events again from the event log; readers skip what they have applied",
    responses=problem_responses(404, 422, 503),
)
async def republish(
    sandbox: SandboxId, runtime: EventRuntimeDep, only: RepublishFilter | None = None
) -> RepublishedLanes:
    """A lane has the events of all sandboxes: with those of one dossier, later events of others are published again too."""
    await known_sandbox(runtime, sandbox)
    only = only or RepublishFilter()
    lanes = await event_log.republish(runtime.database, sandbox, only.lane, only.dossier, only.since)
    metrics.REPLAYS.labels(runtime.service).inc(len(lanes))
    runtime.waker.wake()
    return RepublishedLanes(lanes=lanes)


@router.get(
    "/sandboxes/{sandbox}/events",
    summary="All events that this service has published in a sandbox, by dossier and version",
    responses=problem_responses(404, 422),
)
async def events(
    sandbox: SandboxPath, runtime: EventRuntimeDep, page: PageDep, request: Request, response: Response
) -> list[dict[str, Any]]:
    await known_sandbox(runtime, sandbox)
    return announce(request, response, await event_log.events_page(runtime.database, runtime.service, sandbox, page))
