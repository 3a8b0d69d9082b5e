"""One run of the curves, on a new stack in a temporary folder."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble, ports
from lienthong.embedded.stack import Stack
from tools.further import further_process
from tools.scale.cost import Cost, Load
from tools.scale.fill import Databases

START = "2026-03-02T08:00:00+07:00"  # a Monday, after Tết; each load takes six days
ROLES = ("portal-api", "portal-worker", "gateway-worker")  # of which a second process is tried
READY_SECONDS = 60.0
Notify = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """What is measured. `dossiers`: in one load; `repeats`: of each load, of which the cheapest counts."""

    stored: Sequence[int] = (10_000, 100_000, 1_000_000)
    sandboxes: Sequence[int] = (1, 100, 1_000, 3_000)
    dossiers: int = 800
    repeats: int = 3


@dataclass
class Curves:
    """What was measured.

    stored, sandboxes, processes  by the number of each, ascending
    bytes_each  that a stored dossier adds to a database, or to the broker's log
    events_each that both sides publish about a dossier
    """

    stored: list[Cost] = field(default_factory=list)
    sandboxes: list[Cost] = field(default_factory=list)
    processes: list[Cost] = field(default_factory=list)
    bytes_each: dict[str, float] = field(default_factory=dict)
    events_each: float = 0.0


def measure(size: Size, notify: Notify) -> Curves:
    """Raises Trouble if the stack does not start, or a dossier does not end."""
    with tempfile.TemporaryDirectory(prefix="lienthong-scale-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # PostgreSQL runs as another user if we are root
        with Stack(home / "data", ports.free_base()) as stack:
            return asyncio.run(_measure(stack, size, notify))


async def _measure(stack: Stack, size: Size, notify: Notify) -> Curves:
    curves, portal = Curves(), stack.urls["portal-api"]
    async with Country(portal) as country, Databases(stack) as databases:
        sandbox = await _sandbox(country)
        load = Load(stack, size.dossiers, [portal])
        notify("warming up")
        await load.run(sandbox)
        await _unit_sizes(curves, stack, databases, load, sandbox)
        for number in (1, 2):
            notify(f"{number} of each process")
            curves.processes.append(await _with_processes(stack, sandbox, size, number, curves))
        empty = await _sandbox(country)
        present = len(await country.list_sandboxes())
        for many in size.sandboxes:
            notify(f"{many:,} sandboxes")
            if many > present:
                await databases.add_sandboxes(empty.id, present + 1, many)
                present = many
            curves.sandboxes.append(await _least(load, sandbox, size, sandboxes=many))
        notify("dossiers to be copied")
        originals = await load.run(sandbox, "original")
        for stored in size.stored:
            before = await databases.bytes_stored()
            known = await databases.of["portal"].fetchval("SELECT count(*) FROM dossiers")
            await databases.fill(sandbox.id, originals, stored, notify)
            added = await databases.of["portal"].fetchval("SELECT count(*) FROM dossiers") - known
            after = await databases.bytes_stored()
            for service in ("portal", "gateway"):
                curves.bytes_each[service] = (after[service] - before[service]) / max(added, 1)
            notify(f"{stored:,} stored dossiers")
            curves.stored.append(await _least(load, sandbox, size, stored=stored, sandboxes=present))
    return curves


async def _sandbox(country: Country) -> Sandbox:
    row = await country.create_sandbox(seed="scale", start=START, rate=0, time_to_live="7d")
    return country.enter(row["id"])


async def _least(
    load: Load, sandbox: Sandbox, size: Size, *, stored: int = 0, sandboxes: int = 1, processes: int = 1
) -> Cost:
    """The load that cost least: other work on the machine only adds."""
    costs = [await load.cost(sandbox, stored, sandboxes, processes) for _ in range(size.repeats)]
    return min(costs, key=lambda each: each.together)


async def _unit_sizes(curves: Curves, stack: Stack, databases: Databases, load: Load, sandbox: Sandbox) -> None:
    """Events and bytes in the broker's log that one dossier causes."""
    counted = "SELECT count(*) FROM events"
    before = [await databases.of[each].fetchval(counted) for each in ("portal", "gateway")], _log_bytes(stack)
    await load.run(sandbox)
    after = [await databases.of[each].fetchval(counted) for each in ("portal", "gateway")], _log_bytes(stack)
    curves.events_each = (sum(after[0]) - sum(before[0])) / load.dossiers
    curves.bytes_each["broker"] = (after[1] - before[1]) / load.dossiers


def _log_bytes(stack: Stack) -> int:
    """Of the topics between portal and provinces."""
    return sum(file.stat().st_size for file in stack.plan.data.rglob("dossier.*/*.log"))


async def _with_processes(stack: Stack, sandbox: Sandbox, size: Size, number: int, curves: Curves) -> Cost:
    async with AsyncExitStack() as processes:
        portals, more = [stack.urls["portal-api"]], dict[str, int]()
        for role in ROLES if number > 1 else ():
            pid, url = await processes.enter_async_context(further_process(stack.plan, role))
            await _ready(url)
            more[f"{role} 2"] = pid
            if role == "portal-api":
                portals.append(url)
        load = Load(stack, size.dossiers, portals, more)
        await load.run(sandbox, uuid.uuid4().hex)
        return await _least(load, sandbox, size, processes=number)


async def _ready(url: str) -> None:
    async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError as error:
                last: Any = error
                if not isinstance(last, httpx.TransportError):
                    raise Trouble(f"{url}: {last}") from error
            await asyncio.sleep(0.1)
