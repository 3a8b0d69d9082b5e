"""The test doors of a full house: lanes and replay, whose events it tells, dead letters and redrive."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field

from shared.errors import BodyDoesNotFit, NotReady
from shared.messaging import dead_letters as letters
from shared.messaging import event_log
from shared.messaging.lanes import LANES
from shared.messaging.runtime import House
from shared.observability import metrics
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxId, SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter(prefix="/_lab", tags=["lab"])
# A reader further ahead is mistaken: a database that was restored or created again has missed a few epochs, never so many.
EPOCHS_AHEAD = 1000


async def house_of(request: Request) -> House[Any]:
    house: House[Any] = request.app.state.runtime
    return house


HouseDep = Annotated[House[Any], Depends(house_of)]
LetterPath = Annotated[int, Path(ge=1, lt=1 << 63)]


class Asked(BaseModel):
    """Where a reader stands: the epoch of the source's event log, and the number it expects next.

    topic  the one that it reads; may be left out where the source publishes on one topic only
    """

    topic: Text | None = None
    epoch: int = Field(ge=-1, lt=1 << 30, strict=True)
    expected: int = Field(ge=1, lt=1 << 62, strict=True)


class GoOn(BaseModel):
    """Where the reader continues."""

    epoch: int
    expected: int


@router.get(
    "/lanes",
    summary="Lanes: where our readers stand (by source); what our log has numbered and what the broker took (by topic).",
    responses=problem_responses(503),
)
async def lanes(house: HouseDep) -> dict[str, Any]:
    given: dict[str, dict[int, list[int]]] = {topic: {} for topic in house.published_topics}
    sent: dict[str, dict[int, list[int]]] = {topic: {} for topic in house.published_topics}
    for row in await house.database.fetch("SELECT * FROM lanes_out ORDER BY topic, lane"):
        given[row["topic"]][row["lane"]] = [row["epoch"], row["head"]]
        sent[row["topic"]][row["lane"]] = [row["sent_epoch"], row["sent_number"]]
    return {"read": await house.places(), "given": given, "sent": sent}


@router.post(
    "/lanes/{lane}/replay", summary="A reader asks: go on from where I stand.", responses=problem_responses(422, 503)
)
async def replay(lane: Annotated[int, Path(ge=0, lt=LANES)], asked: Asked, house: HouseDep) -> GoOn:
    if house.waits_for:
        raise NotReady("The event log has no epoch yet; ask again.", waits_for=sorted(house.waits_for))
    topics = house.published_topics
    topic = asked.topic or topics[0]
    if topic not in topics:
        raise BodyDoesNotFit(("/topic", f"'{topic}' is not published here; there is {', '.join(topics)}"))
    (known,) = await house.database.fetch("SELECT epoch FROM lanes_out WHERE topic = $1 AND lane = $2", topic, lane)
    if asked.epoch > known["epoch"] + EPOCHS_AHEAD:
        raise BodyDoesNotFit(("/epoch", f"unknown epoch {asked.epoch}; this lane is at epoch {known['epoch']}"))
    place = (asked.epoch, asked.expected)
    (epoch, expected), new_epoch = await event_log.replay(house.database, topic, lane, place)
    metrics.REPLAYS.labels(house.service).inc()
    if new_epoch:
        metrics.EPOCHS.labels(house.service).inc()
    house.waker.wake()
    return GoOn(epoch=epoch, expected=expected)


@router.get(
    "/sandboxes/{sandbox}/events",
    summary="Every event that we told in a sandbox, by dossier and version.",
    responses=problem_responses(404, 422),
)
async def events(
    sandbox: SandboxPath, house: HouseDep, page: PageDep, request: Request, response: Response
) -> list[dict[str, Any]]:
    await known_sandbox(house, sandbox)
    return announce(request, response, await event_log.told(house.database, house.service, sandbox, page))


@router.get("/dead-letters", summary="Dead letters of a sandbox, oldest first.", responses=problem_responses(404, 422))
async def dead_letters(
    sandbox: SandboxId, house: HouseDep, page: PageDep, request: Request, response: Response
) -> list[dict[str, Any]]:
    await known_sandbox(house, sandbox)
    cut = await letters.listed(house.database, sandbox, page)
    return [jsonable_encoder(letter) for letter in announce(request, response, cut)]


@router.get(
    "/dead-letters/{letter}", summary="One dead letter with its reason and record.", responses=problem_responses(404)
)
async def dead_letter(letter: LetterPath, sandbox: SandboxId, house: HouseDep) -> dict[str, Any]:
    await known_sandbox(house, sandbox)
    found: dict[str, Any] = jsonable_encoder(await letters.shown(house.database, sandbox, letter))
    return found


@router.post(
    "/dead-letters/{letter}/redrive",
    summary="Try it again, and what waits behind it.",
    responses=problem_responses(404),
)
async def redrive(letter: LetterPath, sandbox: SandboxId, house: HouseDep) -> dict[str, Any]:
    await known_sandbox(house, sandbox)
    subject = (await letters.shown(house.database, sandbox, letter))["subject"]
    applied = await house.redrive(sandbox, subject)
    house.waker.wake()
    return {"subject": subject, "applied": applied}
