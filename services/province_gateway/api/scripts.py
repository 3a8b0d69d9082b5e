"""Test endpoint: what simulated officers will decide on one dossier."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel

from contracts.decisions import Decisions
from services.province_gateway import commands
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.domain import DossierNotFound, Script
from services.province_gateway.runtime import Gateway
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxId
from shared.web.problems import problem_responses

router = APIRouter(prefix="/_lab", tags=["lab"])
ARRIVAL_SECONDS = 3.0  # a script can be sent right after the submission; the event arrives some milliseconds later


class ScriptBody(BaseModel):
    decisions: Decisions


@router.put(
    "/officers/{code}", summary="Set what the officers of one dossier decide.", responses=problem_responses(404, 422)
)
async def script_officers(code: Text, body: ScriptBody, sandbox: SandboxId, gateway: GatewayDep) -> dict[str, Any]:
    script = msgspec.convert(body.decisions.model_dump(), Script)
    await _wait_for_arrival(gateway, sandbox, code)
    async with gateway.unit_of_work(sandbox, codes=[code]) as request:
        dossier = commands.script_officers(request.work, code, script)
    return {"code": dossier.code, "decisions": body.decisions.model_dump(exclude_unset=True)}


async def _wait_for_arrival(gateway: Gateway, sandbox_id: str, code: str) -> None:
    """Wait until the dossier exists; raises DossierNotFound after ARRIVAL_SECONDS."""
    await known_sandbox(gateway, sandbox_id)
    until = asyncio.get_running_loop().time() + ARRIVAL_SECONDS
    while await gateway.documents.find(gateway.database, sandbox_id, code) is None:
        if asyncio.get_running_loop().time() > until:
            raise DossierNotFound(code)
        await asyncio.sleep(0.01)
