"""The views of one dossier: its story as a sequence diagram, and why nothing happens to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import Response

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE
from contracts.schemas import schema
from services.portal.console import diagram, peers
from services.portal.console.views import pretty, show
from services.portal.explain import explain
from services.portal.explain.collect import gather
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.problems import PROBLEMS
from shared.storage.page import Page
from shared.text import Text
from shared.web.page_route import page_router

router = page_router(refused, PROBLEMS)
ROWS = 50


@router.get("/console/dossiers")
async def list_view(visit: VisitDep, after: Text = "") -> Response:
    async def facts() -> dict[str, Any]:
        page = Page(ROWS, after or None)
        cut = await visit.portal.documents.page(visit.portal.database, visit.sandbox.id, ["true"], [], page)
        return {"rows": cut.rows, "next": cut.next}

    return await show(visit, "dossiers", facts)


async def _story(visit: CitizenVisit, code: str) -> tuple[list[dict[str, Any]], list[str]]:
    entries, silent = await peers.timeline(visit.portal, visit.sandbox.id, code)
    return [*await _sign_in(visit, code, entries), *entries], silent


async def _sign_in(visit: CitizenVisit, code: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How the applicant signed in, the last time before the submission."""
    dossier = await visit.portal.documents.find(visit.portal.database, visit.sandbox.id, code)
    identity = visit.portal.settings.identity_url
    people = await peers.rows(visit.portal, identity, "/_lab/people", visit.sandbox.id) if dossier and entries else None
    subject = next((each["subject"] for each in people or () if dossier and each["number"] == dossier.applicant_id), "")
    if not subject:
        return []
    lines = await peers.rows(visit.portal, identity, f"/_lab/timeline/{subject}", visit.sandbox.id) or []
    before = [line for line in lines if str(line["real_at"]) <= str(entries[0]["real_at"])]
    return [line for line in before if line["kind"] == "signed_in"][-1:]


@router.get("/console/dossiers/{code}")
async def story_view(visit: VisitDep, code: Text, step: Text = "", upto: Text = "") -> Response:
    async def facts() -> dict[str, Any]:
        entries, silent = await _story(visit, code)
        last = int(upto) if upto.isascii() and upto.isdigit() else len(entries)
        shown = entries[:last]
        chosen = int(step) if step.isascii() and step.isdigit() and int(step) < len(entries) else None
        here = f"/console/dossiers/{code}"
        lanes = [visit.text(f"lane.{each}") for each in diagram.LANES]
        steps = diagram.steps_of(shown, visit.lang)
        entry = entries[chosen] if chosen is not None else None
        return {
            "code": code,
            "entries": entries,
            "last": min(last, len(entries)),
            "silent": silent,
            "drawing": diagram.svg(steps, lanes, link=f"{here}?step={{}}&upto={last}", chosen=chosen),
            "entry": entry,
            "payload": pretty(entry["data"]) if entry else "",
            "sent": await _headers(visit, code, entry) if entry else {},
            "contract": _contract(entry, visit.lang) if entry else "",
            "clauses": _clauses(entry) if entry else [],
            "step": chosen,
        }

    return await show(visit, "story", facts)


async def _headers(visit: CitizenVisit, code: str, entry: dict[str, Any]) -> dict[str, str]:
    """The headers of an event on the wire; empty for what is no event, or if its service does not reply."""
    url = peers.services(visit.portal).get(entry["service"])
    if entry["kind"] != "event" or url is None:
        return {}
    path = f"/_lab/events/{quote(code, safe='')}/{entry['version']}"
    event = await peers.document(visit.portal, url, path, visit.sandbox.id)
    return dict(event["headers"]) if event else {}


def _contract(entry: dict[str, Any], lang: str) -> str:
    """What the contract of an event says that it means."""
    event = entry.get("event", "")
    shown = schema(event) if event in law.EVENTS else {}
    return str(shown.get("x-description-vi" if lang == "vi" else "description", ""))


def _clauses(entry: dict[str, Any]) -> list[str]:
    """The law of the moves that this event makes."""
    moves = [move for move in LIFECYCLE.moves if move.event == entry.get("event")]
    return list(dict.fromkeys(move.law for move in moves if move.who in (*law.OFFICIALS, law.CITIZEN)))


@router.get("/console/dossiers/{code}/story.svg")
async def story_svg(visit: VisitDep, code: Text) -> Response:
    steps, lanes = await _drawn(visit, code)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(code, safe='')}.svg"}
    return Response(diagram.svg(steps, lanes), media_type="image/svg+xml", headers=headers)


@router.get("/console/dossiers/{code}/story.mmd")
async def story_mermaid(visit: VisitDep, code: Text) -> Response:
    steps, lanes = await _drawn(visit, code)
    return Response(diagram.mermaid(steps, lanes), media_type="text/plain; charset=utf-8")


async def _drawn(visit: CitizenVisit, code: str) -> tuple[list[diagram.Step], list[str]]:
    entries, _ = await _story(visit, code)
    return diagram.steps_of(entries, visit.lang), [visit.text(f"lane.{each}") for each in diagram.LANES]


@router.get("/console/explain")
async def explain_view(visit: VisitDep, code: Text = "") -> Response:
    async def facts() -> dict[str, Any]:
        causes: list[Any] = []
        if code.strip():
            round = await visit.portal.timekeeping.last_round(visit.sandbox.id, 0)
            causes = explain(await gather(visit.portal, round, code.strip()))
        return {"code": code.strip(), "causes": causes}

    return await show(visit, "explain", facts)
