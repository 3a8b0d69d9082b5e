"""The records in Kafka, read by a plain client without this project's code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, TopicPartition

TO_PROVINCE, TO_PORTAL = "dossier.to-province.v1", "dossier.to-portal.v1"


@dataclass(frozen=True)
class WireRecord:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict[str, bytes]

    def header(self, name: str) -> str:
        return self.headers[name].decode()

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.value)
        return body


def records(
    broker: Mapping[str, str], sandbox_id: str, topics: Iterable[str] = (TO_PROVINCE, TO_PORTAL)
) -> list[WireRecord]:
    """All records of one sandbox that are in `topics` now, in order per partition.

    broker  settings of a client, such as the fixture `lienthong_kafka`
    """
    consumer = Consumer({**broker, "group.id": "onlooker", "enable.auto.commit": False})
    try:
        partitions = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ]
        ends = {}
        for each in partitions:
            low, high = consumer.get_watermark_offsets(each, timeout=10)
            each.offset = low
            ends[each.topic, each.partition] = high if high > low else 0
        left = {place for place, end in ends.items() if end}
        consumer.assign([each for each in partitions if (each.topic, each.partition) in left])
        found = []
        while left:
            message: Any = consumer.poll(10.0)
            assert message is not None, f"The broker returns no more records of {sorted(left)}, although it has more."
            assert message.error() is None, message.error()
            place = (message.topic(), message.partition())
            if message.offset() + 1 >= ends[place]:
                left.discard(place)
            record = WireRecord(*place, message.offset(), message.key(), message.value(), dict(message.headers()))
            if record.offset < ends[place] and record.headers.get("ce_sandbox") == sandbox_id.encode():
                found.append(record)
        return sorted(found, key=lambda record: (record.topic, record.partition, record.offset))
    finally:
        consumer.close()
