"""The consumer: each event is applied once and in order, and becomes a dead letter if it cannot be applied."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from shared.messaging.cloudevents import VOID, event_id
from shared.messaging.consumer import UNKNOWN_SANDBOX, Outcome
from shared.messaging.leases import Leases
from shared.messaging.reader import LaneReader
from shared.messaging.runtime import MessagingRuntime
from tests.service.core.parcels import (
    ANSWERED,
    ASKED,
    MARKED,
    RAISED,
    SENDER,
    SENT,
    Owner,
    Parcel,
    Shelf,
    a_runtime,
    a_shelf,
    broken,
    opened,
)
from tests.support.databases import Databases
from tests.support.factories import a_record, an_event_of, hear, stand_at_the_beginning


async def place(runtime: MessagingRuntime[Parcel], lane: int) -> tuple[int, int]:
    await stand_at_the_beginning(runtime)
    epoch, expected = (await runtime.places())["sender"][lane]
    return max(epoch, 1), expected


async def test_an_event_that_comes_again_is_skipped(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    _, number = await place(runtime, 1)
    records = [
        a_record(shelf.event(type, mark, lane=1), "sender", number + step)
        for step, (type, mark) in enumerate([(SENT, "1"), (MARKED, "2"), (MARKED, "3")])
    ]
    assert (await runtime.consumers["sender"].apply(records)).skipped == []
    assert (await runtime.consumers["sender"].apply(records[1:])).skipped == ["duplicate"] * 2
    assert (await runtime.consumers["sender"].apply([records[0], records[0]])).skipped == ["duplicate"] * 2
    assert await shelf.marks() == ["1", "2", "3"]


async def test_a_gap_is_asked_for_and_nothing_behind_it_is_applied(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    epoch, number = await place(runtime, 2)
    events = [shelf.event(SENT, "1", lane=2), shelf.event(MARKED, "2", lane=2), shelf.event(MARKED, "3", lane=2)]
    first, second, third = (a_record(event, "sender", number + step) for step, event in enumerate(events))
    await runtime.consumers["sender"].apply([first])
    gap = await runtime.consumers["sender"].apply([third])
    assert (gap.asks, gap.skipped, gap.applied) == ({2: (epoch, number + 1)}, ["out_of_place"], [])
    assert await shelf.marks() == ["1"]
    healed = await runtime.consumers["sender"].apply([third, second, third])
    assert (healed.asks, healed.applied) == ({}, [MARKED, MARKED])
    assert await shelf.marks() == ["1", "2", "3"]


async def test_a_new_epoch_of_the_source_needs_a_replay(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    epoch, number = await place(runtime, 3)
    await hear(runtime, shelf.event(SENT, "1", lane=3))
    for other in (epoch + 1, epoch + 7):
        outcome = await runtime.consumers["sender"].apply(
            [a_record(shelf.event(MARKED, "x", lane=3), "sender", 1, epoch=other)]
        )
        assert (outcome.asks, outcome.applied) == ({3: (epoch, number + 1)}, [])


@pytest.mark.parametrize(
    "headers",
    [
        {"ce_source": None},
        {"ce_source": "nobody"},
        {"ce_source": "/receiver/s1"},
        {"ce_epoch": None},
        {"ce_epoch": "0"},
        {"ce_epoch": "one"},
        {"ce_epoch": str(1 << 31)},
        {"ce_sequence": None},
        {"ce_sequence": "-1"},
        {"ce_sequence": str(1 << 63)},
        {"ce_dossierversion": "x"},
        {"ce_dossierversion": str(1 << 31)},
        {"ce_time": "yesterday"},
        {"ce_time": "2026-06-09T08:00:00"},
        {"ce_subject": "A\x00"},
        {"ce_source": "/sender/a\x00b"},
        {"ce_type": "a\x00"},
        {"ce_id": None},
    ],
    ids=str,
)
async def test_a_record_without_a_valid_envelope_is_counted_and_skipped(
    runtime: MessagingRuntime[Parcel], shelf: Shelf, headers: dict[str, Any]
) -> None:
    _, number = await place(runtime, 5)
    strange = a_record(shelf.event(SENT, "1", lane=5), "sender", number, **headers)
    good = a_record(shelf.event(SENT, "2", "B", lane=5), "sender", number, offset=number)
    outcome = await runtime.consumers["sender"].apply([strange, good])
    assert (outcome.skipped, outcome.applied) == (["no_valid_envelope"], [SENT])
    assert outcome.offsets == {5: number + 1}, "its offset is passed, its number is not"


async def test_bytes_that_are_no_text_in_a_header_are_skipped(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    _, number = await place(runtime, 5)
    record = a_record(shelf.event(SENT, "1", lane=5), "sender", number)
    broken_bytes = type(record)(5, 0, None, None, {**record.headers, "ce_subject": b"\xff\xfe"})
    assert (await runtime.consumers["sender"].apply([broken_bytes])).skipped == ["no_valid_envelope"]


async def test_an_event_about_something_unknown_is_kept_as_an_orphan(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    outcome = await hear(runtime, shelf.event(MARKED, "1", "lost"), shelf.event(SENT, "2"))
    assert [orphan.subject for orphan in outcome.orphans] == ["lost"]
    ((subject, record),) = await shelf.rows("orphans", "subject, record")
    assert subject == "lost" and bytes.fromhex(json.loads(record)["body"]).decode().endswith('"1"}')
    assert await shelf.marks() == ["2"]


async def test_types_nobody_handles_and_voids_are_passed_over(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    outcome = await hear(runtime, shelf.event("parcel.weighed.v1", "1"), shelf.event(VOID, "2"), shelf.event(SENT, "3"))
    assert (sorted(outcome.skipped), outcome.applied) == (["not_handled", "void"], [SENT])


async def test_a_batch_decides_and_publishes_in_order(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    events = [shelf.event(SENT, "0"), *(shelf.event(ASKED, str(n)) for n in range(1, 6))]
    await hear(runtime, *events)
    assert await shelf.marks() == list("012345")
    rows = await shelf.rows("events", "version, id, body")
    assert [json.loads(body)["mark"] for _, _, body in rows] == list("12345")
    assert [version for version, _, _ in rows] == [1, 2, 3, 4, 5]
    assert [id for _, id, _ in rows] == [event_id("seed-1", "receiver", "A", version) for version in range(1, 6)]
    queued = await shelf.rows("queue", "version", "id")
    assert [version for (version,) in queued] == [1, 2, 3, 4, 5]


async def test_one_poisonous_text_is_found_and_everything_else_is_applied(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    events = [shelf.event(SENT, "new", code) for code in "ABCDEFGH"]
    events[5] = an_event_of(SENT, shelf.id, "F", {"code": "F", "mark": "nul \x00 inside"}, lane=0)
    outcome = await hear(runtime, *events, shelf.event(MARKED, "later", "F"), shelf.event(MARKED, "later", "G"))
    assert outcome.applied == [SENT] * 7 + [MARKED]
    ((subject, reason, kind),) = await shelf.rows("dead_letters", "subject, reason, kind")
    assert (subject, kind) == ("F", SENT) and "Untranslatable" in reason
    assert await shelf.marks("G") == ["new", "later"]
    assert (await shelf.rows("waiting", "subject")) == [("F",)]
    assert outcome.offsets == {0: (await runtime.places())["sender"][0][1] - 1}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"mark": 5}', b"\xff\xfe", b'{"code": "A", "mark": "\\ud800"}'], ids=repr
)
async def test_a_body_that_fits_no_schema_is_a_dead_letter(
    runtime: MessagingRuntime[Parcel], shelf: Shelf, body: bytes
) -> None:
    await hear(runtime, an_event_of(SENT, shelf.id, "A", body, lane=0), shelf.event(SENT, "1", "B"))
    assert await shelf.rows("dead_letters", "subject, reason") == [("A", "ValidationError")]
    assert (await shelf.marks("A"), await shelf.marks("B")) == ([], ["1"])


async def test_a_handler_that_published_and_then_raised_leaves_nothing(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    outcome = await hear(runtime, shelf.event(SENT, "1"), shelf.event(RAISED, "2"), shelf.event(ASKED, "3", "A"))
    assert outcome.applied == [SENT]
    assert await shelf.marks() == ["1"]
    for table in ("events", "queue", "timers", "calls"):
        assert await shelf.rows(table) == [], table
    ((reason, detail),) = await shelf.rows("dead_letters", "reason, detail")
    assert reason == "NotToday" and "taken back" in detail and "'mark': '2'" in detail


async def test_a_dead_letter_parks_its_own_subject_only(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    await hear(runtime, shelf.event(SENT, "1"), shelf.event(SENT, "1", "B"))
    broken.add("2")
    await hear(runtime, shelf.event(MARKED, "2"), shelf.event(MARKED, "3"), shelf.event(MARKED, "3", "B"))
    await hear(runtime, shelf.event(MARKED, "4"))
    assert (await shelf.marks(), await shelf.marks("B")) == (["1"], ["1", "3"])
    assert await shelf.rows("parked", "subject, reason") == [("A", "dead letter: NotToday")]
    assert len(await shelf.rows("waiting")) == 2
    assert (await runtime.pending(shelf.id))["parked"] == ["A: dead letter: NotToday"]


async def test_redrive_applies_what_was_stuck_in_order(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    broken.add("2")
    await hear(runtime, shelf.event(SENT, "1"), *(shelf.event(ASKED, mark) for mark in "234"))
    assert (await runtime.redrive(shelf.id, "A")).applied == 0
    assert len(await shelf.rows("dead_letters")) == 1
    broken.clear()
    assert (await runtime.redrive(shelf.id, "A")).applied == 3
    assert await shelf.marks() == list("1234")
    assert [json.loads(body)["mark"] for (body,) in await shelf.rows("events", "body", "version")] == list("234")
    assert (await shelf.rows("parked"), await shelf.rows("waiting")) == ([], [])
    assert await shelf.rows("dead_letters", "redriven_at IS NOT NULL") == [(True,)]
    assert (await runtime.redrive(shelf.id, "A")).applied == 0
    await hear(runtime, shelf.event(MARKED, "5"))
    assert await shelf.marks() == list("12345")


async def test_redrive_stops_at_the_first_that_fails_which_is_then_the_dead_letter(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    broken.add("2")
    await hear(runtime, shelf.event(SENT, "1"), *(shelf.event(MARKED, mark) for mark in "23456"))
    broken.clear()
    broken.add("4")
    assert (await runtime.redrive(shelf.id, "A")).applied == 2
    assert await shelf.marks() == list("123")
    letters = await shelf.rows("dead_letters", "number, redriven_at IS NULL", "id")
    assert [open for _, open in letters] == [False, True]
    broken.clear()
    assert (await runtime.redrive(shelf.id, "A")).applied == 3
    assert await shelf.marks() == list("123456")


async def test_redrive_of_a_text_that_cannot_be_kept_fails_again_quietly(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    poison = an_event_of(MARKED, shelf.id, "A", {"code": "A", "mark": "\x00"}, lane=0)
    await hear(runtime, shelf.event(SENT, "1"), poison, shelf.event(MARKED, "2"))
    assert (await runtime.redrive(shelf.id, "A")).applied == 0
    assert len(await shelf.rows("dead_letters")) == len(await shelf.rows("parked")) == 1


async def test_events_of_a_deleted_sandbox_are_dropped_and_counted(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    await hear(runtime, shelf.event(SENT, "1"))
    await shelf.sandbox.tell(deleted=True)
    other = await a_shelf(runtime)
    outcome = await hear(runtime, shelf.event(MARKED, "2"), other.event(SENT, "1"))
    assert (outcome.skipped, outcome.applied) == (["sandbox_deleted"], [SENT])
    assert await shelf.rows("dead_letters") == []


async def test_events_of_an_unknown_sandbox_are_parked_until_it_is_known(
    runtime: MessagingRuntime[Parcel], owner: Owner
) -> None:
    known = await a_shelf(runtime)
    unknown = Shelf(runtime, type(known.sandbox)(runtime))
    outcome = await hear_of_unknown(
        runtime, unknown, unknown.event(SENT, "1"), unknown.event(MARKED, "2"), known.event(SENT, "x")
    )
    assert outcome.applied == [SENT]
    assert await unknown.rows("parked", "reason") == [(UNKNOWN_SANDBOX,)]
    assert (await known.marks(), await unknown.marks()) == (["x"], [])
    owner.rows[unknown.id] = {**unknown.sandbox._row, "id": unknown.id, "version": 1, **moments()}
    assert await runtime.ensure_sandbox(unknown.id)
    await hear(runtime, unknown.event(MARKED, "3"))
    assert (await runtime.redrive(unknown.id, "A")).applied == 3
    assert await unknown.marks() == ["1", "2", "3"]


async def test_what_waits_for_a_sandbox_is_not_dropped_where_it_was_known_in_a_database_that_is_gone(
    runtime: MessagingRuntime[Parcel], owner: Owner
) -> None:
    unknown = Shelf(runtime, type((await a_shelf(runtime)).sandbox)(runtime))
    await hear_of_unknown(runtime, unknown, unknown.event(SENT, "1"))
    owner.rows[unknown.id] = {**unknown.sandbox._row, "id": unknown.id, "version": 1, **moments()}
    runtime._known.add(unknown.id)
    leases = Leases(runtime.database, "reading:sender", "worker-1", timedelta(seconds=30))
    await LaneReader(runtime, runtime.consumers["sender"], SENDER, leases)._release_unknown()
    assert await unknown.marks() == ["1"] and await unknown.rows("parked") == []


async def test_what_the_machine_does_is_raised_and_the_same_batch_can_come_again(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_runtime(url, Owner(), lease=timedelta(seconds=3))) as runtime:
        shelf = await a_shelf(runtime)
        await stand_at_the_beginning(runtime)
        records = [a_record(shelf.event(SENT, "1"), "sender", 1)]
        zombie = await asyncpg.connect(url)  # a worker that froze in the middle of a batch
        await zombie.execute("BEGIN; SELECT FROM positions WHERE lane = 0 FOR UPDATE")
        with pytest.raises((asyncpg.LockNotAvailableError, asyncpg.TransactionTimeoutError, asyncpg.InterfaceError)):
            await runtime.consumers["sender"].apply(records)
        await zombie.close()
        assert (await runtime.consumers["sender"].apply(records)).applied == [SENT]
        assert await shelf.marks() == ["1"]


def moments() -> dict[str, str]:
    return dict.fromkeys(("base_at", "base_real", "created_at"), "2026-06-09T01:00:00+00:00")


async def hear_of_unknown(runtime: MessagingRuntime[Parcel], unknown: Shelf, *events: Any) -> Outcome:
    _, number = await place(runtime, 0)
    records = [
        a_record(event, "sender", number + step, epoch=(await place(runtime, 0))[0])
        for step, event in enumerate(events)
    ]
    return await runtime.consumers["sender"].apply(records, frozenset({unknown.id}))


def test_an_id_depends_on_seed_source_subject_and_version_alone() -> None:
    one = event_id("seed", "receiver", "A", 1)
    assert one == event_id("seed", "receiver", "A", 1)
    others = {event_id("sead", "receiver", "A", 1), event_id("seed", "sender", "A", 1)}
    assert len(others | {one, event_id("seed", "receiver", "B", 1), event_id("seed", "receiver", "A", 2)}) == 5
    assert ANSWERED and one[14] == "8"


async def test_events_of_a_known_sandbox_without_a_row_are_parked(
    runtime: MessagingRuntime[Parcel], owner: Owner
) -> None:
    shelf = await a_shelf(runtime)
    await hear(runtime, shelf.event(SENT, "1"))
    row = {**shelf.sandbox._row, "id": shelf.id, "version": 1, **moments()}
    await runtime.database.pool.execute("DELETE FROM sandboxes WHERE id = $1", shelf.id)  # an older backup came back
    outcome = await hear(runtime, shelf.event(MARKED, "2"))
    assert (outcome.rowless, outcome.applied, outcome.skipped) == ({shelf.id}, [], [])
    runtime.forget(shelf.id)
    owner.rows[shelf.id] = row
    assert await runtime.ensure_sandbox(shelf.id)
    assert (await runtime.redrive(shelf.id, "A")).applied == 1
    assert await shelf.marks() == ["1", "2"]
