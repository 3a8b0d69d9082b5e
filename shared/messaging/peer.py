"""A peer: another service with which events are exchanged, and the handshake that agrees on the epoch of our event log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from shared.http import Unreachable, call
from shared.messaging import event_log
from shared.messaging.lanes import Place
from shared.observability import metrics
from shared.storage.database import Database


@dataclass(frozen=True)
class Peer:
    """One source that we hear, and where it hears us.

    name    as a source of events: "portal", "gateway"
    url     where its `/_lab/lanes` is
    hears   the topic on which it publishes to us
    speaks  the topic on which we publish to it; empty if we only listen
    """

    name: str
    url: str
    hears: str
    speaks: str = ""


async def reader_places(http: httpx.AsyncClient, peer: Peer, source: str) -> dict[int, Place]:
    """Where the peer's reader stands in each lane of `source`. Raises Unreachable."""
    answer = await call(http, "GET", f"{peer.url}/_lab/lanes")
    if answer.status_code != 200:
        raise Unreachable(f"{peer.url}/_lab/lanes: status {answer.status_code}")
    read: Mapping[str, Sequence[int]] = answer.json()["read"].get(source, {})
    return {int(lane): (max(epoch, 0), expected) for lane, (epoch, expected) in read.items()}


async def reader_places_patiently(http: httpx.AsyncClient, peer: Peer, source: str) -> dict[int, Place]:
    """The same, asked until the peer answers."""
    while True:
        try:
            return await reader_places(http, peer, source)
        except Unreachable:
            await asyncio.sleep(0.05)


async def agree_on_epoch(database: Database, http: httpx.AsyncClient, source: str, peers: Sequence[Peer]) -> None:
    """Begin the first epoch of a new event log after everything that the peers have seen of `source`."""
    seen = [await reader_places_patiently(http, peer, source) for peer in peers]
    highest = max((epoch for places in seen for epoch, _ in places.values()), default=0)
    await event_log.begin_epoch(database, highest, [peer.speaks for peer in peers])
    metrics.EPOCHS.labels(source).inc()


async def compare_epochs(database: Database, http: httpx.AsyncClient, source: str, peers: Sequence[Peer]) -> None:
    """Was the database restored from a backup? Then a new epoch begins before a code is drawn. A silent peer is not awaited."""
    for peer in peers:
        with contextlib.suppress(Unreachable):
            places = await reader_places(http, peer, source)
            seen = {lane: (epoch, expected - 1) for lane, (epoch, expected) in places.items()}
            await event_log.meet(database, source, peer.speaks, places, seen)
