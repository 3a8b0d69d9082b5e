"""A citizen's dossiers: the list, the story of one, and everything that its citizen may do with it now."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.datastructures import UploadFile

from contracts import lifecycle as law
from contracts.catalogue import CALENDAR, procedure_of
from services.portal import queries
from services.portal.api import dossiers as api
from services.portal.api import payments
from services.portal.api.views import DossierView
from services.portal.auth import Citizen
from services.portal.domain import FAILED, INDICATORS, STARTED, Dossier, DossierNotFound
from services.portal.pages import drafts, slip
from services.portal.pages.application import _about, _receive
from services.portal.pages.catalogue import place_name, today
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.papers import results
from services.portal.problems import PROBLEMS
from shared.errors import Refusal
from shared.messaging.story import story_of
from shared.sandbox.clock import BUSINESS_ZONE
from shared.storage.page import Page
from shared.text import Text
from shared.web.page_route import page_router

router = page_router(refused, PROBLEMS)
PAGE = 20
LOOK_SECONDS = 1.0  # between two looks at a dossier whose page is open
STREAM_SECONDS = 600.0  # then the browser asks again
LATE, SOON, DONE = "late", "due", "good"


@router.get("/dossiers")
async def list_page(visit: VisitDep, after: Text = "") -> Response:
    citizen = visit.signed_in()
    cut = await queries.dossiers(visit.portal, citizen, Page(PAGE, after or None))
    rows = [(dossier, procedure_of(dossier.procedure, dossier.version), _mark(visit, dossier)) for dossier in cut.rows]
    return visit.render("dossiers.html", rows=rows, next=cut.next)


def _mark(visit: CitizenVisit, dossier: Dossier) -> str:
    """Which colour its state has."""
    if dossier.state == law.RESULT_RETURNED or dossier.state == law.RESULT_READY:
        return DONE
    if dossier.state in law.ENDED_WITHOUT_RESULT:
        return LATE
    if dossier.state in (law.SUPPLEMENT, law.FINANCIAL_OBLIGATION):
        return SOON
    return LATE if dossier.due_at and dossier.due_at < visit.sandbox.now else ""


def _days_left(visit: CitizenVisit, dossier: Dossier) -> int | None:
    """Working days until the result is due; negative if it is late. None where nothing is due."""
    if dossier.due_at is None or dossier.state in law.FINAL or dossier.state == law.RESULT_READY:
        return None
    due, now = dossier.due_at.astimezone(BUSINESS_ZONE).date(), today(visit)
    return CALENDAR.working_days(now, due) if due >= now else -CALENDAR.working_days(due, now)


@router.get("/dossiers/{code}")
async def dossier_page(visit: VisitDep, code: Text, form: Text = "") -> Response:
    """`form`: what was written in a form whose session had ended."""
    written = await drafts.stashed(visit.portal, visit.sandbox.id, form) if form else {}
    return await _page(visit, visit.signed_in(), code, {}, **written)


async def _page(
    visit: CitizenVisit, citizen: Citizen, code: str, errors: dict[str, str], status: int = 200, /, **written: str
) -> Response:
    dossier = await queries.dossier(visit.portal, citizen, code)
    story = await story_of(visit.portal, visit.portal.settings.province_gateway_url, visit.sandbox.id, code)
    return visit.render(
        "dossier.html",
        status,
        dossier=dossier,
        view=DossierView.of(dossier, visit.sandbox.now),
        procedure=procedure_of(dossier.procedure, dossier.version),
        place=place_name(dossier.province, dossier.commune, visit.lang),
        mark=_mark(visit, dossier),
        days_left=_days_left(visit, dossier),
        story=story,
        indicators=INDICATORS,
        fee_items=dossier.owing.items if dossier.owing else (),
        unconfirmed=bool(dossier.payments) and dossier.payments[-1].status in (STARTED, FAILED),
        key=uuid.uuid4().hex,
        errors=errors,
        written=written,
    )


@router.get("/dossiers/{code}/live")
async def live(visit: VisitDep, code: Text) -> Response:
    """Server-sent events: `changed` whenever the dossier is not what it was."""
    citizen = visit.signed_in()
    await queries.dossier(visit.portal, citizen, code)
    return StreamingResponse(_changes(visit, citizen, code), media_type="text/event-stream")


async def _changes(visit: CitizenVisit, citizen: Citizen, code: str) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    known: Any = None
    stopping = visit.portal.stopping
    for _ in range(int(STREAM_SECONDS / LOOK_SECONDS)):
        try:
            dossier = await queries.dossier(visit.portal, citizen, code)
        except (Refusal, OSError):
            return
        if known is not None and dossier != known:
            yield b"event: changed\ndata: \n\n"
        known = dossier
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()
        if stopping.is_set():
            return


async def _done(visit: CitizenVisit, code: str) -> Response:
    return RedirectResponse(f"/dossiers/{code}", 303)


@router.post("/dossiers/{code}/supplement")
async def supplement(visit: VisitDep, code: Text) -> Response:
    citizen, form = await visit.form()
    note, papers, errors = str(form.get("supplement_note", ""))[:4000].replace("\r\n", "\n"), [], {}
    for upload in form.getlist("files"):
        if not isinstance(upload, UploadFile) or not upload.filename:
            continue
        try:
            papers.append({"id": await _receive(visit, citizen, upload)})
        except Refusal as refusal:
            errors["files"] = _about(visit, refusal, upload.filename)
    if not papers and not note.strip() and not errors:
        errors["files"] = visit.text("dossier.nothing_added")
    if not errors:
        try:
            body = api.SupplementBody.model_validate({"papers": papers, "note": note if note.strip() else None})
            await api.answer_supplement(code, body, _key(form), citizen, visit.portal)
        except DossierNotFound:
            raise
        except ValueError:
            errors = {"supplement_note": visit.text("dossier.comment_not_text")}
        except Refusal as refusal:
            errors = {"supplement": visit.sentence(refusal)}
    if errors:
        return await _page(visit, citizen, code, errors, 422, supplement_note=note)
    return await _done(visit, code)


def _key(form: Any) -> str:
    """The idempotency key that the page has drawn for this form: sent twice, it has one effect."""
    key = str(form.get("key", ""))
    return key if key.isalnum() and len(key) <= 64 else uuid.uuid4().hex


@router.post("/dossiers/{code}/pay")
async def pay(visit: VisitDep, code: Text) -> Response:
    citizen, form = await visit.form()
    dossier = await queries.dossier(visit.portal, citizen, code)
    body = payments.PaymentRequest(amount_dong=dossier.owing.amount_dong if dossier.owing else 0)
    try:
        payment = await payments.begin_payment(code, body, _key(form), citizen, visit.portal)
    except Refusal as refusal:
        return await _page(visit, citizen, code, {"pay": visit.sentence(refusal)}, 409)
    return RedirectResponse(payment.checkout_url, 303)


@router.post("/dossiers/{code}/withdraw")
async def withdraw(visit: VisitDep, code: Text) -> Response:
    citizen, form = await visit.form()
    reason = str(form.get("reason", ""))[:4000].replace("\r\n", "\n")
    try:
        body = api.WithdrawalRequest.model_validate({"reason": reason})
    except ValueError:
        return await _page(visit, citizen, code, {"reason": visit.text("dossier.reason_needed")}, 422, reason=reason)
    try:
        await api.ask_withdrawal(code, body, _key(form), citizen, visit.portal)
    except Refusal as refusal:
        return await _page(visit, citizen, code, {"withdraw": visit.sentence(refusal)}, 409, reason=reason)
    return await _done(visit, code)


@router.post("/dossiers/{code}/rate")
async def rate(visit: VisitDep, code: Text) -> Response:
    citizen, form = await visit.form()
    scores = {name: str(form.get(name, "")) for name in INDICATORS}
    if any(score not in ("0", "1", "2") for score in scores.values()):
        return await _page(visit, citizen, code, {"rate": visit.text("dossier.rate_all")}, 422, **scores)
    comment = str(form.get("comment", ""))[:2000].replace("\r\n", "\n")
    numbers = {name: int(score) for name, score in scores.items()}
    try:
        body = api.Rating.model_validate({"scores": numbers, "comment": comment if comment.strip() else None})
        await api.rate_dossier(code, body, _key(form), citizen, visit.portal)
    except ValueError:
        return await _page(visit, citizen, code, {"rate": visit.text("dossier.comment_not_text")}, 422, **scores)
    except Refusal as refusal:
        return await _page(visit, citizen, code, {"rate": visit.sentence(refusal)}, 409, **scores)
    return await _done(visit, code)


@router.get("/dossiers/{code}/result")
async def result(visit: VisitDep, code: Text) -> Response:
    citizen = visit.signed_in()
    dossier = await queries.dossier(visit.portal, citizen, code)
    paper = await results.result_of(visit.portal, visit.portal.files, citizen, code, dossier.province)
    address = await visit.portal.files.address(visit.sandbox, paper.sha256, paper.name, citizen.valid.times)
    return RedirectResponse(address.url, 303)


@router.get("/dossiers/{code}/slip")
async def receipt_slip(visit: VisitDep, code: Text) -> Response:
    """The slip of reception and appointment (form 01) as PDF."""
    dossier = await queries.dossier(visit.portal, visit.signed_in(), code)
    content = await asyncio.to_thread(slip.render, dossier, place_name(dossier.province, dossier.commune, "vi"))
    headers = {"Content-Disposition": f'inline; filename="{code}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
