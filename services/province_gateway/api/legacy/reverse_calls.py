"""Reverse calls on request: what the portal tells a province though no event says it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from contracts.decisions import Body
from contracts.legacy.played import PLAYS
from services.province_gateway.api.access import ConnectorDep
from services.province_gateway.api.deliveries import AttemptView
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors import attempts
from services.province_gateway.legacy import playing
from shared.text import Text
from shared.web.dependencies import Number
from shared.web.problems import problem_responses
from shared.web.router import Router

POLL_SECONDS = 0.05  # between two looks for the answer
Wait = Annotated[float, Number, Query(ge=0, le=30, description="Seconds to wait for the answer of the province")]
router = Router(prefix="/api/v1", tags=["adapter"])


class CallBody(Body):
    """call: such as tax-notice; dossier: what it is about; changes: members of the call in place of ours."""

    call: Annotated[Text, Field(json_schema_extra={"enum": [*PLAYS]})]
    dossier: Text
    changes: Annotated[dict[str, Any], Field(max_length=50)] = Field(default_factory=dict)


class CallView(BaseModel):
    """What is sent, to the end of the address that the province listens at; `id`: of the delivery.

    `answer`: the last attempt, with the first 4,000 characters of the answer in `head`; null: there was none yet.
    """

    id: str
    path: str
    body: dict[str, Any]
    answer: AttemptView | None


@router.post(
    "/provinces/{province}/connector/calls",
    summary="Tell the province something that no event says: a promotion notice, a tax notice, a fee look-up.",
    status_code=202,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def play(body: CallBody, connector: ConnectorDep, gateway: GatewayDep, wait: Wait = 0) -> CallView:
    """It is sent as deliveries are: `deliveries` lists its attempts, `resend` sends it again."""
    id, call = await playing.play(gateway, connector, body.call, body.dossier, body.changes)
    until = asyncio.get_running_loop().time() + wait
    while (attempt := await attempts.last(gateway.database, connector, id)) is None:
        if asyncio.get_running_loop().time() >= until:
            break
        await asyncio.sleep(POLL_SECONDS)
    return CallView(id=id, path=call.path, body=call.body, answer=attempt and AttemptView.model_validate(attempt))
