"""The pull door: a connector asks for its deliveries, with a cursor, and waits for what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Query, Response, Security
from fastapi.openapi.models import HTTPBearer

from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors import cloudevents, connectors, deliveries
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.deliveries import Delivery
from services.province_gateway.runtime import Gateway
from shared.errors import BodyDoesNotFit
from shared.runtime import has_effect
from shared.text import Text
from shared.web.dependencies import Chosen, Credential, Number
from shared.web.problems import problem_responses

router = APIRouter(prefix="/api/v1", tags=["connectors"])
T = TypeVar("T")
LONGEST, MOST = 60.0, 500  # s; events in a reply
CONNECTOR_KEY = Credential(
    "ConnectorKey", "Authorization", HTTPBearer(description="The key of a province's connector: `lienthong connect`.")
)


async def connector_of(
    province: Text, gateway: GatewayDep, chosen: Chosen, authorization: Annotated[str | None, Security(CONNECTOR_KEY)]
) -> Connector:
    """The connector whose key the request has. Raises what `connectors.of_key` raises, SandboxMismatch."""
    return await connectors.of_key(gateway, authorization, province, chosen)


ConnectorDep = Annotated[Connector, Depends(connector_of)]
After = Annotated[
    int,
    Number,
    Query(ge=0, lt=1 << 62, description="Number of the last delivery that you have; acknowledges all up to it"),
]
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
            "content": {cloudevents.BATCH: {"schema": {"type": "array", "items": {"type": "object"}}}},
        },
        **problem_responses(401, 403, 404, 409, 422, 503),
    },
)
async def events(
    connector: ConnectorDep, gateway: GatewayDep, after: After = 0, wait: Wait = 0, limit: Limit = 100
) -> Response:
    batch = await told(gateway, connector, after, wait if has_effect.get() else 0, limit)
    content = msgspec.json.encode(await cloudevents.structured(gateway, connector.sandbox_id, batch))
    cursor = batch[-1].number if batch else after
    link = f"</api/v1/provinces/{connector.province}/events?after={cursor}&wait={wait:g}&limit={limit}>"
    return Response(content, media_type=cloudevents.BATCH, headers={"Link": f'{link}; rel="next"'})


async def told(gateway: Gateway, connector: Connector, after: int, wait: float, limit: int) -> list[Delivery]:
    """The deliveries after a number; waits for the next one, at most `wait` seconds, or until the server stops.

    raises  BodyDoesNotFit for a number that was never given
    """
    place = (connector.sandbox_id, connector.province)
    last = await deliveries.last_number(gateway.database, *place)
    if after > last:
        raise BodyDoesNotFit(
            ("/query/after", f"lies beyond the last delivery, {last}: this is a cursor of another place")
        )
    if has_effect.get():
        await connectors.note_heard(gateway, connector, after)

    async def look() -> list[Delivery]:
        return await deliveries.after(gateway.database, *place, after, limit)

    return await until_new(gateway, place, look, wait)


async def until_new(
    gateway: Gateway, place: tuple[str, str], look: Callable[[], Awaitable[list[T]]], wait: float
) -> list[T]:
    """What `look` finds; waits while it finds nothing, at most `wait` seconds, or until the server stops."""
    until = asyncio.get_running_loop().time() + wait
    async with gateway.bell.waiting(*place) as rung:
        while True:
            rung.clear()
            found = await look()
            left = until - asyncio.get_running_loop().time()
            if found or left <= 0 or gateway.stopping.is_set():
                return found
            await _first_of(rung, gateway.stopping, left)


async def _first_of(rung: asyncio.Event, stopping: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (rung, stopping)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
