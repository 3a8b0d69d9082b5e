"""The view Now: health, events per second, lag, what the sandbox waits for, its clock, faults, connectors; sandboxes."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import Response

from services.portal.console import peers
from services.portal.console.views import health_of, show
from services.portal.pages.visits import CitizenVisit, VisitDep, refused
from services.portal.problems import PROBLEMS
from shared.sandbox import faults
from shared.sandbox.names import DEFAULT
from shared.text import Text
from shared.web.page_route import page_router

router = page_router(refused, PROBLEMS)
SANDBOXES = 30  # on one page; a search finds the others
LISTED_SQL = f"""
SELECT id, name, rate, created_at FROM sandboxes WHERE NOT deleted AND (id ILIKE $1 OR name ILIKE $1)
ORDER BY created_at DESC LIMIT {SANDBOXES}"""


@router.get("/console")
async def now_view(visit: VisitDep, find: Text = "") -> Response:
    async def facts() -> dict[str, Any]:
        return {**await _now(visit), **await _sandboxes(visit, find[:100])}

    return await show(visit, "now", facts)


async def _now(visit: CitizenVisit) -> dict[str, Any]:
    portal, sandbox = visit.portal, visit.sandbox.id
    gateway = portal.settings.province_gateway_url
    health = health_of(visit)
    processes, verdict, connectors, own, theirs = await asyncio.gather(
        health.look(portal),
        portal.timekeeping.settle(sandbox, 0),
        peers.rows(portal, gateway, "/api/v1/connectors", sandbox),
        peers.rows(portal, portal.settings.portal_url, "/_lab/dead-letters?open=true", sandbox),
        peers.rows(portal, gateway, "/_lab/dead-letters?open=true", sandbox),
    )
    current = await portal.sandbox(sandbox)

    def most(metric: str) -> float:
        return max((each["metrics"].get(metric, 0.0) for each in processes), default=0.0)

    return {
        "processes": processes,
        "rate": f"{health.events_per_second:.0f}",
        "lag": int(sum(each["metrics"].get("lienthong_lag_events", 0.0) for each in processes)),
        "queue": int(most("lienthong_queue_depth")),
        "verdict": verdict.verdict,
        "waits": [asdict(each) for each in verdict.waiting_for],
        "next_due": verdict.next_due,
        "now": current.now,
        "clock_rate": current.rate,
        "dead": None if own is None or theirs is None else len(own) + len(theirs),
        "connectors": connectors,
        "rules": [
            {"id": rule.id, "fault": rule.fault, "en": rule.text_en, "vi": rule.text_vi}
            for rule in faults.rules_of(current.faults)
        ],
    }


async def _sandboxes(visit: CitizenVisit, find: str) -> dict[str, Any]:
    words = find.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await visit.portal.database.fetch(LISTED_SQL, f"%{words}%")
    total = await visit.portal.database.fetch("SELECT count(*) AS n FROM sandboxes WHERE NOT deleted")
    issuer = visit.portal.settings.identity_url
    is_default = visit.sandbox.id == DEFAULT
    return {
        "sandboxes": [dict(row) for row in rows],
        "total": total[0]["n"],
        "find": find,
        "api_key": await peers.api_key(visit.portal, visit.sandbox.id),
        "issuer": issuer if is_default else f"{issuer}/s/{visit.sandbox.id}",
    }
