"""Test data: events as in the examples of their contracts, and records as a broker returns them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.catalogue import PROVINCES
from contracts.schemas import errors, schema
from shared.messaging.cloudevents import SIGNED, VOID, Record, Signer, void_id
from shared.messaging.consumer import Outcome
from shared.messaging.lanes import LANES, Position
from shared.messaging.runtime import MessagingRuntime
from shared.sandbox.clock import wire

MORNING = datetime(2026, 6, 9, 1, tzinfo=UTC)  # 08:00 in Viet Nam, a Tuesday
PROVINCE, COMMUNE = "37", "14464"  # Ninh Bình, Xã Gia Viễn
COPY = "2.000635"  # copy of a civil-status extract: a commune handles it, 8.000 đồng, level 2, one working day
FREE = "1.001776"  # social allowance: free of charge, ten working days
CODE = "H42.14464-20260609-0000001"

SECRET = "s3cret-of-the-tests"  # that the services share
SIGNER = Signer(SECRET)
_said: Counter[tuple[str, str, str]] = Counter()


@dataclass(frozen=True)
class Said:
    """An event before it has a number in a lane."""

    type: str
    sandbox: str
    subject: str
    body: bytes
    version: int
    at: datetime = MORNING
    lane: int = PROVINCES[PROVINCE].lane


def example(type: str, code: str = CODE, **facts: Any) -> dict[str, Any]:
    """A body that fits its contract: its example, with these facts."""
    shown: dict[str, Any] = schema(type)["examples"][0]
    body = {**shown, "dossier_code": code, "province": PROVINCE, "procedure": COPY, **facts}
    if body["procedure"] != shown.get("procedure"):
        body = {name: fact for name, fact in body.items() if name in facts or name not in ("case", "version", "papers")}
    assert errors(type, body) == []
    return body


def an_event(type: str, sandbox_id: str, code: str = CODE, *, at: datetime = MORNING, **facts: Any) -> Said:
    """The next event about `code`, its body as `example` makes it."""
    return an_event_of(type, sandbox_id, code, example(type, code, **facts), at=at)


def an_event_of(type: str, sandbox_id: str, code: str, body: Any, **place: Any) -> Said:
    """The next event about `code` with any body: bytes as they are, everything else as JSON."""
    _said[type.split(".")[0], sandbox_id, code] += 1
    version = sum(count for (_, where, what), count in _said.items() if (where, what) == (sandbox_id, code))
    text = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Said(type, sandbox_id, code, text, version, **place)


def a_record(
    said: Said, source: str, number: int, *, epoch: int = 1, offset: int | None = None, **headers: Any
) -> Record:
    """The event as the broker returns it, signed by its source as it is; a header set to None is left out."""
    found: dict[str, Any] = {
        "ce_specversion": "1.0",
        "ce_id": void_id(said.lane, epoch, number) if said.type == VOID else f"id-{said.subject}-{said.version}",
        "ce_source": f"/{source}/{said.sandbox}",
        "ce_type": said.type,
        "ce_subject": said.subject,
        "ce_time": wire(said.at),
        "content-type": "application/json",
        "ce_sandbox": said.sandbox,
        "ce_sequence": str(number),
        "ce_epoch": str(epoch),
        "ce_dossierversion": str(said.version),
        "traceparent": "",
        **headers,
    }
    raw = {name: str(value).encode() for name, value in found.items() if value is not None}
    signed = [raw.get(name, b"") for name in SIGNED]
    raw.setdefault("ce_signature", SIGNER.signature(said.lane, signed, said.body))
    return Record(said.lane, number - 1 if offset is None else offset, said.subject.encode(), said.body, raw)


async def hear(runtime: MessagingRuntime[Any], *said: Said) -> Outcome:
    """Let a service read these events, each as the next of its lane."""
    await stand_at_the_beginning(runtime)
    (source, consumer) = next(iter(runtime.consumers.items()))
    places = (await runtime.places())[source]
    records = []
    for each in said:
        epoch, number = places[each.lane]
        epoch = max(epoch, 1)
        records.append(a_record(each, source, number, epoch=epoch))
        places[each.lane] = (epoch, number + 1)
    return await consumer.apply(records)


async def stand_at_the_beginning(runtime: MessagingRuntime[Any]) -> None:
    """Give every lane that was never read its position, as a worker does when it takes the lane."""
    for consumer in runtime.consumers.values():
        await consumer.positions.begin(runtime.database, dict.fromkeys(range(LANES), Position()))


async def told(runtime: MessagingRuntime[Any], sandbox_id: str, code: str) -> list[dict[str, Any]]:
    """The events that a service published about `code`, in order: `type` and the body; each must fit its contract."""
    rows = await runtime.database.fetch(
        "SELECT type, body FROM events WHERE sandbox = $1 AND subject = $2 ORDER BY version", sandbox_id, code
    )
    events = [{"type": row["type"], **json.loads(row["body"])} for row in rows]
    for event in events:
        body = {name: value for name, value in event.items() if name != "type"}
        assert errors(event["type"], body) == [], event
    return events


async def take_queue(runtime: MessagingRuntime[Any], sandbox_id: str) -> list[Said]:
    """Take the events of one sandbox out of the queue, in order, in place of the relay."""
    rows = await runtime.database.fetch(
        "WITH taken AS (DELETE FROM queue WHERE sandbox = $1 RETURNING *) SELECT t.id, e.* FROM taken t "
        "JOIN events e USING (sandbox, subject, version) ORDER BY t.id",
        sandbox_id,
    )
    return [
        Said(row["type"], sandbox_id, row["subject"], row["body"].encode(), row["version"], row["at"], row["lane"])
        for row in rows
    ]
