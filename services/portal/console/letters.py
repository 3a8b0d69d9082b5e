"""The view of dead letters: the events that could not be applied; each with what was edited, to edit and to redrive."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import quote

from fastapi import Response

from contracts import lifecycle as law
from services.portal.console import peers
from services.portal.console.views import pretty, show
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.problems import PROBLEMS
from shared.text import Text
from shared.web.page_route import page_router

router = page_router(refused, PROBLEMS)
NAMED = re.compile(r"(portal|gateway)-([0-9]{1,18})", re.ASCII)  # a letter in the address of the view


@router.get("/console/dead-letters")
async def dead_letters_view(visit: VisitDep, type: Text = "", all: Text = "", letter: Text = "") -> Response:
    """type: only these; all: also those that were redriven; letter: the one that is shown whole, as `portal-7`."""
    places = {"portal": visit.portal.settings.portal_url, "gateway": visit.portal.settings.province_gateway_url}
    kind, only_open = type.strip()[:100], not all
    query = f"?open={str(only_open).lower()}" + (f"&type={quote(kind, safe='')}" if kind else "")

    async def facts() -> dict[str, Any]:
        parts = await asyncio.gather(
            *(peers.rows(visit.portal, url, f"/_lab/dead-letters{query}", visit.sandbox.id) for url in places.values())
        )
        lists = dict(zip(places, parts, strict=True))
        letters = [{**each, "place": place} for place, part in lists.items() for each in part or ()]
        return {
            "letters": letters,
            "open": {
                place: sum(each["redriven_at"] is None for each in letters if each["place"] == place)
                for place in places
            },
            "bases": {"portal": "", "gateway": places["gateway"]},
            "silent": [place for place, part in lists.items() if part is None],
            "largest": peers.LARGEST,
            "kinds": sorted({*law.EVENTS, *(each["kind"] for each in letters), *([kind] if kind else [])}),
            "kind": kind,
            "all": bool(all),
            "chosen": await _whole(visit, places, letter),
        }

    return await show(visit, "dead-letters", facts)


async def _whole(visit: CitizenVisit, places: dict[str, str], name: str) -> dict[str, Any] | None:
    """One dead letter with its body, and the one before its first edit; None: there is none of this name."""
    match = NAMED.fullmatch(name)
    path = f"/_lab/dead-letters/{int(match[2])}" if match else ""
    letter = await peers.document(visit.portal, places[match[1]], path, visit.sandbox.id) if match else None
    if match is None or letter is None:
        return None
    record, original = letter["record"], letter["original"]
    return {
        **letter,
        "place": match[1],
        "body": _readable(record["body"]) if record else None,
        "original": None if original is None else _readable(original),
        "headers": {name: value for name, value in (record or {}).items() if name != "body"},
    }


def _readable(body: str) -> str:
    """A body as indented JSON; as it is, if it is no JSON."""
    try:
        return pretty(json.loads(body))
    except (ValueError, RecursionError):
        return body
