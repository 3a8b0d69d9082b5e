"""One run: a stack, a sandbox, the dossiers of a quarter in the order of their moments, and the proof that none is lost."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from tools.bench import machine
from tools.bench.load import percentile
from tools.prove.background import in_background
from tools.prove.catalogue import Catalogue
from tools.prove.evidence import Finding
from tools.prove.history import Sample, unread
from tools.prove.run import CLOSING_DAYS, CLOSING_ROUNDS, LIMITS_DAYS
from tools.quarter import proof
from tools.quarter.journal import STACK, Journal, SlotRow
from tools.quarter.people import People
from tools.quarter.shape import Shape, Slot

SAMPLE_SECONDS = 1.0
STATISTICS_SECONDS = 120  # until they have counted everything
OPEN_SQL = "SELECT count(*) FROM dossiers WHERE sandbox = $1 AND open"
Notify = Callable[[str], None]


@dataclass
class Result:
    """The result of a run. `findings`: promises that hold or do not; `facts`: counts of the end."""

    journal: Journal
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)

    @property
    def is_proven(self) -> bool:
        return bool(self.findings) and all(finding.holds for finding in self.findings)


class Quarter:
    """A run on a stack that is up. `stage`: what it does now."""

    def __init__(self, stack: Stack, journal: Journal, notify: Notify) -> None:
        self._stack, self._journal, self._notify = stack, journal, notify
        self._began = time.monotonic()
        self._before = journal.state.seconds
        self._submitted = len(journal.codes)
        self._processor_at_start = _processor(stack)

    @property
    def _seconds(self) -> float:
        """Of the run, with the parts before an interruption."""
        return self._before + time.monotonic() - self._began

    async def run(self) -> Result:
        state = self._journal.state
        async with Country(self._stack.urls["portal-api"]) as country:
            catalogue, shape = await Catalogue.read(country), Shape.read()
            sandbox = await self._sandbox(country, shape)
            slots = shape.slots(state.seed, state.dossiers, catalogue, state.weeks)
            people = People(sandbox, self._journal, catalogue.procedures)
            planned = [each for slot in slots for each in slot.dossiers]
            state.planned = len(planned)
            try:
                async with self._sampling(people), _connected(self._stack, "province_gateway") as gateway:
                    await people.get_ready(planned, len(state.slots))
                    for index, slot in enumerate(slots):
                        if index >= len(state.slots):
                            await self._slot(sandbox, people, slot, index, gateway)
                    unsettled = await self._close(sandbox, people, len(slots))
            finally:
                people.close()
                self._save_at_end()
            self._notify("Counting what both sides have.")
            findings, facts = await proof.judge(
                self._stack, sandbox, self._journal, planned, people.surprises, unsettled
            )
            return Result(self._journal, findings, {**facts, "requests that were repeated": people.repeated})

    async def _sandbox(self, country: Country, shape: Shape) -> Sandbox:
        state = self._journal.state
        if not state.sandbox:
            start = shape.begins.isoformat()
            row = await country.create_sandbox(seed=state.seed, name="quarter", start=start, rate=0, time_to_live="30d")
            state.sandbox = row["id"]
            self._journal.save()
        return country.enter(state.sandbox)

    async def _slot(self, sandbox: Sandbox, people: People, slot: Slot, index: int, gateway: Any) -> None:
        fired = await _advance(sandbox, slot.at)
        await people.sign_in()
        await asyncio.gather(people.act(index), people.hand_in(slot.dossiers, index))
        latencies, people.latencies = sorted(people.latencies), []
        p50, p99 = (percentile(latencies, each) * 1000 if latencies else 0.0 for each in (50, 99))
        still_open = await gateway.fetchval(OPEN_SQL, sandbox.id)
        row = SlotRow(slot.at.isoformat(), self._seconds, len(slot.dossiers), fired, still_open, p50, p99)
        self._journal.state.slots.append(row)
        self._save()
        self._tell(slot)

    def _tell(self, slot: Slot) -> None:
        state, done = self._journal.state, len(self._journal.codes)
        fresh, seconds = done - self._submitted, time.monotonic() - self._began
        left = (state.planned - done) * seconds / fresh if fresh else 0.0
        self._notify(
            f"{slot.at:%a %d %b %H:%M}  {done:,} of {state.planned:,} dossiers, {state.slots[-1].open:,} open, "
            f"{fresh / max(seconds, 0.001):,.0f} a second, about {left / 60:.1f} minutes left"
        )

    async def _close(self, sandbox: Sandbox, people: People, slot: int) -> list[str]:
        """Let citizens do what they must, and days pass, until nothing more can happen; returns what does not settle."""
        self._notify("All dossiers are handed in. Days pass until every one has ended.")
        was_still = False
        for number in range(CLOSING_ROUNDS):
            await people.sign_in()
            acted = await people.act(slot + number, on_all=True)
            days = CLOSING_DAYS if acted or people.waiting else LIMITS_DAYS
            await _advance(sandbox, await sandbox.clock.now() + timedelta(days=days))
            verdict = await sandbox.settle(60)
            self._notify(f"{acted:,} acts of citizens, then {days} days; {people.waiting:,} citizens still wait.")
            is_still = not acted and not verdict["next_due"]
            if is_still and was_still:
                break
            was_still = is_still
        verdict = await sandbox.settle(60)
        await _statistics_complete(sandbox)
        waiting = [f"{each['name']} at {each['service']}: {each['detail']}" for each in verdict["waiting_for"]]
        return [*waiting, *([f"still due: {verdict['next_due']}"] if verdict["next_due"] else [])]

    def _save(self) -> None:
        self._journal.state.seconds = self._seconds
        self._journal.save()

    def _save_at_end(self) -> None:
        """Also of a part that failed: then the stack may not answer, and what has failed first is what is raised."""
        self._save()
        with suppress(Trouble, OSError):
            self._note_processor()
            self._save()

    def _note_processor(self) -> None:
        """Add what the processes of this part of the run have used; after an interruption they are others."""
        used = self._journal.state.processor
        for name, seconds in _processor(self._stack).items():
            used[name] = used.get(name, 0.0) + seconds - self._processor_at_start.get(name, 0.0)

    @asynccontextmanager
    async def _sampling(self, people: People) -> AsyncIterator[None]:
        async with _connected(self._stack, "portal") as portal, _connected(self._stack, "province_gateway") as gateway:

            async def sample() -> None:
                while True:
                    events = await unread({"portal": portal.fetch, "gateway": gateway.fetch})
                    row = Sample(round(self._seconds, 1), len(self._journal.codes), people.repeated, events)
                    self._journal.state.samples.append(row)
                    await asyncio.sleep(SAMPLE_SECONDS)

            async with in_background(sample()):
                yield


async def _statistics_complete(sandbox: Sandbox) -> None:
    """Wait until the statistics have counted every event, which is no part of settling; the checks say if they have not."""
    for _ in range(STATISTICS_SECONDS):
        if not any(each["behind"] for each in await sandbox.country.projections()):
            return
        await asyncio.sleep(1)


async def _advance(sandbox: Sandbox, to: datetime) -> int:
    """Turn the clock; returns how many timers fired. Raises Trouble if it does not arrive."""
    advanced = await sandbox.clock.advance(to=to)
    if datetime.fromisoformat(advanced["now"]) < to:
        raise Trouble(f"The clock does not reach {to:%d %b %H:%M}: {advanced['verdict']['waiting_for'][:3]}")
    return len(advanced["fired"])


@asynccontextmanager
async def _connected(stack: Stack, database: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(stack.database_url(database))
    try:
        yield connection
    finally:
        await connection.close()


def _processor(stack: Stack) -> dict[str, float]:
    """Processor seconds of every process so far, and of this one."""
    pids = {name: pid for name, pid in stack.pids().items() if pid and name not in ("supervisor", "zygote")}
    used = machine.processor_by_name(pids)
    own = os.times()
    return {**used, "the load itself": own.user + own.system}


def stack_in(folder: Path, port_base: int) -> Stack:
    return Stack(folder / STACK, port_base)
