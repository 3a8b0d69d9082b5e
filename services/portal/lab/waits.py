"""Wait for an event or for news of a dossier, and explain why nothing happens to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from contracts.schemas import event_types
from services.portal.api.views import PortalDep
from services.portal.explain import explain, news, waiting
from services.portal.explain.causes import Cause
from services.portal.explain.collect import gather
from services.portal.lab.clocks import WaitingView
from services.portal.lab.router import lab_router
from shared.did_you_mean import nearest
from shared.errors import BodyDoesNotFit
from shared.lab.sandbox import TimelineEntry
from shared.messaging.cloudevents import VOID
from shared.runtime import known_sandbox
from shared.sandbox.clock import wire
from shared.text import Text
from shared.web.dependencies import Number, SandboxId, SandboxPath
from shared.web.problems import problem_responses

router = lab_router()
PATIENCE = "Seconds to wait for events under way; 4 s are longer than a lease, so a slow worker does not seem dead"
EVENTS = tuple(name for name in event_types() if name != VOID)
Code = Annotated[Text, Field(min_length=1, max_length=100, examples=["H42.14464-20260609-0000001"])]
Seconds = Annotated[float, Field(ge=0, le=120, strict=True)]


class WaitFor(BaseModel):
    """An event of a dossier. `count`: which occurrence of its type, counted from 1."""

    model_config = ConfigDict(extra="forbid")
    event: Annotated[
        Text, Field(max_length=100, json_schema_extra={"enum": list(EVENTS)}, examples=["dossier.received.v1"])
    ]
    dossier: Code
    count: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    timeout_seconds: Seconds = 10


class CauseView(BaseModel):
    """Why nothing happens; `mend_en` and `mend_vi` say how to fix it."""

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
    """`verdict`: there (published and applied), absent (it cannot come any more), unknown (no service knows the
    dossier), not-before, held, waiting.
    """

    verdict: str
    entry: TimelineEntry | None
    sentence_en: str
    sentence_vi: str
    not_before: str | None
    waiting_for: list[WaitingView]
    cause: CauseView | None


class Explanation(BaseModel):
    """All causes, the main cause first."""

    causes: list[CauseView]


class NewsView(BaseModel):
    """The number of timeline entries, whether the dossier has ended, and the main reason why nothing happens to it."""

    entries: int
    ended: bool
    now: str
    cause: CauseView


@router.post(
    "/sandboxes/{sandbox}/wait-for",
    response_model_exclude_unset=True,
    summary="Wait for an event of a dossier; returns as soon as it is there, or certain not to come.",
    responses=problem_responses(404, 422, 503),
)
async def wait_for(sandbox: SandboxPath, body: WaitFor, portal: PortalDep) -> AnswerView:
    if body.event not in EVENTS:
        name = nearest(body.event, EVENTS, similarity=0)
        raise BodyDoesNotFit(
            ("/event", f"'{body.event}' is not an event; did you mean {name}? All: {', '.join(EVENTS)}")
        )
    await known_sandbox(portal, sandbox)
    awaited = waiting.AwaitedEvent(body.event, body.dossier, body.count)
    answer = await waiting.wait_for(portal, sandbox, awaited, body.timeout_seconds)
    return AnswerView(
        **{name: getattr(answer, name) for name in ("verdict", "entry", "sentence_en", "sentence_vi")},
        not_before=wire(answer.not_before) if answer.not_before else None,
        waiting_for=[WaitingView(**asdict(item)) for item in answer.waiting_for],
        cause=CauseView.of(answer.cause) if answer.cause else None,
    )


@router.get("/explain/{code}", summary="Why nothing happens to a dossier.", responses=problem_responses(404, 422, 503))
async def explain_dossier(
    code: Code,
    sandbox: SandboxId,
    portal: PortalDep,
    timeout_seconds: Annotated[float, Number, Query(ge=0, le=120, description=PATIENCE)] = 4,
) -> Explanation:
    await known_sandbox(portal, sandbox)
    round = await portal.timekeeping.last_round(sandbox, timeout_seconds)
    return Explanation(causes=[CauseView.of(cause) for cause in explain(await gather(portal, round, code))])


@router.get(
    "/news/{code}",
    summary="Wait until the timeline of a dossier has more than `after` entries.",
    responses=problem_responses(404, 422, 503),
)
async def news_of(
    code: Code,
    sandbox: SandboxId,
    portal: PortalDep,
    after: Annotated[
        int, Number, Query(ge=0, le=1_000_000, description="Number of entries that you have, of all services")
    ] = 0,
    timeout_seconds: Annotated[float, Number, Query(ge=0, le=60)] = 10,
) -> NewsView:
    await known_sandbox(portal, sandbox)
    entries, facts = await news.wait(portal, sandbox, code, after, timeout_seconds)
    cause = CauseView.of(explain(facts)[0])
    return NewsView(entries=entries, ended=news.ended(facts), now=wire(facts.now), cause=cause)
