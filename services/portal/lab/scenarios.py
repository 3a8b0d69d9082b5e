"""Checks a scenario before it runs, and returns the time at which each dossier is handed in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from pydantic import BaseModel

from contracts.scenario import checked
from services.portal.lab.router import lab_router
from services.portal.sandboxes.owner import random_seed, start_of
from services.portal.sandboxes.scenario_check import Schedule
from shared.sandbox.clock import parse_time, wire
from shared.web.problems import problem_responses

router = lab_router()


class PlanView(BaseModel):
    """`handed_in`: a time for each dossier, in their order. `until`: null if it ends when all states are reached."""

    seed: str
    start: str
    until: str | None
    handed_in: list[str]


@router.post(
    "/scenarios/plan",
    summary="Check a scenario and return its times; nothing is created.",
    responses=problem_responses(422),
)
async def plan(document: Annotated[dict[str, Any], Body()]) -> PlanView:
    scenario = checked(document)
    seed = scenario.seed or random_seed()
    start = parse_time(scenario.clock.start, "/clock/start") if scenario.clock.start else start_of(seed)
    schedule = Schedule(scenario, start)
    return PlanView(
        seed=seed,
        start=wire(start),
        until=wire(schedule.until) if schedule.until else None,
        handed_in=[wire(moment) for moment in schedule.handed_in],
    )
