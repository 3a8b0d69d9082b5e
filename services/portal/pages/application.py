"""An application: the form, its review, its submission. What was written is kept in a draft with every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Response
from fastapi.responses import RedirectResponse
from msgspec.structs import replace

from contracts.catalogue import PAYER_GROUPS, Choice, fee_of
from services.portal import queries
from services.portal.api import dossiers
from services.portal.auth import Citizen
from services.portal.pages import drafts
from services.portal.pages.catalogue import limit_words, place_name, today
from services.portal.pages.drafts import Draft
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.papers import store
from services.portal.problems import PROBLEMS
from shared.errors import Refusal
from shared.storage.page import Page
from shared.text import Text
from shared.web.page_route import body_of, page_router
from shared.web.pages import named

router = page_router(refused, PROBLEMS)
FIELDS = {
    "/note": "note",
    "/payer_group": "payer_group",
    "/return_by": "return_by",
    "/owner": "acts",
    "/capacity": "acts",
    "/papers": "papers",
}
RETURNS = ("online", "direct", "public_postal")
FILE = "file-"  # and the code of the component: the field of its file
Errors = dict[str, str]


def _choice(visit: CitizenVisit, citizen: Citizen, draft: Draft) -> Choice:
    return queries.choose(citizen.level, draft.procedure, draft.province, draft.commune, on=visit.sandbox.now)


async def _own_draft(visit: CitizenVisit, citizen: Citizen, id: str) -> Draft:
    """The draft, from now on of this citizen. Raises DraftNotFound."""
    draft = await drafts.load(visit.portal, visit.sandbox.id, id, citizen.id)
    if not draft.person:
        draft = replace(draft, person=citizen.id)
        await drafts.save(visit.portal, visit.sandbox.id, draft)
    return draft


@router.get("/apply/{id}")
async def form_page(visit: VisitDep, id: Text, form: Text = "") -> Response:
    """`form`: a form that was sent when its session had ended."""
    citizen = visit.signed_in()
    with visit.shown_again(form):
        draft = await _own_draft(visit, citizen, id)
    if draft.code:
        return RedirectResponse(f"/dossiers/{draft.code}", 303)
    kept = await drafts.kept(visit.portal, citizen, form)
    draft = _with_papers(_written(draft, kept.fields), kept.papers)
    return await _form(visit, citizen, draft, kept.errors, kept.status)


async def _form(visit: CitizenVisit, citizen: Citizen, draft: Draft, errors: Errors, status: int = 200) -> Response:
    choice = _choice(visit, citizen, draft)
    papers = (await store.newest(visit.portal, citizen, Page(100, None))).rows
    represented = [(f"{each.kind} {each.id}", each.name) for each in citizen.represents]
    return visit.render(
        "application.html",
        status,
        **_facts(visit, citizen, draft, choice, errors),
        acts=[("self", visit.text("apply.self")), *represented],
        payer_groups=[(each.code, named(each, visit.lang)) for each in PAYER_GROUPS.values()],
        returns=[(each, visit.text(f"return_by.{each}")) for each in RETURNS],
        papers=[("", visit.text("apply.no_paper")), *((paper.id, paper.name) for paper in papers)],
    )


def _facts(visit: CitizenVisit, citizen: Citizen, draft: Draft, choice: Choice, errors: Errors) -> dict[str, Any]:
    """What the form and its review both show."""
    place = place_name(choice.province, choice.commune, visit.lang)
    return {"draft": draft, "citizen": citizen, "choice": choice, "place": place, "errors": errors}


@router.post("/apply/{id}")
async def keep_form(visit: VisitDep, id: Text) -> Response:
    """Keeps what was written, and goes on to the review; what does not fit is named beside its field."""
    citizen, form = await visit.form()
    draft = await _own_draft(visit, citizen, id)
    if draft.code:
        return RedirectResponse(f"/dossiers/{draft.code}", 303)
    papers, errors = await visit.papers(citizen, form)
    draft = _with_papers(_written(draft, form), papers)
    await drafts.save(visit.portal, visit.sandbox.id, draft)
    if not errors:
        try:
            _submission(draft)
        except Refusal as refusal:
            errors = visit.errors(refusal, FIELDS)
    if errors:
        return await _form(visit, citizen, draft, errors, 422)
    return RedirectResponse(f"/apply/{draft.id}/review", 303)


def _with_papers(draft: Draft, papers: Mapping[str, list[str]]) -> Draft:
    """The draft with the last paper received for each component (`papers`: field → ids)."""
    received = {field.removeprefix(FILE): ids[-1] for field, ids in papers.items() if field.startswith(FILE)}
    return replace(draft, papers={**draft.papers, **received})


def _written(draft: Draft, form: Mapping[str, object]) -> Draft:
    """The draft with the fields of the form."""

    def of(name: str, now: str) -> str:
        value = form.get(name, now)
        return value[:4000] if isinstance(value, str) else now

    chosen = {
        name.removeprefix("paper-"): value
        for name, value in form.items()
        if name.startswith("paper-") and isinstance(value, str)
    }
    papers = {component: id for component, id in {**draft.papers, **chosen}.items() if id}
    return replace(
        draft,
        acts=of("acts", draft.acts),
        payer_group=of("payer_group", draft.payer_group),
        return_by=of("return_by", draft.return_by),
        note=of("note", draft.note).replace("\r\n", "\n"),
        papers=papers,
    )


def _submission(draft: Draft) -> dossiers.Submission:
    """What the API is sent. Raises BodyDoesNotFit."""
    body: dict[str, Any] = {
        "procedure": draft.procedure,
        "authority": {"province": draft.province, "commune": draft.commune},
        "payer_group": draft.payer_group,
        "papers": [{"id": id, "component": component} for component, id in draft.papers.items()],
    }
    if draft.acts != "self":
        kind, _, id = draft.acts.partition(" ")
        body["capacity"] = "organisation" if kind == "organisation" else "representative"
        body["owner"] = {"kind": kind, "id": id}
    if draft.return_by:
        body["return_by"] = draft.return_by
    if draft.note.strip():
        body["note"] = draft.note
    return body_of(dossiers.Submission, body)


@router.get("/apply/{id}/review")
async def review_page(visit: VisitDep, id: Text) -> Response:
    citizen = visit.signed_in()
    draft = await _own_draft(visit, citizen, id)
    if draft.code:
        return RedirectResponse(f"/dossiers/{draft.code}", 303)
    return await _review(visit, citizen, draft, {})


async def _review(visit: CitizenVisit, citizen: Citizen, draft: Draft, errors: Errors, status: int = 200) -> Response:
    choice = _choice(visit, citizen, draft)
    group = draft.payer_group if draft.payer_group in PAYER_GROUPS else "ordinary"
    fee = fee_of(
        choice.procedure,
        choice.case,
        province=choice.province,
        channel="online",
        payer_group=group,
        on=today(visit),
    )
    names = {each.code: each for each in choice.case.components}
    stored = await store.owned(visit.portal, visit.sandbox.id, citizen.id, list(draft.papers.values()))
    acts = next((each.name for each in citizen.represents if draft.acts == f"{each.kind} {each.id}"), "")
    return visit.render(
        "review.html",
        status,
        **_facts(visit, citizen, draft, choice, errors),
        acts=acts,
        payer_group=PAYER_GROUPS[group],
        papers=[(names.get(code), stored[id].name) for code, id in draft.papers.items()],
        missing=[each for each in choice.case.components if each.required and each.code not in draft.papers],
        limit=limit_words(visit, choice.case.limit_for("online")),
        fee=fee,
    )


@router.post("/apply/{id}/submit")
async def submit(visit: VisitDep, id: Text) -> Response:
    """Submits once, however often it is sent: the draft is the idempotency key."""
    citizen, _ = await visit.form()
    draft = await _own_draft(visit, citizen, id)
    if not draft.code:
        try:
            reply = await dossiers.submit_dossier(_submission(draft), draft.id, citizen, visit.portal)
        except Refusal as refusal:
            return await _review(visit, citizen, draft, visit.errors(refusal, FIELDS), 409)
        draft = replace(draft, code=msgspec.json.decode(reply.body)["code"])
        await drafts.save(visit.portal, visit.sandbox.id, draft)
    return RedirectResponse(f"/dossiers/{draft.code}", 303)


@router.get("/apply/{id}/submit")
async def submit_address(id: Text) -> Response:
    """The address of a submission that was refused: read again, it shows the review."""
    return RedirectResponse(f"/apply/{id}/review", 303)
