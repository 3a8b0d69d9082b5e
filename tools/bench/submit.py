"""Submissions alone: the workers are stopped, so that only portal, database and load use the cores."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lienthong.embedded import ports
from lienthong.embedded.stack import Stack
from tools.bench import ceilings, load, machine
from tools.bench.rows import Aim, Row

CLIENTS = 16
WARM_UP = 500  # requests at most: fills all caches, and the connection pool
ROUNDS = 5
EMPTY, COMMITS = "an empty FastAPI POST", "asyncpg, 16 connections"


@dataclass(frozen=True)
class Load:
    """The result of a load, and the processor time of each process per request, in microseconds."""

    result: load.Run
    microseconds: list[float]


def measured(url: str, requests: Sequence[bytes], count: int, *pids: int | None) -> Load:
    """The processor time of each of `pids`, with its children, while a warm server answers `count` requests."""
    load.run(url, requests, min(count, WARM_UP), clients=CLIENTS)
    before = [machine.processor_seconds(pid) for pid in pids]
    result = load.run(url, requests, count, clients=CLIENTS)
    after = [machine.processor_seconds(pid) for pid in pids]
    return Load(result, [(b - a) / count * 1e6 for a, b in zip(before, after, strict=True)])


def measure(stack: Stack, requests: Sequence[bytes], count: int) -> list[Row]:
    """The rows of submissions; each figure is the median of five rounds, in which ours and the empty POST take turns.

    The workers of `stack` are stopped already.
    """
    ours, empty, pids = [], [], stack.pids()
    for _ in range(ROUNDS):
        ours.append(measured(stack.urls["portal-api"], requests, count, pids["portal-api"], pids["postgres"]))
        with ceilings.empty_endpoint(ports.free_base()) as (url, pid):
            empty.append(measured(url, requests, count, pid))
    commits = ceilings.measured("commits", count, secrets={ceilings.DATABASE: stack.database_url("bench")})

    def middle(loads: Sequence[Load], figure: Callable[[Load], float]) -> float:
        return statistics.median(map(figure, loads))

    def row(what: str, unit: str, aim: Aim | None, figure: Callable[[Load], float]) -> Row:
        return Row(what, middle(ours, figure), unit, aim, middle(empty, figure), EMPTY)

    per_second = row(
        "submit, 16 clients, one portal process", "requests/s", Aim(share=0.24), lambda each: each.result.per_second
    )
    return [
        per_second,
        Row("… compared with single-row commits", per_second.value, "requests/s", None, commits, COMMITS),
        row("… 50 % within", "ms", None, lambda each: each.result.percentile(50)),
        row("… 99 % within", "ms", Aim(times=4), lambda each: each.result.percentile(99)),
        row("… processor time in the portal", "µs", Aim(times=4), lambda each: each.microseconds[0]),
        Row("… processor time in PostgreSQL", middle(ours, lambda each: each.microseconds[1]), "µs", Aim(most=500)),
    ]
