"""Dossiers of a citizen: submit, read, answer a supplement request, ask for a withdrawal, rate."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Request, Response
from pydantic import Field, create_model

from contracts.catalogue import Choice
from contracts.decisions import Body
from contracts.filing import Filing, Paper, ParticularsBody, PlaceBody
from services.portal import commands, queries, submission
from services.portal.api.views import CitizenDep, DossierView, PortalDep, json_reply, once
from services.portal.auth import Citizen
from services.portal.codes import code_series
from services.portal.domain import INDICATORS, Dossier
from shared.messaging import request as messaging
from shared.observability import logs
from shared.runtime import known_sandbox
from shared.text import Note, Shown, ShownLine, Text
from shared.web.compiled_route import CompiledRoute
from shared.web.dependencies import KeyHeader
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["dossiers"], route_class=CompiledRoute)
Comment = Annotated[Note, Field(max_length=2000)]


class PaperBody(Body):
    """A paper from your store (`id` from POST /api/v1/papers), for one component of the procedure's case."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    component: Annotated[ShownLine, Field(max_length=60)] = "other"


class OwnerBody(Body):
    """The owner of the dossier, if it is not you."""

    kind: Literal["person", "organisation"] = "person"
    id: Annotated[str, Field(pattern=r"^([0-9]{12}|[0-9]{10}|[0-9]{10}-[0-9]{3})$")]
    name: Annotated[ShownLine, Field(max_length=120)] | None = None


class Submission(ParticularsBody):
    procedure: Annotated[str, Field(pattern=r"^[0-9]\.[0-9]{6}$", examples=["2.000635"])]
    case: Annotated[str, Field(pattern=r"^[0-9]\.[0-9]{6}\.[0-9]{2}$", examples=["2.000635.01"])] | None = None
    authority: PlaceBody
    owner: OwnerBody | None = None
    papers: Annotated[list[PaperBody], Field(max_length=50)] = Field(default_factory=list)


class WithdrawalRequest(Body):
    reason: Annotated[Shown, Field(max_length=500)]


class SupplementBody(Body):
    papers: Annotated[list[PaperBody], Field(max_length=50)] = Field(default_factory=list)
    note: Comment | None = None


Score = Annotated[int, Field(ge=0, le=2, strict=True)]
Scores = create_model("Scores", __base__=Body, **dict.fromkeys(INDICATORS, (Score, ...)))  # type: ignore[call-overload]


class Rating(Body):
    """The nine indicators of TT 01/2018/TT-VPCP, art. 13: 0, 1 or 2 each."""

    scores: Scores
    comment: Comment | None = None


