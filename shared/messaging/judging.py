"""Judges the records of one poll: which are applied, which were read before, and which are not from the source."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import structlog

from shared.messaging import cloudevents
from shared.messaging.cloudevents import Event, Record
from shared.messaging.lanes import Place, Position, Verdict
from shared.messaging.positions import Positions
from shared.observability import spans
from shared.sandbox import registry
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection

log = structlog.get_logger()


@dataclass
class Outcome:
    """Result of a batch: lanes that need a replay, and what to report after the commit."""

    asks: dict[int, Place] = field(default_factory=dict)
    doubts: dict[int, str] = field(default_factory=dict)  # lane → id of its last event, which may be foreign
    clear: set[int] = field(default_factory=set)  # lanes whose position advanced
    offsets: dict[int, int] = field(default_factory=dict)
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


@dataclass
class Judged:
    """The events to apply, in order, and the sandboxes of all of them, locked.

    seeds  sandbox → seed, those of deleted sandboxes included
    """

    due: list[Event]
    sandboxes: dict[str, Sandbox]
    seeds: Mapping[str, str]


async def judge(
    connection: Connection,
    listener: Positions,
    positions: Mapping[int, Position],
    records: Sequence[Record],
    outcome: Outcome,
    nowhere: AbstractSet[str] = frozenset(),
) -> Judged:
    """Judge the records of a poll. The positions, which are locked, advance as if the events were applied.

    nowhere  sandboxes that their owner does not have: whether such an event is foreign, the source must say
    """
    events = [(record, cloudevents.decode(record, listener.source)) for record in records]
    ids = sorted({event.sandbox for _, event in events if event is not None})
    sandboxes = await registry.lock(connection, ids)
    seeds = {sandbox.id: sandbox.seed for sandbox in sandboxes.values()}
    if len(seeds) < len(ids):
        seeds |= await registry.seeds(connection, [id for id in ids if id not in seeds])
    due = []
    for record, event in events:
        position = positions[record.lane]
        position.next_offset = outcome.offsets[record.lane] = record.offset + 1
        if event is None:
            outcome.skipped.append("no_valid_envelope")
            outcome.foreign.setdefault(record.lane, []).append(record.offset)
            continue
        verdict = position.judge(event.epoch, event.number, "" if event.type == cloudevents.VOID else event.id)
        if cloudevents.is_foreign(event, seeds):
            outcome.skipped.append("foreign")
            outcome.foreign.setdefault(record.lane, []).append(record.offset)
        elif verdict is Verdict.DUPLICATE:
            outcome.skipped.append("duplicate")
        elif verdict is Verdict.APPLY:
            position.applied(event.epoch, event.number, event.id)
            outcome.asks.pop(record.lane, None)
            outcome.clear.add(record.lane)
            if event.sandbox in nowhere and event.sandbox not in seeds:
                _doubt(record.lane, position, outcome)
            if event.type == cloudevents.VOID:
                outcome.skipped.append("void")
            else:
                due.append(event)
        else:
            outcome.skipped.append("out_of_place")
            outcome.asks[record.lane] = position.place
            if verdict is Verdict.DOUBT or position.is_doubted:
                _doubt(record.lane, position, outcome)
    for lane, offsets in outcome.foreign.items():
        log.warning("foreign_records", source=listener.source, lane=lane, offsets=offsets[-3:], count=len(offsets))
        await listener.note_foreign(connection, lane, len(offsets), offsets[-1])
    return Judged(due, sandboxes, seeds)


def _doubt(lane: int, position: Position, outcome: Outcome) -> None:
    position.is_doubted = True
    outcome.doubts[lane] = position.last_id
    outcome.asks[lane] = position.place
