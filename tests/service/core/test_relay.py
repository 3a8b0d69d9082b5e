"""The numbers of events: without gaps, in order, only in leased lanes, and the same when sent again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

import pytest
from confluent_kafka import KafkaException

from shared.messaging import cloudevents, event_log
from shared.messaging.lanes import Place
from shared.messaging.leases import Leases
from shared.messaging.peer import reader_places
from shared.messaging.relay import Relay
from shared.messaging.runtime import MessagingRuntime
from tests.service.core.parcels import ANSWERED, SENDER, Owner, Parcel, Shelf, a_runtime, a_shelf, opened
from tests.support.country import Country, problem
from tests.support.databases import Databases
from tests.support.records import WireRecord, records

LENGTH = timedelta(seconds=60)


def a_relay(
    runtime: MessagingRuntime[Parcel],
    holder: str,
    *,
    servers: str = "",
    topic: str = SENDER.topic_out,
    batch: int = 500,
) -> Relay:
    leases = Leases(runtime.database, "relay", holder, LENGTH)

    async def places() -> dict[int, Place]:
        return await reader_places(runtime.http, SENDER, "receiver")

    return Relay(runtime.database, servers, topic, "receiver", leases, places, runtime.signer, batch=batch, wake=0.02)


async def publish(shelf: Shelf, code: str, lane: int, *marks: str) -> None:
    async with shelf.runtime.unit_of_work(shelf.id, codes=[code]) as request:
        request.work.save(code, Parcel(code), lane=lane)
        for mark in marks:
            request.work.publish(ANSWERED, code, {"mark": mark})


async def numbers(runtime: MessagingRuntime[Parcel]) -> dict[int, list[tuple[int, int, str, int]]]:
    """Lane → numbered events: epoch, number, subject, version."""
    events = defaultdict(list)
    for row in await runtime.database.fetch("SELECT * FROM posted ORDER BY lane, epoch, number"):
        events[row["lane"]].append((row["epoch"], row["number"], row["subject"], row["version"]))
    return dict(events)


async def test_numbers_have_no_gaps_and_follow_the_order_of_publishing(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf, relay = await a_shelf(own_runtime), a_relay(own_runtime, "one")
    await relay.leases.renew()
    await publish(shelf, "A", 1, "1", "2")
    await publish(shelf, "B", 1, "1")
    await publish(shelf, "C", 2, "1")
    await publish(shelf, "A", 1, "3")
    await relay.number()
    await relay.number()
    assert await numbers(own_runtime) == {
        1: [(1, 1, "A", 1), (1, 2, "A", 2), (1, 3, "B", 1), (1, 4, "A", 3)],
        2: [(1, 1, "C", 1)],
    }
    await publish(shelf, "B", 1, "2")
    await relay.number()
    assert (await numbers(own_runtime))[1][-1] == (1, 5, "B", 2)
    assert await shelf.rows("queue") == []
    assert (await own_runtime.pending(shelf.id))["written"] == {SENDER.topic_out: {1: [1, 5], 2: [1, 1]}}


async def test_a_batch_takes_the_oldest_first(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf, relay = await a_shelf(own_runtime), a_relay(own_runtime, "one", batch=2)
    await relay.leases.renew()
    for code in ("A", "B", "C"):
        await publish(shelf, code, 3, "1")
    await relay.number()
    assert [subject for _, _, subject, _ in (await numbers(own_runtime))[3]] == ["A", "B"]
    await relay.number()
    assert [number for _, number, _, _ in (await numbers(own_runtime))[3]] == [1, 2, 3]


async def test_two_relays_number_only_their_own_lanes(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf, one, two = await a_shelf(own_runtime), a_relay(own_runtime, "one"), a_relay(own_runtime, "two")
    for relay in (one, two, one, two):
        await relay.leases.renew()
    for lane in range(34):
        await publish(shelf, f"L{lane}", lane, "1", "2")
    await one.number()
    assert set(await numbers(own_runtime)) == set(one.leases.lanes)
    await asyncio.gather(one.number(), two.number(), one.number(), two.number())
    assert {lane: [n for _, n, _, _ in given] for lane, given in (await numbers(own_runtime)).items()} == {
        lane: [1, 2] for lane in range(34)
    }


async def test_a_relay_whose_lease_has_run_out_numbers_nothing(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf, relay = await a_shelf(own_runtime), a_relay(own_runtime, "one")
    await relay.leases.renew()
    await own_runtime.database.pool.execute("UPDATE leases SET until = clock_timestamp() - interval '1 s'")
    await publish(shelf, "A", 1, "1")
    await relay.number()
    assert await numbers(own_runtime) == {}
    assert (await own_runtime.pending(shelf.id))["unsent"] == 1


async def test_a_new_database_begins_an_epoch_after_those_that_its_reader_has_seen(database_url: Databases) -> None:
    for seen, begun in (({}, 1), ({0: (0, 1)}, 1), ({0: (-1, 1)}, 1), ({3: (2, 40), 5: (4, 1)}, 5)):
        async with opened(a_runtime(database_url(), Owner(reads=seen))) as runtime:
            assert await event_log.current_epoch(runtime.database) == begun
            await event_log.begin_epoch(runtime.database, 77, [])
            assert await event_log.current_epoch(runtime.database) == begun, "it begins once"


async def assign(runtime: MessagingRuntime[Parcel], lane: int, epoch: int, head: int) -> None:
    """Let a lane have assigned numbers up to `head`."""
    await runtime.database.pool.execute(
        "INSERT INTO posted SELECT $4, $1, $2, n, 'default', 'A', n FROM generate_series(1, $3::int) n",
        lane,
        epoch,
        head,
        SENDER.topic_out,
    )
    await runtime.database.pool.execute(
        "UPDATE lanes_out SET epoch = $2, head = $3, sent_epoch = $2, sent_number = $3 WHERE lane = $1",
        lane,
        epoch,
        head,
    )


@pytest.mark.parametrize(
    ("asked", "answer", "sent"),
    [
        ((1, 4), (1, 4), (1, 3)),
        ((1, 1), (1, 1), (1, 0)),
        ((1, 11), (1, 11), (1, 10)),
        ((0, 1), (1, 1), (1, 0)),
        ((-1, 1), (1, 1), (1, 0)),
    ],
    ids=str,
)
async def test_a_replay_starts_at_the_place_that_the_reader_expects(
    own_runtime: MessagingRuntime[Parcel], asked: Place, answer: Place, sent: Place
) -> None:
    await assign(own_runtime, 7, 1, 10)
    assert await event_log.replay(own_runtime.database, SENDER.topic_out, 7, asked) == (answer, False)
    (row,) = await own_runtime.database.fetch("SELECT * FROM lanes_out WHERE lane = 7")
    assert (row["sent_epoch"], row["sent_number"], row["epoch"], row["head"]) == (*sent, 1, 10)


@pytest.mark.parametrize("asked", [(1, 13), (4, 2)], ids=str)
async def test_a_reader_ahead_of_the_log_causes_a_new_epoch(
    own_runtime: MessagingRuntime[Parcel], asked: Place
) -> None:
    """Our database was restored from a backup, or created again."""
    await assign(own_runtime, 7, 1, 10)
    answer, is_new_epoch = await event_log.replay(own_runtime.database, SENDER.topic_out, 7, asked)
    assert (answer, is_new_epoch) == ((asked[0] + 1, 1), True)
    assert await event_log.current_epoch(own_runtime.database) == asked[0] + 1, "so that codes never repeat"


async def test_a_reader_in_an_older_epoch_finishes_it_first(own_runtime: MessagingRuntime[Parcel]) -> None:
    await assign(own_runtime, 7, 1, 10)
    await own_runtime.database.pool.execute("UPDATE lanes_out SET epoch = 3, head = 2 WHERE lane = 7")
    assert await event_log.replay(own_runtime.database, SENDER.topic_out, 7, (1, 5)) == ((1, 5), False)
    assert await event_log.replay(own_runtime.database, SENDER.topic_out, 7, (1, 11)) == ((3, 1), False)


async def what_lies_there(servers: Mapping[str, str], shelf: Shelf, topic: str) -> list[WireRecord]:
    """A topic just made has no leader for every partition yet: ask until it has."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(KafkaException):
                return await asyncio.to_thread(records, servers, shelf.id, [topic])


