"""The views of connectors, faults, dead letters, contracts and the country."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import Request, Response

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES
from contracts.faults import FAULTS
from contracts.gate import RULES
from contracts.lifecycle import LIFECYCLE
from contracts.schemas import event_types, schema
from services.portal.console import peers
from services.portal.console.views import show
from services.portal.lab.faults import rules_with_counts
from services.portal.pages.visits import VisitDep, refused
from services.portal.problems import PROBLEMS
from shared.text import Text
from shared.web.page_route import page_router

router = page_router(refused, PROBLEMS)
VERDICTS = 50  # the newest of one connector
# Province → row and column of its tile; where the provinces lie, roughly, from north to south. Our own drawing.
TILES = {
    "12": (0, 1), "15": (0, 2), "08": (0, 3), "04": (0, 4),
    "11": (1, 0), "14": (1, 1), "25": (1, 2), "19": (1, 3), "20": (1, 4), "22": (1, 5),
    "01": (2, 2), "24": (2, 3), "33": (2, 4), "31": (2, 5),
    "38": (3, 2), "37": (3, 3),
    "40": (4, 2),
    "42": (5, 3),
    "44": (6, 3),
    "46": (7, 4), "48": (7, 5),
    "51": (8, 5),
    "52": (9, 5),
    "66": (10, 5), "56": (10, 6),
    "68": (11, 5),
    "75": (12, 4), "79": (12, 3), "80": (12, 2),
    "82": (13, 2), "86": (13, 3), "91": (13, 1),
    "92": (14, 2), "96": (15, 1),
}  # fmt: skip
COUNT_SQL = "SELECT province, state, count(*) AS n FROM reported_dossiers WHERE sandbox = $1 GROUP BY 1, 2"


@router.get("/console/connectors")
async def connectors_view(visit: VisitDep, province: Text = "") -> Response:
    gateway = visit.portal.settings.province_gateway_url

    async def facts() -> dict[str, Any]:
        listed = await peers.rows(visit.portal, gateway, "/api/v1/connectors", visit.sandbox.id)
        verdicts = deliveries = None
        chosen = province or next((each["province"] for each in listed or ()), "")
        if chosen in PROVINCES:
            base = f"/api/v1/provinces/{chosen}"
            verdicts, deliveries = await asyncio.gather(
                peers.rows(visit.portal, gateway, f"{base}/verdicts", visit.sandbox.id),
                peers.rows(visit.portal, gateway, f"{base}/deliveries", visit.sandbox.id),
            )
        return {
            "connectors": listed,
            "chosen": chosen if chosen in PROVINCES else "",
            "verdicts": [
                {**each, "json": json.dumps(each, ensure_ascii=False, indent=2)}
                for each in (verdicts or [])[-VERDICTS:][::-1]
            ],
            "deliveries": (deliveries or [])[-VERDICTS:][::-1],
            "gateway": gateway,
            "provinces": PROVINCES,
        }

    return await show(visit, "connectors", facts)


@router.get("/console/faults")
async def faults_view(visit: VisitDep) -> Response:
    async def facts() -> dict[str, Any]:
        rules = await rules_with_counts(visit.portal, visit.sandbox.id)
        families: dict[str, list[Any]] = {}
        for fault in FAULTS.values():
            families.setdefault(fault.family, []).append(fault)
        examples = {name: json.dumps(fault.example, ensure_ascii=False) for name, fault in FAULTS.items()}
        return {"rules": rules, "families": families, "examples": examples}

    return await show(visit, "faults", facts)


@router.get("/console/dead-letters")
async def dead_letters_view(visit: VisitDep) -> Response:
    gateway = visit.portal.settings.province_gateway_url

    async def facts() -> dict[str, Any]:
        places = {"portal": visit.portal.settings.portal_url, "gateway": gateway}
        parts = await asyncio.gather(
            *(peers.rows(visit.portal, url, "/_lab/dead-letters", visit.sandbox.id) for url in places.values())
        )
        letters = [
            {**letter, "place": place, "json": json.dumps(letter, ensure_ascii=False, indent=2)}
            for place, part in zip(places, parts, strict=True)
            for letter in part or ()
        ]
        silent = [place for place, part in zip(places, parts, strict=True) if part is None]
        return {"letters": letters, "silent": silent, "gateway": gateway}

    return await show(visit, "dead-letters", facts)


@router.get("/console/contracts")
async def contracts_view(visit: VisitDep, type: Text = "") -> Response:
    async def facts() -> dict[str, Any]:
        types = [(name, law.EVENTS[name]) for name in event_types() if name in law.EVENTS]
        chosen = type if type in law.EVENTS else ""
        shown = schema(chosen) if chosen else {}
        moves = [move for move in LIFECYCLE.moves if move.event == chosen]
        return {
            "types": types,
            "chosen": chosen,
            "schema": json.dumps(shown, ensure_ascii=False, indent=2),
            "example": json.dumps((shown.get("examples") or [{}])[0], ensure_ascii=False, indent=2),
            "moves": moves,
            "rules": [rule for rule in RULES.values() if not chosen],
        }

    return await show(visit, "contracts", facts)


@router.get("/console/country")
async def country_view(visit: VisitDep, wall: Text = "") -> Response:
    async def facts() -> dict[str, Any]:
        rows = await visit.portal.database.fetch(COUNT_SQL, visit.sandbox.id)
        counts: dict[str, dict[str, int]] = {}
        for row in rows:
            state = LIFECYCLE.state(row["state"])
            kind = "open"
            if state in (law.RESULT_READY, law.RESULT_RETURNED):
                kind = "done"
            elif state in law.ENDED_WITHOUT_RESULT:
                kind = "without"
            of = counts.setdefault(row["province"], {"open": 0, "done": 0, "without": 0, "all": 0})
            of[kind] += row["n"]
            of["all"] += row["n"]
        most = max((of["all"] for of in counts.values()), default=1)
        tiles = [(PROVINCES[code], *TILES[code], counts.get(code), most) for code in PROVINCES]
        return {"tiles": tiles, "total": sum(of["all"] for of in counts.values()), "wall": bool(wall)}

    return await show(visit, "country", facts)


@router.api_route("/console/gateway/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
async def at_the_gateway(visit: VisitDep, path: Text, request: Request) -> Response:
    """Passes a call of a view on to the province gateway: a page may call only its own service."""
    gateway = visit.portal.settings.province_gateway_url
    kept = {
        name: value for name in ("content-type", "x-api-key", "idempotency-key") if (value := request.headers.get(name))
    }
    headers = {"X-Sandbox": visit.sandbox.id, **kept}
    reply = await visit.portal.http.request(
        request.method, f"{gateway}/{path}", params=request.query_params, content=await request.body(), headers=headers
    )
    return Response(reply.content, reply.status_code, media_type=reply.headers.get("content-type"))
