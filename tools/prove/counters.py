"""The processes' own counters, looked at all the time: they begin anew with every process, so each life is summed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import httpx

LOOK_SECONDS = 0.25
START = "process_start_time_seconds"
WATCHED = (
    "lienthong_broker_forgets_total",
    "lienthong_gaps_total",
    "lienthong_epochs_total",
    "lienthong_replays_total",
    "lienthong_dead_letters_total",
    "lienthong_orphans_total",
    "lienthong_batch_retries_total",
    "lienthong_leases_taken_total",
    "lienthong_events_applied_total",
    "lienthong_events_skipped_total",
    "lienthong_events_posted_total",
)


class Counters:
    """Sums over every life of every process, labels aside."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = dict(urls)  # role → door; a further worker may join
        self._lives: dict[tuple[str, str], dict[str, float]] = {}

    async def keep_looking(self) -> None:
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            while True:
                await asyncio.gather(*(self._look(http, role, url) for role, url in list(self.urls.items())))
                await asyncio.sleep(LOOK_SECONDS)

    def total(self, name: str) -> float:
        return sum(life.get(name, 0.0) for life in self._lives.values())

    def all(self) -> dict[str, float]:
        return {name: self.total(name) for name in WATCHED}

    async def _look(self, http: httpx.AsyncClient, role: str, url: str) -> None:
        with contextlib.suppress(httpx.HTTPError):  # it is down or frozen: what it counted until then is kept
            text = (await http.get(f"{url}/metrics")).text
            found: dict[str, float] = {}
            started = ""
            for line in text.splitlines():
                if line.startswith("#"):
                    continue
                labelled, _, value = line.rpartition(" ")
                name = labelled.partition("{")[0]
                if name == START:
                    started = value
                elif name in WATCHED:
                    found[name] = found.get(name, 0.0) + float(value)
            self._lives[role, started] = found
