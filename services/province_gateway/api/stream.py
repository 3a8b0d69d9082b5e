"""Waiting for what is new: a long poll, and server-sent events (HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import msgspec
from fastapi.responses import StreamingResponse

from contracts.faults.connectors import CUT
from services.province_gateway.doors import cloudevents, deliveries
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.deliveries import Delivery
from services.province_gateway.runtime import Gateway

T = TypeVar("T")
MEDIA_TYPE = "text/event-stream"
HEART_BEAT = 15.0  # s; shorter than the usual limits of proxies (30-60 s), and how long a revoked key still hears
TOGETHER = 100  # events read at once


def response(
    gateway: Gateway, connector: Connector, after: int, *, refused: Callable[[], Awaitable[bool]]
) -> StreamingResponse:
    """The deliveries after a number, and all that follow, until the client hangs up or the server stops.

    refused  whether the client may not hear more; asked before every batch
    """
    return StreamingResponse(_events(gateway, connector, after, refused), media_type=MEDIA_TYPE)


async def _events(
    gateway: Gateway, connector: Connector, after: int, refused: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    place = (connector.sandbox_id, connector.province)
    yield b"retry: 1000\n\n"  # ms until a client that lost the connection asks again

    async def look() -> list[Delivery]:
        return await deliveries.after(gateway.database, *place, after, TOGETHER)

    while not gateway.stopping.is_set():
        batch = await until_new(gateway, place, look, HEART_BEAT)
        if await refused():
            return
        events = await cloudevents.structured(gateway, connector.sandbox_id, batch)
        for delivery, event in zip(batch, events, strict=True):
            after = event["delivery"]
            data = b"id: %d\ndata: %b\n\n" % (after, msgspec.json.encode(event))
            if delivery.twist == CUT and await deliveries.spend(gateway.database, *place, delivery):
                yield data[: len(data) // 2]  # clients drop an event that is not complete
                return
            yield data
        if not batch:
            yield b": nothing new\n\n"


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
