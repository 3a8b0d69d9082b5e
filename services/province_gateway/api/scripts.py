"""Test endpoint: what simulated officers will decide on one dossier."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel

from contracts.decisions import Decisions
from services.province_gateway import arrival, commands
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.domain import Script
from services.province_gateway.officers.modes import must_decide_here
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxId
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab", tags=["lab"])


class ScriptBody(BaseModel):
    decisions: Decisions


@router.put(
    "/officers/{code}",
    summary="Set what the officers of one dossier decide; it may be submitted later.",
    responses=problem_responses(404, 409, 422, 503),
)
async def script_officers(code: Text, body: ScriptBody, sandbox: SandboxId, gateway: GatewayDep) -> dict[str, Any]:
    """The reply has `arrived: false` if the province does not have the dossier yet: the decisions wait for it."""
    script = msgspec.convert(body.decisions.model_dump(), Script)
    must_decide_here(await known_sandbox(gateway, sandbox), arrival.province_in(code) or "")
    await arrival.expect(gateway, sandbox, code)
    async with gateway.unit_of_work(sandbox, codes=[code]) as request:
        dossier = commands.script_officers(request.work, code, script)
    decisions = body.decisions.model_dump(exclude_unset=True)
    return {"code": dossier.code, "decisions": decisions} | ({"arrived": False} if dossier.is_expected else {})