@router.post(
    "/dossiers",
    summary="Submit a dossier.",
    status_code=201,
    response_model=DossierView,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def submit_dossier(
    body: Submission, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> Response:
    handed_in = [(paper.component, paper.id) for paper in body.papers]
    papers = await submission.papers_of(portal, citizen, handed_in)

    key = once(citizen, "POST /dossiers", idempotency_key, body)
    asked = (body.procedure, body.case, body.authority.province, body.authority.commune)

    def choose(now: datetime) -> Choice:
        place = (body.authority.province, body.authority.commune)
        choice = queries.choose(citizen.level, body.procedure, *place, case=body.case, on=now)
        portal.agencies[asked] = choice.agency
        return choice

    codes: list[str] = []

    def decide(request: messaging.Request[Dossier]) -> None:
        citizen.check_time(request.now)
        choice = choose(request.now)
        filing = _filing(citizen, body, papers, choice, request.now)
        dossier = commands.submit_dossier(request.work, citizen, choice, filing)
        codes.append(dossier.code)
        request.reply(201, DossierView.of(dossier, request.work.at(dossier.code)).model_dump_json())

    agency = portal.agencies.get(asked)  # a guess: `decide` finds out
    reply = await portal.decide_at_once(citizen.sandbox, key, agency, decide) if agency else None
    if reply is None:
        async with portal.request(
            citizen, key, series=[agency or f"{body.authority.province}/{body.authority.commune}"]
        ) as request:
            if request.is_new:
                await request.lock_counters(code_series(choose(request.now).agency, request.now))
                decide(request)
        reply = request.answer
    logs.concerns(citizen.sandbox, *codes[-1:])
    if handed_in:
        code = msgspec.json.decode(reply[1])["code"]
        await submission.note_use(portal, citizen, code, handed_in)
    return json_reply(reply)


def _filing(citizen: Citizen, body: Submission, papers: tuple[Paper, ...], choice: Choice, now: datetime) -> Filing:
    """The particulars of the submission. Raises BodyDoesNotFit, NoRightToRepresent, and catalogue refusals."""
    return body.filing(
        choice,
        now,
        owner=submission.owner_of(citizen, body.capacity, body.owner.model_dump() if body.owner else None, papers),
        payer_group=submission.payer_group(body.payer_group),
        papers=papers,
        reception=submission.reception(choice, body.reception.place() if body.reception else None, now),
    )


@router.get("/dossiers", summary="Your dossiers, newest first.", responses=problem_responses(401, 403))
async def my_dossiers(
    citizen: CitizenDep, portal: PortalDep, page: PageDep, request: Request, response: Response
) -> list[DossierView]:
    now = (await known_sandbox(portal, citizen.sandbox)).now
    citizen.check_time(now)
    cut = await queries.dossiers(portal, citizen, page)
    return [DossierView.of(dossier, now) for dossier in announce(request, response, cut)]


@router.get("/dossiers/{code}", summary="One of your dossiers.", responses=problem_responses(401, 403, 404))
async def my_dossier(code: Text, citizen: CitizenDep, portal: PortalDep) -> DossierView:
    now = (await known_sandbox(portal, citizen.sandbox)).now
    citizen.check_time(now)
    return DossierView.of(await queries.dossier(portal, citizen, code), now)


@router.post(
    "/dossiers/{code}/supplement",
    summary="Answer a supplement request.",
    status_code=202,
    response_model=DossierView,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def answer_supplement(
    code: Text, body: SupplementBody, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> Response:
    handed_in = [(paper.component, paper.id) for paper in body.papers]
    papers = await submission.papers_of(portal, citizen, handed_in, code)
    key = once(citizen, f"POST /dossiers/{code}/supplement", idempotency_key, body)
    async with portal.request(citizen, key, codes=[code]) as request:
        if request.is_new:
            dossier = commands.answer_supplement(request.work, citizen, code, papers, body.note)
            request.reply(202, DossierView.of(dossier, request.work.at(code)).model_dump_json())
    await submission.note_use(portal, citizen, code, handed_in)
    return json_reply(request.answer)


@router.post(
    "/dossiers/{code}/withdrawal",
    summary="Ask for a withdrawal; the province answers later.",
    status_code=202,
    response_model=DossierView,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def ask_withdrawal(
    code: Text, body: WithdrawalRequest, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> Response:
    key = once(citizen, f"POST /dossiers/{code}/withdrawal", idempotency_key, body)
    async with portal.request(citizen, key, codes=[code]) as request:
        if request.is_new:
            dossier = commands.ask_withdrawal(request.work, citizen, code, body.reason)
            request.reply(202, DossierView.of(dossier, request.work.at(code)).model_dump_json())
    return json_reply(request.answer)


@router.post(
    "/dossiers/{code}/rating",
    summary="Rate the handling of a dossier, once, after its end.",
    status_code=201,
    response_model=DossierView,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def rate_dossier(
    code: Text, body: Rating, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> Response:
    key = once(citizen, f"POST /dossiers/{code}/rating", idempotency_key, body)
    async with portal.request(citizen, key, codes=[code]) as request:
        if request.is_new:
            dossier = commands.rate(request.work, citizen, code, body.scores.model_dump(), body.comment)
            request.reply(201, DossierView.of(dossier, request.work.at(code)).model_dump_json())
    return json_reply(request.answer)
