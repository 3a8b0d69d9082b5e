"""Outbox relay: assigns sequence numbers, commits them, then produces to Kafka. After a crash it repeats the batch."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from shared.messaging import cloudevents, event_log, kafka
from shared.messaging.cloudevents import Signer
from shared.messaging.lanes import Place
from shared.messaging.leases import Leases
from shared.messaging.priority import Load
from shared.observability import metrics, spans
from shared.storage.database import Connection, Database

log = structlog.get_logger()
CHANNEL = "relay"  # PostgreSQL NOTIFY channel: events were committed
CHECK_SECONDS = 1.0  # between two renewals of the leases, and two checks that the broker has lost nothing

# Returns the place that the reader of each lane expects next; raises http.Unreachable.
ReaderPlaces = Callable[[], Awaitable[dict[int, Place]]]

# One statement, so one round trip: lock the lanes that we lease and that have queued events, take these, number them, save
# the numbers, read the bodies. If nothing is queued, it locks and writes nothing. `follows`: no older event of the lane is
# neither acknowledged nor under way.
# Arrays make PostgreSQL read a queue full of dead rows by index and delete by ctid, whatever the planner estimates.
NUMBER_SQL = """
WITH leased AS MATERIALIZED (
  SELECT l.lane FROM lanes_out l JOIN leases s ON s.part = $3 AND s.lane = l.lane
  WHERE l.topic = $5 AND s.holder = $4 AND s.until > clock_timestamp()
    AND l.lane = ANY(ARRAY(SELECT q.lane FROM queue q WHERE q.topic = $5 AND q.lane = ANY($1) ORDER BY q.id LIMIT $2))
  ORDER BY l.lane FOR UPDATE OF l),
taken AS (
  DELETE FROM queue WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM queue WHERE topic = $5 AND lane = ANY(ARRAY(SELECT lane FROM leased)) ORDER BY id LIMIT $2))
  RETURNING id, lane, sandbox, subject, version),
moved AS (
  UPDATE lanes_out l SET head = l.head + n.count FROM (SELECT lane, count(*) AS count FROM taken GROUP BY lane) n
  WHERE l.topic = $5 AND l.lane = n.lane
  RETURNING l.lane, l.epoch, l.head - n.count AS before, l.sent_epoch, l.sent_number),
numbered AS (
  INSERT INTO posted (topic, lane, epoch, number, sandbox, subject, version)
  SELECT $5, t.lane, m.epoch, m.before + row_number() OVER (PARTITION BY t.lane ORDER BY t.id), t.sandbox, t.subject,
    t.version
  FROM taken t JOIN moved m USING (lane) RETURNING *)
SELECT n.*, m.sent_epoch, m.sent_number, (m.epoch, m.before) = (m.sent_epoch, m.sent_number) AS follows,
  e.id, e.type, e.at, e.body, e.traceparent
FROM numbered n JOIN (
  SELECT m.lane, m.epoch, m.before, coalesce(u.epoch, m.sent_epoch) AS sent_epoch,
    coalesce(u.number, m.sent_number) AS sent_number
  FROM moved m LEFT JOIN unnest($6::int2[], $7::int[], $8::bigint[]) u (lane, epoch, number) USING (lane)) m USING (lane)
LEFT JOIN LATERAL (
  SELECT id, type, at, body, traceparent FROM events e
  WHERE e.sandbox = n.sandbox AND e.subject = n.subject AND e.version = n.version LIMIT 1) e ON true
