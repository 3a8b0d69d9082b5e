"""Background jobs of a service: readers, relays, timers and background calls, beside a small API for health and metrics."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from shared.messaging import http_outbox, peer
from shared.messaging.leases import Leases
from shared.messaging.projection import ProjectionReader
from shared.messaging.reader import LaneReader
from shared.messaging.relay import Relay
from shared.messaging.runtime import MessagingRuntime

Job = Callable[[], Coroutine[Any, Any, None]]
PROJECTION_PAUSE = 0.5  # s between polls of a projection: nobody waits for it, and large batches are cheap


def jobs(runtime: MessagingRuntime) -> list[Job]:  # type: ignore[type-arg]
    """The background work of a worker process, each job run again when the machine fails under it."""
    holder = f"{socket.gethostname()}:{os.getpid()}"
    settings = runtime.settings
    wake = settings.wake.total_seconds()

    def leases(part: str) -> Leases:
        return Leases(runtime.database, part, holder, settings.lease)

    def reader(each: peer.Peer) -> LaneReader:
        consumer = runtime.consumers[each.name]
        consumer.topic = each.hears
        return LaneReader(runtime, consumer, each, leases(f"reader:{each.name}"))

    def relay(each: peer.Peer) -> Relay:
        return Relay(
            runtime.database,
            settings.kafka_bootstrap_servers,
            each.speaks,
            runtime.service,
            leases(f"relay:{each.speaks}"),
            lambda: peer.reader_places(runtime.http, each, runtime.service),
            batch=settings.batch,
            wake=wake,
        )

    readers = [reader(each) for each in runtime.peers]
    relays = [relay(each) for each in runtime.peers if each.speaks]
    projections = [
        LaneReader(
            runtime,
            ProjectionReader(runtime.database, projection, source.name),
            source,
            leases(f"{projection.name}:{source.name}"),
            pause=PROJECTION_PAUSE,
        )
        for projection in runtime.projections
        for source in projection.sources
    ]
    runtime.waits_for |= {"broker"}

    parts: list[LaneReader | Relay] = [*readers, *relays]

    async def ready() -> None:
        """Ready when every part has lanes; a second worker beside us may leave us with half of them."""
        await asyncio.gather(*(part.leases.held.wait() for part in parts))
        runtime.waits_for.discard("broker")

    async def timers() -> None:
        """Fires what is due where time runs by itself."""
        while True:
            if await runtime.timers.fire(None):
                runtime.waker.wake()
            else:
                await asyncio.sleep(max(wake, 0.05))

    work: list[Job] = [*(part.run for part in (*parts, *projections)), ready, timers, runtime.waker.run]
    if runtime.callers:
        work.append(http_outbox.Callers(runtime.database, runtime.callers).run)
    return work
