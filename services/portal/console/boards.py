"""The views of connectors, faults and the country."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from fastapi import Request, Response

from contracts.catalogue import COMMUNES, PROVINCES
from contracts.faults import FAULTS
from services.portal.console import peers
from services.portal.console.views import pretty, show
from services.portal.lab.faults import rules_with_counts
from services.portal.pages.visits import VisitDep, refused
from services.portal.problems import PROBLEMS
from services.portal.reporting.country import figures, total
from shared.errors import NotReady
from shared.text import Text
from shared.web.page_route import page_router
from shared.web.router import Router

router = page_router(refused, PROBLEMS)
calls = Router(include_in_schema=False)  # for scripts: a refusal is JSON
NEWEST = 50  # verdicts and deliveries of one connector
KEPT = ("content-type", "idempotency-key")  # headers of a call that are passed on
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


@router.get("/console/connectors")
async def connectors_view(visit: VisitDep, province: Text = "") -> Response:
    gateway = visit.portal.settings.province_gateway_url

    async def facts() -> dict[str, Any]:
        listed = await peers.rows(visit.portal, gateway, "/api/v1/connectors", visit.sandbox.id)
        of = {each["province"]: each for each in listed or ()}
        chosen = province if province in of else next(iter(of), "")
        verdicts = deliveries = None
        if chosen:
            base, said = f"/api/v1/provinces/{chosen}", sum(of[chosen]["verdicts"].values())
            verdicts, deliveries = await asyncio.gather(
                peers.rows(visit.portal, gateway, f"{base}/verdicts?after={max(said - NEWEST, 0)}", visit.sandbox.id),
                peers.rows(visit.portal, gateway, f"{base}/deliveries", visit.sandbox.id),
            )
        return {
            "connectors": listed,
            "chosen": chosen,
            "verdicts": None if verdicts is None else [_shown(each) for each in verdicts[-NEWEST:][::-1]],
            "deliveries": deliveries and deliveries[-NEWEST:][::-1],
            "gateway": gateway,
            "provinces": PROVINCES,
        }

    return await show(visit, "connectors", facts)


def _shown(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict with JSON to read and to copy; `patch`: all that mends it, in the order of the errors."""
    errors = [{**each, "patch": pretty(each["patch"]) if each.get("patch") else ""} for each in verdict["errors"]]
    patch = [operation for each in verdict["errors"] for operation in each.get("patch") or ()]
    example = verdict.get("example")
    return {
        **verdict,
        "errors": errors,
        "patch": pretty(patch) if patch else "",
        "example": pretty(example) if example else "",
        "json": pretty(verdict),
    }


@router.get("/console/faults")
async def faults_view(visit: VisitDep) -> Response:
    async def facts() -> dict[str, Any]:
        rules = await rules_with_counts(visit.portal, visit.sandbox.id)
        families: dict[str, list[Any]] = {}
        for fault in FAULTS.values():
            families.setdefault(fault.family, []).append(fault)
        examples = {
            name: json.dumps({"fault": name, **fault.example}, ensure_ascii=False) for name, fault in FAULTS.items()
        }
        return {"rules": rules, "families": families, "examples": examples}

    return await show(visit, "faults", facts)


@router.get("/console/country")
async def country_view(visit: VisitDep, province: Text = "", wall: Text = "") -> Response:
    chosen = province if province in PROVINCES else ""

    async def facts() -> dict[str, Any]:
        sandbox = await visit.portal.sandbox(visit.sandbox.id)
        provinces = await figures(visit.portal.database, sandbox.id, sandbox.now)
        communes = await figures(visit.portal.database, sandbox.id, sandbox.now, chosen) if chosen else {}
        return {
            "tiles": [(PROVINCES[code], *TILES[code], provinces.get(code)) for code in PROVINCES],
            "total": total(provinces),
            "chosen": PROVINCES.get(chosen),
            "of_chosen": provinces.get(chosen),
            "communes": [
                (COMMUNES.get(code), of)
                for code, of in sorted(communes.items(), key=lambda each: (-each[1].overdue, -each[1].dossiers))
            ],
            "wall": bool(wall),
        }

    return await show(visit, "country", facts)


@calls.api_route("/console/gateway/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
async def at_the_gateway(visit: VisitDep, path: Text, request: Request) -> Response:
    """Passes a call of a view on to the province gateway: a page may call only its own service."""
    portal = visit.portal
    headers = await peers.owner_headers(portal, visit.sandbox.id)
    headers |= {name: value for name in KEPT if (value := request.headers.get(name))}
    url, body = f"{portal.settings.province_gateway_url}/{path}", await request.body()
    try:
        reply = await portal.http.request(
            request.method, url, params=request.query_params, content=body, headers=headers
        )
    except httpx.HTTPError as fault:
        raise NotReady("The province gateway does not reply; try again.", waits_for=["province_gateway"]) from fault
    return Response(reply.content, reply.status_code, media_type=reply.headers.get("content-type"))
