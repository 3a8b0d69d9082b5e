"""Due timers fire once, in order, in sandbox time. A timer that fails parks its document until a redrive."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from shared.messaging.runtime import MessagingRuntime
from shared.messaging.timers import BATCH
from tests.service.core.parcels import MARKED, SENT, Owner, Parcel, Shelf, a_runtime, a_shelf, broken, opened
from tests.support.databases import Databases
from tests.support.factories import hear

HOUR = timedelta(hours=1)


async def test_a_frozen_sandbox_fires_only_on_request(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    await shelf.set_timer("A", "ring", HOUR)
    assert await runtime.fire(shelf.id) == []
    await shelf.sandbox.advance(HOUR)
    assert await runtime.timers.fire(None) == [], "the worker's own round leaves frozen sandboxes alone"
    assert await shelf.marks() == []
    fired = await runtime.fire(shelf.id)
    assert fired == [{"at": "2026-06-09T09:00:00.000+07:00", "service": "receiver", "kind": "ring", "subject": "A"}]
    assert await shelf.marks() == ["ring 02:00"]
    assert await runtime.fire(shelf.id) == []


async def test_where_time_runs_the_worker_fires_what_is_due(own_runtime: MessagingRuntime[Parcel]) -> None:
    running, frozen = await a_shelf(own_runtime, rate=1), await a_shelf(own_runtime)
    for shelf in (running, frozen):
        await shelf.set_timer("A", "ring", -HOUR)
        await shelf.set_timer("B", "ring", 1000 * HOUR)
    assert [timer["subject"] for timer in await own_runtime.timers.fire(None)] == ["A"]
    assert (await running.marks(), await frozen.marks()) == (["ring 00:00"], [])


async def test_a_timer_set_at_once_fires_by_itself_where_the_clock_is_frozen(
    own_runtime: MessagingRuntime[Parcel],
) -> None:
    shelf = await a_shelf(own_runtime)
    await shelf.set_timer("A", "ring", -HOUR)
    await shelf.set_timer("B", "ring", -HOUR, at_once=True)
    await shelf.set_timer("C", "ring", HOUR, at_once=True)
    pending = await own_runtime.pending(shelf.id)
    assert (pending["timers_due"], pending["under_way"]) == (1, ["1 timers fire by themselves"])
    assert [timer["subject"] for timer in await own_runtime.timers.fire(None)] == ["B"]
    assert (await own_runtime.pending(shelf.id))["under_way"] == []
    await shelf.sandbox.advance(2 * HOUR)
    assert [timer["subject"] for timer in await own_runtime.timers.fire(None)] == ["C"], "once it is due, not before"
    await shelf.set_timer("A", "ring", 3 * HOUR, at_once=True)
    await shelf.set_timer("A", "ring", -HOUR)
    assert await own_runtime.timers.fire(None) == [], "a later call says how it fires, too"


async def test_neither_a_parked_subject_nor_a_deleted_sandbox_fires_at_once(
    own_runtime: MessagingRuntime[Parcel],
) -> None:
    parked, gone = await a_shelf(own_runtime), await a_shelf(own_runtime)
    broken.add("1")
    await hear(own_runtime, parked.event(SENT, "0"), parked.event(MARKED, "1"))
    broken.clear()
    for shelf in (parked, gone):
        await shelf.set_timer("A", "ring", -HOUR, at_once=True)
    await gone.sandbox.tell(deleted=True)
    assert await own_runtime.timers.fire(None) == []
    assert (await own_runtime.pending(parked.id))["under_way"] == []
    await own_runtime.redrive(parked.id, "A")
    assert [timer["subject"] for timer in await own_runtime.timers.fire(None)] == ["A"]


async def test_timers_fire_in_order_of_time_then_lane_then_subject(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    for code, hours, lane in (("D", 2, 1), ("B", 1, 2), ("C", 1, 2), ("Z", 1, 1), ("A", 3, 1)):
        await shelf.set_timer(code, "ring", hours * HOUR, lane)
    await shelf.sandbox.advance(2 * HOUR)
    assert [timer["subject"] for timer in await runtime.fire(shelf.id)] == ["Z", "B", "C", "D"]
    assert [subject for (subject,) in await shelf.rows("queue", "subject", "id")] == ["Z", "B", "C", "D"]
    assert await shelf.rows("timers", "subject") == [("A",)]


async def test_a_later_call_moves_a_timer(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    await shelf.set_timer("A", "ring", HOUR)
    await shelf.set_timer("A", "ring", 3 * HOUR)
    await shelf.set_timer("A", "alarm", 2 * HOUR)
    await shelf.sandbox.advance(4 * HOUR)
    assert [timer["kind"] for timer in await runtime.fire(shelf.id)] == ["alarm", "ring"]


async def test_what_an_earlier_timer_of_the_same_round_drops_does_not_fire(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    await shelf.set_timer("A", "silence", HOUR)
    await shelf.set_timer("A", "ring", 2 * HOUR)
    await shelf.sandbox.advance(3 * HOUR)
    assert [timer["kind"] for timer in await runtime.fire(shelf.id)] == ["silence"]
    assert await shelf.rows("timers") == []


async def test_more_timers_than_a_batch_all_fire(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    sql = (
        "WITH t AS (SELECT $1::text s, 'P' || n c FROM generate_series(1, $2::int) n), p AS (INSERT INTO parcels "
        """SELECT s, c, 0, 0, NULL, jsonb_build_object('code', c, 'marks', '[]'::jsonb) FROM t) """
        "INSERT INTO timers SELECT s, c, 'ring', '2026-06-09T00:00:00Z', 0 FROM t"
    )
    await own_runtime.database.pool.execute(sql, shelf.id, BATCH + 7)
    assert len(await own_runtime.fire(shelf.id)) == BATCH + 7
    assert await shelf.rows("timers") == []


async def test_a_parked_subject_keeps_its_timers_waiting(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    await shelf.set_timer("A", "ring", HOUR)
    await shelf.set_timer("B", "ring", HOUR)
    broken.add("1")
    await hear(runtime, shelf.event(MARKED, "1"))
    await shelf.sandbox.advance(2 * HOUR)
    pending = await runtime.pending(shelf.id)
    assert (pending["timers_due"], pending["next_due"]) == (1, "2026-06-09T09:00:00.000+07:00")
    assert [timer["subject"] for timer in await runtime.fire(shelf.id)] == ["B"]
    pending = await runtime.pending(shelf.id)
    assert (pending["timers_due"], pending["next_due"], len(pending["parked"])) == (0, None, 1)
    broken.clear()
    assert (await runtime.redrive(shelf.id, "A")).applied == 1
    assert [timer["subject"] for timer in await runtime.fire(shelf.id)] == ["A"]


async def test_a_timer_that_fails_parks_its_subject_and_fires_again_after_a_redrive(
    runtime: MessagingRuntime[Parcel], shelf: Shelf
) -> None:
    await hear(runtime, shelf.event(SENT, "1"))
    await shelf.set_timer("A", "ring", HOUR)
    await shelf.set_timer("A", "alarm", 2 * HOUR)
    await shelf.set_timer("B", "ring", HOUR)
    broken.add("ring 02:00")
    await shelf.sandbox.advance(3 * HOUR)
    await runtime.fire(shelf.id)
    assert (await shelf.marks(), await shelf.marks("B")) == (["1"], [])
    assert await shelf.rows("dead_letters", "subject, kind, reason", "subject") == [
        ("A", "ring", "NotToday"),
        ("B", "ring", "NotToday"),
    ]
    assert await shelf.rows("events") == []
    broken.clear()
    await runtime.redrive(shelf.id, "A")
    assert [timer["kind"] for timer in await runtime.fire(shelf.id)] == ["ring", "alarm"]
    assert await shelf.marks() == ["1", "ring 02:00", "alarm 03:00"]


async def test_two_workers_never_fire_one_timer_twice(database_url: Databases) -> None:
    url = database_url()
    async with opened(a_runtime(url, Owner())) as one, opened(a_runtime(url, Owner())) as two:
        shelf = await a_shelf(one)
        for code in "ABCDEFGHIJ":
            await shelf.set_timer(code, "ring", HOUR)
        await shelf.sandbox.advance(HOUR)
        fired = await asyncio.gather(*(worker.fire(shelf.id) for worker in (one, two, one, two)))
        assert sorted(each["subject"] for part in fired for each in part) == list("ABCDEFGHIJ")
        assert [len(await shelf.marks(code)) for code in "ABCDEFGHIJ"] == [1] * 10
        assert len(await shelf.rows("events")) == 10


async def test_a_deleted_sandbox_fires_nothing(runtime: MessagingRuntime[Parcel], shelf: Shelf) -> None:
    await shelf.set_timer("A", "ring", -HOUR)
    await shelf.sandbox.tell(deleted=True)
    assert await runtime.fire(shelf.id) == []
