"""What a private country costs: made, usable at all four doors, beside a thousand others; and the memory of a stack at rest."""

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

OTHERS = ("kafka", "postgres")  # processes that are not ours


async def measure(stack: Stack, count: int, travellers: int, rounds: int) -> list[Row]:
    """Raises Trouble if a sandbox is not usable somewhere when its maker has the answer.

    count       sandboxes that are made
    travellers  journeys in one sandbox, with none and with `count` others alive
    rounds      of these, each time; the middle one counts: on a shared machine one of them is a third off
    """
    portal = stack.urls["portal-api"]
    alone = _journeys(portal, travellers, rounds)
    took = []
    async with Country(portal) as country:
        for number in range(count):
            began = time.perf_counter()
            row = await country.create_sandbox(seed=f"bench-{number}", time_to_live="1h")
            took.append((time.perf_counter() - began) * 1000)
            await _usable_everywhere(country, row["id"])
    crowded = _journeys(portal, travellers, rounds)
    hundredths = statistics.quantiles(took, n=100)
    many = f"{count:,} others alive"
    return [
        Row("sandbox, made and usable at all four doors: half within", hundredths[49], "ms", Aim(most=25), note=many),
        Row("… 99 % within", hundredths[98], "ms", note=many),
        Row(f"journeys in one sandbox, {many}", crowded, "journeys/s", None, alone, "nobody else alive"),
    ]


def _journeys(portal: str, travellers: int, rounds: int) -> float:
    return statistics.median(journeys.per_second(portal, travellers) for _ in range(rounds))


async def _usable_everywhere(country: Country, sandbox: str) -> None:
    for service in SERVICES:
        answer = await country.service(service).send("GET", "/_lab/timeline/x", headers={"X-Sandbox": sandbox})
        if answer.json() != []:
            raise Trouble(f"Sandbox {sandbox} was made, and {service} has something in it.")


def memory_at_rest(stack: Stack) -> list[Row]:
    """Proportional set size: what is shared between processes is counted once, in parts."""
    pids = {name: pid for name, pid in stack.pids().items() if pid is not None}
    ours = sum(_proportional_kb(pid) for name, pid in pids.items() if name not in OTHERS)
    theirs = sum(_with_children_kb(pid) for name, pid in pids.items() if name in OTHERS)
    return [
        Row("memory of our processes at rest (proportional set size)", ours / 1024, "MB", Aim(most=350)),
        Row("… and of PostgreSQL and Kafka besides", theirs / 1024, "MB"),
    ]


def _with_children_kb(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _proportional_kb(pid) + sum(_with_children_kb(int(child)) for child in children)


def _proportional_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1])
