"""The processes' metrics counters, read continuously. They restart at zero with each process, so all are summed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import httpx

READ_SECONDS = 0.25
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
    """Sums over all processes that ran, without labels."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = dict(urls)  # role → address; a second worker may be added
        self._processes: dict[tuple[str, str], dict[str, float]] = {}

    async def keep_reading(self) -> None:
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            while True:
                await asyncio.gather(*(self._read(http, role, url) for role, url in list(self.urls.items())))
                await asyncio.sleep(READ_SECONDS)

    def total(self, name: str) -> float:
        return sum(counters.get(name, 0.0) for counters in self._processes.values())

    def all(self) -> dict[str, float]:
        return {name: self.total(name) for name in WATCHED}

    async def _read(self, http: httpx.AsyncClient, role: str, url: str) -> None:
        with contextlib.suppress(httpx.HTTPError):  # the process is down or frozen: its last values are kept
            text = (await http.get(f"{url}/metrics")).text
            values: dict[str, float] = {}
            started = ""
            for line in text.splitlines():
                if line.startswith("#"):
                    continue
                labelled, _, value = line.rpartition(" ")
                name = labelled.partition("{")[0]
                if name == START:
                    started = value
                elif name in WATCHED:
                    values[name] = values.get(name, 0.0) + float(value)
            self._processes[role, started] = values
