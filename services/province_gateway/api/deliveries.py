"""The deliveries of a connector with the attempts to send them; sending again; whether a receiver can be called."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from contracts.catalogue import current_province
from contracts.decisions import Body
from contracts.modes import MOST, address_fault
from contracts.views import Moment
from services.province_gateway.api.access import ConnectorDep, OwnKey
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors import attempts, connectors
from services.province_gateway.officers.modes import mode_of
from shared import receivers
from shared.errors import BodyDoesNotFit
from shared.sandbox.clock import TimeText, parse_time
from shared.text import Text
from shared.web.dependencies import ForServices, SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["connectors"])
services_router = Router(prefix="/_lab", tags=["services"], dependencies=[ForServices])
EXACTLY_ONE = "say which: exactly one of event, dossier and since"


class AttemptView(BaseModel):
    """One request to a webhook's receiver.

    `at`: sandbox time, `real_at`: real time; `status` of the answer, null without one; `error`: "" if it was taken;
    `head`: the beginning of the answer.
    """

    attempt: int
    at: Moment
    real_at: Moment
    status: int | None
    error: str
    milliseconds: int
    head: str


class DeliveryView(BaseModel):
    """One event for a connector.

    `at`: when it happened, in sandbox time; `real_at`, `acknowledged_at`, `given_up_at`: real time; `attempts`: how many were
    made by webhook, the last 20 in `log`; `next_try`: sandbox time of the next one, null for now or never; `waits_for`: why a
    reverse call is not told at the door of the connector, null if it is.
    """

    number: int
    id: str
    type: str
    dossier: str
    at: Moment
    real_at: Moment
    state: Literal["waiting", "delivered", "given_up"]
    acknowledged_at: Moment | None
    attempts: int
    next_try: Moment | None
    given_up_at: Moment | None
    waits_for: str | None
    log: list[AttemptView]


@router.get(
    "/provinces/{province}/deliveries",
    summary="What the connector is told, and the attempts to send it by webhook.",
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def list_deliveries(
    connector: ConnectorDep,
    gateway: GatewayDep,
    page: PageDep,
    request: Request,
    response: Response,
    dossier: Annotated[Text | None, Query(max_length=64, description="Only those of this dossier")] = None,
    state: Annotated[Literal["waiting", "delivered", "given_up"] | None, Query(description="Only these")] = None,
) -> list[DeliveryView]:
    mode = mode_of(await gateway.sandbox(connector.sandbox_id), connector.province)
    cut = await attempts.listed(gateway.database, connector, dossier, state, page, hears_calls=mode.hears_calls)
    return [DeliveryView.model_validate(row) for row in announce(request, response, cut)]


class Resend(Body):
    """Which deliveries are sent again: exactly one member.

    event    id of one event
    dossier  all of a dossier
    since    all of events that happened at this sandbox time or later
    """

    event: Annotated[Text | None, Field(max_length=200)] = None
    dossier: Annotated[Text | None, Field(max_length=64)] = None
    since: TimeText | None = None


class Resent(BaseModel):
    resent: int


@router.post(
    "/provinces/{province}/deliveries/resend",
    summary="Send deliveries by webhook again, in order, also those that were taken or given up.",
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def resend(connector: ConnectorDep, body: Resend, gateway: GatewayDep) -> Resent:
    if sum(each is not None for each in (body.event, body.dossier, body.since)) != 1:
        raise BodyDoesNotFit(("", EXACTLY_ONE))
    since = None if body.since is None else parse_time(body.since, "/since")
    count = await attempts.resend(gateway, connector, event=body.event, dossier=body.dossier, since=since)
    await gateway.ring_webhooks(connector.sandbox_id)
    return Resent(resent=count)


class ReceiverBody(Body):
    url: Annotated[Text, Field(max_length=2000)]


class ReceiversBody(Body):
    urls: Annotated[list[Text], Field(max_length=MOST)]


class ReceiverView(BaseModel):
    """`trouble`: why nobody answers there now; null: somebody listens."""

    trouble: str | None


@router.post(
    "/provinces/{province}/connector/receiver",
    summary="Whether the receiver of a webhook may be called, and whether somebody listens there; nothing is sent.",
    responses=problem_responses(401, 404, 409, 422, 503),
)
async def check_receiver(
    province: Text, body: ReceiverBody, sandbox: SandboxId, own_key: OwnKey, gateway: GatewayDep
) -> ReceiverView:
    current_province(province)
    await connectors.require_own_key(gateway, sandbox, own_key)
    if fault := address_fault(body.url):
        raise BodyDoesNotFit(("/url", fault))
    return ReceiverView(trouble=await receivers.reachable(gateway.allowed_hosts, body.url))


@services_router.post(
    "/receivers",
    summary="Whether the receivers of webhooks may all be called; nothing is sent",
    status_code=204,
    response_class=Response,
    responses=problem_responses(403, 409, 422),
)
async def check_receivers(body: ReceiversBody, gateway: GatewayDep) -> Response:
    for url in body.urls:
        await receivers.require_allowed(gateway.allowed_hosts, url)
    return Response(status_code=204)
