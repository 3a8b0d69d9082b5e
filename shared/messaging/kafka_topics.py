"""Many topics of one partition each, such as those of outsiders: one producer, and one reader, for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec import Struct

from shared.messaging.cloudevents import Headers
from shared.messaging.kafka import BATCH_BYTES, REQUEST_TIMEOUT_MS, BrokerFault, access, batches, stop, time_limit

Message = tuple[bytes | None, bytes, Headers]  # key, value, headers
ONLY = 0  # the partition
POLL_ONE_MS = 300  # longer than the broker waits for records of a topic that has none


class OutsideRecord(Struct, frozen=True):
    """One record that an outsider wrote, as it is; `is_readable` False: its bytes are not those of a record."""

    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    is_readable: bool = True


class TopicsWriter:
    """An idempotent producer with acks=all for topics that exist. After a BrokerFault it must be opened again."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._producer: AIOKafkaProducer | None = None

    @property
    def is_open(self) -> bool:
        return self._producer is not None

    async def open(self) -> None:
        await self.close()
        async with time_limit():
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                enable_idempotence=True,
                acks="all",
                max_batch_size=BATCH_BYTES,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                linger_ms=0,
                **access(),
            )
            await self._producer.start()

    async def close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await stop(producer)

    async def publish(self, messages: Mapping[str, Sequence[Message]]) -> dict[str, BaseException]:
        """Send to topics, in order in each, and wait for the acknowledgements. Returns the topics that failed, with the error."""
        results = await asyncio.gather(*(self._publish(*each) for each in messages.items()), return_exceptions=True)
        return {
            topic: error for topic, error in zip(messages, results, strict=True) if isinstance(error, BaseException)
        }

    async def _publish(self, topic: str, messages: Iterable[Message]) -> None:
        producer = self._producer
        if producer is None:
            raise BrokerFault("the producer is not open")
        async with time_limit():
            filled = [batch for _, batch in batches(producer, ((ONLY, *message) for message in messages))]
            futures = [await producer.send_batch(batch, topic, partition=ONLY) for batch in filled]
            await asyncio.gather(*futures)


class TopicsReader:
    """Reads topics from given offsets, and commits nothing."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[str, int] = {}  # topic → offset of the record that is read next

    @property
    def is_open(self) -> bool:
        return self._consumer is not None

    async def open(self) -> None:
        await self.close()
        async with time_limit():
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._servers,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                fetch_max_wait_ms=250,
                **access(),
            )
            await self._consumer.start()

    async def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await stop(consumer)

    @property
    def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise BrokerFault("the reader is not open")
        return self._consumer

    async def assign(self, offsets: Mapping[str, int]) -> None:
        """Read these topics, and no other, each from its offset."""
        async with time_limit():
            self._open.assign([TopicPartition(topic, ONLY) for topic in offsets])
            for topic, offset in offsets.items():
                self._open.seek(TopicPartition(topic, ONLY), offset)
        self._next = dict(offsets)

    async def missing(self, topics: Collection[str]) -> set[str]:
        """Those that the broker does not have."""
        async with time_limit():
            return set(topics) - set(await self._open.topics())

    async def poll(self, wait_ms: int, limit: int) -> dict[str, list[OutsideRecord]]:
        """The next records of each topic, in order. A batch that cannot be decoded disturbs no other topic."""
        try:
            async with time_limit():
                fetched = await self._open.getmany(timeout_ms=wait_ms, max_records=limit)
        except ValueError:  # the name of a header that is no UTF-8 text
            return {topic: records for topic in self._next if (records := await self._poll_one(topic, limit))}
        return {at.topic: self._taken(at.topic, messages) for at, messages in fetched.items() if messages}

    async def _poll_one(self, topic: str, limit: int) -> list[OutsideRecord]:
        """The records of a topic up to one that cannot be decoded; that one alone if it is the next."""
        at, records = TopicPartition(topic, ONLY), list[OutsideRecord]()
        self._open.seek(at, self._next[topic])  # the call that failed has lost what it had taken
        while len(records) < limit:
            try:
                async with time_limit():
                    fetched = await self._open.getmany(at, timeout_ms=POLL_ONE_MS, max_records=1)
            except ValueError:
                if not records:
                    records = [OutsideRecord(self._next[topic], is_readable=False)]
                    self._next[topic] += 1
                self._open.seek(at, self._next[topic])
                break
            if not (messages := fetched.get(at)):
                break
            records += self._taken(topic, messages)
        return records

    def _taken(self, topic: str, messages: Sequence[object]) -> list[OutsideRecord]:
        records = [
            OutsideRecord(message.offset, message.key, message.value, tuple(message.headers))  # type: ignore[attr-defined]
            for message in messages
        ]
        self._next[topic] = records[-1].offset + 1
        return records
