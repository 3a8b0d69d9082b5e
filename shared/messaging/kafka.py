"""Lanes on Kafka: topics, producer, reader, last records. Only this module and `kafka_topics` import aiokafka."""

from __future__ import annotations

import asyncio
import contextlib
import logging
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
from shared.messaging.lanes import LANES, Committed

log = structlog.get_logger()
# The library logs each attempt of its retries as an error, also while a healthy broker starts. What it does not mend by
# itself reaches us as an exception, and we log that.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
REQUEST_TIMEOUT_MS = 5_000  # a local broker replies in 1 ms; one that takes longer has died
API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000001 ffff")  # the request ApiVersions v0, without a client id
COMMIT_SECONDS = 2.0  # shorter than a lease: a reader that waits longer for the group coordinator would lose its lanes
BATCH_BYTES = 256 * 1024  # aiokafka's 16 KB halve the throughput (measured 27k/s against 49k/s)
# A fetch is answered as soon as there is a record, else after so long: rarely while there is nothing to read. While there is,
# aiokafka fetches lanes that are read to their end beside lanes that are not, and reads nothing new of these before the answer.
BUSY_WAIT_MS, IDLE_WAIT_MS = 20, 1000
FETCH_BYTES = 50 * 1024 * 1024  # aiokafka's own limit of what one fetch brings
Message = tuple[int, bytes | None, bytes, Headers]  # lane, key, value, headers


class BrokerFault(OSError):
    """The broker did not carry out a request. Retry with a new connection."""


class TopicUnfit(Unfit):
    """A topic exists, but not with the partitions that the lanes need."""


class Access(BaseSettings):
    """Connection to an external broker: the variables `KAFKA_…`, named as in Kafka's own clients.

    ssl_cafile  PEM file of the CA that signed the broker's certificate; empty: the CAs that the system trusts
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore", env_ignore_empty=True)

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ssl_cafile: str = ""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")

    def options(self) -> dict[str, Any]:
        """Keyword arguments for the clients of aiokafka."""
        options: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = create_ssl_context(cafile=self.ssl_cafile or None)
        if self.security_protocol.startswith("SASL"):
            options |= {"sasl_mechanism": self.sasl_mechanism, "sasl_plain_username": self.sasl_username}
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return options

    def librdkafka(self) -> dict[str, str]:
        """Settings for the clients that are made of librdkafka."""
        settings: dict[str, str] = {"security.protocol": self.security_protocol}
        if self.security_protocol.endswith("SSL") and self.ssl_cafile:
            settings["ssl.ca.location"] = self.ssl_cafile
        if self.security_protocol.startswith("SASL"):
            settings |= {"sasl.mechanism": self.sasl_mechanism, "sasl.username": self.sasl_username}
            settings["sasl.password"] = self.sasl_password.get_secret_value()
        return settings


def options_of(variables: Mapping[str, str]) -> dict[str, Any]:
    """The options from variables `KAFKA_…` that are not in our environment."""
    fields = {name.removeprefix("KAFKA_").lower(): value for name, value in variables.items()}
    return Access.model_validate(fields).options()


@cache
def access() -> dict[str, Any]:
    """The options from the environment, read once."""
    return from_environment().options()


def from_environment() -> Access:
    return Access(_secrets_dir=os.environ.get("SECRETS_DIR"))


@contextlib.contextmanager
def faults() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, AssertionError, TimeoutError) as error:
        raise BrokerFault(repr(error)) from error


@contextlib.asynccontextmanager
async def time_limit(seconds: float = REQUEST_TIMEOUT_MS / 1000) -> AsyncIterator[None]:
    """Ends a call of aiokafka: after a broker has died, some calls retry for ever, and their caller would hang."""
    with faults():
        async with asyncio.timeout(seconds):
            yield


@contextlib.asynccontextmanager
async def _administrator(servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    with faults():
        admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=REQUEST_TIMEOUT_MS, **access())
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


async def ensure_topics(servers: str, topics: Sequence[str]) -> None:
    """Create missing topics with one partition per lane. Auto-creation on an emptied broker would use one partition.

    raises  TopicUnfit if a topic has another number of partitions
    """
    async with _administrator(servers) as admin:
        partitions = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
        missing = [topic for topic in topics if topic not in partitions]
        if missing:
            await _create(admin, missing)
    for topic in topics:
        if (count := partitions.get(topic, LANES)) != LANES:
            raise TopicUnfit(
                f"Topic {topic} at {servers} has {count} partitions, and the lanes need {LANES}. Delete it: the "
                f"services create it again and publish again what was not read. Or use another broker."
            )


async def answers(servers: str, seconds: float) -> bool:
    """Whether a broker at one of these addresses answers anybody, before any login. A frozen one accepts connections only."""
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(host, int(port))
                with contextlib.closing(writer), contextlib.suppress(ConnectionError):  # one with TLS hangs up
                    writer.write(API_VERSIONS)
                    await reader.read(1)
        except (OSError, ValueError):  # TimeoutError is one
            continue
        return True
    return False


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> None:
    new = [NewTopic(topic, num_partitions=LANES, replication_factor=1) for topic in topics]
    for topic, code, message in (await admin.create_topics(new)).topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise BrokerFault(f"{topic} could not be created: {error.__name__}: {message}")


async def stop(part: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stop a client within two seconds and ignore its errors. Our own cancellation passes, so that a worker can end."""
    stopping = asyncio.ensure_future(part.stop())
    await asyncio.wait([stopping], timeout=2)
    if not stopping.done():
        stopping.cancel()
    elif not stopping.cancelled():
        stopping.exception()  # otherwise asyncio logs that it was never retrieved


