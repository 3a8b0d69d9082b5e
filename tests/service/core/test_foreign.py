"""Records in a lane that are not from its source: they take no number from a real event, and are counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.messaging import event_log
from shared.messaging.cloudevents import VOID, Record, event_id, void_id
from shared.messaging.lanes import LANES, Place
from shared.messaging.leases import Leases
from shared.messaging.reader import LaneReader
from shared.messaging.runtime import MessagingRuntime
from tests.service.core.parcels import (
    ANSWERED,
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


async def apply(shelf: Shelf, *records: Record, nowhere: str = "") -> list[str]:
    """Why records were skipped."""
    known = frozenset({nowhere} - {""})
    return (await shelf.runtime.consumers["sender"].apply(records, frozenset(), known)).skipped


async def found(shelf: Shelf) -> int:
    """How many foreign records the service reports in the lane."""
    foreign = (await shelf.runtime.pending(shelf.id))["foreign"]["sender"]
    return int(foreign[LANE]["count"]) if foreign else 0


async def place(shelf: Shelf) -> Place:
    return (await shelf.runtime.places())["sender"][LANE]


async def answered(shelf: Shelf, asked: Place, answer: Place) -> None:
    """The source's answer about the lane reaches the reader."""
    runtime = shelf.runtime
    leases = Leases(runtime.database, "reader:sender", "one", timedelta(minutes=1))
    await LaneReader(runtime, runtime.consumers["sender"], SENDER, leases)._move(LANE, asked, answer)


async def is_doubted(shelf: Shelf) -> bool:
    positions = shelf.runtime.consumers["sender"].positions
    return (await positions.read(shelf.runtime.database, [LANE]))[LANE].is_doubted


async def test_records_with_made_up_ids_take_no_numbers(shelf: Shelf) -> None:
    real = [a_record(shelf.event(SENT, "1"), "sender", 1), a_record(shelf.event(MARKED, "2"), "sender", 2)]
    gone = await a_shelf(shelf.runtime)
    await gone.sandbox.tell(deleted=True)
    false = [
        a_record(shelf.event(MARKED, "no"), "sender", 1, ce_id="made-up"),
        a_record(shelf.event("parcel.weighed.v1", "no", "B"), "sender", 1, ce_id="made-up"),
        a_record(gone.event(SENT, "no"), "sender", 1, ce_id="made-up"),
        a_record(shelf.event(VOID, "no"), "sender", 1, ce_id="made-up"),
        a_record(shelf.event(MARKED, "no"), "sender", 2, ce_id="made-up"),
        a_record(shelf.event(MARKED, "no"), "sender", 900, epoch=7, ce_id="made-up"),
    ]
    assert await apply(shelf, *false, *real, *false) == ["foreign"] * 12
    assert (await shelf.marks(), await place(shelf), await found(shelf)) == (["1", "2"], (1, 3), 12)
    assert await shelf.rows("dead_letters") == await shelf.rows("orphans") == []


async def test_a_copy_under_the_next_number_stops_the_lane_until_the_source_has_said_whose_it_is(shelf: Shelf) -> None:
    first, second, third = (shelf.event(type, mark) for type, mark in ((SENT, "1"), (MARKED, "2"), (MARKED, "3")))
    await apply(shelf, a_record(first, "sender", 1))
    copy = a_record(replace(first, type=MARKED, body=b"{}"), "sender", 2)  # its id is right: it is that of `first`
    genuine = [a_record(second, "sender", 2), a_record(third, "sender", 3)]
    assert await apply(shelf, copy, *genuine) == ["out_of_place"] * 2
    assert (await place(shelf), await is_doubted(shelf)) == ((1, 3), True)
    assert len(await shelf.rows("parked")) == 1, "the copy became a dead letter"

    await answered(shelf, (1, 3), (1, 2))
    assert (await place(shelf), await is_doubted(shelf), await found(shelf)) == ((1, 2), False, 1)
    assert await shelf.rows("parked") == await shelf.rows("dead_letters") == []
    assert await apply(shelf, *genuine) == []
    assert await shelf.marks() == ["1", "2", "3"]


async def test_a_copy_under_the_last_number_changes_nothing(shelf: Shelf) -> None:
    first, second, third = (shelf.event(type, mark) for type, mark in ((SENT, "1"), (MARKED, "2"), (MARKED, "3")))
    genuine = [a_record(each, "sender", number) for number, each in enumerate((first, second, third), 1)]
    assert await apply(shelf, *genuine[:2], a_record(first, "sender", 2), genuine[2]) == ["out_of_place"] * 2
    await answered(shelf, (1, 3), (1, 3))
    await apply(shelf, genuine[2])
    assert await shelf.marks() == ["1", "2", "3"]


async def test_an_event_of_a_sandbox_that_nobody_has_is_kept_only_if_the_source_confirms_it(shelf: Shelf) -> None:
    false = a_record(an_event_of(SENT, "nobody", "A", {"code": "A", "mark": "no"}, lane=LANE), "sender", 1)
    genuine = a_record(shelf.event(SENT, "1"), "sender", 1)
    for answer, left in (((1, 1), 0), ((1, 2), 1)):
        await apply(shelf, false, nowhere="nobody")
        assert (await place(shelf), await is_doubted(shelf)) == ((1, 2), True)
        assert await apply(shelf, genuine) == ["out_of_place"]
        await answered(shelf, (1, 2), answer)
        assert await shelf.runtime.database.pool.fetchval("SELECT count(*) FROM waiting") == left
    assert await found(shelf) == 1


@pytest.fixture
async def numbered(own_runtime: MessagingRuntime[Parcel]) -> Shelf:
    """A source that has given number 1 to the first event of parcel A."""
    shelf = await a_shelf(own_runtime)

    async with own_runtime.unit_of_work(shelf.id, codes=["A"]) as request:
        request.work.save("A", Parcel("A"), lane=LANE)
        request.work.publish(ANSWERED, "A", {"mark": "1"})
    await own_runtime.database.pool.execute(
        "WITH taken AS (DELETE FROM queue RETURNING *) INSERT INTO posted (topic, lane, epoch, number, sandbox, subject, "
        "version) SELECT topic, lane, 1, 1, sandbox, subject, version FROM taken"
    )
    await own_runtime.database.pool.execute("UPDATE lanes_out SET head = 1, sent_number = 1 WHERE lane = $1", LANE)
    return shelf


@pytest.mark.parametrize(
    ("last", "expected", "answer"),
    [("own", 2, 2), ("void", 2, 2), ("made-up", 2, 1), ("made-up", 3, 2), ("made-up", 1, 1)],
)
async def test_a_source_says_whether_the_last_event_is_its_own(
    numbered: Shelf, last: str, expected: int, answer: int
) -> None:
    ids = {"own": event_id("seed-1", "receiver", "A", 1), "void": void_id(LANE, 1, 1), "made-up": "made-up"}
    replied = await event_log.replay(
        numbered.runtime.database, SENDER.topic_out, LANE, (1, expected), last_id=ids[last], service="receiver"
    )
    assert replied == ((1, answer), False)


@pytest.mark.parametrize("epoch", [1 << 31, (1 << 30) - 1, 2_000])
async def test_an_epoch_that_lies_far_ahead_begins_none(own_runtime: MessagingRuntime[Parcel], epoch: int) -> None:
    seen: dict[int, Any] = dict.fromkeys(range(LANES), (epoch, 1))
    assert await event_log.compare_lanes(own_runtime.database, "receiver", SENDER.topic_out, {}, seen) == []
    assert await event_log.current_epoch(own_runtime.database) == 1
