"""Background jobs of a service: readers, relays, timers and HTTP outbox, beside a small API for health and metrics."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from shared.messaging import http_outbox
from shared.messaging.leases import Leases
from shared.messaging.peer import Peer, reader_places
from shared.messaging.projection import ProjectionReader
from shared.messaging.reader import LaneReader
from shared.messaging.relay import Relay
from shared.messaging.runtime import MessagingRuntime

Job = Callable[[], Coroutine[Any, Any, None]]
TIMER_PAUSE = 0.05  # s between looks for timers that are due
READY_PAUSE, LOST_PAUSE = 0.05, 1.0  # s between looks whether every part has lanes, and still has them
LOST_SECONDS = 5.0  # without lanes: on a busy machine a lease ends, and is taken again
PROJECTION_PAUSE = 0.5  # s between polls of a projection, which is not urgent: large batches cost less


def holder() -> str:
    """The name of this process in leases."""
    return f"{socket.gethostname()}:{os.getpid()}"


def jobs(runtime: MessagingRuntime) -> list[Job]:  # type: ignore[type-arg]
    """The background jobs of a worker process. Its runtime runs a job again after a fault of the machine."""
    settings = runtime.settings

    def leases(part: str) -> Leases:
        return Leases(runtime.database, part, holder(), settings.lease)

    def reader(peer: Peer) -> LaneReader:
        consumer = runtime.consumers[peer.name]
        consumer.topic = peer.topic_in
        return LaneReader(runtime, consumer, peer, leases(f"reader:{peer.name}"))

    def relay(peer: Peer) -> Relay:
        return Relay(
            runtime.database,
            settings.kafka_bootstrap_servers,
            peer.topic_out,
            runtime.service,
            leases(f"relay:{peer.topic_out}"),
            lambda: reader_places(runtime.internal, peer, runtime.service),
            runtime.signer,
            batch=settings.batch,
            wake=settings.wake.total_seconds(),
        )

    readers = [reader(peer) for peer in runtime.peers]
    relays = [relay(peer) for peer in runtime.peers if peer.topic_out]
    parts: list[LaneReader | Relay] = [*readers, *relays]
    projections = [
        LaneReader(
            runtime,
            ProjectionReader(runtime.database, projection, source.name, runtime.signer),
            source,
            leases(f"{projection.name}:{source.name}"),
            pause=PROJECTION_PAUSE,
            urgent=[part.load for part in parts],
        )
        for projection in runtime.projections
        for source in projection.sources
    ]
    runtime.waits_for |= {"broker"}

    async def ready() -> None:
        """Ready while every part has lanes; with a second worker, half of them. One that fails for long has none."""
        loop = asyncio.get_running_loop()
        held_at = 0.0
        while True:
            if all(part.leases.lanes for part in parts):
                held_at = loop.time()
                runtime.waits_for.discard("broker")
            elif loop.time() - held_at > LOST_SECONDS:
                runtime.waits_for.add("broker")
            await asyncio.sleep(READY_PAUSE if "broker" in runtime.waits_for else LOST_PAUSE)

    async def timers() -> None:
        """Fires due timers in sandboxes whose clock runs."""
        while True:
            if await runtime.timers.fire(None):
                runtime.waker.wake()
            else:
                await asyncio.sleep(TIMER_PAUSE)

    work: list[Job] = [*(part.run for part in (*parts, *projections)), ready, timers, runtime.waker.run]
    if runtime.callers:
        work.append(http_outbox.Callers(runtime.database, runtime.callers).run)
    return work
