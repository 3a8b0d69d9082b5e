"""The HTTP door of the provinces: parse, call one command or query, show the result."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from services.province_gateway import commands, queries
from services.province_gateway.domain import Dossier, DossierNotFound, Script
from shared.clock import wire
from shared.house import House
from shared.problems import problem_responses
from shared.runtime import known_sandbox
from shared.web import SandboxId, Text

router = APIRouter(prefix="/api/v1", tags=["provinces"])
lab = APIRouter(prefix="/_lab", tags=["lab"])
ARRIVAL_SECONDS = 3.0  # a script may be sent right after a submission: the dossier is on its way for some milliseconds


async def house_of(request: Request) -> House[Dossier]:
    house: House[Dossier] = request.app.state.runtime
    return house


HouseDep = Annotated[House[Dossier], Depends(house_of)]


class StatusView(BaseModel):
    code: int
    slug: str
    name_vi: str
    name_en: str


class DossierView(BaseModel):
    """A province's copy of a dossier."""

    code: str
    province: str
    commune: str | None
    procedure: str
    status: StatusView
    submitted_at: str
    received_at: str | None
    due_at: str | None
    fee_dong: int | None
    paid: bool
    paid_dong: int
    refunded_dong: int
    withdrawal_asked: bool
    result_number: str | None
    reason: str | None

    @classmethod
    def of(cls, dossier: Dossier) -> DossierView:
        state = dossier.state
        return cls(
            code=dossier.code,
            province=dossier.province,
            commune=dossier.commune,
            procedure=dossier.procedure,
            status=StatusView(code=state.code, slug=state.slug, name_vi=state.name_vi, name_en=state.name_en),
            submitted_at=wire(dossier.submitted_at),
            received_at=_wire(dossier.received_at),
            due_at=_wire(dossier.due_at),
            fee_dong=dossier.fee_dong,
            paid=dossier.payment is not None,
            paid_dong=dossier.paid_dong,
            refunded_dong=dossier.refunded_dong,
            withdrawal_asked=dossier.withdrawal_reason is not None,
            result_number=dossier.result_number,
            reason=dossier.reason,
        )


class Decisions(BaseModel):
    """What the officers of one dossier will decide, instead of drawing from the seed."""

    reception: Literal["receive", "refuse"] | None = None
    reason: Annotated[Text, Field(min_length=1, max_length=500)] | None = None
    processing_days: Annotated[float, Field(ge=0, le=60, description="working days from start to result")] | None = None


class ScriptBody(BaseModel):
    decisions: Decisions


@router.get(
    "/provinces/{province}/dossiers", summary="The newest dossiers of a province.", responses=problem_responses(404)
)
async def dossiers(
    province: Text, sandbox: SandboxId, house: HouseDep, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[DossierView]:
    await known_sandbox(house, sandbox)
    return [DossierView.of(dossier) for dossier in await queries.dossiers(house, sandbox, province, limit)]


@router.get(
    "/provinces/{province}/dossiers/{code}", summary="A province's copy of a dossier.", responses=problem_responses(404)
)
async def dossier(province: Text, code: Text, sandbox: SandboxId, house: HouseDep) -> DossierView:
    await known_sandbox(house, sandbox)
    return DossierView.of(await queries.dossier(house, sandbox, province, code))


@lab.put(
    "/officers/{code}", summary="Script what the officers of one dossier decide.", responses=problem_responses(404, 422)
)
async def script_officers(code: Text, body: ScriptBody, sandbox: SandboxId, house: HouseDep) -> dict[str, Any]:
    script = Script(**body.decisions.model_dump())
    await _arrived(house, sandbox, code)
    scripted = await house.decide(sandbox, lambda work: commands.script_officers(work, code, script), codes=[code])
    return {"code": scripted.code, "decisions": body.decisions.model_dump()}


async def _arrived(house: House[Dossier], sandbox: str, code: str) -> None:
    """Wait a little for a dossier that is still on its lane; raises DossierNotFound."""
    await known_sandbox(house, sandbox)
    until = asyncio.get_running_loop().time() + ARRIVAL_SECONDS
    while await house.drawer.find(house.database, sandbox, code) is None:
        if asyncio.get_running_loop().time() > until:
            raise DossierNotFound(code)
        await asyncio.sleep(0.01)


def _wire(at: datetime | None) -> str | None:
    return wire(at) if at else None
