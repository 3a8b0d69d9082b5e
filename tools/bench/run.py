"""One benchmark run, on a new stack in a temporary folder."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from lienthong.client import Country
from lienthong.embedded import ports, postgres
from lienthong.embedded.stack import Stack
from tools.bench import (
    calls,
    ceilings,
    citizens,
    doors,
    gate,
    journeys,
    load,
    machine,
    months,
    pages,
    pushes,
    sandboxes,
    startup,
    submit,
)
from tools.bench.events import RAW_TOPIC, Log
from tools.bench.rows import Aim, Row

Notify = Callable[[str], None]
PACE = 100.0  # submissions per second while the delay of their events is measured
GROUPS = (  # of rows, in the order of the table
    "start-up",
    "memory",
    "submit",
    "events",
    "delay",
    "doors",
    "pushes",
    "gate",
    "calls",
    "journeys",
    "months",
    "sandboxes",
    "pages",
)


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
    pushes: int = 2000
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
    pushes=500,
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
    pushes=60,
    stored=300,
    events_per_second=50,
)


def measure(size: Size, notify: Notify, port_base: int | None = None, groups: Collection[str] = GROUPS) -> list[Row]:
    """All rows of these groups, in the order of the table.

    raises  Trouble if the stack does not start or does not finish its work
    """
    with tempfile.TemporaryDirectory(prefix="lienthong-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # PostgreSQL runs as another user if we are root
        stack = Stack(home / "data", port_base or ports.free_base())
        if "start-up" not in groups:
            return _measure(stack, [], size, notify, groups)
        with startup.fresh_cache(home / "cache"):
            notify("start-up")
            rows = startup.measure(stack.plan.data, stack.plan.port_base or 0, size.starts)
            return _measure(stack, rows, size, notify, groups)


def _measure(stack: Stack, rows: list[Row], size: Size, notify: Notify, groups: Collection[str]) -> list[Row]:
    """`rows`, and those of all other groups, measured in one run of the stack."""
    if not rows:
        stack.start()
        stack.stop()
    with (stack.plan.data / "postgres" / "postgresql.auto.conf").open("a") as settings:
        settings.write("track_commit_timestamp = on\n")  # commit time of each transaction, in microseconds
    portal, watched = stack.urls["portal-api"], size.travel_seconds * 2
    measures: dict[str, Callable[[], list[Row]]] = {
        "memory": lambda: sandboxes.memory_at_rest(stack),
        "submit": lambda: asyncio.run(_with_log(stack, size, _submissions)),
        "events": lambda: asyncio.run(_with_log(stack, size, _events)),
        "delay": lambda: asyncio.run(_with_log(stack, size, _delay)),
        "doors": lambda: asyncio.run(_with_log(stack, size, _doors)),
        "pushes": lambda: asyncio.run(pushes.measure(portal, size.pushes)),
        "gate": gate.measure,
        "calls": lambda: calls.measure(size.submissions // 2),
        "journeys": lambda: _journeys(stack, size.journeys),
        "months": lambda: asyncio.run(months.measure(portal, size.dossiers)),
        "sandboxes": lambda: asyncio.run(sandboxes.measure(stack, size.sandboxes, size.travellers, size.rounds)),
        "pages": lambda: asyncio.run(pages.measure(stack, size.stored, size.events_per_second, watched)),
    }
    with stack:
        for group, measured in measures.items():
            if group in groups:
                notify(group)
                rows += measured()
    return rows


async def _with_log(stack: Stack, size: Size, measured: Callable[[Log, Size], Awaitable[list[Row]]]) -> list[Row]:
    async with Country(stack.urls["portal-api"]) as country, Log(stack, country, await citizens.places(country)) as log:
        try:
            return await measured(log, size)
        finally:
            log.run_only("portal-worker", "gateway-worker")


async def _events(log: Log, size: Size) -> list[Row]:
    await _topic(log.stack)
    rows = await log.measure_throughput(size.events)
    both = rows[-1].value / 2
    async with log.country.sandbox(seed="bench") as sandbox:
        delay = await log.latency_at_rate(sandbox, both, size.travel_seconds)
    return [*rows, *_delay_rows("events at half of the maximum rate", delay, 25, f"at {both:,.0f} events/s")]


async def _submissions(log: Log, size: Size) -> list[Row]:
    async with log.country.sandbox(seed="bench") as sandbox:
        requests = citizens.submissions(await citizens.tokens(sandbox), log.places)
        log.run_only()
        postgres.psql(log.stack.plan, "CREATE DATABASE bench")
        rows = submit.measure(log.stack, requests, size.submissions)
        log.run_only("portal-worker", "gateway-worker")
        await sandbox.settle(120)
        alongside = load.run(log.stack.urls["portal-api"], requests, size.submissions // 2, clients=submit.CLIENTS)
        await sandbox.settle(120)
    return [
        *rows,
        Row("submit, with both workers running", alongside.per_second, "requests/s"),
        Row("… 99 % within", alongside.percentile(99), "ms"),
    ]


async def _delay(log: Log, size: Size) -> list[Row]:
    count = int(PACE * size.travel_seconds)
    async with log.country.sandbox(seed="bench") as sandbox:
        requests = citizens.submissions(await citizens.tokens(sandbox), log.places)
        load.run(log.stack.urls["portal-api"], requests, count, clients=submit.CLIENTS, per_second=PACE)
        return _delay_rows(f"{PACE:.0f} submissions/s", await log.latency(sandbox, count), 10)


async def _doors(log: Log, size: Size) -> list[Row]:
    await _topic(log.stack)
    log.places = [place for place in log.places if place.province == log.places[0].province]
    return await doors.measure(log, size.door_events, size.travel_seconds)


def _journeys(stack: Stack, count: int) -> list[Row]:
    pids = {name: pid for name, pid in stack.pids().items() if name not in ("supervisor", "zygote")}
    before = {name: machine.processor_seconds(pid) for name, pid in pids.items()}
    load_before = machine.children_seconds()
    result = journeys.per_second(stack.urls["portal-api"], count)
    used = {name: machine.processor_seconds(pid) - before[name] for name, pid in pids.items()}
    used["the load"] = machine.children_seconds() - load_before
    total, cores = sum(used.values()), os.cpu_count() or 1
    shares = ", ".join(f"{name} {seconds / count * 1000:.1f}" for name, seconds in used.items())
    return [
        Row("whole journeys, everything on this machine", result, "journeys/s", Aim(least=60)),
        Row(
            "… processor time, all processes and the load",
            total / count * 1000,
            "ms",
            note=f"{cores} cores only for this: {cores * count / total:,.0f}/s; {shares}",
        ),
    ]


def _delay_rows(what: str, delay: tuple[float, float], most: float, pace: str = "") -> list[Row]:
    p50, p99 = delay
    return [
        Row(f"commit → applied, {what}: 50 % within", p50, "ms", Aim(most=most), note=pace),
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
