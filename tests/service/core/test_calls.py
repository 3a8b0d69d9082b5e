"""The HTTP outbox: calls are repeated until the peer replies, and claimed by one worker at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from shared.errors import HeldByFault
from shared.http import Unreachable
from shared.messaging import http_outbox
from shared.messaging.http_outbox import Call, Callers
from shared.messaging.runtime import MessagingRuntime
from shared.sandbox import registry
from tests.service.core.parcels import NotToday, Parcel, Shelf, a_shelf

Outcome = Exception | None


class CalledPeer:
    """Fails calls with the outcomes of the test, in turn, then accepts all. `taken` is set when a call is done."""

    def __init__(self, runtime: MessagingRuntime[Parcel], *outcomes: Outcome) -> None:
        self.runtime, self.outcomes = runtime, list(outcomes)
        self.seen: list[tuple[str, int]] = []
        self.taken = asyncio.Event()

    async def __call__(self, call: Call) -> None:
        self.seen.append((call.key, call.attempts))
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        async with self.runtime.database.transaction() as connection:
            await http_outbox.done(connection, call)
        self.taken.set()


async def running(runtime: MessagingRuntime[Parcel], peer: CalledPeer, until: Callable[[], Awaitable[object]]) -> None:
    callers = Callers(runtime.database, {"ring": peer}, poll_seconds=0.01)
    task = asyncio.create_task(callers.run())
    try:
        async with asyncio.timeout(20):
            await until()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ring(shelf: Shelf, key: str, **data: object) -> None:
    async with shelf.runtime.unit_of_work(shelf.id) as request:
        request.work.call("ring", key, dict(data))


async def test_a_call_is_made_after_the_commit_and_ended_by_its_answer(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    await ring(shelf, "1", amount=5)
    assert await http_outbox.in_flight(own_runtime.database, shelf.id) == [
        {"kind": "ring", "key": "1", "attempts": 0, "last_error": "", "refused": False}
    ]
    peer = CalledPeer(own_runtime)
    await running(own_runtime, peer, peer.taken.wait)
    assert (peer.seen, await http_outbox.in_flight(own_runtime.database, shelf.id)) == ([("1", 1)], [])


async def test_one_call_per_kind_and_key(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    for amount in (1, 2):
        await ring(shelf, "1", amount=amount)
    assert await shelf.rows("calls", "data->>'amount'") == [("1",)]


async def test_silence_and_our_own_bugs_are_tried_again_until_it_works(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    await ring(shelf, "1")
    peer = CalledPeer(own_runtime, Unreachable("nobody is there"), ValueError("our bug"))
    await running(own_runtime, peer, peer.taken.wait)
    assert peer.seen == [("1", 1), ("1", 2), ("1", 3)]


async def test_a_call_that_failed_keeps_its_reason_and_waits(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    await ring(shelf, "1")
    peer = CalledPeer(own_runtime, *[Unreachable("nobody is there")] * 100)

    async def failed() -> None:
        while not (await http_outbox.in_flight(own_runtime.database, shelf.id))[0]["last_error"]:
            pass

    await running(own_runtime, peer, failed)
    (flight,) = await http_outbox.in_flight(own_runtime.database, shelf.id)
    assert "nobody is there" in flight["last_error"]
    assert (await own_runtime.pending(shelf.id))["calls"] == [flight]


async def test_a_claimed_call_is_not_made_by_another_worker(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    for key in "ABCDEFGH":
        await ring(shelf, key)
    peer = CalledPeer(own_runtime)
    one, two = (Callers(own_runtime.database, {"ring": peer}) for _ in range(2))
    claimed = await asyncio.gather(one._claim(), two._claim(), one._claim())
    assert sorted(claim.call.key for part in claimed for claim in part) == list("ABCDEFGH")
    assert await one._claim() == []
    await own_runtime.database.pool.execute("UPDATE calls SET next_try = clock_timestamp()")  # its claimer died
    assert len(await two._claim()) == 8


async def test_calls_of_a_kind_without_a_caller_stay(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    await ring(shelf, "1")
    assert await Callers(own_runtime.database, {"other": CalledPeer(own_runtime)})._claim() == []


async def test_what_is_refused_waits_until_sandbox_time_moves(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    await ring(shelf, "1")
    peer = CalledPeer(own_runtime, NotToday("come another day"))

    async def refused() -> None:
        while not [call for call in await http_outbox.in_flight(own_runtime.database, shelf.id) if call["refused"]]:
            await asyncio.to_thread(lambda: None)

    await running(own_runtime, peer, refused)
    (row,) = await shelf.rows("calls", "next_try = 'infinity', last_error")
    assert row == (True, "NotToday: come another day")
    await http_outbox.try_again(own_runtime.database, shelf.id)
    await running(own_runtime, peer, peer.taken.wait)
    assert peer.seen == [("1", 1), ("1", 2)]


async def test_an_outdated_refusal_is_retried(own_runtime: MessagingRuntime[Parcel]) -> None:
    """Sandbox time moves or a rule is switched off during the call: the refusal is outdated."""
    shelf = await a_shelf(own_runtime)
    await ring(shelf, "1")

    class Late(CalledPeer):
        async def __call__(self, call: Call) -> None:
            if call.attempts == 1:
                await http_outbox.try_again(own_runtime.database, shelf.id)
            await super().__call__(call)

    peer = Late(own_runtime, NotToday("come another day"))
    await running(own_runtime, peer, peer.taken.wait)
    assert peer.seen == [("1", 1), ("1", 2)]


async def test_only_some_calls_are_retried(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    for key in "AB":
        await ring(shelf, key)
    peer = CalledPeer(own_runtime, NotToday("no"), NotToday("no"))

    async def refused() -> None:
        while [call for call in await http_outbox.in_flight(own_runtime.database, shelf.id) if not call["refused"]]:
            await asyncio.to_thread(lambda: None)

    await running(own_runtime, peer, refused)
    await http_outbox.try_again(own_runtime.database, shelf.id, ["B"])
    await running(own_runtime, peer, peer.taken.wait)
    assert [call["key"] for call in await http_outbox.in_flight(own_runtime.database, shelf.id)] == ["A"]


async def test_what_a_rule_holds_until_a_moment_is_released_then(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    due = shelf.sandbox.now + timedelta(hours=2)
    for key, until in {"A": due, "B": due + timedelta(hours=1), "C": None}.items():
        await ring(shelf, key, until=until and until.isoformat())

    class Holding(CalledPeer):
        async def __call__(self, call: Call) -> None:
            if call.attempts == 1:
                until = call.data["until"]
                raise HeldByFault("held", datetime.fromisoformat(until) if until else None)
            await super().__call__(call)

    peer = Holding(own_runtime)

    async def held() -> None:
        while [call for call in await http_outbox.in_flight(own_runtime.database, shelf.id) if not call["refused"]]:
            await asyncio.to_thread(lambda: None)

    await running(own_runtime, peer, held)
    assert await http_outbox.next_due(own_runtime.database, shelf.id) == due
    assert await http_outbox.release(own_runtime.database, shelf.id) == []
    await shelf.sandbox.advance(timedelta(hours=2))
    assert await http_outbox.release(own_runtime.database, shelf.id) == [("ring", "A", due)]
    await running(own_runtime, peer, peer.taken.wait)
    assert peer.seen == [("A", 2)]
    assert [call["key"] for call in await http_outbox.in_flight(own_runtime.database, shelf.id)] == ["B", "C"]
    assert await http_outbox.next_due(own_runtime.database, shelf.id) == due + timedelta(hours=1)


async def test_under_a_clock_that_runs_what_is_held_goes_by_itself(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime, rate=3_600)  # an hour in a second
    due = shelf.sandbox.now + timedelta(minutes=30)
    await ring(shelf, "A")

    class Holding(CalledPeer):
        async def __call__(self, call: Call) -> None:
            if (await registry.read(own_runtime.database, shelf.id)).now < due:
                raise HeldByFault("held", due)
            await super().__call__(call)

    peer = Holding(own_runtime)
    await running(own_runtime, peer, peer.taken.wait)
    assert 1 <= peer.seen[0][1] <= 3, "retried at that time, not again and again"