async def test_what_was_sent_is_sent_again_with_the_same_numbers(
    own_runtime: MessagingRuntime[Parcel], broker: dict[str, str]
) -> None:
    topic = f"relay-{own_runtime.database._url[-6:]}"
    own_runtime.topics = {ANSWERED: topic}
    await event_log.add_lanes(own_runtime.database.pool, [topic])
    shelf, relay = (
        await a_shelf(own_runtime),
        a_relay(own_runtime, "one", servers=broker["bootstrap.servers"], topic=topic),
    )
    await relay.leases.renew()
    await publish(shelf, "A", 1, "1", "2", "3")
    await relay._writer.open()
    try:
        assert [await relay.step(), await relay.step()] == [3, 0]
        assert await event_log.replay(own_runtime.database, topic, 1, (1, 2)) == ((1, 2), False)
        assert [await relay.step(), await relay.step()] == [2, 0]
        await publish(shelf, "A", 1, "4")
        await own_runtime.database.pool.execute("DELETE FROM events WHERE version = 2")
        await event_log.replay(own_runtime.database, topic, 1, (1, 2))
        assert [await relay.step(), await relay.step()] == [3, 0]
    finally:
        await relay._writer.close()
    sent = await what_lies_there(broker, shelf, topic)
    assert {record.partition for record in sent} == {1}
    assert [record.header("ce_sequence") for record in sent] == ["1", "2", "3", "2", "3", "2", "3", "4"]
    assert [record.header("ce_type") for record in sent].count(cloudevents.VOID) == 1, (
        "its payload is gone, its number is not"
    )
    assert {(record.header("ce_epoch"), record.key) for record in sent if record.value != b"{}"} == {("1", b"A")}
    once = {record.header("ce_id") for record in sent if record.header("ce_sequence") == "3"}
    assert len(once) == 1


