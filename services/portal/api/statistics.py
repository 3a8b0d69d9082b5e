"""How many dossiers stand in which state, by province."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from contracts.catalogue import PROVINCES, ProvinceNotFound
from contracts.lifecycle import LIFECYCLE
from services.portal.api.views import PortalDep
from services.portal.reporting.projection import NAME
from services.portal.runtime import Portal
from shared.messaging import projection
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxId
from shared.web.problems import problem_responses

router = APIRouter(prefix="/api/v1", tags=["statistics"])
LOOK_SECONDS = 0.05
COUNT_SQL = """
SELECT province, state, count(*) AS dossiers FROM reported_dossiers
WHERE sandbox = $1 AND ($2::text IS NULL OR province = $2) GROUP BY province, state ORDER BY province, state"""


class ProvinceCount(BaseModel):
    """One province; `states` holds the states in which it has dossiers."""

    province: str
    name_vi: str
    name_en: str
    dossiers: int
    states: dict[str, int]


class Statistics(BaseModel):
    """Counts over all dossiers of a sandbox.

    behind  events that are published and not counted yet; 0: the counts are complete
    """

    dossiers: int
    states: Annotated[dict[str, int], Field(description="State (slug) → number of dossiers")]
    provinces: Annotated[list[ProvinceCount], Field(description="Those that have dossiers, by code")]
    behind: int


@router.get(
    "/statistics",
    summary="How many dossiers stand in which state, by province.",
    responses=problem_responses(404, 422, 503),
)
async def statistics(
    sandbox: SandboxId,
    portal: PortalDep,
    province: Annotated[Text | None, Query(description="Only this province")] = None,
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait for events that are not counted yet")] = 5,
) -> Statistics:
    """Counted from events, shortly after they are published."""
    await known_sandbox(portal, sandbox)
    if province is not None and province not in PROVINCES:
        raise ProvinceNotFound("GET /api/v1/provinces lists them.", province=province)
    late = await _caught_up(portal, wait)
    return _view(await portal.database.fetch(COUNT_SQL, sandbox, province), late)


async def _caught_up(portal: Portal, seconds: float) -> int:
    """Wait until the projection has read what is published; gives how many events it is still behind."""
    wanted = projection.named(portal.projections, NAME)
    end = asyncio.get_running_loop().time() + seconds
    while True:
        late = await projection.behind(portal.database, wanted, portal.service)
        if not late or asyncio.get_running_loop().time() >= end:
            return late
        await asyncio.sleep(LOOK_SECONDS)


def _view(rows: Sequence[Any], late: int) -> Statistics:
    everywhere: Counter[str] = Counter()
    by_province: dict[str, dict[str, int]] = {}
    for row in rows:
        slug = LIFECYCLE.state(row["state"]).slug
        everywhere[slug] += row["dossiers"]
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
    return Statistics(dossiers=everywhere.total(), states=dict(everywhere), provinces=provinces, behind=late)
