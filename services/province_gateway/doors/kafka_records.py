"""Records of the Kafka doors: a delivery and a verdict as they are written, and what was read as a message for the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from contracts.gate import Message
from services.province_gateway.doors.cloudevents import EVENT
from shared.messaging.cloudevents import Headers
from shared.messaging.kafka_topics import Message as NewRecord
from shared.messaging.kafka_topics import OutsideRecord

LARGEST = 900_000  # bytes of a verdict; the broker takes 1 MiB
UNREADABLE = b"\x00"  # in place of a record whose headers cannot be read: no message at all


def of_delivery(event: Mapping[str, Any], *, is_structured: bool = False) -> NewRecord:
    """A delivery in binary mode; `event`: its structured form. `ce_delivery` is its number, as behind the other doors."""
    if is_structured:
        return event["subject"].encode(), msgspec.json.encode(event), [("content-type", EVENT.encode())]
    headers: Headers = [("content-type", b"application/json")]
    headers += [
        (name if name == "traceparent" else f"ce_{name}", str(value).encode())
        for name, value in event.items()
        if name not in ("data", "datacontenttype")
    ]
    data = event["data"]
    return (
        event["subject"].encode(),
        bytes(data) if isinstance(data, msgspec.Raw) else msgspec.json.encode(data),
        headers,
    )


def of_verdict(row: Mapping[str, Any]) -> NewRecord:
    """A row of `verdicts`. Key: the dossier code; where the record named none, its offset."""
    offset = str(row["outbox_offset"]).encode()
    headers: Headers = [("content-type", b"application/json"), ("outbox-offset", offset)]
    if row["message_id"]:
        headers.append(("message-id", row["message_id"].encode()))
    return row["dossier"].encode() or offset, _within(row["document"]), headers


def of_outsider(record: OutsideRecord, sandbox_id: str, province: str) -> Message:
    if not record.is_readable:
        return Message("kafka", province, (), UNREADABLE, sandbox_id=sandbox_id)
    return Message("kafka", province, record.headers, record.value, record.key, sandbox_id=sandbox_id)


def _within(document: str) -> bytes:
    """The verdict with as many of its errors as a record can hold; all of them are at the API."""
    text = document.encode()
    if len(text) <= LARGEST:
        return text
    verdict = msgspec.json.decode(text)
    while len(text) > LARGEST:
        verdict["errors"] = verdict["errors"][: len(verdict["errors"]) // 2]
        text = msgspec.json.encode(verdict)
    return text
