"""Cost of a sandbox: its creation, and its speed with a thousand other sandboxes; and the memory of an idle stack."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from lienthong.client import Country
from lienthong.client.timeline import SERVICES
from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from tools.bench import journeys
from tools.bench.rows import Aim, Row

OTHERS = ("kafka", "postgres")  # processes that do not run our code


async def measure(stack: Stack, count: int, travellers: int, rounds: int) -> list[Row]:
    """Measure sandboxes. Raises Trouble if a new sandbox is not usable in all services.

    count       sandboxes to create
    travellers  journeys in one sandbox, without and with `count` other sandboxes
    rounds      repetitions; the median counts, because on a shared machine one of them can be wrong by a third
    """
    portal = stack.urls["portal-api"]
    alone = _journeys(portal, travellers, rounds)
    milliseconds = []
    async with Country(portal) as country:
        for number in range(count):
            began = time.perf_counter()
            row = await country.create_sandbox(seed=f"bench-{number}", time_to_live="1h")
            milliseconds.append((time.perf_counter() - began) * 1000)
            await _usable_everywhere(country, row["id"])
    crowded = _journeys(portal, travellers, rounds)
    hundredths = statistics.quantiles(milliseconds, n=100)
    many = f"{count:,} other sandboxes"
    return [
        Row(
            "sandbox, created and usable in all four services: 50 % within",
            hundredths[49],
            "ms",
            Aim(most=25),
            note=many,
        ),
        Row("… 99 % within", hundredths[98], "ms", note=many),
        Row(f"journeys in one sandbox, {many}", crowded, "journeys/s", None, alone, "no other sandbox"),
    ]


def _journeys(portal: str, travellers: int, rounds: int) -> float:
    return statistics.median(journeys.per_second(portal, travellers) for _ in range(rounds))


async def _usable_everywhere(country: Country, sandbox_id: str) -> None:
    for service in SERVICES:
        response = await country.service(service).send("GET", "/_lab/timeline/x", headers={"X-Sandbox": sandbox_id})
        if response.json() != []:
            raise Trouble(f"The new sandbox {sandbox_id} is not empty in {service}.")


def memory_at_rest(stack: Stack) -> list[Row]:
    """Memory as proportional set size: pages shared by several processes are counted once in total."""
    pids = {name: pid for name, pid in stack.pids().items() if pid is not None}
    ours = sum(_proportional_kb(pid) for name, pid in pids.items() if name not in OTHERS)
    theirs = sum(with_children_kb(pid) for name, pid in pids.items() if name in OTHERS)
    return [
        Row("memory of our idle processes (proportional set size)", ours / 1024, "MB", Aim(most=220)),
        Row("… and of PostgreSQL and Kafka", theirs / 1024, "MB"),
    ]


def with_children_kb(pid: int) -> int:
    """Proportional set size of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _proportional_kb(pid) + sum(with_children_kb(int(child)) for child in children)


def _proportional_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1])
