"""Records in a lane that are not from its source: they take no number from a real event, and are counted."""

from __future__ import annotations

from typing import Any

import pytest

from shared.messaging import event_log
from shared.messaging.cloudevents import VOID, Record
from shared.messaging.lanes import LANES, Place
from shared.messaging.runtime import MessagingRuntime
from tests.service.core.parcels import (
    MARKED,
    SENDER,
    SENT,
    Parcel,
    Shelf,
    a_shelf,
)
from tests.support.factories import a_record, an_event_of, stand_at_the_beginning

LANE = 0


@pytest.fixture
async def shelf(own_runtime: MessagingRuntime[Parcel]) -> Shelf:
    await stand_at_the_beginning(own_runtime)
    return await a_shelf(own_runtime)


async def apply(shelf: Shelf, *records: Record) -> list[str]:
    """Why records were skipped."""
    return (await shelf.runtime.consumers["sender"].apply(records)).skipped


async def found(shelf: Shelf) -> int:
    """How many foreign records the service reports in the lane."""
    foreign = (await shelf.runtime.pending(shelf.id))["foreign"]["sender"]
    return int(foreign[LANE]["count"]) if foreign else 0


async def place(shelf: Shelf) -> Place:
    return (await shelf.runtime.places())["sender"][LANE]


def under(record: Record, number: int, **headers: bytes) -> Record:
    """A copy of a genuine record under another number of its lane."""
    return Record(
        record.lane,
        record.offset + 100,
        record.key,
        record.value,
        {**record.headers, "ce_sequence": b"%d" % number, **headers},
    )


async def test_records_of_other_programs_take_no_numbers(shelf: Shelf) -> None:
    real = [a_record(shelf.event(SENT, "1"), "sender", 1), a_record(shelf.event(MARKED, "2"), "sender", 2)]
    event = shelf.event(MARKED, "no")
    unsigned = {"ce_signature": "made up, as every program can"}
    false = [
        a_record(event, "sender", 1, **unsigned),
        a_record(event, "sender", 1, ce_signature=""),
        a_record(event, "sender", 900, epoch=7, **unsigned),
        a_record(an_event_of(SENT, "nobody", "A", {"code": "A", "mark": "no"}, lane=LANE), "sender", 1, **unsigned),
        a_record(shelf.event(VOID, "no"), "sender", 1, **unsigned),
    ]
    assert await apply(shelf, *false, *real, *false) == ["foreign"] * 10
    assert (await shelf.marks(), await place(shelf), await found(shelf)) == (["1", "2"], (1, 3), 10)
    assert await shelf.rows("dead_letters") == await shelf.rows("orphans") == []


@pytest.mark.parametrize("copies", [1, 5])
async def test_copies_of_a_genuine_record_take_no_numbers(shelf: Shelf, copies: int) -> None:
    events = [shelf.event(SENT, "1"), *(shelf.event(MARKED, f"{number}") for number in range(2, 8))]
    genuine = [a_record(each, "sender", number) for number, each in enumerate(events, 1)]
    await apply(shelf, genuine[0])
    false = [under(genuine[0], number) for number in range(2, 2 + copies)]
    assert await apply(shelf, *false) == ["foreign"] * copies
    assert await place(shelf) == (1, 2), "so `settle` waits for the genuine event"
    assert await apply(shelf, *genuine[1:]) == []
    assert await shelf.marks() == [str(number) for number in range(1, 8)]


async def test_every_part_of_a_record_is_signed(shelf: Shelf) -> None:
    record = a_record(shelf.event(SENT, "1"), "sender", 1)
    changed = [
        under(record, 1, **{name: value})
        for name, value in {
            "ce_id": b"other",
            "ce_source": b"/sender/" + shelf.id.encode() + b"x",
            "ce_type": MARKED.encode(),
            "ce_subject": b"B",
            "ce_time": b"2026-06-10T08:00:00.000+07:00",
            "ce_epoch": b"2",
            "ce_dossierversion": b"9",
        }.items()
    ]
    body = Record(record.lane, 50, record.key, b"{}", record.headers)
    lane = Record(LANE + 1, 50, record.key, record.value, record.headers)
    assert await apply(shelf, *changed, body, lane) == ["foreign"] * 9
    assert await apply(shelf, under(record, 1)) == [], "an exact copy is the record"


@pytest.mark.parametrize("epoch", [1 << 31, (1 << 30) - 1, 2_000])
async def test_an_epoch_that_lies_far_ahead_begins_none(own_runtime: MessagingRuntime[Parcel], epoch: int) -> None:
    seen: dict[int, Any] = dict.fromkeys(range(LANES), (epoch, 1))
    assert await event_log.compare_lanes(own_runtime.database, "receiver", SENDER.topic_out, {}, seen) == []
    assert await event_log.current_epoch(own_runtime.database) == 1
