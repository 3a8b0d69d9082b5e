"""The worker's jobs at the Kafka doors: it opens and closes them, writes inboxes and verdicts, and reads the outboxes.

Each works the provinces whose lanes this worker has (a lease), in all sandboxes. A second worker that believes the same
for a moment does no harm: it writes records once more, and what it reads is judged once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import structlog

from contracts import lifecycle as law
from contracts.faults.connectors import MODE
from contracts.gate import Message
from services.province_gateway.doors import cloudevents, kafka_opening, kafka_records, kafka_store, speaking
from services.province_gateway.doors.bell import EVERYWHERE, Bell
from services.province_gateway.doors.deliveries import Delivery, Ring
from services.province_gateway.doors.kafka_names import KafkaNames
from services.province_gateway.moves.context import Rules
from services.province_gateway.officers.modes import is_external
from shared.errors import NotReady, Refusal
from shared.messaging.kafka import BrokerFault
from shared.messaging.kafka_topics import Message as NewRecord
from shared.messaging.kafka_topics import OutsideRecord, TopicsReader, TopicsWriter
from shared.messaging.leases import Leases
from shared.messaging.runtime import MessagingRuntime
from shared.storage.database import DATA_REFUSED

Place = tuple[str, str]  # sandbox, province
CHECK_SECONDS = 1.0  # between two renewals of the leases, and two looks for new doors
MISSING_SECONDS = 5.0  # between two looks whether the broker still has the topics
PAUSE_SECONDS = 0.05  # between two looks for doors to open: most rings are about deliveries
OF_ONE = 100  # deliveries, verdicts and records of one door at a time, so that no door waits long for another
TOGETHER = 500  # records written at once
POLL_MS = 250
log = structlog.get_logger()


class KafkaDoors:
    """The three jobs of one worker: `keep`, `tell` and `hear`."""

    def __init__(self, runtime: MessagingRuntime[Any], rules: Rules, bell: Bell, leases: Leases) -> None:
        self._runtime, self._rules, self._bell, self._leases = runtime, rules, bell, leases
        self._ring: Ring = bell.ring
        servers = runtime.settings.kafka_bootstrap_servers
        self._writer, self._reader = TopicsWriter(servers), TopicsReader(servers)
        self._read: dict[str, Place] = {}  # topic → whose outbox it is
        self._offsets: dict[str, int] = {}  # as they were assigned
        self._rests: dict[str, float] = {}  # topics that could not be judged → loop time until which they rest

    async def keep(self) -> None:
        """Job: hold leases; open, close and remove doors."""
        loop, runtime, renewed_at = asyncio.get_running_loop(), self._runtime, 0.0
        try:
            async with self._bell.waiting(*EVERYWHERE) as rung:
                while True:
                    rung.clear()
                    if loop.time() - renewed_at > CHECK_SECONDS:
                        await self._leases.renew()
                        renewed_at = loop.time()
                    await kafka_opening.reconcile(runtime.database, runtime.settings, self._ring, self._leases.lanes)
                    await _wait(rung, CHECK_SECONDS)
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._leases.lanes = []
            with contextlib.suppress(Exception):
                await self._leases.give_back()

    async def close(self) -> None:
        """Close the connections to the broker; each job does it for its own."""
        await self._writer.close()
        await self._reader.close()

    # --- out ---
    async def tell(self) -> None:
        """Job: write deliveries and verdicts, as soon as they are there."""
        try:
            async with self._bell.waiting(*EVERYWHERE) as rung:
                while True:
                    rung.clear()
                    if not await self.write():
                        await _wait(rung, CHECK_SECONDS)
        finally:
            await self._writer.close()

    async def write(self) -> int:
        """Write what is not written yet, at most TOGETHER records of each kind. Returns how many. Raises BrokerFault."""
        database, lanes = self._runtime.database, self._leases.lanes
        untold = await database.fetch(kafka_store.UNTOLD_SQL, lanes, OF_ONE, TOGETHER)
        unsaid = await database.fetch(kafka_store.UNSAID_SQL, lanes, OF_ONE, TOGETHER)
        if not untold and not unsaid:
            return 0
        if not self._writer.is_open:
            await self._writer.open()
        told: dict[Place, list[NewRecord]] = {}
        for place, rows in _by_place(untold):
            with contextlib.suppress(NotReady):  # the portal signs no addresses now: this inbox waits, others do not
                told[place] = await self._told(place[0], rows)
        said = {place: [kafka_records.of_verdict(row) for row in rows] for place, rows in _by_place(unsaid)}
        topics = {KafkaNames.of(*place).inbox: records for place, records in told.items()}
        topics |= {KafkaNames.of(*place).verdicts: records for place, records in said.items()}
        failed = await self._writer.publish(topics)
        inboxes = [place for place in told if KafkaNames.of(*place).inbox not in failed]
        answers = [place for place in said if KafkaNames.of(*place).verdicts not in failed]
        await self._note(kafka_store.TOLD_SQL, untold, inboxes)
        await self._note(kafka_store.SAID_SQL, unsaid, answers)
        if failed:
            await self._writer.close()
            topic, error = next(iter(failed.items()))
            raise BrokerFault(f"{topic} is not written: {error}") from error
        return sum(map(len, topics.values()))

    async def _told(self, sandbox_id: str, rows: Sequence[Mapping[str, Any]]) -> list[NewRecord]:
        deliveries = [Delivery(*(row[name] for name in Delivery._fields)) for row in rows]
        events = await cloudevents.structured(self._runtime, sandbox_id, deliveries)
        return [
            kafka_records.of_delivery(event, is_structured=delivery.twist == MODE)
            for delivery, event in zip(deliveries, events, strict=True)
        ]

    async def _note(self, sql: str, rows: Sequence[Any], places: Iterable[Place]) -> None:
        last = {(row["sandbox"], row["province"]): (row["number"], row["before"]) for row in rows}
        moved = [(*place, *last[place]) for place in places]
        if moved:
            await self._runtime.database.pool.execute(sql, *map(list, zip(*moved, strict=True)))

    # --- in ---
    async def hear(self) -> None:
        """Job: read the outboxes; each record gets one verdict."""
        loop = asyncio.get_running_loop()
        looked_at = missing_at = 0.0
        try:
            async with self._bell.waiting(*EVERYWHERE) as rung:
                while True:
                    if loop.time() - looked_at > CHECK_SECONDS or not self._read:
                        rung.clear()
                        await self.assign()
                        looked_at = loop.time()
                    if not self._read:
                        await _wait(rung, CHECK_SECONDS)
                        continue
                    if loop.time() - missing_at > MISSING_SECONDS:
                        await self.find_forgotten()
                        missing_at = loop.time()
                    if await self.read():
                        looked_at = 0.0
        finally:
            self._read, self._offsets = {}, {}
            await self._reader.close()

    async def assign(self) -> None:
        """Read the outboxes of all open doors of our provinces, each from the place that is stored."""
        now = asyncio.get_running_loop().time()
        rows = await self._runtime.database.fetch(kafka_store.READABLE_SQL, self._leases.lanes)
        offsets, read = {}, {}
        for row in rows:
            topic = KafkaNames.of(row["sandbox"], row["province"]).outbox
            if self._rests.get(topic, now) <= now and is_external(row["modes"], row["province"]):
                offsets[topic], read[topic] = row["heard"], (row["sandbox"], row["province"])
        self._rests = {topic: until for topic, until in self._rests.items() if until > now}
        if read.keys() == self._read.keys() and all(offsets[topic] >= self._offsets[topic] for topic in offsets):
            self._offsets = offsets
            return
        if read and not self._reader.is_open:
            await self._reader.open()
        if self._reader.is_open:
            await self._reader.assign(offsets)
        self._read, self._offsets = read, offsets

    async def read(self) -> bool:
        """Judge the next records. Returns whether some could not be judged now; their topics rest for a while."""
        polled = await self._reader.poll(POLL_MS, TOGETHER)
        fetched = {topic: records for topic, records in polled.items() if topic in self._read}
        calls = (self._judge(self._read[topic], records) for topic, records in fetched.items())
        results = await asyncio.gather(*calls, return_exceptions=True)
        failed = {topic: error for topic, error in zip(fetched, results, strict=True) if error is not None}
        for topic, error in failed.items():
            if not isinstance(error, Exception):
                raise error  # our own cancellation
            log.warning("outbox_not_judged", topic=topic, error=repr(error))
            self._rests[topic] = asyncio.get_running_loop().time() + CHECK_SECONDS
            self._runtime.trouble = f"The last error: {topic} is not judged: {error}."
        if failed:
            await self.assign()
        return bool(failed)

    async def _judge(self, place: Place, records: Sequence[OutsideRecord]) -> None:
        for part in _transactions([(record.offset, kafka_records.of_outsider(record, *place)) for record in records]):
            try:
                await self._say(part)
            except DATA_REFUSED:
                for each in part:
                    await self._say_alone(each)

    async def _say_alone(self, one: tuple[int, Message]) -> None:
        try:
            await self._say([one])
        except DATA_REFUSED as error:
            log.warning("message_not_storable", error=repr(error))
            await self._say([one], Refusal("Change what cannot be stored: a text, or a number that is too large."))

    async def _say(self, part: Sequence[tuple[int, Message]], unfit: Refusal | None = None) -> None:
        messages, offsets = [message for _, message in part], [offset for offset, _ in part]
        await speaking.say_all(self._runtime, self._rules, self._ring, messages, offsets=offsets, unfit=unfit)

    async def find_forgotten(self) -> None:
        """A broker that was emptied lacks topics: their doors are opened again, and what is kept here is said again."""
        missing = await self._reader.missing(self._read)
        for topic in missing:
            place = self._read[topic]
            log.warning("broker_lost_topics", sandbox=place[0], province=place[1])
            await self._runtime.database.pool.execute(kafka_store.FORGOTTEN_SQL, *place)
        if missing:
            await self.assign()


def _by_place(rows: Sequence[Any]) -> list[tuple[Place, list[Any]]]:
    return [(place, list(of)) for place, of in groupby(rows, key=lambda row: (row["sandbox"], row["province"]))]


def _transactions(messages: Sequence[tuple[int, Message]]) -> list[list[tuple[int, Message]]]:
    """Cut into what one transaction judges: at most OF_ONE, and a registration ends it (`speaking.say_all`)."""
    parts: list[list[tuple[int, Message]]] = []
    for each in messages:
        if not parts or len(parts[-1]) >= OF_ONE or _registers(parts[-1][-1][1]):
            parts.append([])
        parts[-1].append(each)
    return parts


def _registers(message: Message) -> bool:
    """Whether a message may be a registration; its type is in a header or in the body."""
    wanted = law.DOSSIER_REGISTERED.encode()
    return any(value == wanted for _, value in message.headers) or wanted in (message.body or b"")


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
