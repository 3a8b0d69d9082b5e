"""Judges the records of one poll: which are applied, which were read before, and which are not from the source."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from shared.messaging import cloudevents
from shared.messaging.cloudevents import Event, Record, Signer
from shared.messaging.lanes import Committed, Place, Position, Verdict
from shared.messaging.positions import Positions
from shared.observability import spans
from shared.storage.database import Connection

log = structlog.get_logger()


@dataclass
class Outcome:
    """Result of a batch: lanes that need a replay, and what to report after the commit."""

    asks: dict[int, Place] = field(default_factory=dict)
    clear: set[int] = field(default_factory=set)  # lanes whose position advanced
    offsets: dict[int, int] = field(default_factory=dict)
    committed: dict[int, Committed] = field(default_factory=dict)  # for the group
    applied: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    foreign: dict[int, list[int]] = field(
        default_factory=dict
    )  # lane → offsets of records that are not from the source
    orphans: list[Event] = field(default_factory=list)
    rowless: set[str] = field(default_factory=set)  # known sandboxes whose row is missing
    begun: int = field(default_factory=time.time_ns)
    steps: list[tuple[Event, spans.Step]] = field(default_factory=list)  # only if spans are exported
    reassign: bool = False  # a rebuild has reset the positions: read them again


def judge(
    listener: Positions,
    signer: Signer,
    positions: Mapping[int, Position],
    records: Sequence[Record],
    outcome: Outcome,
) -> list[Event]:
    """The events to apply, in order. The positions, which are locked, advance as if they were applied."""
    due = []
    for record in records:
        position = positions[record.lane]
        position.next_offset = outcome.offsets[record.lane] = record.offset + 1
        event = cloudevents.decode(record, listener.source)
        if event is None or not signer.is_genuine(record):
            outcome.skipped.append("no_valid_envelope" if event is None else "foreign")
            outcome.foreign.setdefault(record.lane, []).append(record.offset)
            continue
        verdict = position.judge(event.epoch, event.number)
        if verdict is Verdict.APPLY:
            position.applied(event.epoch, event.number)
            outcome.asks.pop(record.lane, None)
            outcome.clear.add(record.lane)
            if event.type == cloudevents.VOID:
                outcome.skipped.append("void")
            else:
                due.append(event)
        elif verdict is Verdict.DUPLICATE:
            outcome.skipped.append("duplicate")
        else:
            outcome.skipped.append("out_of_place")
            outcome.asks[record.lane] = position.place
    outcome.committed = {lane: position.committed for lane, position in positions.items()}
    return due


async def note_foreign(connection: Connection, listener: Positions, outcome: Outcome) -> None:
    """Count the records that were not from the source, where `explain` finds them."""
    for lane, offsets in outcome.foreign.items():
        log.warning("foreign_records", source=listener.source, lane=lane, offsets=offsets[-3:], count=len(offsets))
        await listener.note_foreign(connection, lane, len(offsets), offsets[-1])
