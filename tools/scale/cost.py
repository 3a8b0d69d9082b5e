"""What a dossier costs: the processor time of every process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.catalogue import PROVINCES, communes_of
from lienthong.client import Sandbox
from lienthong.embedded import Trouble
from lienthong.embedded.stack import Stack
from lienthong.journeys.travel import LEVEL_2
from tools.bench import machine
from tools.quarter.wire import Wire

PROCEDURE = "1.001193"  # birth registration: free, by a commune, within a working day
IDLE_SECONDS = 3.0
CLIENTS = 8
BATCH = 100
DAYS, ROUNDS = 6, 5  # until every dossier has ended; more than once if there are holidays
POSTGRES = "PostgreSQL"


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time per dossier, by process.

    idle     milliseconds per second that the same processes use when nothing happens; they are not taken off
    seconds  real ones of the whole load
    """

    stored: int
    sandboxes: int
    processes: int
    by_process: dict[str, float]
    idle: dict[str, float]
    seconds: float
    dossiers: int

    @property
    def together(self) -> float:
        return sum(self.by_process.values())


@dataclass
class Load:
    """The unit of load: `dossiers` of one sandbox, half online and half by the batch door, from the first to the last move.

    portals  addresses of the portal's API processes, used in turn
    more     pids of processes beside those of the stack, by name
    """

    stack: Stack
    dossiers: int
    portals: Sequence[str]
    more: dict[str, int] = field(default_factory=dict)

    async def run(self, sandbox: Sandbox, prefix: str = "") -> list[str]:
        """Hand in, process, return; returns the codes. Raises Trouble if one does not end."""
        prefix = prefix or uuid.uuid4().hex
        wires = [Wire(url, CLIENTS) for url in self.portals]
        gateway = Wire(sandbox.country.gateway.url, CLIENTS)
        people = {each["persona"]: each for each in await sandbox.people()}
        applicant = {"id": people[LEVEL_2[0]]["number"], "name": people[LEVEL_2[0]]["name"]}
        token = await sandbox.citizen(LEVEL_2[0]).sign_in()
        places = [(province, commune.code) for province in PROVINCES for commune in communes_of(province)[:6]]
        half = self.dossiers // 2

        async def submit(number: int) -> str:
            province, commune = places[number % len(places)]
            body = {"procedure": PROCEDURE, "authority": {"province": province, "commune": commune}}
            headers: dict[str, Any] = {"authorization": f"Bearer {token}", "idempotency_key": f"{prefix}-{number}"}
            wire = wires[number % len(wires)]
            return str((await wire.send("POST", "/api/v1/dossiers", body, **headers))["code"])

        async def push(begin: int) -> list[str]:
            province = [*PROVINCES][begin // BATCH % len(PROVINCES)]
            communes = communes_of(province)
            items = [
                {
                    "key": f"{prefix}-{number}",
                    "procedure": PROCEDURE,
                    "commune": communes[number % len(communes)].code,
                    "applicant": applicant,
                }
                for number in range(begin, min(begin + BATCH, self.dossiers))
            ]
            path = f"/api/v1/provinces/{province}/registrations"
            batch = await gateway.send("POST", path, {"dossiers": items}, x_sandbox=sandbox.id)
            return [outcome["dossier"]["code"] for outcome in batch["outcomes"]]

        try:
            codes = [*await asyncio.gather(*map(submit, range(half)))]
            for begin in range(half, self.dossiers, BATCH):
                codes += await push(begin)
        finally:
            for wire in (*wires, gateway):
                wire.close()
        for _ in range(ROUNDS):
            verdict = (await sandbox.clock.advance(f"{DAYS}d"))["verdict"]
            if verdict["verdict"] == "still" and not verdict["next_due"]:
                return codes
        raise Trouble(f"The load does not come to its end: {verdict}")

    async def cost(self, sandbox: Sandbox, stored: int, sandboxes: int, processes: int) -> Cost:
        """The cost of one run."""
        before = self.processor()
        await asyncio.sleep(IDLE_SECONDS)
        idle = _less(self.processor(), before)
        before, began = self.processor(), time.monotonic()
        await self.run(sandbox)
        seconds = time.monotonic() - began
        used = _less(self.processor(), before)
        by_process = {name: spent / self.dossiers * 1000 for name, spent in used.items()}
        at_rest = {name: spent / IDLE_SECONDS * 1000 for name, spent in idle.items()}
        return Cost(stored, sandboxes, processes, by_process, at_rest, seconds, self.dossiers)

    def processor(self) -> dict[str, float]:
        """Processor seconds so far, by process; PostgreSQL by database, and this program."""
        pids = {name: pid for name, pid in self.stack.pids().items() if pid and name not in ("supervisor", "zygote")}
        postgres = pids.pop("postgres")
        own = os.times()
        used = machine.processor_by_name(pids | self.more)
        for number in (1, 2):  # of two processes of a kind, one sum
            for name in [name for name in used if name.endswith(f" {number}")]:
                used[name.rpartition(" ")[0]] += used.pop(name)
        return {**used, **_by_database(postgres), "the load itself": own.user + own.system}


def _by_database(postmaster: int) -> dict[str, float]:
    """Seconds of the server's processes, by the database of those that serve one."""
    used: dict[str, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):  # the process ended meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            if str(postmaster) in (fields[1], stat.parent.name):
                words = (stat.parent / "cmdline").read_text().replace("\0", " ").split()
                is_client = len(words) > 3 and words[1] == words[2]  # postgres: ROLE DATABASE ADDRESS
                name = f"{POSTGRES}, {words[2]}" if is_client else f"{POSTGRES}, itself"
                used[name] = used.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def _less(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: max(0.0, value - before.get(name, 0.0)) for name, value in after.items()}
