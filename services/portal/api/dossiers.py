"""Dossiers of citizens: submit, look, ask to withdraw."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.portal import commands, queries
from services.portal.api.views import CitizenDep, DossierView, KeyHeader, PortalDep, json_reply, once
from shared import telemetry
from shared.house import Drawn
from shared.problems import problem_responses
from shared.runtime import known_sandbox
from shared.web import Text

router = APIRouter(prefix="/api/v1", tags=["dossiers"])


class Authority(BaseModel):
    """Who handles it: a commune of a province, or the province itself (commune null)."""

    model_config = ConfigDict(extra="forbid")
    province: Annotated[str, Field(pattern=r"^\d{2}$", examples=["37"])]
    commune: Annotated[str | None, Field(pattern=r"^\d{5}$", examples=["14464"])] = None


class Submission(BaseModel):
    model_config = ConfigDict(extra="forbid")
    procedure: Annotated[str, Field(pattern=r"^\d\.\d{6}$", examples=["2.000635"])]
    authority: Authority
    note: Annotated[Text, Field(max_length=2000)] | None = None


class WithdrawalRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[Text, Field(min_length=1, max_length=500)]


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
    choice = queries.choose(citizen, body.procedure, body.authority.province, body.authority.commune)

    def decision(work: commands.Work, drawn: Drawn | None) -> tuple[int, str]:
        assert drawn is not None  # decide_once draws whenever a counter is named
        dossier = commands.submit_dossier(work, citizen, choice, body.note, drawn)
        telemetry.concerns(citizen.sandbox, dossier.code)
        return 201, DossierView.of(dossier).model_dump_json()

    key = once(citizen, "POST /dossiers", idempotency_key, body)
    return json_reply(
        await portal.decide_once(citizen.sandbox, key, decision, counter=choice.agency, check=citizen.check_time)
    )


@router.get("/dossiers", summary="Your dossiers, newest first.", responses=problem_responses(401, 403))
async def my_dossiers(
    citizen: CitizenDep, portal: PortalDep, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[DossierView]:
    citizen.check_time((await known_sandbox(portal, citizen.sandbox)).now)
    return [DossierView.of(dossier) for dossier in await queries.dossiers(portal, citizen, limit)]


@router.get("/dossiers/{code}", summary="One of your dossiers.", responses=problem_responses(401, 403, 404))
async def my_dossier(code: Text, citizen: CitizenDep, portal: PortalDep) -> DossierView:
    citizen.check_time((await known_sandbox(portal, citizen.sandbox)).now)
    return DossierView.of(await queries.dossier(portal, citizen, code))


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
    def decision(work: commands.Work, _: Drawn | None) -> tuple[int, str]:
        return 202, DossierView.of(commands.ask_withdrawal(work, citizen, code, body.reason)).model_dump_json()

    key = once(citizen, f"POST /dossiers/{code}/withdrawal", idempotency_key, body)
    return json_reply(await portal.decide_once(citizen.sandbox, key, decision, codes=[code], check=citizen.check_time))
