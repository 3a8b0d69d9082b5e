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
from shared.web.dependencies import SandboxId, SandboxPath
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter(prefix="/_lab", tags=["lab"])
# A reader further ahead is mistaken: a database that was restored or made anew has missed a few lives, never so many.
LIVES_AHEAD = 1000


async def house_of(request: Request) -> House[Any]:
    house: House[Any] = request.app.state.runtime
    return house


HouseDep = Annotated[House[Any], Depends(house_of)]
LetterPath = Annotated[int, Path(ge=1, lt=1 << 63)]


class Asked(BaseModel):
    """Where a reader stands: the life of the source's event log, and the number it expects next."""

    epoch: int = Field(ge=-1, lt=1 << 30, strict=True)
    expected: int = Field(ge=1, lt=1 << 62, strict=True)


class GoOn(BaseModel):
    """Where the reader shall go on."""

    epoch: int
    expected: int


@router.get(
    "/lanes",
    summary="Where our reader stands in each lane; what our own log gave, and what the broker took of it.",
    responses=problem_responses(503),
)
async def lanes(house: HouseDep) -> dict[str, Any]:
    given = await house.database.fetch("SELECT * FROM lanes_out ORDER BY lane")
    return {
        "read": {lane: list(place) for lane, place in (await house.places()).items()},
        "given": {row["lane"]: [row["epoch"], row["head"]] for row in given},
        "sent": {row["lane"]: [row["sent_epoch"], row["sent_number"]] for row in given},
    }


@router.post(
    "/lanes/{lane}/replay", summary="A reader asks: go on from where I stand.", responses=problem_responses(422, 503)
)
async def replay(lane: Annotated[int, Path(ge=0, lt=LANES)], asked: Asked, house: HouseDep) -> GoOn:
    if house.waits_for:
        raise NotReady("Our event log has not begun its life yet; ask again.", waits_for=sorted(house.waits_for))
    (known,) = await house.database.fetch("SELECT epoch FROM lanes_out WHERE lane = $1", lane)
    if asked.epoch > known["epoch"] + LIVES_AHEAD:
        raise BodyDoesNotFit(("/epoch", f"nobody has seen life {asked.epoch}: this lane is in life {known['epoch']}"))
    (epoch, expected), new_life = await event_log.replay(house.database, lane, (asked.epoch, asked.expected))
    metrics.REPLAYS.labels(house.service).inc()
    if new_life:
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
    applied = await house.consumer.redrive(sandbox, subject)
    house.waker.wake()
    return {"subject": subject, "applied": applied}
