"""One run: every program is fetched, started three times, checked, put under load, and stopped, one after the other."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

import lienthong
from lienthong.embedded import Trouble, jars
from lienthong.embedded.run import Run
from tools.fetched import Missing, NotFetched
from tools.peers import logins, things
from tools.peers.catalogue import PEERS, Peer
from tools.peers.http import Connection
from tools.peers.logins import Provider
from tools.peers.programs import Alone, Ours, Program
from tools.peers.things import Created, Thing

Notify = Callable[[str], None]
Figures = dict[str, float | bool | str | None]
OURS = "lienthong"
CLIENTS = 16


@dataclass(frozen=True)
class Size:
    """How often each program is started, and how much is measured; a quarter as much comes first, to warm up."""

    starts: int = 3
    logins: int = 1000
    creates: int = 1000


QUICK = Size(starts=2, logins=200, creates=300)


@dataclass
class Result:
    """What is known of one program. `reason`: why there are no (more) figures."""

    name: str
    version: str
    figures: Figures = field(default_factory=dict)
    reason: str = ""


def measure(size: Size, notify: Notify, chosen: tuple[Peer, ...] = PEERS) -> list[Result]:
    """Ours, then all others, in the order of the catalogue. A program that cannot be measured has a reason instead."""
    run = Run.begin()
    try:
        with tempfile.TemporaryDirectory(prefix="lienthong-peers-") as name:
            home = Path(name)
            home.chmod(0o755)  # PostgreSQL runs as another user if we are root
            jars.ensure(notify)
            results = [_measured(Result(OURS, lienthong.__version__), lambda: Ours(home / "data"), size, notify)]
            for peer in chosen:
                notify(f"{peer.name}: fetching")
                folder = home / peer.folder.name
                result = Result(peer.name, peer.version)
                results.append(_measured(result, _fetching(peer, run, folder), size, notify))
            return results
    finally:
        run.end(keep_logs=False)


def _fetching(peer: Peer, run: Run, folder: Path) -> Callable[[], Program]:
    return lambda: Alone(peer, peer.fetch(run, peer.folder), folder)


def _measured(result: Result, make: Callable[[], Program], size: Size, notify: Notify) -> Result:
    try:
        program = make()
        _measure(result, program, size, lambda what: notify(f"{result.name}: {what}"))
    except (
        Missing,
        NotFetched,
        Trouble,
        OSError,
        ValueError,
        KeyError,
    ) as error:  # the last two: no answer as expected
        result.reason = " ".join(str(error).split())[:500] or type(error).__name__
    return result


def _measure(result: Result, program: Program, size: Size, notify: Notify) -> None:
    figures, seconds = result.figures, []
    created: list[Created] = []
    for start in range(size.starts):
        notify(f"start {start + 1} of {size.starts}")
        seconds.append(program.start())
        try:
            if start == 0:
                for thing in program.things():
                    one, checks = uvloop.run(things.check(thing))
                    created.append(one)
                    figures |= {f"{thing.row}_what": thing.what, **checks}
            if start == size.starts - 1:
                figures["start_s"] = statistics.median(seconds)
                _used(figures, program, created, size, notify)
        finally:
            program.stop()


def _used(figures: Figures, program: Program, created: list[Created], size: Size, notify: Notify) -> None:
    """The figures of a program that was started again."""
    figures["memory_mb"] = program.memory_mb()
    provider = program.provider()
    if provider is not None:
        notify("sign-ins")
        figures |= uvloop.run(logins.check(provider))
        metadata = uvloop.run(logins.metadata_of(provider))
        sign_in = partial(_sign_in, provider, metadata)
        figures |= uvloop.run(_pace("logins", program, provider.url, size.logins, sign_in))
    for thing, before in zip(program.things(), created, strict=True):
        if figures[f"{thing.row}_readable"]:
            figures[f"{thing.row}_kept"] = uvloop.run(things.exists(thing, before))
        notify(f"creates: {thing.what}")
        figures |= uvloop.run(_pace(thing.row, program, thing.url, size.creates, partial(_create, thing)))
    figures["memory_after_mb"] = program.memory_mb()


Work = Callable[[Connection], Awaitable[None]]


async def _sign_in(provider: Provider, metadata: Mapping[str, Any], connection: Connection) -> None:
    await logins.Client(provider, connection, metadata).sign_in()


async def _create(thing: Thing, connection: Connection) -> None:
    await things.create(thing, connection, things.new_key())


async def _pace(row: str, program: Program, url: str, count: int, work: Work) -> Figures:
    """How often `work` is done per second by 16 clients, each on its own connection, and the processor time of one."""
    connections = [Connection(url) for _ in range(CLIENTS)]
    await _all(work, connections, max(count // 4, CLIENTS))
    before, began = program.processor_seconds(), time.perf_counter()
    await _all(work, connections, count)
    seconds = time.perf_counter() - began
    used = program.processor_seconds() - before
    for connection in connections:
        connection.close()
    return {f"{row}_per_s": count / seconds, f"{row}_ms": used / count * 1000}


async def _all(work: Work, connections: list[Connection], count: int) -> None:
    turns = iter(range(count))

    async def client(connection: Connection) -> None:
        for _ in turns:
            await work(connection)

    await asyncio.gather(*map(client, connections))
