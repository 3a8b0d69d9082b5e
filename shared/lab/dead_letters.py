"""The lab endpoints for dead letters: list, show, edit, redrive."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Path, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field

from shared.lab.lanes import EventRuntimeDep
from shared.messaging import dead_letters as letters
from shared.messaging import edits, redrives
from shared.messaging.redrives import RedrivenLetter, Selection
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import Number, SandboxId, TrueOrFalse
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab", tags=["lab"])
LetterPath = Annotated[int, Number, Path(ge=1, lt=1 << 63)]
NewBody = Annotated[
    dict[str, Any],
    Body(description="The whole data of the event: it fits the contract of its type and keeps its dossier."),
]


class RedriveFilter(BaseModel):
    """Which open dead letters; without a member, all.

    type     event type, or kind of timer
    dossier  code of a dossier
    after    `next` of the reply before: the dossiers of that reply and of earlier ones are left out
    """

    model_config = ConfigDict(extra="forbid")  # a misspelt member would redrive everything
    type: Annotated[Text, Field(max_length=100, examples=["dossier.received.v1"])] | None = None
    dossier: Annotated[Text, Field(max_length=100)] | None = None
    after: Annotated[int, Field(ge=0, lt=1 << 62, strict=True)] = 0


class RedrivenLetters(BaseModel):
    """What became of each, the oldest first. `next`: send it as `after` for more; null: there are no more."""

    letters: list[RedrivenLetter]
    next: int | None


@router.get("/dead-letters", summary="Dead letters of a sandbox, oldest first", responses=problem_responses(404, 422))
async def dead_letters(
    sandbox: SandboxId,
    runtime: EventRuntimeDep,
    page: PageDep,
    request: Request,
    response: Response,
    type: Annotated[Text | None, Query(max_length=100, description="Event type, or kind of timer")] = None,
    open: Annotated[bool, TrueOrFalse, Query(description="Only those that were not redriven")] = False,
) -> list[dict[str, Any]]:
    await known_sandbox(runtime, sandbox)
    cut = await letters.listed(runtime.database, sandbox, page, kind=type, is_open=open)
    return [jsonable_encoder(letter) for letter in announce(request, response, cut)]


@router.get(
    "/dead-letters/{letter}",
    summary="One dead letter with its reason, its record, and what was edited",
    responses=problem_responses(404),
)
async def dead_letter(letter: LetterPath, sandbox: SandboxId, runtime: EventRuntimeDep) -> dict[str, Any]:
    await known_sandbox(runtime, sandbox)
    view: dict[str, Any] = jsonable_encoder(await letters.shown(runtime.database, sandbox, letter))
    return view


@router.put(
    "/dead-letters/{letter}/body",
    summary="Replace the body of an event that could not be applied; the first one is kept",
    responses=problem_responses(404, 409, 422, 503),
)
async def edit_dead_letter(
    letter: LetterPath, body: NewBody, sandbox: SandboxId, runtime: EventRuntimeDep
) -> dict[str, Any]:
    await known_sandbox(runtime, sandbox)
    await edits.edit(runtime.database, sandbox, letter, body, runtime.check_edit)
    view: dict[str, Any] = jsonable_encoder(await letters.shown(runtime.database, sandbox, letter))
    return view


@router.post(
    "/redrives",
    summary="Apply dead letters again, oldest first, and the events that wait behind them",
    responses=problem_responses(404, 422, 503),
)
async def redrive_all(
    sandbox: SandboxId, runtime: EventRuntimeDep, only: RedriveFilter | None = None
) -> RedrivenLetters:
    await known_sandbox(runtime, sandbox)
    only = only or RedriveFilter()
    selection = Selection(only.type, only.dossier, only.after)
    redriven, last = await redrives.of_selection(runtime.database, runtime.redrive, sandbox, selection)
    runtime.waker.wake()
    return RedrivenLetters(letters=redriven, next=last)


@router.post(
    "/dead-letters/{letter}/redrive",
    summary="Apply a dead letter again, and the events that wait behind it",
    responses=problem_responses(404),
)
async def redrive(letter: LetterPath, sandbox: SandboxId, runtime: EventRuntimeDep) -> RedrivenLetter:
    await known_sandbox(runtime, sandbox)
    redriven = await redrives.of_one(runtime.database, runtime.redrive, sandbox, letter)
    runtime.waker.wake()
    return redriven
