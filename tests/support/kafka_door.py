"""A program behind the Kafka door, as an integrator writes it, and the worker's jobs at that door, one step at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import jsonschema
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.util import calc_crc32c
from confluent_kafka import Producer

from services.province_gateway.doors import kafka_opening
from services.province_gateway.doors.kafka_worker import KafkaDoors
from services.province_gateway.runtime import Gateway
from shared.messaging import kafka
from tests.support.command import PATIENCE
from tests.support.connector import Connector
from tools.docs import asyncapi_doors

Headers = Sequence[tuple[str, bytes | None]]
Record = tuple[bytes | None, bytes | None, Headers]  # key, value, headers


class Program:
    """An integrator's program: it knows what `POST …/connector` replied, and nothing else."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self.kafka = kafka

    @property
    def options(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.kafka["bootstrap"],
            "security_protocol": self.kafka["security_protocol"],
            "sasl_mechanism": self.kafka["mechanism"],
            "sasl_plain_username": self.kafka["user"],
            "sasl_plain_password": self.kafka["password"],
        }

    @property
    def librdkafka(self) -> dict[str, Any]:
        settings = {name.replace("_", "."): value for name, value in self.options.items() if "plain" not in name}
        return {**settings, "sasl.username": self.kafka["user"], "sasl.password": self.kafka["password"]}

    async def write(self, *records: Record) -> None:
        """In order; with librdkafka, which also writes what has neither key nor value."""
        producer = Producer({**self.librdkafka, "acks": "all"})
        for key, value, headers in records:
            producer.produce(self.kafka["outbox"], value, key, headers=list(headers))
        assert await asyncio.to_thread(producer.flush, PATIENCE) == 0

    async def read(self, topic: str) -> list[Any]:
        """Every record of one of its topics."""
        async with AIOKafkaConsumer(auto_offset_reset="earliest", **self.options) as consumer:
            at = TopicPartition(self.kafka[topic], 0)
            consumer.assign([at])
            ends = await consumer.end_offsets([at])
            records: list[Any] = []
            while len(records) < ends[at]:
                records += (await consumer.getmany(timeout_ms=500)).get(at, [])
            return records

    async def verdicts(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in await self.read("verdicts")]


class Door:
    """The Kafka door of a connected province, and the worker's jobs, one step at a time."""

    def __init__(self, connector: Connector, doors: KafkaDoors, gateway: Gateway) -> None:
        self.connector, self.doors, self.gateway = connector, doors, gateway

    async def open(self) -> Program:
        await self.connector.mode({"mode": "external", "via": "kafka"})
        drawing = asyncio.ensure_future(self.connector.draw())
        while not drawing.done():
            await self.reconcile()
            await asyncio.wait([drawing], timeout=0.05)
        answer = await drawing
        assert answer.status_code == 201, answer.text
        self.connector.key = answer.json()["key"]
        return Program(answer.json()["kafka"])

    async def reconcile(self) -> int:
        gateway = self.gateway
        return await kafka_opening.reconcile(gateway.database, gateway.settings, gateway.ring, list(range(34)))

    async def write(self) -> None:
        while await self.doors.write():
            pass

    async def read(self, program: Program) -> None:
        """Judge every record of the outbox, and write the verdicts."""
        consumer = AIOKafkaConsumer(**ours(self.gateway))
        await consumer.start()
        at = TopicPartition(program.kafka["outbox"], 0)
        end = (await consumer.end_offsets([at]))[at]
        await consumer.stop()
        await self.doors.assign()
        while await self.heard() < end:
            await self.doors.read()
            await self.doors.assign()
        await self.write()

    async def heard(self) -> int:
        sql = "SELECT heard FROM kafka_doors WHERE sandbox = $1 AND province = $2"
        place = (self.connector.sandbox.id, self.connector.province)
        return int(await self.gateway.database.pool.fetchval(sql, *place))


def ours(gateway: Gateway) -> dict[str, Any]:
    return {"bootstrap_servers": gateway.settings.kafka_bootstrap_servers, **kafka.access()}


def described(schema: str, record: Any) -> bool:
    """Whether the headers of a record are as the AsyncAPI document says; no others."""
    document: Any = asyncapi_doors.schemas()[schema]
    headers = {name: value.decode() for name, value in record.headers}
    jsonschema.Draft202012Validator({**document, "additionalProperties": False}).validate(headers)
    return True


def binary(event: dict[str, Any]) -> Record:
    headers = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name not in ("data",)]
    headers = [each for each in headers if each[0] != "ce_datacontenttype"]
    return (
        event["subject"].encode(),
        msgspec.json.encode(event["data"]),
        [*headers, ("content-type", b"application/json")],
    )


def structured(event: dict[str, Any]) -> Record:
    return event["subject"].encode(), msgspec.json.encode(event), [("content-type", b"application/cloudevents+json")]


async def unreadable(program: Program) -> None:
    """A record with a header whose name is no UTF-8 text, which no client library writes by itself."""
    async with AIOKafkaProducer(**program.options) as producer:
        batch = producer.create_batch()
        batch.append(key=b"k", value=b"{}", timestamp=None, headers=[("MARK", b"1")])
        batch.close()
        content = bytearray(batch._build().replace(b"MARK", b"\xff\xfe\xff\xfe"))
        content[17:21] = calc_crc32c(bytes(content[21:])).to_bytes(4, "big")
        batch._buffer = bytes(content)
        await (await producer.send_batch(batch, program.kafka["outbox"], partition=0))
