"""Finding a procedure, and its page: steps, papers, fee for a place and a day, time limit, law, what is unverified."""

from __future__ import annotations

from collections import Counter
from datetime import date

from fastapi import Response
from fastapi.responses import RedirectResponse

from contracts.calendar.worktime import Limit
from contracts.catalogue import (
    COMMUNES,
    LIFE_EVENTS,
    PROCEDURES,
    PROVINCES,
    Fee,
    Procedure,
    choose,
    communes_of,
    fee_of,
    procedure_to_show,
    search,
)
from services.portal.pages import drafts
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.problems import PROBLEMS
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE
from shared.text import Text
from shared.web.page_route import page_router
from shared.web.pages import Lang, named

router = page_router(refused, PROBLEMS)
MOST = 24  # procedures on one page; a search narrows them down


def today(visit: CitizenVisit) -> date:
    return visit.sandbox.now.astimezone(BUSINESS_ZONE).date()


def place_name(province: str, commune: str | None, lang: Lang) -> str:
    place = named(PROVINCES[province], lang)
    return f"{COMMUNES[commune].name_vi}, {place}" if commune else place


def limit_words(visit: CitizenVisit, limit: Limit) -> str:
    value = int(limit.value) if limit.value == int(limit.value) else limit.value
    return visit.text(f"limit.{limit.unit.value}", n=value)


@router.get("/")
async def find(visit: VisitDep, q: Text = "", field: Text = "", event: Text = "") -> Response:
    on = today(visit)
    offered = [each for code in PROCEDURES if (each := procedure_to_show(code, on)).in_force(on)]
    fields = Counter(each.field_vi for each in offered)
    matches = [
        each
        for each in offered
        if field in ("", each.field_vi) and (not event or event in each.life_events) and "online" in each.channels
    ]
    found = search(matches, q[:200]) if q.strip() else matches
    return visit.render(
        "find.html",
        q=q[:200],
        field=field,
        event=event,
        fields=sorted(fields),
        events=LIFE_EVENTS.values(),
        found=found[:MOST],
        more=len(found) - MOST,
        limits={each.code: limit_words(visit, each.cases[0].limit_for("online")) for each in found[:MOST]},
    )


@router.get("/procedures/{code}")
async def procedure_page(visit: VisitDep, code: Text, province: Text = "", commune: Text = "") -> Response:
    on = today(visit)
    procedure = procedure_to_show(code, on)
    province = province if province in PROVINCES else ""
    communes = communes_of(province) if province and procedure.level in ("commune", "any_level") else ()
    commune = commune if commune in {each.code for each in communes} else ""
    fee, why_not = None, ""
    if province and (commune or procedure.level != "commune"):
        fee, why_not = _offer(visit, procedure, province, commune or None)
    case = procedure.cases[0]
    return visit.render(
        "procedure.html",
        procedure=procedure,
        case=case,
        province=province,
        commune=commune,
        provinces=[("", visit.text("procedure.choose_province"))]
        + [(each.code, named(each, visit.lang)) for each in PROVINCES.values()],
        communes=[("", visit.text("procedure.choose_commune"))] + [(each.code, each.name_vi) for each in communes],
        limit=limit_words(visit, case.limit_for("online")),
        fee=fee,
        why_not=why_not,
        on=on,
    )


def _offer(visit: CitizenVisit, procedure: Procedure, province: str, commune: str | None) -> tuple[Fee | None, str]:
    """The fee at this place today, or why it cannot be filed there."""
    try:
        choice = choose(procedure.code, province, commune, channel="online", on=visit.sandbox.now)
    except Refusal as refusal:
        return None, visit.sentence(refusal)
    on = today(visit)
    fee = fee_of(choice.procedure, choice.case, province=province, channel="online", payer_group="ordinary", on=on)
    return fee, ""


@router.post("/procedures/{code}/apply")
async def apply(visit: VisitDep, code: Text) -> Response:
    """Begins a draft; a visitor need not have signed in yet."""
    form = await visit.request.form(max_fields=20)
    province, commune = str(form.get("province", "")), str(form.get("commune", "")) or None
    choose(code, province, commune, channel="online", on=visit.sandbox.now)  # raises why it cannot be filed
    draft = drafts.new_draft(code, province, commune)
    await drafts.save(visit.portal, visit.sandbox.id, draft)
    return RedirectResponse(f"/apply/{draft.id}", 303)


@router.get("/procedures/{code}/apply")
async def apply_address(code: Text) -> Response:
    """The address of a choice that was refused: read again, it shows the procedure."""
    return RedirectResponse(f"/procedures/{code}", 303)
