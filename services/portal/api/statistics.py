"""The number of dossiers in each state, by province."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from contracts.catalogue import PROVINCES, current_province
from contracts.lifecycle import LIFECYCLE
from services.portal.api.views import PortalDep
from services.portal.reporting.projection import NAME
from services.portal.runtime import Portal
from shared.messaging import projection
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import Number, SandboxId
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["statistics"])
POLL_SECONDS = 0.05
COUNT_SQL = """
SELECT province, state, count(*) AS dossiers FROM reported_dossiers
WHERE sandbox = $1 AND ($2::text IS NULL OR province = $2) GROUP BY province, state ORDER BY province, state"""


class ProvinceCount(BaseModel):
    """One province. `states`: only states with dossiers."""

    province: str
    name_vi: str
    name_en: str
    dossiers: int
    states: dict[str, int]


class Statistics(BaseModel):
    """Counts over all dossiers of a sandbox.

    behind  number of events that the portal had published or read before this request and that are not counted yet
    """

    dossiers: int
    states: Annotated[dict[str, int], Field(description="State (slug) → number of dossiers")]
    provinces: Annotated[list[ProvinceCount], Field(description="Provinces with dossiers, sorted by code")]
    behind: int


@router.get(
    "/statistics",
    summary="The number of dossiers in each state, by province.",
    responses=problem_responses(404, 422, 503),
)
async def statistics(
    sandbox: SandboxId,
    portal: PortalDep,
    province: Annotated[Text | None, Query(description="Only this province")] = None,
    wait: Annotated[
        float, Number, Query(ge=0, le=30, description="Seconds to wait for events that are not counted yet")
    ] = 5,
) -> Statistics:
    """Counted from events, shortly after they are published."""
    await known_sandbox(portal, sandbox)
    if province is not None:
        current_province(province)
    behind = await _caught_up(portal, wait)
    return _view(await portal.database.fetch(COUNT_SQL, sandbox, province), behind)


async def _caught_up(portal: Portal, seconds: float) -> int:
    """Wait until all events that are published by now are counted. Returns how many of them are not.

    Events that others publish meanwhile are not awaited: under load there is always one.
    """
    named, end = projection.named(portal.projections, NAME), asyncio.get_running_loop().time() + seconds
    goal = await projection.goal(portal.database, named, portal.service)
    while True:
        behind = await projection.behind(portal.database, named, portal.service, goal)
        if asyncio.get_running_loop().time() >= end:
            return behind
        if not behind and goal.last is None:
            return 0
        if not behind:  # what was queued has its numbers now, which may be after those of the goal
            goal = replace(await projection.goal(portal.database, named, portal.service), last=None)
            continue
        await asyncio.sleep(POLL_SECONDS)


def _view(rows: Sequence[Any], behind: int) -> Statistics:
    totals: Counter[str] = Counter()
    by_province: dict[str, dict[str, int]] = {}
    for row in rows:
        slug = LIFECYCLE.state(row["state"]).slug
        totals[slug] += row["dossiers"]
        by_province.setdefault(row["province"], {})[slug] = row["dossiers"]
    provinces = [
        ProvinceCount(
            province=code,
            name_vi=PROVINCES[code].name_vi,
            name_en=PROVINCES[code].name_en,
            dossiers=sum(states.values()),
            states=states,
        )
        for code, states in by_province.items()
    ]
    return Statistics(dossiers=totals.total(), states=dict(totals), provinces=provinces, behind=behind)
