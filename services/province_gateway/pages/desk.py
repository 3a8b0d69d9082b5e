"""The desk of a province: who acts there, the inbox with due dates, one dossier with its lawful moves, the counter."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import msgspec
from fastapi import Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from contracts import lifecycle as law
from contracts.catalogue import (
    CALENDAR,
    COMMUNES,
    FIELDS,
    PROCEDURES,
    PROVINCES,
    communes_of,
    current_province,
    procedure_of,
    procedure_to_show,
)
from contracts.modes import MANUAL
from services.province_gateway import queries
from services.province_gateway.api import desk as api
from services.province_gateway.api.views import DossierView
from services.province_gateway.domain import Dossier
from services.province_gateway.pages import slips
from services.province_gateway.pages.visits import OfficerVisit, VisitDep, refused
from services.province_gateway.problems import PROBLEMS
from shared.errors import NotReady, Refusal
from shared.messaging.story import story_of
from shared.sandbox.clock import BUSINESS_ZONE
from shared.storage.page import Page
from shared.text import Text
from shared.web.page_route import body_of, page_router
from shared.web.pages import Lang, named

router = page_router(refused, PROBLEMS)
ROWS = 50  # on one page of the inbox
SOON_DAYS = 2  # working days
# Moves for which the law wants a reason.
WITH_REASON = (
    *(law.REFUSE, law.REQUEST_SUPPLEMENT, law.REJECT, law.STOP, law.RESCHEDULE, law.WAIVE_FEE, law.DECLINE_WITHDRAWAL),
)
FORM_FIELDS = {"/reason": "reason", "/items": "items", "/days": "days", "/answer_days": "answer_days"}
FORM_FIELDS |= {"/fee": "amount"}
FORM_FIELDS |= {"/applicant/id": "id", "/applicant/name": "name", "/procedure": "procedure", "/commune": "commune"}
FORM_FIELDS |= {"/note": "note"}
COUNT_SQL = "SELECT province, count(*) AS n FROM dossiers WHERE sandbox = $1 AND open GROUP BY 1"


@router.get("/")
async def provinces_page(visit: VisitDep) -> Response:
    rows = await visit.gateway.database.fetch(COUNT_SQL, visit.sandbox.id)
    counts = {row["province"]: row["n"] for row in rows}
    listed = [(each, counts.get(each.code, 0), visit.mode(each.code).mode) for each in PROVINCES.values()]
    return visit.render("provinces.html", provinces=listed)


@router.get("/provinces/{province}")
async def inbox_page(
    visit: VisitDep,
    province: Text,
    commune: Text = "",
    field: Text = "",
    state: Text = "",
    code: Text = "",
    after: Text = "",
) -> Response:
    if code.strip():
        found = await queries.dossier(visit.gateway, visit.sandbox.id, province, code.strip().upper())
        return RedirectResponse(f"/provinces/{province}/dossiers/{found.code}", 303)
    cut = await queries.inbox(
        visit.gateway,
        visit.sandbox.id,
        province,
        Page(ROWS, after or None),
        state=state or None,
        commune=commune or None,
        field=field or None,
    )
    states = (*law.UNDECIDED, *law.DECIDED)
    return visit.render(
        "inbox.html",
        province=PROVINCES[province],
        mode=visit.mode(province),
        rows=[_row(visit, dossier) for dossier in cut.rows],
        next=cut.next,
        commune=commune,
        field=field,
        state=state,
        communes=[("", visit.text("desk.every_commune"))]
        + [(each.code, each.name_vi) for each in communes_of(province)],
        fields=[("", visit.text("find.every_field"))] + [(each, field_name(each, visit.lang)) for each in FIELDS],
        states=[("", visit.text("desk.every_state"))] + [(each.slug, named(each, visit.lang)) for each in states],
    )


def field_name(code: str, lang: Lang) -> str:
    """`Hộ tịch` or `Civil status`."""
    return FIELDS[code] if lang == "vi" else code.replace("_", " ").capitalize()


def _row(visit: OfficerVisit, dossier: Dossier) -> dict[str, Any]:
    left = days_left(visit, dossier)
    mark = "" if left is None else "late" if left < 0 else "due" if left <= SOON_DAYS else "good"
    where = COMMUNES[dossier.commune].name_vi if dossier.commune else ""
    procedure = procedure_of(dossier.procedure, dossier.version)
    return {"dossier": dossier, "procedure": procedure, "left": left, "mark": mark, "where": where}


def days_left(visit: OfficerVisit, dossier: Dossier) -> int | None:
    """Working days until the result is due; negative if it is late. None where nothing is due."""
    if dossier.due_at is None or dossier.state in law.FINAL or dossier.state == law.RESULT_READY:
        return None
    now = visit.sandbox.now.astimezone(BUSINESS_ZONE).date()
    due = dossier.due_at.astimezone(BUSINESS_ZONE).date()
    return CALENDAR.working_days(now, due) if due >= now else -CALENDAR.working_days(due, now)


@router.post("/provinces/{province}/mode")
async def change_mode(visit: VisitDep, province: Text) -> Response:
    """Takes the province into the mode `manual`, or gives it back; the portal owns the modes."""
    province = current_province(province)  # `*` would be every province
    form = await visit.request.form(max_fields=10)
    wanted = MANUAL if form.get("mode") == MANUAL else None
    url = f"{visit.gateway.settings.portal_url}/_lab/sandboxes/{visit.sandbox.id}/modes/{province}"
    try:
        if wanted:
            reply = await visit.gateway.http.put(url, json={"mode": wanted})
        else:
            reply = await visit.gateway.http.delete(url)
    except httpx.TransportError as fault:
        raise NotReady("The portal, which owns the modes, does not reply; try again.", waits_for=["portal"]) from fault
    if reply.status_code >= 500:
        raise NotReady("The portal, which owns the modes, does not reply; try again.", waits_for=["portal"])
    return RedirectResponse(f"/provinces/{province}", 303)


@router.get("/provinces/{province}/dossiers/{code}")
async def dossier_page(visit: VisitDep, province: Text, code: Text) -> Response:
    return await _dossier(visit, province, code, "", {})


async def _dossier(
    visit: OfficerVisit, province: str, code: str, tried: str, errors: dict[str, str], status: int = 200, **written: str
) -> Response:
    dossier = await queries.dossier(visit.gateway, visit.sandbox.id, province, code)
    view, mode = DossierView.of(dossier, visit.sandbox.now), visit.mode(province)
    moves = {does: _fields(does, view.needs.get(does, "")) for does in view.can} if not mode.is_external else {}
    if set(errors) - {"form", *moves.get(tried, ())}:  # of a field that the page does not show, any more
        errors = {"form": visit.text("desk.not_this_form")} | errors
    story = await story_of(visit.gateway, visit.gateway.settings.portal_url, visit.sandbox.id, code)
    return visit.render(
        "desk_dossier.html",
        status,
        province=PROVINCES[dossier.province],
        mode=mode,
        dossier=dossier,
        view=view,
        row=_row(visit, dossier),
        moves=[(does, dossier.lawful[does], fields) for does, fields in moves.items()],
        slips=slips.of(dossier),
        story=story,
        tried=tried,
        errors=errors,
        written=written,
        key=uuid.uuid4().hex,
    )


def _fields(does: str, need: str) -> tuple[str, ...]:
    """The fields of the form of a move. `need`: what the API says that it needs."""
    shown = {
        "reason": does in WITH_REASON,
        "items": does == law.REQUEST_SUPPLEMENT,
        "answer_days": does == law.REQUEST_SUPPLEMENT,
        "days": does == law.RESCHEDULE,
        "method": does == law.TAKE_PAYMENT,
        "fee_name": does == law.DEMAND_FEE and need == "fee",
        "amount": does == law.DEMAND_FEE and need == "fee",
        "at_desk": need == "at_desk",
    }
    return tuple(name for name, is_shown in shown.items() if is_shown)


@router.post("/provinces/{province}/dossiers/{code}/moves/{does}")
async def make_move(visit: VisitDep, province: Text, code: Text, does: Text) -> Response:
    form = await visit.request.form(max_fields=30)
    written = {name: value[:4000] for name, value in form.items() if isinstance(value, str)}
    try:
        body = _move(does, form)
        await api.move(province, code, body, _key(form), visit.sandbox.id, visit.gateway)
    except Refusal as refusal:
        errors = visit.errors(refusal, FORM_FIELDS)
        if "reason" in errors and not written.get("reason", "").strip():
            errors["reason"] = visit.text("desk.reason_needed")
        return await _dossier(visit, province, code, does, errors, 422, **written)
    return RedirectResponse(f"/provinces/{province}/dossiers/{code}", 303)


def _key(form: FormData) -> str:
    """The idempotency key that the page has drawn for this form: sent twice, it has one effect."""
    key = str(form.get("key", ""))
    return key if key.isalnum() and len(key) <= 64 else uuid.uuid4().hex


def _move(does: str, form: FormData) -> api.MoveBody:
    """Raises BodyDoesNotFit."""

    def of(name: str) -> str:
        value = form.get(name, "")
        return value.replace("\r\n", "\n")[:4000] if isinstance(value, str) else ""

    body: dict[str, Any] = {"does": does}
    if of("reason").strip():
        body["reason"] = of("reason")
    if items := [line.strip() for line in of("items").split("\n") if line.strip()]:
        body["items"] = items
    for name in ("days", "answer_days"):
        if of(name).strip():
            body[name] = int(of(name)) if of(name).isascii() and of(name).isdigit() else of(name)
    if of("amount").strip():
        amount = int(of("amount")) if of("amount").isascii() and of("amount").isdigit() else of("amount")
        body["fee"] = [{"kind": of("kind"), "name": of("fee_name"), "amount_dong": amount}]
    if of("method"):
        body["method"] = of("method")
    if of("at_desk"):
        body["at_desk"] = True
    return body_of(api.MoveBody, body)


@router.get("/provinces/{province}/mode")
async def mode_address(province: Text) -> Response:
    """The address of a change that was refused: read again, it shows the inbox."""
    return RedirectResponse(f"/provinces/{province}", 303)


@router.get("/provinces/{province}/dossiers/{code}/moves/{does}")
async def move_address(province: Text, code: Text) -> Response:
    """The address of a move that was refused: read again, it shows the dossier."""
    return RedirectResponse(f"/provinces/{province}/dossiers/{code}", 303)


@router.get("/provinces/{province}/register")
async def register_page(visit: VisitDep, province: Text) -> Response:
    return _register(visit, province, {})


def _register(
    visit: OfficerVisit, province: str, errors: dict[str, str], status: int = 200, **written: str
) -> Response:
    on = visit.sandbox.now.astimezone(BUSINESS_ZONE).date()
    offered = [each for code in PROCEDURES if (each := procedure_to_show(code, on)).in_force(on)]
    return visit.render(
        "register.html",
        status,
        province=PROVINCES[current_province(province)],
        mode=visit.mode(province),
        procedures=[
            (each.code, f"{each.code} {named(each, visit.lang)}") for each in offered if "direct" in each.channels
        ],
        communes=[("", visit.text("desk.province_itself"))]
        + [(each.code, each.name_vi) for each in communes_of(province)],
        errors=errors,
        written=written,
        key=uuid.uuid4().hex,
    )


@router.post("/provinces/{province}/register")
async def register(visit: VisitDep, province: Text) -> Response:
    form = await visit.request.form(max_fields=30)
    written = {name: value[:4000] for name, value in form.items() if isinstance(value, str)}
    body: dict[str, Any] = {
        "procedure": written.get("procedure", ""),
        "commune": written.get("commune") or None,
        "applicant": {"id": written.get("id", ""), "name": written.get("name", "")},
    }
    if written.get("note", "").strip():
        body["note"] = written["note"].replace("\r\n", "\n")
    try:
        checked = body_of(api.RegistrationBody, body)
        reply = await api.register(province, checked, _key(form), visit.sandbox.id, visit.gateway)
    except Refusal as refusal:
        return _register(visit, province, visit.errors(refusal, FORM_FIELDS), 422, **written)
    code = msgspec.json.decode(reply.body)["code"]
    return RedirectResponse(f"/provinces/{province}/dossiers/{code}", 303)


@router.get("/provinces/{province}/dossiers/{code}/slips/{form}")
async def slip(visit: VisitDep, province: Text, code: Text, form: Text) -> Response:
    """One of the forms 01 to 05 as PDF, once there is something to write on it."""
    dossier = await queries.dossier(visit.gateway, visit.sandbox.id, province, code)
    if form not in slips.of(dossier):
        return visit.render("refused.html", 404, sentence=visit.text("desk.no_slip"), law="", tries=0)
    content = await asyncio.to_thread(slips.render, dossier, form)
    headers = {"Content-Disposition": f'inline; filename="{code}-{form}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
