"""The faults: each breaks one thing under load, mends it, and gives the trace that it left. No trace, no proof."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from lienthong.embedded.plan import ROLES_BY_NAME
from lienthong.embedded.processes import with_parent
from tools.prove import books, poison
from tools.prove.books import Letter
from tools.prove.deletion import delete_sandboxes
from tools.prove.scene import HOUSES, NotConverged, Scene

LEASE_SECONDS = 3.0  # the services' default; a frozen worker is woken only after a successor has taken its lanes
BREATHLESS_SECONDS = 0.3  # the load tells several events in this time, and the broker's own session lasts longer
FORGETS = "lienthong_broker_forgets_total"
POSTED = "lienthong_events_posted_total"
Fault = Callable[[Scene], Awaitable[str]]  # gives its trace; "" if it left none


@dataclass
class Injected:
    """One fault as it went.

    converged_seconds   from the end of the fault until everything told by then was read; None if never
    trace               what proves that it bit; empty if nothing does
    """

    name: str
    at_seconds: float
    trace: str = ""
    converged_seconds: float | None = None
    trouble: str = ""


async def kill_portal_worker(scene: Scene) -> str:
    return await _kill_worker(scene, "portal-worker")


async def kill_gateway_worker(scene: Scene) -> str:
    return await _kill_worker(scene, "gateway-worker")


async def kill_portal_api(scene: Scene) -> str:
    return await _kill(scene, "portal-api")


async def kill_broker(scene: Scene) -> str:
    return await _kill(scene, "kafka")


async def _kill_worker(scene: Scene, name: str) -> str:
    """At any moment, or (by lot) in the middle of producing: the broker holds its breath, so that the relay waits for it."""
    if scene.rng.random() < 0.5:
        return await _kill(scene, name)
    await asyncio.to_thread(scene.stack.kill, "kafka", signal.SIGSTOP)
    try:
        await asyncio.sleep(BREATHLESS_SECONDS)
        return await _kill(scene, name, then=lambda: scene.stack.kill("kafka", signal.SIGCONT))
    finally:
        await asyncio.to_thread(scene.stack.kill, "kafka", signal.SIGCONT)


async def _kill(scene: Scene, name: str, then: Callable[[], object] | None = None) -> str:
    before = await scene.process(name)
    pid = await asyncio.to_thread(scene.stack.kill, name, signal.SIGKILL)
    if then is not None:
        await asyncio.to_thread(then)
    await scene.until(f"{name} did not come back", lambda: _came_back(scene, name, pid, before["restarts"]))
    after = await scene.process(name)
    died = after["restarts"] > before["restarts"] and "SIGKILL" in str(after["last_exit"])
    where = " in the middle of producing" if then is not None else ""
    return f"pid {pid} died{where}, {after['pid']} took over, restarts {after['restarts']}" if died else ""


async def _came_back(scene: Scene, name: str, pid: int, restarts: int) -> bool:
    now = await scene.process(name)
    return bool(now["ready"]) and now["pid"] != pid and now["restarts"] > restarts


async def wipe_broker(scene: Scene) -> str:
    """The broker comes back empty: the relays must see that it forgot, and say it all again."""
    before = scene.counters.total(FORGETS)
    await asyncio.to_thread(scene.stack.restart_kafka, wipe=True, number=signal.SIGKILL)

    async def noticed() -> bool:
        return scene.counters.total(FORGETS) > before

    with suppress(NotConverged):
        await scene.until("nobody noticed that the broker forgot", noticed, 20.0)
    forgot = scene.counters.total(FORGETS) - before
    return f"{forgot:.0f} lanes forgotten and told again" if forgot else ""


async def tell_again(scene: Scene) -> str:
    """Readers ask for everything since the lanes' present life began: all of it comes twice, and must be passed over."""
    before, again = scene.counters.total(POSTED), 0
    for service in HOUSES:
        rows = await scene.fetch(service, "SELECT lane, sent_epoch, sent_number FROM lanes_out WHERE sent_number > 0")
        for lane, epoch, number in rows:
            await scene.ask_again(service, lane, epoch)
            again += number

    async def told() -> bool:
        return scene.counters.total(POSTED) - before >= again

    with suppress(NotConverged):
        await scene.until("what was asked for did not come again", told, 20.0)
        return f"{again:,} events told again" if again else ""
    return ""


async def rebuild_statistics(scene: Scene) -> str:
    """Compute the statistics again from the first event, while new events come in."""
    before = (await scene.fetch("portal", "SELECT generation FROM projections"))[0]["generation"]
    rebuilt = await scene.load.country.rebuild_projection("statistics")
    await scene.until("the statistics were not computed again", lambda: statistics_are_complete(scene), 60.0)
    return f"generation {rebuilt['generation']} complete" if rebuilt["generation"] > before else ""


async def statistics_are_complete(scene: Scene) -> bool:
    """Whether every event that was published has been counted."""
    (statistics,) = await scene.load.country.projections()
    return bool(statistics["behind"] == 0)


async def stop_worker(scene: Scene) -> str:
    """Freeze a worker past its lease; a second one takes its lanes; then the frozen one wakes, believing itself alive."""
    service, role = scene.rng.choice((("portal", "portal-worker"), ("gateway", "gateway-worker")))
    async with _second_worker(scene, role) as second:
        await scene.until("the second worker has no lanes", lambda: _holds(scene, service, second, 1))
        frozen = await asyncio.to_thread(scene.stack.kill, role, signal.SIGSTOP)
        try:
            await scene.until("nobody took the frozen one's lanes", lambda: _holds(scene, service, second, 2 * 34))
            await scene.until("the successor does not read", lambda: _reads_on(scene, service))
        finally:
            os.kill(frozen, signal.SIGCONT)
        await scene.until("the woken one has no lanes", lambda: _holds(scene, service, frozen, 1))
    return f"{role}: pid {frozen} frozen, {second} held all 68 leases, {frozen} woke and took its share"