ORDER BY n.lane, n.epoch, n.number"""

# `sent` advances where no replay was requested meanwhile, and where the offsets show that the broker lost nothing.
ACKNOWLEDGED_SQL = """
WITH locked AS MATERIALIZED (SELECT lane FROM lanes_out WHERE topic = $8 AND lane = ANY($1) ORDER BY lane FOR UPDATE)
UPDATE lanes_out l SET sent_epoch = t.epoch, sent_number = t.number, last_offset = t.last_offset
FROM unnest($1::int2[], $2::int[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[])
  t (lane, from_epoch, from_number, epoch, number, first_offset, last_offset) JOIN locked USING (lane)
WHERE l.topic = $8 AND l.lane = t.lane AND (l.sent_epoch, l.sent_number) = (t.from_epoch, t.from_number)
  AND t.first_offset > l.last_offset
RETURNING l.lane"""

# What follows `sent`, or what is being published. Reads each body by its key (LIMIT 1): for a long log, the planner would
# otherwise read all of it for 500 bodies.
UNSENT_SQL = """
SELECT p.*, e.id, e.type, e.at, e.body, e.traceparent FROM (
  SELECT p.*, l.sent_epoch, l.sent_number FROM (
    SELECT l.topic, l.lane, coalesce(u.epoch, l.sent_epoch) AS sent_epoch, coalesce(u.number, l.sent_number) AS sent_number
    FROM lanes_out l LEFT JOIN unnest($4::int2[], $5::int[], $6::bigint[]) u (lane, epoch, number) USING (lane)
    WHERE l.topic = $3 AND l.lane = ANY($1)) l
  CROSS JOIN LATERAL (
    SELECT * FROM posted p
    WHERE p.topic = l.topic AND p.lane = l.lane AND (p.epoch, p.number) > (l.sent_epoch, l.sent_number)
    ORDER BY p.epoch, p.number LIMIT $2) p
  ORDER BY p.lane, p.epoch, p.number LIMIT $2) p
LEFT JOIN LATERAL (
  SELECT id, type, at, body, traceparent FROM events e
  WHERE e.sandbox = p.sandbox AND e.subject = p.subject AND e.version = p.version LIMIT 1) e ON true
ORDER BY p.lane, p.epoch, p.number"""
LANES_SQL = "SELECT * FROM lanes_out WHERE topic = $1 AND lane = ANY($2)"


class Relay:
    """The relay of one worker for one topic of the event log."""

    def __init__(
        self,
        database: Database,
        servers: str,
        topic: str,
        source: str,
        leases: Leases,
        places: ReaderPlaces,
        signer: Signer,
        *,
        batch: int,
        wake: float,
    ) -> None:
        self._database, self._servers, self._topic, self.source = database, servers, topic, source
        self.leases, self._places, self._signer = leases, places, signer
        self._batch, self._wake_seconds = batch, wake
        self._writer, self._observer = kafka.Writer(servers, topic), kafka.Reader(servers, topic)
        self._woken = asyncio.Event()
        self._following: list[Any] = []  # after a full batch: the next one, read while it was published
        self._is_settled = False  # every numbered event is acknowledged, or in the batch that was read last
        self.load = Load()

    async def run(self) -> None:
        """Run until cancelled; release the lanes at a clean stop. The caller runs it again after a fault."""
        listening = await self._database.pool.acquire()
        try:
            await listening.add_listener(CHANNEL, self._wake)
            await self._writer.open()
            await self._observer.open()
            await self._work(listening)
        finally:
            self.leases.lanes = []
            with contextlib.suppress(Exception):
                await self.leases.give_back()
            await self._writer.close()
            await self._observer.close()
            with contextlib.suppress(Exception):
                await listening.remove_listener(CHANNEL, self._wake)
            await self._database.pool.release(listening, timeout=1)

    def _wake(self, *_: object) -> None:
        self._woken.set()

    async def _work(self, listening: Connection) -> None:
        """`listening`: the connection over which we are woken. Raises ConnectionError when it is lost."""
        loop = asyncio.get_running_loop()
        checked_at = 0.0
        while True:
            if loop.time() - checked_at > CHECK_SECONDS:
                if listening.is_closed():
                    raise ConnectionError("the connection for wake-ups was lost")
                new = await self.leases.renew()
                if new:
                    await self._take(sorted(new))
                elif checked_at:
                    await self._check_broker()
                checked_at, self._following, self._is_settled = loop.time(), [], False
            self._woken.clear()
            if await self.step() < self._batch:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._wake_seconds):
                        await self._woken.wait()

    async def step(self) -> int:
        """Number queued events, publish what is not acknowledged yet. Returns the number of records produced.

        After a full batch more events are probably queued: these are numbered and read while the batch is published.
        """
        rows, self._following = self._following, []
        if not rows:
            rows, self._is_settled = await self._next()
        if not rows:
            return 0
        if len(rows) == self._batch:  # the statement of `_next` is on its way while `_publish` encodes
            (following, self._is_settled), offsets = await asyncio.gather(self._next(rows), self._publish(rows))
        else:
            following, offsets = [], await self._publish(rows)
        metrics.EVENTS_SENT.labels(self.source).inc(len(rows))
        if await self._acknowledge(rows, offsets):
            self._following = following
        else:
            self._is_settled = False
        self.load.note(len(rows))
        return len(rows)

    async def _publish(self, rows: list[Any]) -> list[int]:
        """Produce these events; returns their offsets."""
        begun = time.time_ns()
        messages: list[kafka.Message] = []
        for row in rows:
            body = (row["body"] or "{}").encode()
            headers = cloudevents.headers(row, self.source, self._signer, body)
            messages.append((row["lane"], row["subject"].encode(), body, headers))
        stamped = spans.stamp(rows, messages) if spans.on else []
        offsets = await self._writer.publish(messages)
        if spans.on:
            spans.sent(self._topic, self.source, rows, stamped, offsets, begun)
        return offsets

    async def _next(self, under_way: Sequence[Any] = ()) -> tuple[list[Any], bool]:
        """Number queued events; returns what follows all that is acknowledged or under way: at most a batch, with the bodies.

        Returns besides whether that is all that is numbered.

        These are the new ones, unless older ones were not acknowledged, or a replay was requested. What was requested of a
        lane without new events is seen when nothing is new, or at the next check of the leases.

        under_way  the batch that is being published
        """
        last = {row["lane"]: row for row in under_way}
        places = [*last], [row["epoch"] for row in last.values()], [row["number"] for row in last.values()]
        new = await self.number(*places)
        if new and self._is_settled and all(row["follows"] for row in new):
            return new, True
        rows = await self._database.fetch(UNSENT_SQL, self.leases.lanes, self._batch + 1, self._topic, *places)
        return rows[: self._batch], len(rows) <= self._batch

    async def number(self, *places: Sequence[int]) -> list[Any]:
        """Save the next numbers before anything is produced, under the locks of the lanes, only while we lease them.

        places   of what is being published: lanes, epochs, numbers
        returns  the events that have a number now
        """
        leases = self.leases
        return await self._database.fetch(
            NUMBER_SQL, leases.lanes, self._batch, leases.part, leases.holder, self._topic, *(places or ([], [], []))
        )

    async def _acknowledge(self, rows: list[Any], offsets: list[int]) -> bool:
        """Advance `sent` in lanes where no replay was requested meanwhile; go back where the broker lost records.

        returns  whether `sent` has advanced in all lanes
        """
        first: dict[int, tuple[Any, int]] = {}
        last: dict[int, tuple[Any, int]] = {}
        for row, offset in zip(rows, offsets, strict=True):
            first.setdefault(row["lane"], (row, offset))
            last[row["lane"]] = (row, offset)
        lanes = list(first)
        moved = await self._database.fetch(
            ACKNOWLEDGED_SQL,
            lanes,
            [first[lane][0]["sent_epoch"] for lane in lanes],
            [first[lane][0]["sent_number"] for lane in lanes],
            [last[lane][0]["epoch"] for lane in lanes],
            [last[lane][0]["number"] for lane in lanes],
            [first[lane][1] for lane in lanes],
            [last[lane][1] for lane in lanes],
            self._topic,
        )
        left = set(lanes) - {row["lane"] for row in moved}
        if not left:
            return True
        logs = await self._database.fetch(LANES_SQL, self._topic, sorted(left))
        lossy = [row["lane"] for row in logs if first[row["lane"]][1] <= row["last_offset"]]
        if lossy:
            await self._go_back(lossy)  # in the other lanes a replay was requested, which has set `sent`
        self._wake()
        return False

    async def _check_broker(self) -> None:
        """Go back in lanes where the broker no longer has what it acknowledged."""
        rows = await self._database.fetch(LANES_SQL, self._topic, self.leases.lanes)
        ends = await self._observer.ends(self.leases.lanes)
        lossy = [row["lane"] for row in rows if event_log.log_of(row).forgotten(ends[row["lane"]])]
        if lossy:
            await self._go_back(lossy)

    async def _go_back(self, lanes: list[int]) -> None:
        """Publish again from the place that the reader expects, because the broker lost records."""
        metrics.FORGETS.labels(self.source).inc(len(lanes))
        log.warning("broker_forgot", lanes=lanes, source=self.source)
        places = await self._places()
        async with self._database.transaction() as connection:
            logs = await event_log.lock_log(connection, self._topic, lanes)
            for lane, lane_log in logs.items():
                lane_log.last_offset = -1  # acknowledged offsets are no longer valid
                lane_log.go_back(places.get(lane, (0, 1)))
            await event_log.save_logs(connection, self._topic, logs)

    async def _take(self, lanes: list[int]) -> None:
        """Prepare new lanes. If a peer or the broker knows numbers that we never assigned, begin a new epoch."""
        places = await self._places()
        seen = {lane: (epoch, expected - 1) for lane, (epoch, expected) in places.items()}
        records = await kafka.last_records(self._servers, self._topic, lanes)
        for record in records:
            event = cloudevents.decode(record, self.source) if self._signer.is_genuine(record) else None
            if event is not None:
                seen[event.lane] = max(seen.get(event.lane, (0, 0)), (event.epoch, event.number))
        behind = await event_log.compare_lanes(
            self._database, self.source, self._topic, places, {lane: seen[lane] for lane in lanes if lane in seen}
        )
        if behind:
            log.warning("new_epoch", lanes=behind, source=self.source)


class Waker:
    """Notifies the relay, in another process, of committed events: at most one NOTIFY per 5 ms, after the commit."""

    def __init__(self, database: Database) -> None:
        self._database, self._event = database, asyncio.Event()

    def wake(self) -> None:
        self._event.set()

    async def run(self) -> None:
        while True:
            await self._event.wait()
            self._event.clear()
            await self._database.pool.execute(f"NOTIFY {CHANNEL}")
            await asyncio.sleep(0.005)