class Writer:
    """An idempotent producer with acks=all for one topic. After a BrokerFault it must be opened again."""

    def __init__(self, servers: str, topic: str) -> None:
        self._servers, self._topic = servers, topic
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        await self.close()
        await ensure_topics(self._servers, [self._topic])
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

    async def publish(self, messages: Sequence[Message]) -> list[int]:
        """Send in order, lane by lane, and wait for the acknowledgements. Returns the offsets. Raises BrokerFault.

        One batch per lane, filled here: a future for every message would cost more than everything else together.
        """
        producer = self._producer
        if producer is None:
            raise BrokerFault("the producer is not open")
        with faults():
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                filled = list(batches(producer, messages))
                futures = [await producer.send_batch(batch, self._topic, partition=lane) for lane, batch in filled]
                acknowledged = await asyncio.gather(*futures)
        counts = [batch.record_count() for _, batch in filled]
        return [first.offset + n for first, count in zip(acknowledged, counts, strict=True) for n in range(count)]


def batches(producer: AIOKafkaProducer, messages: Iterable[Message]) -> Iterator[tuple[int, BatchBuilder]]:
    """Lane and batch: each batch has messages of one lane, as many as fit."""
    lane, batch = -1, producer.create_batch()
    for message_lane, key, value, headers in messages:
        if message_lane == lane and batch.append(timestamp=None, key=key, value=value, headers=headers) is not None:
            continue
        if lane >= 0:
            yield lane, batch
        lane, batch = message_lane, producer.create_batch()
        batch.append(timestamp=None, key=key, value=value, headers=headers)  # the first always fits
    if lane >= 0:
        yield lane, batch


class Reader:
    """Reads assigned lanes of one topic. Dashboards and readers with a new database use the offsets that it commits.

    fetch_bytes  how much is fetched ahead, at most
    """

    def __init__(self, servers: str, topic: str, group: str | None = None, fetch_bytes: int = FETCH_BYTES) -> None:
        self._servers, self._topic, self._group, self._fetch_bytes = servers, topic, group, fetch_bytes
        self._consumer: AIOKafkaConsumer | None = None

    async def open(self) -> None:
        await self.close()
        await ensure_topics(self._servers, [self._topic])
        async with time_limit():
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._servers,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                max_poll_interval_ms=300_000,
                fetch_max_wait_ms=IDLE_WAIT_MS,
                fetch_max_bytes=self._fetch_bytes,
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

    async def poll(self, wait_ms: int, limit: int) -> list[Record]:
        """The next records, in order per lane."""
        async with time_limit():
            batches = await self._open.getmany(timeout_ms=wait_ms, max_records=limit)
        self._open._fetcher._fetch_max_wait_ms = BUSY_WAIT_MS if batches else IDLE_WAIT_MS  # no setter is public
        return [
            Record(partition.partition, message.offset, message.key, message.value, _headers(message.headers))
            for partition, messages in batches.items()
            for message in messages
        ]

    async def places(self, lanes: Iterable[int]) -> dict[int, int]:
        """The next offset of each lane, among the records that the broker still has."""
        async with time_limit():
            return {lane: await self._open.position(self._partition(lane)) for lane in lanes}

    async def committed(self) -> dict[int, Committed]:
        """What the group has committed, by lane."""
        async with time_limit(), _administrator(self._servers) as admin:
            found = await admin.list_consumer_group_offsets(self._group)
        return {
            lane: (each.offset, each.metadata or "") for (topic, lane), each in found.items() if topic == self._topic
        }

    async def commit(self, offsets: Mapping[int, Committed]) -> None:
        if not offsets:
            return
        async with time_limit(COMMIT_SECONDS):
            await self._open.commit({self._partition(lane): offset for lane, offset in offsets.items()})

    async def ends(self, lanes: Iterable[int]) -> dict[int, int]:
        """The offset that the next record of each lane will get."""
        async with time_limit():
            ends = await self._open.end_offsets([self._partition(lane) for lane in lanes])
        return {partition.partition: offset for partition, offset in ends.items()}

    async def begins(self, lanes: Iterable[int]) -> dict[int, int]:
        """The offset of the oldest record that each lane still has."""
        async with time_limit():
            begins = await self._open.beginning_offsets([self._partition(lane) for lane in lanes])
        return {partition.partition: offset for partition, offset in begins.items()}


def _headers(pairs: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Headers by name; a header without a value counts as absent."""
    return {name: value for name, value in pairs if value is not None}


async def last_records(servers: str, topic: str, lanes: Sequence[int]) -> list[Record]:
    """The last record of each lane that has one."""
    reader = Reader(servers, topic)
    try:
        await reader.open()
        begins = await reader.begins(lanes)  # a lane whose records have all expired begins where it ends
        ends = {lane: end for lane, end in (await reader.ends(lanes)).items() if end > begins[lane]}
        if not ends:
            return []
        reader.assign({lane: end - 1 for lane, end in ends.items()})
        records: dict[int, Record] = {}
        async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
            while len(records) < len(ends):
                records |= {record.lane: record for record in await reader.poll(250, len(ends))}
        return list(records.values())
    except TimeoutError as error:
        raise BrokerFault("the last records did not arrive") from error
    finally:
        await reader.close()