async def _holds(scene: Scene, service: str, pid: int, least: int) -> bool:
    rows = await scene.fetch(
        service,
        "SELECT count(*) AS n FROM leases WHERE split_part(holder, ':', 2) = $1 "
        "AND split_part(part, ':', 1) IN ('relay', 'reader') AND until > clock_timestamp()",
        str(pid),
    )
    return bool(rows[0]["n"] >= least)


async def _reads_on(scene: Scene, service: str) -> bool:
    """The reader moves: two looks, the second further."""
    sql = "SELECT sum(next_offset) AS n FROM positions WHERE listener = ''"
    first = (await scene.fetch(service, sql))[0]["n"]
    await asyncio.sleep(0.3)
    return bool((await scene.fetch(service, sql))[0]["n"] > first)


@asynccontextmanager
async def _second_worker(scene: Scene, role: str) -> AsyncIterator[int]:
    """One more worker process of the same service, at a door of its own; gives its pid. Ends cleanly."""
    known = ROLES_BY_NAME[role]
    module, _, function = known.target.partition(":")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with scene.stack.plan.log(f"second-{role}").open("ab") as log:
        child = subprocess.Popen(  # noqa: ASYNC220  in the main thread: the kernel ties the child's life to it
            [sys.executable, "-P", "-c", f"from {module} import {function}; {function}()"],
            env={**scene.stack.plan.child_environment(), known.url_variable: url},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=with_parent(signal.SIGKILL),
            cwd="/",
        )
    scene.counters.urls[f"second-{role}"] = url
    try:
        yield child.pid
    finally:
        del scene.counters.urls[f"second-{role}"]
        child.terminate()
        try:
            await asyncio.to_thread(child.wait, 15)
        except subprocess.TimeoutExpired:
            child.kill()
            await asyncio.to_thread(child.wait)


async def delete_database(scene: Scene) -> str:
    """The gateway's database is gone and comes back empty. What it had in its last moment is read under a lock first."""
    oid = "SELECT oid, (SELECT epoch FROM event_log) AS life FROM pg_database WHERE datname = current_database()"
    before = (await scene.fetch("gateway", oid))[0]
    last_look = await asyncpg.connect(scene.url("gateway"))
    try:
        hold = last_look.transaction()
        await hold.start()
        await last_look.execute("LOCK TABLE dossiers IN EXCLUSIVE MODE")  # from here on nothing is applied any more
        scene.buried.append(await books.read_house(last_look, "gateway", scene.sandboxes))
        await asyncio.to_thread(scene.stack.drop_database, "province_gateway")  # ends our transaction too
    finally:
        last_look.terminate()

    async def begun() -> bool:
        return bool((await scene.fetch("gateway", oid))[0]["life"])

    await scene.until("the new database's life did not begin", begun)
    after = (await scene.fetch("gateway", oid))[0]
    gone = len(scene.buried[-1].dossiers)
    lives = f"life {before['life']} → {after['life']}"
    return f"{lives}, {gone} dossiers were in it" if gone and after["oid"] != before["oid"] else ""


async def put_poison(scene: Scene) -> str:
    """Every kind once, each about a fresh dossier; a reader must put it aside and go on."""
    written: set[Letter] = set()
    for kind in poison.KINDS:
        submission = await scene.load.submit_now(scene.rng.choice(scene.sandboxes))
        dossier = (submission.sandbox, submission.codes[0])
        service = "portal" if kind.source_database == "portal" else "gateway"

        async def wrote(kind: poison.Poison = kind, dossier: tuple[str, str] = dossier, service: str = service) -> bool:
            letter = await poison.write(scene.url(service), kind, dossier)
            if letter is not None:
                written.add(letter)
            return letter is not None

        await scene.until(f"{service} does not know dossier {dossier}", wrote)
    scene.poison |= written
    found = 0

    async def taken() -> bool:
        nonlocal found
        found = 0
        for service in ("portal", "gateway"):
            mine = {letter for letter in written if letter.service == service}
            found += await poison.taken(scene.url(service), mine)
        return found == len(written)

    with suppress(NotConverged):
        await scene.until("poison was not put aside", taken, 20.0)
    return f"{found} of {len(written)} put aside as dead letters" if found else ""


FAULTS: dict[str, Fault] = {
    "kill-portal-worker": kill_portal_worker,
    "kill-gateway-worker": kill_gateway_worker,
    "kill-portal-api": kill_portal_api,
    "stop-worker": stop_worker,
    "kill-broker": kill_broker,
    "wipe-broker": wipe_broker,
    "tell-again": tell_again,
    "rebuild-statistics": rebuild_statistics,
    "delete-database": delete_database,
    "delete-sandboxes": delete_sandboxes,
    "poison": put_poison,
}
ONCE = ("delete-database",)  # at most once in a run: what it takes with it can no longer be compared


async def inject(scene: Scene, name: str, since: float) -> Injected:
    """Break, mend, and wait until everything told by then is read."""
    loop = asyncio.get_running_loop()
    injected = Injected(name, loop.time() - since)
    try:
        injected.trace = await FAULTS[name](scene)
        mended = loop.time()
        await scene.converged()
        injected.converged_seconds = loop.time() - mended
    except NotConverged as trouble:
        injected.trouble = str(trouble)
    return injected
