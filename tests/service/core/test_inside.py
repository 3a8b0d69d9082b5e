"""A journey keeps one trace through requests, events and timers; database metrics are read on request."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest

from shared.http import Unreachable
from shared.lab.sizes import of_sandbox
from shared.lifecycle import State
from shared.messaging import http_outbox
from shared.messaging.lanes import Position
from shared.messaging.leases import Leases
from shared.messaging.priority import Load
from shared.messaging.reader import LaneReader, events_behind
from shared.messaging.runtime import MessagingRuntime
from shared.messaging.unit_of_work import Batch, LoadedDocument, Work
from shared.observability import metrics, trace_context
from shared.observability.gauges import MOST, Sampler
from shared.sandbox.registry import Sandbox
from shared.web import app as web
from tests.service.core.parcels import (
    ASKED,
    MARKED,
    MORNING,
    SENDER,
    SENT,
    Parcel,
    Shelf,
    a_runtime,
    a_shelf,
    broken,
    mark,
    opened,
)
from tests.support.databases import Databases
from tests.support.factories import a_record, hear, stand_at_the_beginning

FIRST = "00-11111111111111111111111111111111-1111111111111111-01"
OTHER = "00-22222222222222222222222222222222-2222222222222222-01"


async def hear_in(shelf: Shelf, traceparent: str, type: str, text: str) -> None:
    """As `hear`, with this trace context on the record."""
    await stand_at_the_beginning(shelf.runtime)
    (epoch, number) = (await shelf.runtime.places())["sender"][0]
    event = shelf.event(type, text)
    record = a_record(event, "sender", number, epoch=max(epoch, 1), traceparent=traceparent)
    assert (await shelf.runtime.consumers["sender"].apply([record])).applied == [type]


def traces(rows: list[tuple[Any, ...]]) -> list[str]:
    return [row[0][3:35] for row in rows]


async def test_all_events_of_a_document_have_the_trace_of_its_first_event(shelf: Shelf) -> None:
    await hear_in(shelf, FIRST, SENT, "1")
    await hear_in(shelf, OTHER, ASKED, "2")  # because of an event of another trace

    trace_context.begin_request(OTHER)
    async with shelf.runtime.unit_of_work(shelf.id, codes=["A"]) as request:  # a request with a trace of its own
        mark(request.work, "A", "3")
        request.work.publish(ASKED, "A", {})
        request.work.call("ring", "A", {})
    own = trace_context.begin_request(OTHER)
    due = await shelf.set_timer("A", "ring", timedelta(hours=1))
    await shelf.sandbox.advance(due - MORNING)
    trace_context.resume(own)
    await shelf.runtime.fire(shelf.id)  # caused by no one: the timer is due
    assert trace_context.traceparent() == own, "the caller continues in its own trace"

    event_traces = traces(await shelf.rows("events", "traceparent", "version"))
    assert event_traces == [FIRST[3:35]] * 3
    assert traces(await shelf.rows("calls", "traceparent")) == [FIRST[3:35]]
    assert traces(await shelf.rows("parcels", "traceparent")) == [FIRST[3:35]]


async def test_an_event_stands_below_what_led_to_it(shelf: Shelf) -> None:
    await hear_in(shelf, FIRST, SENT, "1")
    step = trace_context.child_of(FIRST)
    await hear_in(shelf, step, ASKED, "2")
    ((traceparent,),) = await shelf.rows("events", "traceparent")
    assert traceparent == trace_context.traceparent() and traceparent[36:52] not in (FIRST[36:52], step[36:52])


async def test_something_new_begins_its_journey_in_the_callers_trace(shelf: Shelf) -> None:
    own = trace_context.begin_request(OTHER)
    await shelf.set_timer("A", "ring", timedelta(hours=1))
    assert await shelf.rows("parcels", "traceparent") == [(own,)]
    assert trace_context.joined() is None


def gauge(text: str, name: str, **labels: str) -> float | None:
    named = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    match = re.search(rf"^{name}{{{named}}} (\S+)$", text, re.MULTILINE)
    return float(match[1]) if match else None


async def shown(runtime: MessagingRuntime[Parcel]) -> str:
    transport = httpx.ASGITransport(web.create_app(runtime, "parcels", {}))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


async def test_the_content_of_the_database_is_measured_on_request(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf, running = await a_shelf(own_runtime), await a_shelf(own_runtime, rate=1)
    await hear(own_runtime, shelf.event(SENT, "1"), shelf.event(ASKED, "2"))
    broken.add("3")
    await hear(own_runtime, shelf.event(MARKED, "3"))
    for each in (shelf, running):
        await each.set_timer("B", "ring", timedelta(seconds=-1))
    await running.set_timer("C", "ring", timedelta(days=1))
    async with own_runtime.database.transaction() as connection:
        await http_outbox.add(connection, shelf.id, "ring", "1", {})

    text = await shown(own_runtime)
    counted = {name: gauge(text, f"lienthong_{name}", service="receiver") for name in ("queue_depth", "parked")}
    assert counted == {"queue_depth": 1, "parked": 1}
    assert gauge(text, "lienthong_calls_in_flight", service="receiver") == 1
    assert gauge(text, "lienthong_timers_due", service="receiver") == 1, "frozen sandboxes wait to be turned"
    assert gauge(text, "lienthong_sandboxes", service="receiver") == 2
    assert gauge(text, "lienthong_table_bytes", service="receiver", table="parcels")
    assert {"events", "posted", "dead_letters"} <= set(re.findall(r'service="receiver",table="(\w+)"', text))


async def test_many_requests_at_once_cost_one_statement(runtime: MessagingRuntime[Parcel]) -> None:
    asked = 0

    class Counting:
        async def fetch(self, sql: str, *values: Any) -> list[Any]:
            nonlocal asked
            asked += 1
            return await runtime.database.fetch(sql, *values)

    sampler = Sampler("receiver", Counting(), runtime.metadata)  # type: ignore[arg-type]
    await asyncio.gather(*(sampler.sample() for _ in range(20)))
    assert asked == 1


async def test_without_its_database_a_service_shows_its_other_metrics(own_runtime: MessagingRuntime[Parcel]) -> None:
    assert gauge(await shown(own_runtime), "lienthong_parked", service="receiver") == 0
    pool, own_runtime.database._pool = own_runtime.database._pool, None
    try:
        text = await shown(own_runtime)
    finally:
        own_runtime.database._pool = pool
    assert gauge(text, "lienthong_parked", service="receiver") is None, "better nothing than an old figure"
    assert "lienthong_requests_total" in text


async def test_counting_stops(own_runtime: MessagingRuntime[Parcel]) -> None:
    shelf = await a_shelf(own_runtime)
    await own_runtime.database.pool.execute(
        "INSERT INTO parked (sandbox, subject, reason) SELECT $1, n::text, '' FROM generate_series(1, $2::int) n",
        shelf.id,
        MOST + 5,
    )
    assert gauge(await shown(own_runtime), "lienthong_parked", service="receiver") == MOST


async def test_the_sizes_of_a_sandbox_are_its_own(own_runtime: MessagingRuntime[Parcel]) -> None:
    full, empty = await a_shelf(own_runtime), await a_shelf(own_runtime)
    await hear(own_runtime, full.event(SENT, "1"), full.event(ASKED, "2"), full.event(ASKED, "3"))
    sizes = await of_sandbox(own_runtime.database, own_runtime.metadata, full.id)
    assert (sizes["parcels"].rows, sizes["events"].rows, sizes["journal"].rows) == (1, 2, 0)
    assert sizes["events"].bytes > 0 == sizes["journal"].bytes
    other = await of_sandbox(own_runtime.database, own_runtime.metadata, empty.id)
    assert {name: size.rows for name, size in other.items() if size.rows} == {}
    assert set(other) == {table.name for table in own_runtime.metadata.sorted_tables if "sandbox" in table.c}


@dataclass(frozen=True)
class Staged:
    state: State
    channel: str = "online"


SUBMITTED = State(1, "submitted", "", "", "")
ENDED = State(10, "ended", "", "", "")


@pytest.mark.parametrize(
    ("before", "after", "counted"),
    [
        (None, Staged(SUBMITTED), ("submitted", "online")),
        (Staged(SUBMITTED, "direct"), Staged(ENDED, "direct"), ("ended", "direct")),
        (Staged(SUBMITTED), Staged(SUBMITTED), None),
        (None, Parcel("A"), None),
    ],
)
def test_a_journey_counts_where_it_comes_to(before: Any, after: Any, counted: tuple[str, str] | None) -> None:
    batch = Batch[Any]("receiver", {}, documents={("s1", "A"): LoadedDocument(before, 0)} if before else {})
    work = Work(batch, Sandbox("s1", "seed", 0, MORNING))
    work.save("A", after, lane=0)
    work.merge()
    assert batch.stages == ([counted] if counted else [])
    if counted:
        series = metrics.JOURNEYS.labels("receiver", *counted)
        earlier = series._value.get()
        batch.report()
        assert series._value.get() == earlier + 1


@pytest.mark.parametrize(
    ("position", "given", "behind"),
    [
        (Position(1, 1), [1, 0], 0),
        (Position(1, 4), [1, 9], 6),
        (Position(1, 10), [1, 9], 0),
        (Position(1, 12), [1, 9], 0),  # a source restored from a backup
        (Position(1, 4), [2, 5], 5),  # at least: the rest of the old epoch is not known
        (Position(0, 1), [1, 3], 3),
        (Position(1, 4), None, 0),
    ],
)
def test_how_far_a_reader_is_behind(position: Position, given: list[int] | None, behind: int) -> None:
    assert events_behind(position, given) == behind


async def test_a_reader_reports_its_lag_or_that_it_is_unknown(database_url: Databases) -> None:
    topic = SENDER.topic_in
    lanes: dict[str, Any] = {"read": {}, "given": {topic: {"0": [1, 9], "1": [1, 2]}}, "sent": {topic: {"0": [1, 8]}}}

    async def source(request: httpx.Request) -> httpx.Response:
        if not lanes:
            raise httpx.ConnectError("nobody is there", request=request)
        return httpx.Response(200, json=lanes)

    behind = metrics.LAG.labels(topic)
    async with opened(a_runtime(database_url(), source)) as runtime:
        await stand_at_the_beginning(runtime)
        await runtime.database.pool.execute("UPDATE positions SET epoch = 1, expected = 4 WHERE lane = 0")
        leases = Leases(runtime.database, "reader:sender", "one", timedelta(seconds=60))
        reader = LaneReader(runtime, runtime.consumers["sender"], SENDER, leases)
        reader._next = {0: 0, 1: 0, 2: 0}
        assert await reader._ask_sent() == {0: (1, 8)}
        assert behind._value.get() == 6 + 2
        lanes.clear()
        with pytest.raises(Unreachable):
            await reader._ask_sent()
    assert math.isnan(behind._value.get()), "not known is not nought"


async def new_source(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"read": {}, "given": {}, "sent": {}})


class Falling:
    """A load that has a backlog when it is asked `times` times."""

    def __init__(self, times: float) -> None:
        self.times = times

    @property
    def has_backlog(self) -> bool:
        self.times -= 1
        return self.times >= 0


async def test_a_projection_waits_while_there_is_a_backlog_and_keeps_its_lanes(
    database_url: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.reader.CHECK_SECONDS", 0.0)
    async with opened(a_runtime(database_url(), new_source)) as runtime:
        leases = Leases(runtime.database, "statistics:sender", "one", timedelta(seconds=60))
        load = Falling(3)
        reader = LaneReader(runtime, runtime.consumers["sender"], SENDER, leases, urgent=[cast(Load, load)])
        await reader._give_way()
        assert load.times == -1
        assert leases.lanes, "its leases were renewed meanwhile"

        monkeypatch.setattr("shared.messaging.reader.GIVE_WAY_SECONDS", 0.2)
        load.times = math.inf
        await reader._give_way()  # returns although the backlog stays
