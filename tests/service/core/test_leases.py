"""Leases: shared fairly, taken over when a holder dies, never held by two workers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from shared.messaging.lanes import LANES
from shared.messaging.leases import Leases, unworked
from shared.messaging.runtime import MessagingRuntime
from tests.service.core.parcels import Parcel

PARTS = ["relay:parcels.out.v1", "reader:sender"]
LENGTH = timedelta(seconds=60)  # longer than any test: leases end here only when a test says so
ALL = set(range(LANES))


def leases(runtime: MessagingRuntime[Parcel], holder: str, part: str = "reader:sender") -> Leases:
    return Leases(runtime.database, part, holder, LENGTH)


async def dies(runtime: MessagingRuntime[Parcel], holder: str) -> None:
    """Let the leases of a worker expire, by the clock of the database."""
    for table in ("leases", "workers"):
        await runtime.database.pool.execute(
            f"UPDATE {table} SET until = clock_timestamp() - interval '1 s' WHERE holder = $1", holder
        )


async def holders(runtime: MessagingRuntime[Parcel]) -> dict[str, set[int]]:
    """Holder → lanes, as in the table."""
    lanes: dict[str, set[int]] = {}
    for row in await runtime.database.fetch("SELECT * FROM leases WHERE until > clock_timestamp()"):
        lanes.setdefault(row["holder"], set()).add(row["lane"])
    return lanes


async def test_one_worker_takes_every_lane_and_keeps_it(own_runtime: MessagingRuntime[Parcel]) -> None:
    one = leases(own_runtime, "one")
    assert await unworked(own_runtime.database, PARTS) == ["reader", "relay"]
    assert await one.renew() == ALL
    assert await one.renew() == set()
    assert one.lanes == sorted(ALL)
    assert await unworked(own_runtime.database, PARTS) == ["relay"]


async def test_a_second_worker_gets_its_share(own_runtime: MessagingRuntime[Parcel]) -> None:
    one, two = leases(own_runtime, "one"), leases(own_runtime, "two")
    await one.renew()
    assert await two.renew() == set(), "nothing is free yet"
    await one.renew()
    await two.renew()
    assert (len(one.lanes), len(two.lanes)) == (17, 17)
    assert set(one.lanes) | set(two.lanes) == ALL


async def test_reader_and_relay_are_leased_apart(own_runtime: MessagingRuntime[Parcel]) -> None:
    assert await leases(own_runtime, "one").renew() == await leases(own_runtime, "two", "relay").renew() == ALL


async def test_the_lanes_of_a_dead_worker_are_taken_over(own_runtime: MessagingRuntime[Parcel]) -> None:
    one, two = leases(own_runtime, "one"), leases(own_runtime, "two")
    await one.renew()
    await two.renew()
    await dies(own_runtime, "one")
    assert await two.renew() == ALL
    assert await one.renew() == set(), "and nothing is free for the first"
    assert one.lanes == []


async def test_a_lease_further_off_than_a_lease_is_long_counts_as_expired(
    own_runtime: MessagingRuntime[Parcel],
) -> None:
    """A clock that jumped must not lock a lane for ever."""
    one, two = leases(own_runtime, "one"), leases(own_runtime, "two")
    await one.renew()
    await own_runtime.database.pool.execute("UPDATE leases SET until = until + interval '1 day' WHERE lane < 5")
    await own_runtime.database.pool.execute("DELETE FROM workers WHERE holder = 'one'")
    assert await two.renew() == {0, 1, 2, 3, 4}


async def test_lanes_given_back_are_free_at_once(own_runtime: MessagingRuntime[Parcel]) -> None:
    one, two = leases(own_runtime, "one"), leases(own_runtime, "two")
    await one.renew()
    await one.give_back()
    assert await two.renew() == ALL


async def test_no_lane_is_ever_held_by_two(own_runtime: MessagingRuntime[Parcel]) -> None:
    workers = [leases(own_runtime, name) for name in ("one", "two", "three", "four")]
    for round in rounds():
        await asyncio.gather(*(workers[number].renew() for number in round))
        if len(round) == 1:
            await dies(own_runtime, workers[round[0]].holder)
            workers[round[0]].lanes = []
        held = await holders(own_runtime)
        for worker in workers:
            assert held.get(worker.holder, set()) <= set(worker.lanes)
        assert sum(len(lanes) for lanes in held.values()) == len(set().union(*held.values()) if held else set())
    for _ in range(3):  # all are known, then all give back what is over their share, then all take what is free
        await asyncio.gather(*(worker.renew() for worker in workers))
    assert sorted(lane for worker in workers for lane in worker.lanes) == sorted(ALL)
    assert {len(worker.lanes) for worker in workers} <= {7, 8, 9}


def rounds() -> Iterator[tuple[int, ...]]:
    """Workers that renew at the same moment. A worker that is alone in a round dies after it."""
    yield from ((0,), (0, 1), (1, 2, 3), (2,), (0, 3), (3,), (0, 1, 2, 3), (1, 2), (0, 1, 2, 3), (0,), (1, 2, 3))
