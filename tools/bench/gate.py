"""How many messages of a connector the gate judges on one core, beside parsing and validating the same bodies."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from datetime import datetime

import msgspec

from contracts import gate
from contracts import lifecycle as law
from contracts.schemas import validator
from tools.bench.rows import Aim, Row

NOW = datetime.fromisoformat("2026-11-25T10:00:00+07:00")
# A straight journey: the state in which the dossier is → what the province says then.
JOURNEY = {
    law.SUBMITTED: law.DOSSIER_RECEIVED,
    law.RECEIVED: law.PROCESSING_STARTED,
    law.IN_PROCESSING: law.DOSSIER_RESULT_READY,
    law.RESULT_READY: law.DOSSIER_RESULT_RETURNED,
}
ROUNDS, REPEATS = 50, 60  # the best of many short ones: other work on the machine disturbs long ones


def measure() -> list[Row]:
    """Valid messages of a straight journey, as Kafka brings them: binary mode, with a key."""
    known = [gate.Known.in_state(state.slug, now=NOW) for state in JOURNEY]
    events = [gate.example(each, type, NOW) or {} for each, type in zip(known, JOURNEY.values(), strict=True)]
    messages = [_record(event) for event in events]
    cases = list(zip(messages, known, strict=True))
    bare = [(message.body or b"", validator(event["type"])) for message, event in zip(messages, events, strict=True)]

    def judge() -> None:
        for message, dossier in cases:
            gate.check(message, dossier, NOW)

    def validate() -> None:
        for body, schema in bare:
            schema.is_valid(msgspec.json.decode(body))

    aim = Aim(least=20_000)
    what, ceiling_is = "gate, one process, messages of a straight journey", "parse and validate, the same bodies"
    return [Row(what, _per_second(judge, len(cases)), "messages/s", aim, _per_second(validate, len(bare)), ceiling_is)]


def _record(event: dict[str, object]) -> gate.Message:
    names = ("specversion", "id", "source", "type", "subject", "time")
    headers = [(f"ce_{name}", str(event[name]).encode()) for name in names]
    headers.append(("content-type", b"application/json"))
    key = str(event["partitionkey"]).encode()
    return gate.Message("kafka", "37", tuple(headers), msgspec.json.encode(event["data"]), key)


def _per_second(work: Callable[[], None], messages: int) -> float:
    best = min(timeit.repeat(work, number=ROUNDS, repeat=REPEATS))
    return ROUNDS * messages / best
