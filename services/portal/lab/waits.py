"""Waiting for an event instead of sleeping, the news of a dossier, and why nothing happened to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from contracts.schemas import event_types
from services.portal.api.views import PortalDep
from services.portal.explain import explain, news, waiting
from services.portal.explain.causes import Cause
from services.portal.explain.collect import gather
from services.portal.lab.clocks import WaitingView
from shared.did_you_mean import nearest
from shared.errors import BodyDoesNotFit
from shared.lab.sandbox import TimelineEntry
from shared.messaging.cloudevents import VOID
from shared.runtime import known_sandbox
from shared.sandbox.clock import wire
from shared.text import Text
from shared.web.dependencies import SandboxId, SandboxPath
from shared.web.problems import problem_responses

router = APIRouter()
PATIENCE = "What is under way may arrive first; 4 s are longer than a lease, to tell the dead from the slow"
EVENTS = tuple(name for name in event_types() if name != VOID)
Code = Annotated[Text, Field(min_length=1, max_length=100, examples=["H42.14464-20260609-0000001"])]
Seconds = Annotated[float, Field(ge=0, le=120, strict=True)]


class WaitFor(BaseModel):
    """An event of a dossier; `count`: the how-manieth of its type."""

    model_config = ConfigDict(extra="forbid")
    event: Annotated[Text, Field(max_length=100, examples=["dossier.received.v1"])]
    dossier: Code
    count: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    timeout_seconds: Seconds = 10


class CauseView(BaseModel):
    """Why nothing happens; `mend` is what to do about it."""

    name: str
    sentence_en: str
    sentence_vi: str
    mend_en: str
    mend_vi: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, cause: Cause) -> CauseView:
        return cls(**asdict(cause))


class AnswerView(BaseModel):
    """`verdict`: there (told, and read by the other side), absent (it cannot come any more), not-before, held, waiting."""

    verdict: str
    entry: TimelineEntry | None
    sentence_en: str
    sentence_vi: str
    not_before: str | None
    waiting_for: list[WaitingView]
    cause: CauseView | None


class Explanation(BaseModel):
    """Most telling first."""

    causes: list[CauseView]


class NewsView(BaseModel):
    """How long the story of a dossier is, whether it has ended, and the most telling reason why it goes no further."""

    entries: int
    ended: bool
    now: str
    cause: CauseView


@router.post(
    "/sandboxes/{sandbox}/wait-for",
    response_model_exclude_unset=True,
    summary="Wait for an event of a dossier; answers as soon as it is there, or certain not to come.",
    responses=problem_responses(404, 422, 503),
)
async def wait_for(sandbox: SandboxPath, body: WaitFor, portal: PortalDep) -> AnswerView:
    if body.event not in EVENTS:
        meant = nearest(body.event, EVENTS, similarity=0)
        raise BodyDoesNotFit(("/event", f"'{body.event}' is no event; did you mean {meant}? All: {', '.join(EVENTS)}"))
    await known_sandbox(portal, sandbox)
    wanted = waiting.Wanted(body.event, body.dossier, body.count)
    answer = await waiting.wait_for(portal, sandbox, wanted, body.timeout_seconds)
    return AnswerView(
        **{name: getattr(answer, name) for name in ("verdict", "entry", "sentence_en", "sentence_vi")},
        not_before=wire(answer.not_before) if answer.not_before else None,
        waiting_for=[WaitingView(**asdict(found)) for found in answer.waiting_for],
        cause=CauseView.of(answer.cause) if answer.cause else None,
    )


@router.get(
    "/explain/{code}", summary="Why did nothing happen to a dossier?", responses=problem_responses(404, 422, 503)
)
async def explain_dossier(
    code: Code,
    sandbox: SandboxId,
    portal: PortalDep,
    timeout_seconds: Annotated[float, Query(ge=0, le=120, description=PATIENCE)] = 4,
) -> Explanation:
    await known_sandbox(portal, sandbox)
    round = await portal.timekeeping.last_round(sandbox, timeout_seconds)
    return Explanation(causes=[CauseView.of(cause) for cause in explain(await gather(portal, round, code))])


@router.get(
    "/news/{code}",
    summary="Wait until more is known of a dossier than `after` entries of its timeline.",
    responses=problem_responses(404, 422, 503),
)
async def news_of(
    code: Code,
    sandbox: SandboxId,
    portal: PortalDep,
    after: Annotated[int, Query(ge=0, le=1_000_000, description="Entries that you have seen, of all services")] = 0,
    timeout_seconds: Annotated[float, Query(ge=0, le=60)] = 10,
) -> NewsView:
    await known_sandbox(portal, sandbox)
    entries, facts = await news.wait(portal, sandbox, code, after, timeout_seconds)
    cause = CauseView.of(explain(facts)[0])
    return NewsView(entries=entries, ended=news.ended(facts), now=wire(facts.now), cause=cause)
