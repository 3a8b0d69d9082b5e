"""A scenario is looked at before anybody begins it: whoever stages it is told when each dossier is handed in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel

from contracts.scenario import checked
from services.portal.sandboxes.owner import a_seed, start_of
from services.portal.sandboxes.scenario_check import Scenes
from shared.sandbox.clock import parse_time, wire
from shared.web.problems import problem_responses

router = APIRouter()


class PlanView(BaseModel):
    """`handed_in` has a moment for each dossier, in their order; `until` is null where the end is when all are in their states."""

    seed: str
    start: str
    until: str | None
    handed_in: list[str]


@router.post(
    "/scenarios/plan",
    summary="Check a scenario, and say when it plays; nothing is made.",
    responses=problem_responses(422),
)
async def plan(document: Annotated[dict[str, Any], Body()]) -> PlanView:
    scenario = checked(document)
    seed = scenario.seed or a_seed()
    start = parse_time(scenario.clock.start, "/clock/start") if scenario.clock.start else start_of(seed)
    scenes = Scenes(scenario, start)
    return PlanView(
        seed=seed,
        start=wire(start),
        until=wire(scenes.until) if scenes.until else None,
        handed_in=[wire(each) for each in scenes.handed_in],
    )
