"""The catalogue: provinces, communes, procedures. What is unverified in the facts says so here too."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from contracts.catalogue import PROCEDURES, PROVINCES, Procedure, communes_of
from services.portal import queries
from shared.problems import problem_responses
from shared.web import Text

router = APIRouter(prefix="/api/v1", tags=["catalogue"])


class ProvinceView(BaseModel):
    code: str
    name_vi: str
    name_en: str
    agency_code: str
    unit_type: str


class CommuneView(BaseModel):
    code: str
    name_vi: str
    unit_type: str
    province: str


class ProcedureView(BaseModel):
    """`verified` false: time, fee or code come from memory or a group source and are defaults."""

    code: str
    code_is_provisional: bool
    name_vi: str
    name_en: str
    field_vi: str
    field_en: str
    level: str
    authority: str
    working_days: float | None
    fee_online_dong: int | None
    fee_note: str
    service_level: str
    identity_level: int
    offered: bool
    verified: bool

    @classmethod
    def of(cls, procedure: Procedure) -> ProcedureView:
        names = [name for name in cls.model_fields if name != "code_is_provisional"]
        return cls(code_is_provisional=procedure.provisional_code, **{name: getattr(procedure, name) for name in names})


@router.get("/provinces", summary="The 34 provinces and cities.")
async def provinces() -> list[ProvinceView]:
    return [
        ProvinceView(**{name: getattr(found, name) for name in ProvinceView.model_fields})
        for found in PROVINCES.values()
    ]


@router.get(
    "/provinces/{code}/communes",
    summary="Communes, wards and special zones of a province.",
    responses=problem_responses(404),
)
async def communes(code: Text) -> list[CommuneView]:
    found = communes_of(queries.province(code))
    return [CommuneView(code=c.code, name_vi=c.name_vi, unit_type=c.unit_type, province=c.province) for c in found]


@router.get("/procedures", summary="The catalogue of procedures.")
async def procedures(offered: bool | None = None) -> list[ProcedureView]:
    return [ProcedureView.of(found) for found in PROCEDURES.values() if offered is None or found.offered is offered]


@router.get("/procedures/{code}", summary="One procedure.", responses=problem_responses(404))
async def procedure(code: Text) -> ProcedureView:
    return ProcedureView.of(queries.procedure(code))
