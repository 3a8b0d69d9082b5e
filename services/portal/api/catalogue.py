"""The catalogue's doors: units in time, procedures and their versions, fees, and the groups people browse by.

Every list comes in pages (shared/web/paging.py). What is unverified in the facts says so here too.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from contracts.catalogue import (
    COMMUNES,
    LIFE_EVENTS,
    MERGER,
    OLD_PROVINCES,
    PAYER_GROUPS,
    PROCEDURES,
    PROVINCES,
    Channel,
    Level,
    UnitUnknown,
    communes_of,
    fee_of,
    old_communes,
    procedure_at,
    procedure_to_show,
    require_offered,
    resolve_unit,
    search,
)
from services.portal.api.catalogue_views import (
    CommuneView,
    FeeOfCaseView,
    FieldView,
    LifeEventView,
    PayerGroupView,
    ProcedureDetail,
    ProcedureView,
    ProvinceView,
    UnitView,
)
from services.portal.api.views import PortalDep
from shared.runtime import known_sandbox
from shared.sandbox.clock import BUSINESS_ZONE
from shared.text import Text
from shared.web.dependencies import SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses

router = APIRouter(prefix="/api/v1", tags=["catalogue"])


async def day_of(
    portal: PortalDep,
    sandbox: SandboxId,
    on: Annotated[date | None, Query(description="As of this day; today by the sandbox clock if left out")] = None,
) -> date:
    return on or (await known_sandbox(portal, sandbox)).now.astimezone(BUSINESS_ZONE).date()


Day = Annotated[date, Depends(day_of)]
SEEN = problem_responses(404, 422)  # 404 also where there is no such sandbox


@router.get("/provinces", summary="The 34 provinces and cities.", responses=SEEN)
async def provinces(page: PageDep, on: Day, request: Request, response: Response) -> list[ProvinceView]:
    cut = page.of(list(PROVINCES.values()))
    return [ProvinceView.of(found, on) for found in announce(request, response, cut)]


@router.get("/provinces/{code}", summary="One province or city; an old code finds its successor.", responses=SEEN)
async def province(code: Text, on: Day) -> ProvinceView:
    return ProvinceView.of(PROVINCES[resolve_unit(code, None, on).province], on)


@router.get("/provinces/{code}/communes", summary="Communes, wards and special zones of a province.", responses=SEEN)
async def communes(code: Text, page: PageDep, request: Request, response: Response) -> list[CommuneView]:
    here = resolve_unit(code, None, MERGER).province
    return [CommuneView.of(found) for found in announce(request, response, page.of(communes_of(here)))]


@router.get("/units/{code}", summary="What a unit's code means on a day, and what became of it.", responses=SEEN)
async def unit(code: Text, on: Day) -> UnitView:
    if code in OLD_PROVINCES:  # the 34 of today bear codes that were there before
        return UnitView.of_province(PROVINCES.get(code), OLD_PROVINCES[code], on)
    if code in COMMUNES or code in old_communes():
        return UnitView.of_commune(COMMUNES.get(code), old_communes().get(code), on)
    raise UnitUnknown("A province has two digits, a commune five.", unit=code)


@router.get("/procedures", summary="The catalogue of procedures, searched and filtered.", responses=SEEN)
async def procedures(
    page: PageDep,
    on: Day,
    request: Request,
    response: Response,
    q: Annotated[
        Text | None, Query(max_length=200, description="Words, with or without diacritics; best first")
    ] = None,
    field: Annotated[Text | None, Query(description="Code of a field: GET /api/v1/fields")] = None,
    level: Annotated[Level | None, Query(description="Who decides")] = None,
    life_event: Annotated[Text | None, Query(description="Code of a life event: GET /api/v1/life-events")] = None,
    channel: Annotated[Channel | None, Query(description="Those that can be filed through it")] = None,
    offered: Annotated[bool | None, Query(description="Those in force on the day, or those that are not")] = None,
) -> list[ProcedureView]:
    shown = [
        found
        for found in (procedure_to_show(code, on) for code in PROCEDURES)
        if field in (None, found.field_en)
        and level in (None, found.level)
        and (life_event is None or life_event in found.life_events)
        and (channel is None or channel in found.channels)
        and offered in (None, found.in_force(on))
    ]
    cut = page.of(search(shown, q) if q is not None else shown)
    return [ProcedureView.of(found, on) for found in announce(request, response, cut)]


@router.get("/procedures/{code}", summary="One procedure: cases, limits, papers, versions.", responses=SEEN)
async def procedure(code: Text, on: Day) -> ProcedureDetail:
    return ProcedureDetail.of(procedure_to_show(code, on), on)


@router.get(
    "/procedures/{code}/fee",
    summary="What filing it costs, and why.",
    responses=problem_responses(404, 409, 422),
)
async def fee(
    code: Text,
    on: Day,
    province: Annotated[str, Query(pattern=r"^[0-9]{2}$", description="Where it is filed", examples=["37"])],
    channel: Annotated[Channel, Query(description="How it is filed")] = "online",
    case: Annotated[Text | None, Query(description="Code of a case; the first if left out")] = None,
    payer_group: Annotated[Text, Query(description="Who pays: GET /api/v1/payer-groups")] = "ordinary",
) -> FeeOfCaseView:
    here = resolve_unit(province, None, on).province
    found = procedure_at(code, on)
    require_offered(found, channel)
    asked = found.case(case)
    answer = fee_of(found, asked, province=here, channel=channel, payer_group=payer_group, on=on)
    return FeeOfCaseView.of(answer, found, asked, here, channel, payer_group, on)


@router.get("/fields", summary="Fields of administration.", responses=problem_responses(422))
async def fields(page: PageDep, request: Request, response: Response) -> list[FieldView]:
    counted: dict[tuple[str, str], int] = {}
    for found in PROCEDURES.values():
        counted[found.field_en, found.field_vi] = counted.get((found.field_en, found.field_vi), 0) + 1
    listed = [FieldView(code=code, name_vi=name, procedures=count) for (code, name), count in counted.items()]
    return announce(request, response, page.of(listed))


@router.get("/life-events", summary="Events in life and business.", responses=problem_responses(422))
async def life_events(page: PageDep, request: Request, response: Response) -> list[LifeEventView]:
    return [LifeEventView.of(event) for event in announce(request, response, page.of(list(LIFE_EVENTS.values())))]


@router.get("/payer-groups", summary="Groups of payers that a fee rule can favour.", responses=problem_responses(422))
async def payer_groups(page: PageDep, request: Request, response: Response) -> list[PayerGroupView]:
    return [PayerGroupView.of(group) for group in announce(request, response, page.of(list(PAYER_GROUPS.values())))]
