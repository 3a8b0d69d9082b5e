"""The only file that imports aiokafka: topics, one producer, one reader, and what the broker remembers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code
from aiokafka.helpers import create_ssl_context
from aiokafka.producer.message_accumulator import BatchBuilder
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import Unfit
from shared.messaging.cloudevents import Headers, Record
from shared.messaging.lanes import LANES

log = structlog.get_logger()
REQUEST_TIMEOUT_MS = 5_000  # a local broker answers in 1 ms; what takes longer is a broker that died
COMMIT_SECONDS = 2.0  # shorter than a lease: a reader that waits longer for a group's coordinator would lose its lanes
BATCH_BYTES = 256 * 1024  # aiokafka's 16 KB halve the throughput (measured 27k/s against 49k/s)
Message = tuple[int, bytes, bytes, Headers]  # lane, key, value, headers


class BrokerFault(OSError):
    """The broker did not do what was asked; try again with a new connection."""


class TopicUnfit(Unfit):
    """A topic is there already, made otherwise than the lanes need it."""


class Access(BaseSettings):
    """How to speak to a broker that is not our own: `KAFKA_…`, with the words that Kafka's own clients use.

    ssl_cafile  PEM file of the authority that signed the broker's certificate; empty: those that the system trusts
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore", env_ignore_empty=True)

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ssl_cafile: str = ""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")

    def options(self) -> dict[str, Any]:
        """For aiokafka's clients."""
        options: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = create_ssl_context(cafile=self.ssl_cafile or None)
        if self.security_protocol.startswith("SASL"):
            options |= {"sasl_mechanism": self.sasl_mechanism, "sasl_plain_username": self.sasl_username}
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return options


@cache
def access() -> dict[str, Any]:
    """What the environment says of it, read once."""
    return Access(_secrets_dir=os.environ.get("SECRETS_DIR")).options()


@contextlib.contextmanager
def faults() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, AssertionError, TimeoutError) as error:
        raise BrokerFault(repr(error)) from error


@contextlib.asynccontextmanager
async def answered(seconds: float = REQUEST_TIMEOUT_MS / 1000) -> AsyncIterator[None]:
    """A call of aiokafka that ends: some of them ask a dead broker's successor for ever, and their caller would hang."""
    with faults():
        async with asyncio.timeout(seconds):
            yield


async def ensure_topics(servers: str, topics: Sequence[str]) -> None:
    """Make the topics with one partition per lane; never left to auto-creation (a wiped broker would make one of 1 partition).

    raises  TopicUnfit for one that is there with another number of partitions
    """
    with faults():
        admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=REQUEST_TIMEOUT_MS, **access())
        try:
            await admin.start()
            there = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
            missing = [topic for topic in topics if topic not in there]
            if missing:
                await _create(admin, missing)
        finally:
            await admin.close()
    for topic in topics:
        if (found := there.get(topic, LANES)) != LANES:
            raise TopicUnfit(
                f"Topic {topic} at {servers} has {found} partitions, and the lanes need {LANES}. Delete it, and the services "
                f"make it anew and send again what was not read; or name another broker."
            )


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> None:
    new = [NewTopic(topic, num_partitions=LANES, replication_factor=1) for topic in topics]
    for topic, code, message in (await admin.create_topics(new)).topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise BrokerFault(f"{topic} could not be made: {error.__name__}: {message}")


