"""Reads the lanes of one source, applies the events, and requests a replay where numbers are missing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog

from shared.http import Unreachable, call
from shared.messaging import kafka
from shared.messaging.cloudevents import Record, sandboxes_of
from shared.messaging.consumer import UNKNOWN_SANDBOX
from shared.messaging.judging import Outcome
from shared.messaging.lanes import Committed, Place, Position
from shared.messaging.leases import Leases
from shared.messaging.peer import Peer
from shared.messaging.positions import SERVICE, Positions
from shared.messaging.priority import BACKLOG, Load
from shared.messaging.runtime import MessagingRuntime
from shared.observability import metrics

log = structlog.get_logger()
CHECK_SECONDS = 1.0  # between two renewals of the leases, and two comparisons with the broker's end offsets
OWNER_SECONDS = 0.5  # the owner of sandboxes replies in milliseconds; after this, the events are parked
RESTS = 8  # seconds for each second in which a projection applied: the country needs the processor more
REST_LIMIT_SECONDS = 0.25  # on a slow machine a batch takes longer, and its rest must not grow with it
GIVE_WAY_SECONDS = 10.0  # a projection is never later than this, and one batch, for the sake of urgent parts
LOOK_SECONDS = 0.1  # between two looks whether the backlog is gone; short against its STILL_SECONDS
FETCH_BYTES = 1024 * 1024  # of a projection: what lies fetched while it waits is work at a bad moment
ASK_LIMIT_SECONDS = 5.0  # between two replay requests of a lane, doubling from 0.2 s, until the lane moves


class Listener(Protocol):
    """Applies the records: the service itself (`Consumer`), or a projection (`ProjectionReader`)."""

    positions: Positions

    async def apply(
        self,
        records: Sequence[Record],
        unknown: frozenset[str] = frozenset(),
    ) -> Outcome: ...


@dataclass
class Asking:
    """An open replay request of a lane."""

    place: Place
    again_at: float = 0.0
    wait: float = 0.2


class LaneReader:
    """The reader of one source in one worker, for one listener.

    pause   seconds to wait after a poll of a few records: few large batches cost less than many small ones
    urgent  the load of the parts of this process that go first; none: this reader is such a part itself
    """

    def __init__(
        self,
        runtime: MessagingRuntime,  # type: ignore[type-arg]
        listener: Listener,
        peer: Peer,
        leases: Leases,
        *,
        pause: float = 0.0,
        urgent: Sequence[Load] = (),
    ) -> None:
        self._runtime, self._listener, self._peer, self.leases, self._pause = runtime, listener, peer, leases, pause
        self._positions = listener.positions
        self._main = self._positions.listener == SERVICE
        settings = runtime.settings
        self._batch = settings.batch
        self._urgent, self.load = urgent, Load()
        self._is_rebuilding = False  # a rebuilt projection takes no rests until it has caught up: somebody waits for it
        group = f"{runtime.service}-{self._positions.listener or 'reader'}"
        ahead = FETCH_BYTES if urgent else kafka.FETCH_BYTES
        self._reader = kafka.Reader(settings.kafka_bootstrap_servers, peer.topic_in, group, ahead)
        self._asking: dict[int, Asking] = {}
        self._next: dict[int, int] = {}
        self._committing: asyncio.Task[None] | None = None
        self._sent: dict[int, Place] = {}  # last places that the broker acknowledged to our source

    async def run(self) -> None:
        """Read and apply until cancelled. Requests to the peer run concurrently: a silent peer stops nothing."""
        await self._give_way()
        asking = asyncio.create_task(self._keep_asking())
        try:
            await self._read()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await self._reader.open()
            checked_at, busy = 0.0, False
            while True:
                if loop.time() - checked_at > CHECK_SECONDS:
                    if await self.leases.renew() or not checked_at or set(self.leases.lanes) != set(self._next):
                        await self._assign()
                    elif not busy:
                        await self._check_broker()
                    if self._main:
                        await self._release_unknown()
                    checked_at, busy = loop.time(), False
                records = await self._reader.poll(50 if self._asking else 250, self._batch)
                records = [record for record in records if record.lane in self._next]
                if records:
                    busy, begun = True, loop.time()
                    await self._apply(records)
                    if self._urgent and not self._is_rebuilding:
                        await asyncio.sleep(min(RESTS * (loop.time() - begun), REST_LIMIT_SECONDS))
                if len(records) < BACKLOG:
                    self._is_rebuilding = False
                    await asyncio.sleep(self._pause)
                await self._give_way()
        finally:
            self.leases.lanes, self._next = [], {}
            if self._committing is not None:
                self._committing.cancel()
                await asyncio.gather(self._committing, return_exceptions=True)
                self._committing = None
            with contextlib.suppress(Exception):
                await self.leases.give_back()
            await self._reader.close()

    async def _give_way(self) -> None:
        """Wait while an urgent part of this process works on a backlog, so that it has the processor."""
        begun = renewed = time.monotonic()
        while (now := time.monotonic()) - begun < GIVE_WAY_SECONDS:
            if not any(load.has_backlog for load in self._urgent):
                return
            if now - renewed > CHECK_SECONDS:
                await self.leases.renew()  # `_read` sees which lanes are new
                renewed = now
            await asyncio.sleep(LOOK_SECONDS)

    async def _assign(self) -> None:
        """Start at the stored positions; without one (a new database), where the group has come."""
        database, lanes = self._runtime.database, self.leases.lanes
        positions = await self._positions.read(database, lanes)
        missing = [lane for lane in lanes if lane not in positions]
        if missing:
            committed = await self._reader.committed()
            begins = {lane: Position.begin(committed.get(lane)) for lane in missing}
            await self._positions.begin(database, begins)
            positions |= begins
        offsets = {lane: position.next_offset for lane, position in positions.items()}
        self._reader.assign(offsets)
        self._next = offsets
        # The topic may be another one than that in which the group has committed.
        await self._commit({lane: position.committed for lane, position in positions.items()})
        self._asking = {lane: asking for lane, asking in self._asking.items() if lane in offsets}

    async def _check_broker(self) -> None:
        """If the log of the broker ends before our next offset, it lost records: read it from its beginning."""
        sent = self._sent  # read before the offsets of the broker
        ends = await self._reader.ends(self._next)
        shorter = [lane for lane, end in ends.items() if end < self._next[lane]]
        for lane in shorter:
            log.warning("broker_shorter_than_position", lane=lane, end=ends[lane], next_offset=self._next[lane])
            self._reader.seek(lane, 0)
            self._next[lane] = 0
        places = await self._reader.places(self._next)
        at_end = [lane for lane in sent if places.get(lane, -1) >= ends.get(lane, 0)]
        rows = await self._positions.read(self._runtime.database, list(self._next))
        if shorter:
            await self._commit({lane: (0, rows[lane].committed[1]) for lane in shorter})
        if any(position.next_offset < self._next[lane] for lane, position in rows.items()):
            await self._assign()  # a rebuild has reset the positions; only then are they behind what we have read
            return
        for lane in at_end:
            position = rows[lane]
            if position.missed(sent[lane]) and lane not in self._asking:
                log.warning("broker_lost_unread", lane=lane, place=position.place, sent=sent[lane])
                self._asking[lane] = Asking(position.place)

    async def _keep_asking(self) -> None:
        """Ask the source for replays, and once a second for the places that the broker acknowledged to it."""
        loop = asyncio.get_running_loop()
        requested_at = 0.0
        while True:
            with contextlib.suppress(Unreachable, asyncpg.PostgresError, asyncpg.InterfaceError):
                if loop.time() - requested_at > CHECK_SECONDS:
                    self._sent, requested_at = await self._ask_sent(), loop.time()
                await self._ask(loop.time())
            await asyncio.sleep(0.05)

    async def _ask_sent(self) -> dict[int, Place]:
        """The places that the broker acknowledged to our source. Also measures how far behind we are."""
        topic = self._peer.topic_in
        behind = metrics.LAG.labels(topic)
        if self._main:
            behind.set(math.nan)
        response = await call(self._runtime.internal, "GET", f"{self._peer.url}/_lab/lanes")
        if response.status_code != 200:
            return {}
        lanes = response.json()
        if self._main:
            given = lanes["given"].get(topic, {})
            positions = await self._positions.read(self._runtime.database, list(self._next))
            behind.set(sum(events_behind(position, given.get(str(lane))) for lane, position in positions.items()))
        return {int(lane): (place[0], place[1]) for lane, place in lanes["sent"].get(topic, {}).items()}

    async def _apply(self, records: list[Record]) -> None:
        unknown = await self._unknown(records) if self._main else frozenset[str]()
        while True:
            try:
                outcome = await self._listener.apply(records, unknown)
                break
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                metrics.BATCH_RETRIES.labels("reader").inc()
                log.warning("batch_again", error=repr(error))
                await asyncio.sleep(0.05)
                if isinstance(error, asyncpg.LockNotAvailableError | asyncpg.PostgresConnectionError | OSError):
                    raise  # another worker holds the lane, or the database is gone: start again from the rows
        self.load.note(len(records))
        if outcome.reassign:
            self._is_rebuilding = True
            await self._assign()
            return
        if self._main:
            self._runtime.waker.wake()
        self._note(outcome)
        await self._commit(outcome.committed)

    async def _commit(self, offsets: dict[int, Committed]) -> None:
        """Commit the offsets of the group during the next batch. If that fails, the reader starts from its rows."""
        if self._committing is not None:
            await self._committing
        self._committing = asyncio.create_task(self._reader.commit(offsets))

    def _note(self, outcome: Outcome) -> None:
        self._next.update(outcome.offsets)
        for sandbox_id in outcome.rowless:
            self._runtime.forget(sandbox_id)
        for lane in outcome.clear:
            self._asking.pop(lane, None)
        for lane, place in outcome.asks.items():
            asking = self._asking.get(lane)
            if asking is None or asking.place != place:
                self._asking[lane] = Asking(place)

    async def _ask(self, now: float) -> None:
        """Request a replay where numbers are missing, again and with backoff until the lane moves."""
        due = {lane: asking for lane, asking in self._asking.items() if asking.again_at <= now}
        for asking in due.values():
            asking.again_at, asking.wait = now + asking.wait, min(asking.wait * 2, ASK_LIMIT_SECONDS)
            metrics.GAPS.labels(self._peer.name).inc()
        await asyncio.gather(*(self._ask_one(lane, asking.place) for lane, asking in due.items()))

    async def _ask_one(self, lane: int, place: Place) -> None:
        url = f"{self._peer.url}/_lab/lanes/{lane}/replay"
        body = {"topic": self._peer.topic_in, "epoch": place[0], "expected": place[1]}
        try:
            response = await call(self._runtime.internal, "POST", url, body=body)
        except Unreachable as error:
            log.warning("replay_not_answered", lane=lane, error=str(error))
            return
        if response.status_code == 200:
            await self._move(lane, place, (response.json()["epoch"], response.json()["expected"]))

    async def _move(self, lane: int, expected: Place, place: Place) -> None:
        """Continue at the place that the source replied, if its epoch is new and our position is still `expected`."""
        async with self._runtime.database.transaction() as connection:
            positions = await self._positions.lock(connection, [lane])
            if positions[lane].place == expected and positions[lane].resume_at(place):
                if expected[0] == 0 and place[0] > 1:
                    await self._positions.note_cut(connection, lane)
                log.warning("moved_to_new_epoch", lane=lane, place=place, source=self._peer.name)
                await self._positions.save(connection, positions)
                self._asking.pop(lane, None)

    async def _unknown(self, records: list[Record]) -> frozenset[str]:
        """Sandboxes without a row here whose owner does not reply. Called before a transaction, never inside one."""
        ids = sorted(sandboxes_of(records, self._peer.name))
        known = await asyncio.gather(*(self._known(sandbox_id) for sandbox_id in ids))
        return frozenset(sandbox_id for sandbox_id, is_known in zip(ids, known, strict=True) if not is_known)

    async def _known(self, sandbox_id: str) -> bool:
        """Whether the owner has replied about this sandbox. Ends in time: a frozen owner must not cost our leases."""
        try:
            async with asyncio.timeout(OWNER_SECONDS):
                await self._runtime.ensure_sandbox(sandbox_id)
        except (Unreachable, TimeoutError):
            return False
        return True

    async def _release_unknown(self) -> None:
        rows: list[Any] = await self._runtime.database.fetch(
            "SELECT sandbox, subject FROM parked WHERE reason = $1 LIMIT 500", UNKNOWN_SANDBOX
        )
        for sandbox_id in {row["sandbox"] for row in rows}:
            self._runtime.forget(sandbox_id)  # we may have known it in a database that is gone
            if await self._known(sandbox_id):
                for row in rows:
                    if row["sandbox"] == sandbox_id:
                        await self._runtime.redrive(sandbox_id, row["subject"])


def events_behind(position: Position, given: Sequence[int] | None) -> int:
    """How many events of a lane are not applied yet.

    given  the current epoch of the source in this lane, and its last number; None: it published nothing there
    """
    epoch, head = given or (0, 0)
    return max(head - position.expected + 1, 0) if epoch == position.epoch else head
