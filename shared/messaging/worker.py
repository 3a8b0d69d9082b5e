"""The other process of a full house: reader, relay, timers and background calls, beside a small door for health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from shared.http import Unreachable, call
from shared.messaging import http_outbox, kafka
from shared.messaging.cloudevents import Record, sandboxes_of
from shared.messaging.consumer import UNKNOWN_SANDBOX, Outcome, lock_positions, positions_of, save_positions
from shared.messaging.lanes import ADOPT, Place, Position
from shared.messaging.leases import Leases
from shared.messaging.relay import Relay
from shared.messaging.runtime import House
from shared.observability import metrics

log = structlog.get_logger()
LOOK_SECONDS = 1.0  # leases are renewed, and the broker's ends compared, this often
OWNER_SECONDS = 0.5  # the owner of sandboxes answers in milliseconds, or its sandbox's events wait aside
ASK_LIMIT_SECONDS = 5.0  # a lane that waits for replay asks again, doubling from 0.2 s to this, until it moves


@dataclass
class Asking:
    place: Place
    again_at: float
    wait: float = 0.2


class LaneReader:
    """One worker's reader: polls its lanes, applies, asks the source where numbers are missing."""

    def __init__(self, house: House, topic: str, leases: Leases) -> None:  # type: ignore[type-arg]
        self._house, self._leases = house, leases
        settings = house.settings
        self._servers, self._batch = settings.kafka_bootstrap_servers, settings.batch
        self._topic = topic
        self._reader = kafka.Reader(self._servers, topic, f"{house.service}-reader")
        self._asking: dict[int, Asking] = {}
        self._next: dict[int, int] = {}
        self._committing: asyncio.Task[None] | None = None
        self._sent: dict[int, Place] = {}  # what the broker acknowledged to our source, as it last said

    async def run(self) -> None:
        """Reads and applies until cancelled; what is asked of the neighbour is asked beside it, so its silence stops nothing."""
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
            looked, busy = 0.0, False
            while True:
                if loop.time() - looked > LOOK_SECONDS:
                    if await self._leases.renew() or not looked or set(self._leases.lanes) != set(self._next):
                        await self._assign()
                    elif not busy:
                        await self._look()
                    await self._release_unknown()
                    looked, busy = loop.time(), False
                records = await self._reader.poll(50 if self._asking else 250, self._batch)
                records = [record for record in records if record.lane in self._next]
                if records:
                    busy = True
                    await self._apply(records)
        finally:
            self._leases.lanes, self._next = [], {}
            if self._committing is not None:
                self._committing.cancel()
                await asyncio.gather(self._committing, return_exceptions=True)
                self._committing = None
            with contextlib.suppress(Exception):
                await self._leases.give_back()
            await self._reader.close()

    async def _assign(self) -> None:
        """Begin where the position rows say; a lane never read begins at the group's committed offset (a database made anew)."""
        lanes = self._leases.lanes
        rows = await self._house.database.fetch("SELECT lane, next_offset FROM positions WHERE lane = ANY($1)", lanes)
        offsets = {row["lane"]: row["next_offset"] for row in rows}
        missing = [lane for lane in lanes if lane not in offsets]
        if missing:
            for lane, offset in (await self._reader.committed(missing)).items():
                await self._house.database.pool.execute(
                    "INSERT INTO positions (lane, epoch, expected, next_offset) VALUES ($1, $2, 1, $3) ON CONFLICT DO NOTHING",
                    *(lane, ADOPT if offset else 0, offset),
                )
                offsets[lane] = offset
        self._reader.assign(offsets)
        self._next = offsets
        self._asking = {lane: asking for lane, asking in self._asking.items() if lane in offsets}

    async def _look(self) -> None:
        """A broker whose log ends before our next offset forgot it: begin at its beginning, the numbers tell what is new."""
        sent = self._sent  # said before the broker is looked at
        ends = await self._reader.ends(self._next)
        for lane, end in ends.items():
            if end < self._next[lane]:
                log.warning("broker_shorter_than_position", lane=lane, end=end, next_offset=self._next[lane])
                self._reader.seek(lane, 0)
                self._next[lane] = 0
        places = await self._reader.places(self._next)
        at_end = [lane for lane in sent if places.get(lane, -1) >= ends.get(lane, 0)]
        for lane, position in (await positions_of(self._house.database, at_end)).items():
            if position.adopt(sent[lane]):
                await self._adopt(lane, sent[lane])
            elif position.missed(sent[lane]) and lane not in self._asking:
                log.warning("broker_lost_unread", lane=lane, place=position.place, sent=sent[lane])
                self._asking[lane] = Asking(position.place, 0.0)

    async def _adopt(self, lane: int, sent: Place) -> None:
        """A quiet lane of a reader made anew: it stands where its source has come, under the position's lock."""
        async with self._house.database.transaction() as connection:
            positions = await lock_positions(connection, [lane])
            if positions[lane].adopt(sent):
                await save_positions(connection, positions)

    async def _keep_asking(self) -> None:
        """Beside the reading: ask the source for replay, and once a second what the broker acknowledged to it."""
        loop = asyncio.get_running_loop()
        said = 0.0
        while True:
            with contextlib.suppress(Unreachable, asyncpg.PostgresError, asyncpg.InterfaceError):
                if loop.time() - said > LOOK_SECONDS:
                    self._sent, said = await self._ask_sent(), loop.time()
                await self._ask(loop.time())
            await asyncio.sleep(0.05)

    async def _ask_sent(self) -> dict[int, Place]:
        """What the broker acknowledged to our source; on the way, how far we are behind what it has numbered."""
        behind = metrics.LAG.labels(self._topic)
        behind.set(math.nan)
        answer = await call(self._house.http, "GET", f"{self._house.neighbour_url}/_lab/lanes")
        if answer.status_code != 200:
            return {}
        told = answer.json()
        ours = await positions_of(self._house.database, list(self._next))
        behind.set(sum(events_behind(position, told["given"].get(str(lane))) for lane, position in ours.items()))
        return {int(lane): (place[0], place[1]) for lane, place in told["sent"].items()}

    async def _apply(self, records: list[Record]) -> None:
        unknown = await self._unknown(records)
        while True:
            try:
                outcome = await self._house.consumer.apply(records, unknown)
                break
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                metrics.BATCH_RETRIES.labels("reader").inc()
                log.warning("batch_again", error=repr(error))
                await asyncio.sleep(0.05)
                if isinstance(error, asyncpg.LockNotAvailableError | asyncpg.PostgresConnectionError | OSError):
                    raise  # another worker holds the lane, or the database is gone: begin again from the rows
        self._house.waker.wake()
        self._note(outcome)
        await self._commit(outcome.offsets)

    async def _commit(self, offsets: dict[int, int]) -> None:
        """The group's offsets, beside the next batch. A commit that fails ends the reader, which begins again from its rows."""
        if self._committing is not None:
            await self._committing
        self._committing = asyncio.create_task(self._reader.commit(offsets))

    def _note(self, outcome: Outcome) -> None:
        self._next.update(outcome.offsets)
        for sandbox in outcome.rowless:
            self._house.forget(sandbox)
        for lane in outcome.clear:
            self._asking.pop(lane, None)
        for lane, place in outcome.asks.items():
            asking = self._asking.get(lane)
            if asking is None or asking.place != place:
                self._asking[lane] = Asking(place, 0.0)

    async def _ask(self, now: float) -> None:
        """Ask the source for replay where numbers are missing; asked again, with backoff, until the lane moves."""
        due = {lane: asking for lane, asking in self._asking.items() if asking.again_at <= now}
        for asking in due.values():
            asking.again_at, asking.wait = now + asking.wait, min(asking.wait * 2, ASK_LIMIT_SECONDS)
            metrics.GAPS.labels(self._house.hears).inc()
        await asyncio.gather(*(self._ask_one(lane, asking.place) for lane, asking in due.items()))

    async def _ask_one(self, lane: int, place: Place) -> None:
        url = f"{self._house.neighbour_url}/_lab/lanes/{lane}/replay"
        try:
            answer = await call(self._house.http, "POST", url, body={"epoch": place[0], "expected": place[1]})
        except Unreachable as error:
            log.warning("replay_not_answered", lane=lane, error=str(error))
            return
        if answer.status_code == 200:
            await self._told(lane, (answer.json()["epoch"], answer.json()["expected"]))

    async def _told(self, lane: int, place: Place) -> None:
        """The source says where to go on; a new life of it moves us there, under the position's lock."""
        async with self._house.database.transaction() as connection:
            row: Any = await connection.fetchrow("SELECT * FROM positions WHERE lane = $1 FOR UPDATE", lane)
            position = Position(row["epoch"], row["expected"], row["next_offset"])
            if position.told(place):
                log.warning("moved_to_new_life", lane=lane, place=place, source=self._house.hears)
                await connection.execute("UPDATE positions SET epoch = $2, expected = $3 WHERE lane = $1", lane, *place)
                self._asking.pop(lane, None)

    async def _unknown(self, records: list[Record]) -> frozenset[str]:
        """Sandboxes whose row we lack while their owner does not answer; asked before a transaction, never inside one."""
        named = sorted(sandboxes_of(records, self._house.hears))
        known = await asyncio.gather(*(self._known(sandbox) for sandbox in named))
        return frozenset(sandbox for sandbox, answered in zip(named, known, strict=True) if not answered)

    async def _known(self, sandbox: str) -> bool:
        """Whether its owner has answered for this sandbox; a frozen owner must not cost us our leases."""
        try:
            async with asyncio.timeout(OWNER_SECONDS):
                await self._house.ensure_sandbox(sandbox)
        except (Unreachable, TimeoutError):
            return False
        return True

    async def _release_unknown(self) -> None:
        rows = await self._house.database.fetch(
            "SELECT sandbox, subject FROM parked WHERE reason = $1 LIMIT 500", UNKNOWN_SANDBOX
        )
        for sandbox in {row["sandbox"] for row in rows}:
            if await self._known(sandbox):
                for row in rows:
                    if row["sandbox"] == sandbox:
                        await self._house.consumer.redrive(sandbox, row["subject"])


