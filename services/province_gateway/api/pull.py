"""The pull door: a connector asks for its deliveries, with a cursor, and waits for what is new."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import msgspec
from fastapi import Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from contracts.decisions import Body
from contracts.faults.connectors import CUT
from services.province_gateway.api import stream
from services.province_gateway.api.access import ConnectorDep
from services.province_gateway.api.stream import until_new
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors import cloudevents, connectors, deliveries
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.deliveries import Delivery
from services.province_gateway.runtime import Gateway
from shared.errors import BodyDoesNotFit, Refusal
from shared.runtime import has_effect
from shared.web.cut_response import CutResponse
from shared.web.dependencies import Number
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["connectors"])
LONGEST, MOST = 60.0, 500  # s; events in a reply
After = Annotated[
    int | None,
    Number,
    Query(ge=0, lt=1 << 62, description="Number of the last delivery that you have; acknowledges all up to it"),
]
Accept = Annotated[str, Header(description=f"{stream.MEDIA_TYPE}: server-sent events, until you hang up")]
LastEventId = Annotated[
    int | None, Number, Header(ge=0, lt=1 << 62, description="As `after`, sent by clients of server-sent events")
]
NAME = r"^[A-Za-z0-9._-]{1,64}$"
Subscription = Annotated[
    str | None, Query(pattern=NAME, description="Continue at the cursor that this subscription keeps")
]
SubscriptionPath = Annotated[str, Path(pattern=NAME, description="Chosen by you")]
Wait = Annotated[float, Number, Query(ge=0, le=LONGEST, description="Seconds to wait while there is nothing new")]
Limit = Annotated[int, Number, Query(ge=1, le=MOST, description="Largest number of events in the reply")]


@router.get(
    "/provinces/{province}/events",
    summary="The deliveries after a cursor, in order: a batch of CloudEvents; waits for what is new.",
    response_class=Response,
    responses={
        200: {
            "description": "A batch, empty if there is nothing new. `delivery` of an event is its number; the header "
            "`Link` with `next` has the address that continues behind the last one.",
            "content": {
                cloudevents.BATCH: {"schema": {"type": "array", "items": {"type": "object"}}},
                stream.MEDIA_TYPE: {"schema": {"type": "string", "description": "One event each, `id` is its number"}},
            },
        },
        **problem_responses(401, 403, 404, 409, 422, 503),
    },
)
async def pull_events(
    request: Request,
    connector: ConnectorDep,
    gateway: GatewayDep,
    after: After = None,
    subscription: Subscription = None,
    wait: Wait = 0,
    limit: Limit = 100,
    accept: Accept = "",
    last_event_id: LastEventId = None,
) -> Response:
    begin = await _begin(gateway, connector, after if last_event_id is None else last_event_id, subscription)
    if stream.MEDIA_TYPE in accept and has_effect.get():
        await connectors.note_heard(gateway, connector, begin)
        return stream.response(gateway, connector, begin, refused=partial(_refused, request, gateway))
    batch = await told(gateway, connector, begin, wait if has_effect.get() else 0, limit)
    content = msgspec.json.encode(await cloudevents.structured(gateway, connector.sandbox_id, batch))
    kind = CutResponse if await _is_cut(gateway, connector, batch) else Response
    cursor = batch[-1].number if batch else begin
    link = f"</api/v1/provinces/{connector.province}/events?after={cursor}&wait={wait:g}&limit={limit}>"
    return kind(content, media_type=cloudevents.BATCH, headers={"Link": f'{link}; rel="next"'})


async def _is_cut(gateway: Gateway, connector: Connector, batch: Sequence[Delivery]) -> bool:
    """Whether a fault rule breaks the connection in the middle of this batch: once for each delivery."""
    place = (connector.sandbox_id, connector.province)
    cut = [delivery for delivery in batch if delivery.twist == CUT]
    return has_effect.get() and any([await deliveries.spend(gateway.database, *place, each) for each in cut])


class CursorBody(Body):
    cursor: Annotated[
        int, Field(ge=0, lt=1 << 62, strict=True, description="Number of the last delivery that you have")
    ]


class SubscriptionView(BaseModel):
    name: str
    cursor: int


@router.put(
    "/provinces/{province}/subscriptions/{name}",
    summary="Acknowledge all deliveries up to a cursor, which is kept for you; a lower one goes back.",
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def keep_cursor(
    connector: ConnectorDep, name: SubscriptionPath, body: CursorBody, gateway: GatewayDep
) -> SubscriptionView:
    await _require_given(gateway, connector, body.cursor, "/cursor")
    await connectors.keep_cursor(gateway, connector, name, body.cursor)
    return SubscriptionView(name=name, cursor=body.cursor)


@router.get(
    "/provinces/{province}/subscriptions/{name}",
    summary="The cursor that is kept for a subscription; 0 for one that nobody has used.",
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)
async def kept_cursor(connector: ConnectorDep, name: SubscriptionPath, gateway: GatewayDep) -> SubscriptionView:
    return SubscriptionView(name=name, cursor=await connectors.kept_cursor(gateway, connector, name))


async def _begin(gateway: Gateway, connector: Connector, after: int | None, subscription: str | None) -> int:
    """The number after which the reply begins. Raises BodyDoesNotFit."""
    if subscription is None:
        await _require_given(gateway, connector, after or 0, "/query/after")
        return after or 0
    if after is not None:
        raise BodyDoesNotFit(("/query/after", "leave it out: the subscription has the cursor"))
    return await connectors.kept_cursor(gateway, connector, subscription)


async def _require_given(gateway: Gateway, connector: Connector, number: int, pointer: str) -> None:
    """Raises BodyDoesNotFit for a number that no delivery of this connector has."""
    last = await deliveries.last_number(gateway.database, connector.sandbox_id, connector.province)
    if number > last:
        raise BodyDoesNotFit((pointer, f"lies beyond the last delivery, {last}: this is a cursor of another place"))


async def _refused(request: Request, gateway: Gateway) -> bool:
    """Whether the key of a request, if it has one, is not valid any more, or the province is not connected."""
    authorization, province = request.headers.get("authorization"), request.path_params["province"]
    try:
        if authorization is not None:
            await connectors.of_key(gateway, authorization, province, None)
    except Refusal:
        return True
    return False


async def told(gateway: Gateway, connector: Connector, after: int, wait: float, limit: int) -> list[Delivery]:
    """The deliveries after a number; waits for the next one, at most `wait` seconds, or until the server stops."""
    place = (connector.sandbox_id, connector.province)
    if has_effect.get():
        await connectors.note_heard(gateway, connector, after)

    async def look() -> list[Delivery]:
        return await deliveries.after(gateway.database, *place, after, limit)

    return await until_new(gateway, place, look, wait)
