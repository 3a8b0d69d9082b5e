"""Dossiers of citizens: submit, look, answer a supplement request, ask to withdraw, rate."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from contracts.catalogue import Choice, Place, in_current_codes
from services.portal import commands, queries, submission
from services.portal.api.views import CitizenDep, DossierView, KeyHeader, PortalDep, json_reply, once
from services.portal.auth import Citizen
from services.portal.codes import code_series
from services.portal.domain import INDICATORS, Paper
from shared.observability import logs
from shared.runtime import known_sandbox
from shared.text import Shown, Text
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter(prefix="/api/v1", tags=["dossiers"])
Note = Annotated[Text, Field(max_length=2000)]
PROVINCE, COMMUNE = r"^[0-9]{2}$", r"^[0-9]{5}$"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlaceBody(Body):
    """A commune of a province, or the province itself (commune null). Codes from before the merger are understood."""

    province: Annotated[str, Field(pattern=PROVINCE, examples=["37"])]
    commune: Annotated[str | None, Field(pattern=COMMUNE, examples=["14464"])] = None

    def place(self) -> Place:
        return Place(self.province, self.commune)


class PaperBody(Body):
    """A paper of your store (`id` from POST /api/v1/papers), for one component of the procedure's case."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    component: Annotated[Shown, Field(max_length=60)] = "other"


class OwnerBody(Body):
    """For whom it is, when that is not you."""

    kind: Literal["person", "organisation"] = "person"
    id: Annotated[str, Field(pattern=r"^([0-9]{12}|[0-9]{10}|[0-9]{10}-[0-9]{3})$")]
    name: Annotated[Shown, Field(max_length=120)] | None = None


class Submission(Body):
    procedure: Annotated[str, Field(pattern=r"^[0-9]\.[0-9]{6}$", examples=["2.000635"])]
    case: Annotated[str, Field(pattern=r"^[0-9]\.[0-9]{6}\.[0-9]{2}$", examples=["2.000635.01"])] | None = None
    authority: PlaceBody
    reception: Annotated[PlaceBody | None, Field(description="Desk that receives, when not the authority's")] = None
    help_at: Annotated[PlaceBody | None, Field(description="Where you were helped; decides nothing")] = None
    capacity: Literal["self", "representative", "authorised_person", "organisation"] = "self"
    owner: OwnerBody | None = None
    payer_group: Annotated[Text, Field(min_length=1, max_length=40)] = "ordinary"
    papers: Annotated[list[PaperBody], Field(max_length=50)] = Field(default_factory=list)
    return_by: Literal["direct", "online", "public_postal"] | None = None
    note: Note | None = None


class WithdrawalRequest(Body):
    reason: Annotated[Shown, Field(max_length=500)]


class SupplementBody(Body):
    papers: Annotated[list[PaperBody], Field(max_length=50)] = Field(default_factory=list)
    note: Note | None = None


Score = Annotated[int, Field(ge=0, le=2, strict=True)]
Scores = create_model("Scores", __base__=Body, **dict.fromkeys(INDICATORS, (Score, ...)))  # type: ignore[call-overload]


class Rating(Body):
    """The nine indicators of TT 01/2018/TT-VPCP, art. 13: 0, 1 or 2 each."""

    scores: Scores
    comment: Note | None = None


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
    handed_in = [(each.component, each.id) for each in body.papers]
    papers = await submission.papers_of(portal, citizen, handed_in)

    def choose(now: datetime) -> Choice:
        place = (body.authority.province, body.authority.commune)
        return queries.choose(citizen.level, body.procedure, *place, case=body.case, on=now)

    def decision(work: commands.Work) -> tuple[int, str]:
        choice = choose(work.now)
        dossier = commands.submit_dossier(work, citizen, choice, _filing(citizen, body, papers, choice, work.now))
        logs.concerns(citizen.sandbox, dossier.code)
        return 201, DossierView.of(dossier, work.at(dossier.code)).model_dump_json()

    reply = await portal.decide_once(
        citizen.sandbox,
        once(citizen, "POST /dossiers", idempotency_key, body),
        decision,
        numbers=lambda now: [code_series(choose(now).agency, now)],
        check=citizen.check_time,
    )
    await submission.note_use(portal, citizen, reply, handed_in)
    return json_reply(reply)


def _filing(
    citizen: Citizen, body: Submission, papers: tuple[Paper, ...], choice: Choice, now: datetime
) -> commands.Filing:
    """What is said besides the choice. Raises what `filing` refuses."""
    return commands.Filing(
        note=body.note,
        capacity=body.capacity,
        owner=submission.owner_of(citizen, body.capacity, body.owner.model_dump() if body.owner else None, papers),
        payer_group=submission.payer_group(body.payer_group),
        papers=papers,
        reception=submission.reception(choice, body.reception.place() if body.reception else None, now),
        help_at=in_current_codes(body.help_at.place() if body.help_at else None, now),
        return_by=body.return_by,
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
    summary="Answer a request for what is missing.",
    status_code=202,
    response_model=DossierView,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def answer_supplement(
    code: Text, body: SupplementBody, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> Response:
    papers = await submission.papers_of(portal, citizen, [(each.component, each.id) for each in body.papers], code)

    def decision(work: commands.Work) -> tuple[int, str]:
        dossier = commands.answer_supplement(work, citizen, code, papers, body.note)
        return 202, DossierView.of(dossier, work.at(dossier.code)).model_dump_json()

    key = once(citizen, f"POST /dossiers/{code}/supplement", idempotency_key, body)
    reply = await portal.decide_once(citizen.sandbox, key, decision, codes=[code], check=citizen.check_time)
    await submission.note_use(portal, citizen, reply, [(each.component, each.id) for each in body.papers])
    return json_reply(reply)


@router.post(
    "/dossiers/{code}/withdrawal",
    summary="Ask to withdraw; the province answers.",
    status_code=202,
    response_model=DossierView,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def ask_withdrawal(
    code: Text, body: WithdrawalRequest, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> Response:
    def decision(work: commands.Work) -> tuple[int, str]:
        return 202, DossierView.of(
            commands.ask_withdrawal(work, citizen, code, body.reason), work.at(code)
        ).model_dump_json()

    key = once(citizen, f"POST /dossiers/{code}/withdrawal", idempotency_key, body)
    return json_reply(await portal.decide_once(citizen.sandbox, key, decision, codes=[code], check=citizen.check_time))


@router.post(
    "/dossiers/{code}/rating",
    summary="Rate how it was handled, once, after its end.",
    status_code=201,
    response_model=DossierView,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def rate_dossier(
    code: Text, body: Rating, idempotency_key: KeyHeader, citizen: CitizenDep, portal: PortalDep
) -> Response:
    def decision(work: commands.Work) -> tuple[int, str]:
        scores = body.scores.model_dump()
        return 201, DossierView.of(
            commands.rate(work, citizen, code, scores, body.comment), work.at(code)
        ).model_dump_json()

    key = once(citizen, f"POST /dossiers/{code}/rating", idempotency_key, body)
    return json_reply(await portal.decide_once(citizen.sandbox, key, decision, codes=[code], check=citizen.check_time))