async def test_a_backlog_is_sent_in_full_batches_and_then_what_came_meanwhile(
    own_runtime: MessagingRuntime[Parcel], broker: dict[str, str]
) -> None:
    """The next events are numbered while a full batch is published; whoever finds none looks once more."""
    topic = f"backlog-{own_runtime.database._url[-6:]}"
    own_runtime.topics = {ANSWERED: topic}
    await event_log.add_lanes(own_runtime.database.pool, [topic])
    shelf = await a_shelf(own_runtime)
    relay = a_relay(own_runtime, "one", servers=broker["bootstrap.servers"], topic=topic, batch=2)
    await relay.leases.renew()
    await publish(shelf, "A", 1, "1", "2", "3", "4")
    await relay._writer.open()
    try:
        assert [await relay.step(), await relay.step()] == [2, 2]
        await publish(shelf, "A", 1, "5")
        assert [await relay.step(), await relay.step()] == [1, 0]
    finally:
        await relay._writer.close()
    sent = await what_lies_there(broker, shelf, topic)
    assert [record.header("ce_sequence") for record in sent] == ["1", "2", "3", "4", "5"]


async def test_a_replay_and_a_batch_without_acknowledgement_come_before_what_is_new(
    own_runtime: MessagingRuntime[Parcel], broker: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """New events are sent as they are numbered, but never past older ones of their lane."""
    topic = f"settled-{own_runtime.database._url[-6:]}"
    own_runtime.topics = {ANSWERED: topic}
    await event_log.add_lanes(own_runtime.database.pool, [topic])
    shelf = await a_shelf(own_runtime)
    relay = a_relay(own_runtime, "one", servers=broker["bootstrap.servers"], topic=topic)
    await relay.leases.renew()
    await relay._writer.open()
    try:
        await publish(shelf, "A", 1, "1", "2")
        assert [await relay.step(), await relay.step()] == [2, 0]
        await event_log.replay(own_runtime.database, topic, 1, (1, 1))
        await publish(shelf, "B", 2, "1")
        assert [await relay.step(), await relay.step(), await relay.step()] == [1, 2, 0], (
            "the replay when nothing is new"
        )

        async def lost(messages: object) -> list[int]:
            raise ConnectionError

        await publish(shelf, "A", 1, "3")
        monkeypatch.setattr(relay._writer, "publish", lost)
        with pytest.raises(ConnectionError):
            await relay.step()
        monkeypatch.undo()
        await publish(shelf, "A", 1, "4")
        assert [await relay.step(), await relay.step()] == [2, 0]
    finally:
        await relay._writer.close()
    sent = await what_lies_there(broker, shelf, topic)
    of_a = [record.header("ce_sequence") for record in sent if record.key == b"A"]
    assert of_a == ["1", "2", "1", "2", "3", "4"]


async def test_what_is_published_again_begins_with_the_first_event_that_fits(
    own_runtime: MessagingRuntime[Parcel],
) -> None:
    database, topic = own_runtime.database, SENDER.topic_out
    shelf, relay = await a_shelf(own_runtime), a_relay(own_runtime, "one")
    other = await a_shelf(own_runtime)
    await relay.leases.renew()
    for code, lane in (("A", 1), ("B", 1), ("C", 2), ("A", 1)):
        await publish(shelf, code, lane, "mark")
        await relay.number()
    await publish(other, "B", 1, "mark")
    await relay.number()
    await database.pool.execute("UPDATE lanes_out SET sent_epoch = epoch, sent_number = head")
    (row,) = await database.fetch("SELECT posted_at FROM posted WHERE subject = 'C'")

    async def lanes(**only: object) -> list[tuple[str, int, int, int]]:
        given = {"lane": None, "subject": None, "since": None, **only}
        again = await event_log.republish(database, shelf.id, **given)  # type: ignore[arg-type]
        return [(each.topic, each.lane, each.number, each.events) for each in again]

    async def sent(lane: int) -> int:
        (row,) = await database.fetch("SELECT * FROM lanes_out WHERE lane = $1", lane)
        return int(row["sent_number"])

    assert await lanes(subject="B") == [(topic, 1, 2, 3)]
    assert (await sent(1), await sent(2)) == (1, 1)
    assert await lanes(since=row["posted_at"]) == [(topic, 1, 3, 2), (topic, 2, 1, 1)]
    assert (await sent(1), await sent(2)) == (1, 0), "what is not sent again yet is not skipped"
    assert await lanes(lane=3) == await lanes(subject="unknown") == []
    assert await lanes() == await lanes() == [(topic, 1, 1, 4), (topic, 2, 1, 1)]
    assert (await sent(1), await sent(2)) == (0, 0)
    (row,) = await database.fetch("SELECT count(*), max(epoch) FROM posted")
    assert tuple(row) == (5, 1), "no new numbers, no new epoch"


async def test_a_misspelt_member_publishes_nothing_again(country: Country) -> None:
    for body in (
        {"dosier": "A"},
        {"lane": 34},
        {"lane": "1"},
        {"since": "yesterday"},
        {"since": "2026-06-09T08:00:00"},
    ):
        problem(await country.ask("gateway", "POST", "/_lab/republish", json=body), 422, "body-does-not-fit")
    answer = await country.ask("gateway", "POST", "/_lab/republish", json={"dossier": "unknown"})
    assert (answer.status_code, answer.json()) == (200, {"lanes": []})