def events_behind(position: Position, given: Sequence[int] | None) -> int:
    """How many events of a lane are not applied yet.

    given  the source's present life in this lane, and the last number in it; None: it told nothing there
    """
    epoch, head = given or (0, 0)
    return max(head - position.expected + 1, 0) if epoch == position.epoch else head


def jobs(house: House, hears_topic: str, speaks_topic: str) -> list:  # type: ignore[type-arg]
    """The background work of a worker process, each run again when the machine fails under it."""
    holder = f"{socket.gethostname()}:{os.getpid()}"
    settings = house.settings
    wake = settings.wake.total_seconds()
    reader_leases = Leases(house.database, "reader", holder, settings.lease)
    relay_leases = Leases(house.database, "relay", holder, settings.lease)
    reader = LaneReader(house, hears_topic, reader_leases)
    relay = Relay(
        house.database,
        settings.kafka_bootstrap_servers,
        speaks_topic,
        house.service,
        relay_leases,
        house.neighbour_places,
        batch=settings.batch,
        wake=wake,
    )

    house.waits_for |= {"broker"}
    house.consumer.topic = hears_topic

    async def ready() -> None:
        """Ready when both parts have their lanes; a second worker beside us may leave us with half of them."""
        await asyncio.gather(reader_leases.held.wait(), relay_leases.held.wait())
        house.waits_for.discard("broker")

    async def timers() -> None:
        """Fires what is due where time runs by itself."""
        while True:
            if await house.timers.fire(None):
                house.waker.wake()
            else:
                await asyncio.sleep(max(wake, 0.05))

    work = [relay.run, reader.run, ready, timers, house.waker.run]
    if house.callers:
        work.append(http_outbox.Callers(house.database, house.callers).run)
    return work