async def _stop(part: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stop it, whatever it says of that, two seconds at most; our own cancellation passes, so that a worker can end."""
    stopping = asyncio.ensure_future(part.stop())
    await asyncio.wait([stopping], timeout=2)
    if not stopping.done():
        stopping.cancel()
    elif not stopping.cancelled():
        stopping.exception()  # looked at, or asyncio would report it


class Writer:
    """An idempotent producer with acks=all for one topic. After a BrokerFault it must be opened anew."""

    def __init__(self, servers: str, topic: str) -> None:
        self._servers, self._topic = servers, topic
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        await self.close()
        await ensure_topics(self._servers, [self._topic])
        async with answered():
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
            await _stop(producer)

    async def publish(self, messages: Sequence[Message]) -> list[int]:
        """Send in order, lane after lane, and wait for the acknowledgements; gives the offset of each. Raises BrokerFault.

        One batch per lane, filled here: a future for every message would cost more than everything else together.
        """
        producer = self._producer
        if producer is None:
            raise BrokerFault("the producer is not open")
        with faults():
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                batches = list(_batches(producer, messages))
                sent = [await producer.send_batch(batch, self._topic, partition=lane) for lane, batch in batches]
                taken = await asyncio.gather(*sent)
        counts = [batch.record_count() for _, batch in batches]
        return [first.offset + n for first, count in zip(taken, counts, strict=True) for n in range(count)]


def _batches(producer: AIOKafkaProducer, messages: Iterable[Message]) -> Iterator[tuple[int, BatchBuilder]]:
    """Messages of one lane, as many as fit, in each."""
    lane, batch = -1, producer.create_batch()
    for wanted, key, value, headers in messages:
        if wanted == lane and batch.append(timestamp=None, key=key, value=value, headers=headers) is not None:
            continue
        if lane >= 0:
            yield lane, batch
        lane, batch = wanted, producer.create_batch()
        batch.append(timestamp=None, key=key, value=value, headers=headers)  # the first always fits
    if lane >= 0:
        yield lane, batch


class Reader:
    """Reads assigned lanes of one topic; the group's committed offsets are for dashboards, and for a database made anew."""

    def __init__(self, servers: str, topic: str, group: str | None = None) -> None:
        self._servers, self._topic, self._group = servers, topic, group
        self._consumer: AIOKafkaConsumer | None = None

    async def open(self) -> None:
        await self.close()
        await ensure_topics(self._servers, [self._topic])
        async with answered():
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._servers,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                max_poll_interval_ms=300_000,
                fetch_max_wait_ms=250,
                **access(),
            )
            await self._consumer.start()

    async def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await _stop(consumer)

    @property
    def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise BrokerFault("the reader is not open")
        return self._consumer

    def _partition(self, lane: int) -> TopicPartition:
        return TopicPartition(self._topic, lane)

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Read these lanes, each from its offset."""
        with faults():
            self._open.assign([self._partition(lane) for lane in offsets])
            for lane, offset in offsets.items():
                self._open.seek(self._partition(lane), offset)

    def seek(self, lane: int, offset: int) -> None:
        with faults():
            self._open.seek(self._partition(lane), offset)

    async def poll(self, wait_ms: int, most: int) -> list[Record]:
        """What has come, in order per lane."""
        async with answered():
            found = await self._open.getmany(timeout_ms=wait_ms, max_records=most)
        return [
            Record(partition.partition, message.offset, message.key, message.value, _headers(message.headers))
            for partition, messages in found.items()
            for message in messages
        ]

    async def places(self, lanes: Iterable[int]) -> dict[int, int]:
        """The offset that each lane is read from next, by what the broker still has."""
        async with answered():
            return {lane: await self._open.position(self._partition(lane)) for lane in lanes}

    async def committed(self, lanes: Iterable[int]) -> dict[int, int]:
        async with answered():
            return {lane: await self._open.committed(self._partition(lane)) or 0 for lane in lanes}

    async def commit(self, offsets: Mapping[int, int]) -> None:
        async with answered(COMMIT_SECONDS):
            await self._open.commit({self._partition(lane): offset for lane, offset in offsets.items()})

    async def ends(self, lanes: Iterable[int]) -> dict[int, int]:
        """The offset that the next record of each lane will get."""
        async with answered():
            ends = await self._open.end_offsets([self._partition(lane) for lane in lanes])
        return {partition.partition: offset for partition, offset in ends.items()}

    async def begins(self, lanes: Iterable[int]) -> dict[int, int]:
        """The offset of the oldest record that each lane still has."""
        async with answered():
            begins = await self._open.beginning_offsets([self._partition(lane) for lane in lanes])
        return {partition.partition: offset for partition, offset in begins.items()}


def _headers(pairs: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Headers by name; one without a value is as good as absent."""
    return {name: value for name, value in pairs if value is not None}


async def last_records(servers: str, topic: str, lanes: Sequence[int]) -> list[Record]:
    """The last record of each lane that has one: what the broker remembers of a source."""
    reader = Reader(servers, topic)
    try:
        await reader.open()
        begins = await reader.begins(lanes)  # a lane whose records have all expired begins where it ends
        ends = {lane: end for lane, end in (await reader.ends(lanes)).items() if end > begins[lane]}
        if not ends:
            return []
        reader.assign({lane: end - 1 for lane, end in ends.items()})
        found: dict[int, Record] = {}
        async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
            while len(found) < len(ends):
                found |= {record.lane: record for record in await reader.poll(250, len(ends))}
        return list(found.values())
    except TimeoutError as error:
        raise BrokerFault("the last records did not come") from error
    finally:
        await reader.close()
