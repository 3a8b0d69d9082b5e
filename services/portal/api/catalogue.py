"""The catalogue: administrative units over time, procedures and their versions, fees, and groups for browsing.

Every list is paged (shared/web/paging.py). Unverified facts are marked as such.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import BeforeValidator

from contracts.catalogue import (
    COMMUNES,
    FIELDS,
    LIFE_EVENTS,
    MERGER,
    NO_OLDER,
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
from shared.text import Text, require_text
from shared.web.dependencies import SandboxId, TrueOrFalse
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["catalogue"])


async def day_of(
    portal: PortalDep,
    sandbox: SandboxId,
    on: Annotated[
        date | None,
        BeforeValidator(require_text),
        Query(description="The day of the data; default: today by the sandbox clock"),
    ] = None,
) -> date:
    return on or (await known_sandbox(portal, sandbox)).now.astimezone(BUSINESS_ZONE).date()


Day = Annotated[date, Depends(day_of)]
ERRORS = problem_responses(404, 422)  # 404 also if the sandbox does not exist


@router.get("/provinces", summary="The 34 provinces and cities.", responses=ERRORS)
async def provinces(page: PageDep, on: Day, request: Request, response: Response) -> list[ProvinceView]:
    cut = page.of(list(PROVINCES.values()))
    return [ProvinceView.of(province, on) for province in announce(request, response, cut)]


@router.get("/provinces/{code}", summary="One province or city; an old code returns its successor.", responses=ERRORS)
async def province(code: Text, on: Day) -> ProvinceView:
    return ProvinceView.of(PROVINCES[resolve_unit(code, None, on).province], on)


@router.get("/provinces/{code}/communes", summary="Communes, wards, special zones of a province.", responses=ERRORS)
async def communes(code: Text, page: PageDep, request: Request, response: Response) -> list[CommuneView]:
    cut = page.of(communes_of(resolve_unit(code, None, MERGER).province))
    return [CommuneView.of(commune) for commune in announce(request, response, cut)]


@router.get("/units/{code}", summary="A unit on a day, its predecessors and successors.", responses=ERRORS)
async def unit(code: Text, on: Day) -> UnitView:
    if code in OLD_PROVINCES:  # the 34 current provinces have codes that existed before the merger
        return UnitView.of_province(PROVINCES.get(code), OLD_PROVINCES[code], on)
    if code in COMMUNES or code in old_communes():
        return UnitView.of_commune(COMMUNES.get(code), old_communes().get(code), on)
    raise UnitUnknown(f"A province has two digits, a commune five. {NO_OLDER}", unit=code)


@router.get("/procedures", summary="The catalogue of procedures, searched and filtered.", responses=ERRORS)
async def procedures(
    page: PageDep,
    on: Day,
    request: Request,
    response: Response,
    q: Annotated[
        Text | None, Query(max_length=200, description="Words, with or without diacritics; best match first")
    ] = None,
    field: Annotated[Text | None, Query(description="Code of a field: GET /api/v1/fields")] = None,
    level: Annotated[Level | None, Query(description="Level of the authority that decides")] = None,
    life_event: Annotated[Text | None, Query(description="Code of a life event: GET /api/v1/life-events")] = None,
    channel: Annotated[Channel | None, Query(description="Procedures that can be filed through this channel")] = None,
    offered: Annotated[
        bool | None, TrueOrFalse, Query(description="true: in force on the day; false: not in force")
    ] = None,
) -> list[ProcedureView]:
    matches = [
        procedure
        for procedure in (procedure_to_show(code, on) for code in PROCEDURES)
        if field in (None, procedure.field_en)
        and level in (None, procedure.level)
        and (life_event is None or life_event in procedure.life_events)
        and (channel is None or channel in procedure.channels)
        and offered in (None, procedure.in_force(on))
    ]
    cut = page.of(search(matches, q) if q is not None else matches)
    return [ProcedureView.of(procedure, on) for procedure in announce(request, response, cut)]


@router.get("/procedures/{code}", summary="One procedure: cases, limits, papers, versions.", responses=ERRORS)
async def procedure(code: Text, on: Day) -> ProcedureDetail:
    return ProcedureDetail.of(procedure_to_show(code, on), on)


@router.get(
    "/procedures/{code}/fee",
    summary="The fee for filing a procedure, and the reason for the amount.",
    responses=problem_responses(404, 409, 422),
)
async def fee(
    code: Text,
    on: Day,
    province: Annotated[str, Query(pattern=r"^[0-9]{2}$", description="Province of filing", examples=["37"])],
    channel: Annotated[Channel, Query(description="Channel through which it is filed")] = "online",
    case: Annotated[Text | None, Query(description="Code of a case; default: the first case")] = None,
    payer_group: Annotated[Text, Query(description="Group of the payer: GET /api/v1/payer-groups")] = "ordinary",
) -> FeeOfCaseView:
    current = resolve_unit(province, None, on).province
    procedure = procedure_at(code, on)
    require_offered(procedure, channel)
    procedure_case = procedure.case(case)
    fee = fee_of(procedure, procedure_case, province=current, channel=channel, payer_group=payer_group, on=on)
    return FeeOfCaseView.of(fee, procedure, procedure_case, current, channel, payer_group, on)


@router.get("/fields", summary="Fields of administration.", responses=problem_responses(422))
async def fields(page: PageDep, request: Request, response: Response) -> list[FieldView]:
    counts = Counter(procedure.field_en for procedure in PROCEDURES.values())
    views = [FieldView(code=code, name_vi=FIELDS[code], procedures=count) for code, count in counts.items()]
    return announce(request, response, page.of(views))


@router.get("/life-events", summary="Events in life and business.", responses=problem_responses(422))
async def life_events(page: PageDep, request: Request, response: Response) -> list[LifeEventView]:
    return [LifeEventView.of(event) for event in announce(request, response, page.of(list(LIFE_EVENTS.values())))]


@router.get("/payer-groups", summary="Groups of payers with a special fee rule.", responses=problem_responses(422))
async def payer_groups(page: PageDep, request: Request, response: Response) -> list[PayerGroupView]:
    return [PayerGroupView.of(group) for group in announce(request, response, page.of(list(PAYER_GROUPS.values())))]
