"""A citizen's dossiers: the list, the story of one, and everything that its citizen may do with it now."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import Response
from fastapi.responses import RedirectResponse, StreamingResponse

from contracts import lifecycle as law
from contracts.catalogue import CALENDAR, procedure_of
from services.portal import queries
from services.portal.api import dossiers as api
from services.portal.api import payments
from services.portal.api.views import DossierView
from services.portal.auth import Citizen
from services.portal.domain import FAILED, INDICATORS, STARTED, Dossier
from services.portal.pages import drafts, slip
from services.portal.pages.catalogue import place_name, today
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.papers import results, store
from services.portal.problems import PROBLEMS
from shared.errors import BodyDoesNotFit, Refusal
from shared.messaging.story import story_of
from shared.sandbox.clock import BUSINESS_ZONE
from shared.storage.page import Page
from shared.text import Text
from shared.web.page_route import body_of, kind_of, page_router

router = page_router(refused, PROBLEMS)
PAGE = 20
LOOK_SECONDS = 1.0  # between two looks at a dossier whose page is open
STREAM_SECONDS = 600.0  # then the browser asks again
PAPER = "paper-"  # and the id: a field of a paper that the form of a supplement has kept
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
    """`form`: a form that was sent when its session had ended."""
    citizen = visit.signed_in()
    with visit.shown_again(form):
        await queries.dossier(visit.portal, citizen, code)  # who may not see it gets no papers of others
    kept = await drafts.kept(visit.portal, citizen, form)
    papers = [id for ids in kept.papers.values() for id in ids]
    return await _page(visit, citizen, code, kept.errors, kept.status, **{**kept.fields, **_chosen(papers)})


async def _page(
    visit: CitizenVisit, citizen: Citizen, code: str, errors: dict[str, str], status: int = 200, /, **written: str
) -> Response:
    dossier = await queries.dossier(visit.portal, citizen, code)
    papers = await store.among(visit.portal, visit.sandbox.id, citizen.id, _papers(written))
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
        known=_print_of(dossier),
        errors=errors,
        written=written,
        papers=papers.values(),
    )


def _papers(written: Mapping[str, object]) -> list[str]:
    """The ids of the papers that the form of a supplement has kept: each is a field of its own."""
    return [str(id) for name, id in written.items() if name.startswith(PAPER)]


def _chosen(papers: Iterable[str]) -> dict[str, str]:
    """The fields of which `_papers` reads these ids."""
    return {f"{PAPER}{id}": id for id in papers}


def _print_of(dossier: Dossier) -> str:
    """Equal for equal dossiers: by it a page says which state it shows."""
    return hashlib.sha256(msgspec.json.encode(dossier)).hexdigest()[:16]


@router.get("/dossiers/{code}/live")
async def live(visit: VisitDep, code: Text, known: Text = "") -> Response:
    """Server-sent events: `changed` whenever the dossier is not what the page shows; `gone`, the last, if it is no more.

    204 where there is nothing to follow, so that the browser does not ask again (HTML, 9.2.3).
    """
    if visit.citizen is None:
        return Response(status_code=204)
    await queries.dossier(visit.portal, visit.citizen, code)
    known = visit.request.headers.get("last-event-id", known)
    return StreamingResponse(_changes(visit, visit.citizen, code, known), media_type="text/event-stream")


async def _changes(visit: CitizenVisit, citizen: Citizen, code: str, known: str) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    stopping = visit.portal.stopping
    for _ in range(int(STREAM_SECONDS / LOOK_SECONDS)):
        try:
            current = _print_of(await queries.dossier(visit.portal, citizen, code))
        except OSError:
            return  # the browser asks again
        except Refusal:
            yield b"event: gone\ndata: \n\n"
            return
        if current != known:
            yield f"event: changed\nid: {current}\ndata: \n\n".encode()
        known = current
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()
        if stopping.is_set():
            return


@router.get("/dossiers/{code}/supplement")
@router.get("/dossiers/{code}/pay")
@router.get("/dossiers/{code}/withdraw")
@router.get("/dossiers/{code}/rate")
async def form_address(code: Text, form: Text = "") -> Response:
    """The address of a form that came back with errors, or whose session had ended: read, it shows the dossier."""
    return RedirectResponse(f"/dossiers/{code}" + (f"?form={quote(form, safe='')}" if form else ""), 303)


def _shown(code: str) -> Response:
    return RedirectResponse(f"/dossiers/{code}", 303)


@router.post("/dossiers/{code}/supplement")
async def supplement(visit: VisitDep, code: Text) -> Response:
    citizen, form = await visit.form()
    note = str(form.get("supplement_note", ""))[:4000].replace("\r\n", "\n")
    received, errors = await visit.papers(citizen, form)
    papers = list(dict.fromkeys([*_papers(form), *received.get("files", [])]))
    written = {"supplement_note": note, **_chosen(papers)}
    if not papers and not note.strip() and not errors:
        errors["files"] = visit.text("dossier.nothing_added")
    if not errors:
        try:
            body = body_of(
                api.SupplementBody, {"papers": [{"id": id} for id in papers], "note": note if note.strip() else None}
            )
            await api.answer_supplement(code, body, _key(form), citizen, visit.portal)
        except Refusal as refusal:
            errors = visit.errors(refusal, {"/note": "supplement_note", "/papers": "files"}, "supplement")
            return await _page(visit, citizen, code, errors, kind_of(refusal, PROBLEMS).status, **written)
    if errors:
        return await _page(visit, citizen, code, errors, 422, **written)
    return _shown(code)


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
        errors = {"pay": visit.sentence(refusal)}
        return await _page(visit, citizen, code, errors, kind_of(refusal, PROBLEMS).status)
    return RedirectResponse(payment.checkout_url, 303)


@router.post("/dossiers/{code}/withdraw")
async def withdraw(visit: VisitDep, code: Text) -> Response:
    citizen, form = await visit.form()
    reason = str(form.get("reason", ""))[:4000].replace("\r\n", "\n")
    try:
        body = body_of(api.WithdrawalRequest, {"reason": reason})
        await api.ask_withdrawal(code, body, _key(form), citizen, visit.portal)
    except BodyDoesNotFit:
        return await _page(visit, citizen, code, {"reason": visit.text("dossier.reason_needed")}, 422, reason=reason)
    except Refusal as refusal:
        errors = {"withdraw": visit.sentence(refusal)}
        return await _page(visit, citizen, code, errors, kind_of(refusal, PROBLEMS).status, reason=reason)
    return _shown(code)


@router.post("/dossiers/{code}/rate")
async def rate(visit: VisitDep, code: Text) -> Response:
    citizen, form = await visit.form()
    scores = {name: str(form.get(name, "")) for name in INDICATORS}
    comment = str(form.get("comment", ""))[:4000].replace("\r\n", "\n")
    if any(score not in ("0", "1", "2") for score in scores.values()):
        return await _page(
            visit, citizen, code, {"rate": visit.text("dossier.rate_all")}, 422, **scores, comment=comment
        )
    numbers = {name: int(score) for name, score in scores.items()}
    try:
        body = body_of(api.Rating, {"scores": numbers, "comment": comment if comment.strip() else None})
        await api.rate_dossier(code, body, _key(form), citizen, visit.portal)
    except Refusal as refusal:
        errors = visit.errors(refusal, {"/comment": "comment"}, "rate")
        return await _page(visit, citizen, code, errors, kind_of(refusal, PROBLEMS).status, **scores, comment=comment)
    return _shown(code)


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
