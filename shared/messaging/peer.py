"""Peers: services that exchange events with ours, and the handshake that agrees on the epoch of our event log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.http import Client, Unreachable, call
from shared.messaging import event_log
from shared.messaging.lanes import Place
from shared.observability import metrics
from shared.storage.database import Database


@dataclass(frozen=True)
class Peer:
    """A service whose events we read, and that may read ours.

    name       as a source of events: "portal", "gateway"
    url        base URL of its `/_lab/lanes`
    topic_in   the topic with its events for us
    topic_out  the topic with our events for it; empty if it reads none
    """

    name: str
    url: str
    topic_in: str
    topic_out: str = ""


async def reader_places(http: Client, peer: Peer, source: str) -> dict[int, Place]:
    """The place that the peer's reader expects in each lane of `source`. Raises Unreachable."""
    response = await call(http, "GET", f"{peer.url}/_lab/lanes")
    if response.status_code != 200:
        raise Unreachable(f"{peer.url}/_lab/lanes: status {response.status_code}")
    read: Mapping[str, Sequence[int]] = response.json()["read"].get(source, {})
    return {int(lane): (max(epoch, 0), expected) for lane, (epoch, expected) in read.items()}


async def wait_for_reader_places(http: Client, peer: Peer, source: str) -> dict[int, Place]:
    """As `reader_places`, but retries until the peer replies."""
    while True:
        try:
            return await reader_places(http, peer, source)
        except Unreachable:
            await asyncio.sleep(0.05)


async def agree_on_epoch(database: Database, http: Client, source: str, peers: Sequence[Peer]) -> None:
    """Begin the first epoch of a new event log, above every epoch of `source` that the peers have seen."""
    seen = [await wait_for_reader_places(http, peer, source) for peer in peers]
    highest = max((epoch for places in seen for epoch, _ in places.values()), default=0)
    await event_log.begin_epoch(database, highest, [peer.topic_out for peer in peers])
    metrics.EPOCHS.labels(source).inc()


async def compare_epochs(database: Database, http: Client, source: str, peers: Sequence[Peer]) -> None:
    """If the database was restored from a backup, begin a new epoch before a code is drawn. Skips unreachable peers."""
    for peer in peers:
        with contextlib.suppress(Unreachable):
            places = await reader_places(http, peer, source)
            seen = {lane: (epoch, expected - 1) for lane, (epoch, expected) in places.items()}
            await event_log.compare_lanes(database, source, peer.topic_out, places, seen)
