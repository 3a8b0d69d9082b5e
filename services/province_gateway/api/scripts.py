"""The test door of the officers: what they will decide on one dossier."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from contracts.lifecycle import LIFECYCLE
from services.province_gateway import commands
from services.province_gateway.api.desk import MoveFacts
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.app_state import Gateway
from services.province_gateway.domain import OFFICIALS, DossierNotFound, Script
from shared.errors import BodyDoesNotFit
from shared.problems import problem_responses
from shared.runtime import known_sandbox
from shared.web import SandboxId, Shown, Text

router = APIRouter(prefix="/_lab", tags=["lab"])
ARRIVAL_SECONDS = 3.0  # a script may be sent right after a submission: the dossier is on its way for some milliseconds
WorkingDays = Annotated[float, Field(ge=0, le=60, strict=True)]
# State → what officials can do there.
VERBS = {s.slug: [m.does for m in LIFECYCLE.moves_from(s) if m.who in OFFICIALS] for s in LIFECYCLE.states}


class Step(MoveFacts):
    """One move besides the straight path: taken as soon as it is lawful, or in the state `at`, after so many working days."""

    at: Annotated[Text, Field(max_length=40, examples=["in_processing"])] | None = None
    after_days: WorkingDays = 0


class Decisions(BaseModel):
    """What the officers of one dossier will decide, instead of drawing from the seed."""

    model_config = ConfigDict(extra="forbid")
    reception: Literal["receive", "refuse"] | None = None
    reason: Annotated[Shown, Field(max_length=500)] | None = None
    processing_days: Annotated[WorkingDays, Field(description="working days from start to result")] | None = None
    withdrawal: Literal["grant", "decline"] = "grant"
    fee_moment: Literal["at_reception", "at_result"] = "at_reception"
    steps: Annotated[list[Step], Field(max_length=20)] = Field(default_factory=list)


class ScriptBody(BaseModel):
    decisions: Decisions


@router.put(
    "/officers/{code}", summary="Script what the officers of one dossier decide.", responses=problem_responses(404, 422)
)
async def script_officers(code: Text, body: ScriptBody, sandbox: SandboxId, gateway: GatewayDep) -> dict[str, Any]:
    if faults := [fault for place, step in enumerate(body.decisions.steps) if (fault := _fault(place, step))]:
        raise BodyDoesNotFit(*faults)
    steps = tuple(step.instruction(at=step.at, after_days=step.after_days) for step in body.decisions.steps)
    script = Script(**{**body.decisions.model_dump(exclude={"steps"}), "steps": steps})
    await _arrived(gateway, sandbox, code)
    scripted = await gateway.decide(sandbox, lambda work: commands.script_officers(work, code, script), codes=[code])
    return {"code": scripted.code, "decisions": body.decisions.model_dump(exclude_unset=True)}


def _fault(place: int, step: Step) -> tuple[str, str] | None:
    """Pointer and sentence where the lifecycle table has no such step; what else the law may refuse is seen at its time."""
    if step.at is None:
        return None
    if step.at not in VERBS:
        return f"/decisions/steps/{place}/at", f"'{step.at}' is no state; there are {', '.join(sorted(VERBS))}"
    if step.does not in VERBS[step.at]:
        lawful = ", ".join(VERBS[step.at]) or "nothing"
        return f"/decisions/steps/{place}/does", f"'{step.does}' is never done in {step.at}; officials can do: {lawful}"
    return None


async def _arrived(gateway: Gateway, sandbox: str, code: str) -> None:
    """Wait a little for a dossier that is still on its lane; raises DossierNotFound."""
    await known_sandbox(gateway, sandbox)
    until = asyncio.get_running_loop().time() + ARRIVAL_SECONDS
    while await gateway.drawer.find(gateway.database, sandbox, code) is None:
        if asyncio.get_running_loop().time() > until:
            raise DossierNotFound(code)
        await asyncio.sleep(0.01)
