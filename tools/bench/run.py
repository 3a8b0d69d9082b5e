"""One benchmark run, on a new stack in a temporary folder."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lienthong.client import Country
from lienthong.embedded import ports, postgres
from lienthong.embedded.stack import Stack
from tools.bench import (
    ceilings,
    citizens,
    doors,
    gate,
    journeys,
    load,
    machine,
    months,
    pages,
    sandboxes,
    startup,
    submit,
)
from tools.bench.events import RAW_TOPIC, Log
from tools.bench.rows import Aim, Row

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """Amount of work for each figure."""

    starts: int = 3
    submissions: int = 8000
    events: int = 30_000
    door_events: int = 10_000
    journeys: int = 1200
    travel_seconds: float = 8.0
    sandboxes: int = 1000
    travellers: int = 400
    rounds: int = 3
    dossiers: int = 200
    stored: int = 100_000
    events_per_second: float = 200


QUICK = Size(
    starts=1,
    submissions=1500,
    events=4000,
    door_events=2000,
    journeys=150,
    travel_seconds=2.0,
    sandboxes=200,
    travellers=100,
    stored=10_000,
)
SMALLEST = Size(
    starts=1,
    submissions=100,
    events=1200,
    door_events=300,
    journeys=20,
    travel_seconds=0.5,
    sandboxes=10,
    travellers=20,
    rounds=1,
    dossiers=8,
    stored=300,
    events_per_second=50,
)


def measure(size: Size, notify: Notify, port_base: int | None = None) -> list[Row]:
    """All rows, in the order of the table. Raises Trouble if the stack does not start or does not finish its work."""
    with tempfile.TemporaryDirectory(prefix="lienthong-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # PostgreSQL runs as another user if we are root
        with startup.fresh_cache(home / "cache"):
            notify("start-up")
            stack = Stack(home / "data", port_base or ports.free_base())
            rows = startup.measure(stack.plan.data, stack.plan.port_base or 0, size.starts)
            with (stack.plan.data / "postgres" / "postgresql.auto.conf").open("a") as settings:
                settings.write("track_commit_timestamp = on\n")  # commit time of each transaction, in microseconds
            with stack:
                rows += sandboxes.memory_at_rest(stack)
                postgres.psql(stack.plan, "CREATE DATABASE bench")
                rows += asyncio.run(_running(stack, size, notify))
                rows += gate.measure()
                notify("journeys")
                rows += _journeys(stack, size.journeys)
                notify("months")
                rows += asyncio.run(months.measure(stack.urls["portal-api"], size.dossiers))
                notify("sandboxes")
                rows += asyncio.run(sandboxes.measure(stack, size.sandboxes, size.travellers, size.rounds))
                notify("pages")
                watched = size.travel_seconds * 2
                return [*rows, *asyncio.run(pages.measure(stack, size.stored, size.events_per_second, watched))]


async def _running(stack: Stack, size: Size, notify: Notify) -> list[Row]:
    rows: list[Row] = []
    async with Country(stack.urls["portal-api"]) as country:
        places = await citizens.places(country)
        async with Log(stack, country, places) as log:
            notify("events")
            await _topic(stack)
            apply_rows = await log.measure_throughput(size.events)
            notify("submissions")
            async with country.sandbox(seed="bench") as sandbox:
                requests = citizens.submissions(await citizens.tokens(sandbox), places)
                log.run_only()
                rows += submit.measure(stack, requests, size.submissions)
                log.run_only("portal-worker", "gateway-worker")
                await sandbox.settle(120)
                alongside = load.run(stack.urls["portal-api"], requests, size.submissions // 2, clients=submit.CLIENTS)
                await sandbox.settle(120)
            rows += [
                Row("submit, with both workers running", alongside.per_second, "requests/s"),
                Row("… 99 % within", alongside.percentile(99), "ms"),
            ]
            notify("commit → applied")
            both = apply_rows[-1].value / 2
            async with country.sandbox(seed="bench") as sandbox:
                requests = citizens.submissions(await citizens.tokens(sandbox), places)
                pace = alongside.per_second / 2
                sent = int(pace * size.travel_seconds)
                load.run(stack.urls["portal-api"], requests, sent, clients=submit.CLIENTS, per_second=pace)
                submitted = await log.latency(sandbox, sent)
            async with country.sandbox(seed="bench") as sandbox:
                written = await log.latency_at_rate(sandbox, both, size.travel_seconds)
            notify("doors of connectors")
            log.places = [place for place in places if place.province == places[0].province]
            door_rows = await doors.measure(log, size.door_events, size.travel_seconds)
    return [
        *rows,
        *apply_rows,
        *_latency_rows("submissions", submitted, f"at {pace:,.0f} submissions/s"),
        *_latency_rows("events", written, f"at {both:,.0f} events/s"),
        *door_rows,
    ]


def _journeys(stack: Stack, count: int) -> list[Row]:
    pids = [pid for name, pid in stack.pids().items() if name not in ("supervisor", "zygote")]
    before = sum(map(machine.processor_seconds, pids)) + machine.children_seconds()
    result = journeys.per_second(stack.urls["portal-api"], count)
    used = sum(map(machine.processor_seconds, pids)) + machine.children_seconds() - before
    cores = os.cpu_count() or 1
    return [
        Row("whole journeys, everything on this machine", result, "journeys/s", Aim(least=60)),
        Row(
            "… processor time, all processes and the load",
            used / count * 1000,
            "ms",
            note=f"{cores} cores only for this: {cores * count / used:,.0f}/s",
        ),
    ]


def _latency_rows(what: str, latency: tuple[float, float], pace: str) -> list[Row]:
    p50, p99 = latency
    name = f"commit → applied, {what} at half of the maximum rate: 50 % within"
    return [
        Row(name, p50, "ms", Aim(most=15), note=pace),
        Row("… 99 % within", p99, "ms", Aim(most=50), note=pace),
    ]


async def _topic(stack: Stack) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    from shared.messaging.kafka import options_of

    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap, **options_of(stack.plan.kafka_login))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(RAW_TOPIC, ceilings.PARTITIONS, 1)])
    finally:
        await admin.close()
