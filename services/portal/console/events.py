"""The view of contracts: each event with its rate in the sandbox, a live sample, its schema, its law, and its zoo."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import Response

from contracts import lifecycle as law
from contracts import published
from contracts.gate import RULES
from contracts.lifecycle import LIFECYCLE
from contracts.schemas import event_types, schema
from services.portal.console import peers
from services.portal.console.views import pretty, show
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.problems import PROBLEMS
from shared.text import Text
from shared.web.page_route import page_router

router = page_router(refused, PROBLEMS)
MINUTES = 1  # in which events are counted: each look reads all of that time
SAMPLE_MINUTES = 60  # how old a sample may be


@router.get("/console/contracts")
async def contracts_view(visit: VisitDep, type: Text = "") -> Response:
    chosen = type if type in law.EVENTS else ""

    async def facts() -> dict[str, Any]:
        recent = await _recent(visit, MINUTES, chosen)
        rates = {name: each["count"] for name, each in recent.items()}
        shared = {"chosen": chosen, "rates": rates, "zoo": zoo()}
        if chosen:
            sample = _sample(recent or await _recent(visit, SAMPLE_MINUTES, chosen))
            return {**shared, **_contract(chosen), "sample": sample}
        types = [(name, law.EVENTS[name]) for name in event_types() if name in law.EVENTS]
        return {**shared, "types": types, "samples": recent, "rules": list(RULES.values())}

    return await show(visit, "contracts", facts)


async def _recent(visit: CitizenVisit, minutes: int, event_type: str) -> Mapping[str, dict[str, Any]]:
    """Type → how many were published in the last minutes, and the newest of them."""
    path = f"/_lab/events/recent?minutes={minutes}" + (f"&type={event_type}" if event_type else "")
    urls = (visit.portal.settings.portal_url, visit.portal.settings.province_gateway_url)
    parts = await asyncio.gather(*(peers.rows(visit.portal, url, path, visit.sandbox.id) for url in urls))
    return {each["type"]: each for part in parts for each in part or ()}


def _contract(event_type: str) -> dict[str, Any]:
    shown = schema(event_type)
    return {
        "schema": pretty(shown),
        "example": pretty((shown.get("examples") or [{}])[0]),
        "moves": [move for move in LIFECYCLE.moves if move.event == event_type],
    }


def _sample(recent: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The newest event of the chosen type."""
    for each in recent.values():
        return {**each, "json": pretty(each["data"])}
    return None


@cache
def zoo() -> dict[str, list[dict[str, Any]]]:
    """Event type → the messages of the zoo that break its rules; under an empty text those without a type of ours."""
    animals: dict[str, list[dict[str, Any]]] = {}
    for name, entry in published.zoo().items():
        said = entry.get("event") if isinstance(entry.get("event"), dict) else {}
        kind = str(said.get("type", "")) if said else ""
        shown = {
            "name": name,
            "why": entry["why"],
            "breaks": [entry["breaks"]] if "breaks" in entry else entry["verdict"].get("errors", []),
            "json": pretty(said or entry.get("raw")),
        }
        animals.setdefault(kind if kind in law.EVENTS else "", []).append(shown)
    return animals
