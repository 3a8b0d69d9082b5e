"""The faults: each breaks one thing under load, repairs it, and returns a trace that proves its effect."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from contracts.topics import TO_PROVINCE
from lienthong.embedded.plan import ROLES_BY_NAME
from lienthong.embedded.processes import with_parent
from shared.messaging.lanes import Place
from tools.prove import connector_faults, poison, tables
from tools.prove.asking import ask_settle
from tools.prove.deletion import delete_sandboxes
from tools.prove.killing import kill
from tools.prove.scene import DATABASES, NotConverged, Scene
from tools.prove.tables import DeadLetter

LEASE_SECONDS = 3.0  # the services' default; a frozen worker continues only after the second worker has taken its lanes
BROKER_FROZEN_SECONDS = 0.3  # the load publishes several events in this time; the broker's session timeout is longer
FORGETS = "lienthong_broker_forgets_total"
POSTED = "lienthong_events_posted_total"
LATE_SECONDS = 4.0  # how long transactions commit late; the load publishes some sixty events in this time
Fault = Callable[[Scene], Awaitable[str]]  # returns its trace; "" if it had no effect


@dataclass
class Injected:
    """One injected fault and its result.

    converged_seconds   from the end of the fault until every event published by then was read; None if never
    trace               proof that the fault had an effect; empty if it had none
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
    return await kill(scene, "portal-api")


async def kill_broker(scene: Scene) -> str:
    return await kill(scene, "kafka")


async def _kill_worker(scene: Scene, name: str) -> str:
    """Kill at any moment, or at random while producing: the broker is frozen, so that the relay waits for it."""
    if scene.rng.random() < 0.5:
        return await kill(scene, name)
    await asyncio.to_thread(scene.stack.kill, "kafka", signal.SIGSTOP)
    try:
        await asyncio.sleep(BROKER_FROZEN_SECONDS)
        return await kill(scene, name, then=lambda: scene.stack.kill("kafka", signal.SIGCONT))
    finally:
        await asyncio.to_thread(scene.stack.kill, "kafka", signal.SIGCONT)


async def wipe_broker(scene: Scene) -> str:
    """The broker restarts empty: the relays must detect this and publish everything again."""
    scene.wiped = True
    before = scene.counters.total(FORGETS)
    await asyncio.to_thread(scene.stack.restart_kafka, wipe=True, number=signal.SIGKILL)

    async def detected() -> bool:
        return scene.counters.total(FORGETS) > before

    with suppress(NotConverged):
        await scene.until("no relay detected that the broker lost its data", detected, 20.0)
    lanes = scene.counters.total(FORGETS) - before
    return f"{lanes:.0f} lanes lost and published again" if lanes else ""


# A transaction that publishes waits up to 0.4 s, mostly less, after it has drawn the ids of its events and before its
# commit, as behind a slow disk: other transactions with higher ids commit first. A sequence counts, also what rolls back.
LATE_SQL = """
CREATE SEQUENCE late_commits;
CREATE FUNCTION commit_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('proof.late', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
    PERFORM set_config('proof.late', pg_current_xact_id()::text, true), nextval('late_commits'),
      pg_sleep(0.4 * random() ^ 3);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER commit_late AFTER INSERT ON queue DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION commit_late()"""
ON_TIME_SQL = "DROP TRIGGER commit_late ON queue; DROP FUNCTION commit_late; DROP SEQUENCE late_commits"


async def commit_late(scene: Scene) -> str:
    """For some seconds, the portal's transactions commit in another order than that of their events' ids."""
    connection = await asyncpg.connect(scene.url("portal"))
    try:
        await connection.execute(LATE_SQL)
        try:
            await asyncio.sleep(LATE_SECONDS)
            count = await connection.fetchval("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM late_commits")
        finally:
            await connection.execute(ON_TIME_SQL)
    finally:
        await connection.close()
    return f"{count} transactions committed late" if count else ""


async def replay_everything(scene: Scene) -> str:
    """Request all events of the lanes' current epoch again: the readers get them twice and must skip them."""
    before, requested = scene.counters.total(POSTED), 0
    for service in DATABASES:
        rows = await scene.fetch(service, "SELECT lane, sent_epoch, sent_number FROM lanes_out WHERE sent_number > 0")
        await scene.request_replays(service, {lane: epoch for lane, epoch, _ in rows})
        requested += sum(number for _, _, number in rows)

    async def replayed() -> bool:
        return scene.counters.total(POSTED) - before >= requested

    with suppress(NotConverged):
        await scene.until("the requested events were not published again", replayed, 20.0)
        return f"{requested:,} events published again" if requested else ""
    return ""


# How far the event log and the portal's own reader had come in each lane that has events: source, lane, epoch, next number.
PLACES_SQL = """
SELECT 'portal' AS source, lane, epoch::int, head + 1 AS expected FROM lanes_out WHERE topic = $1 AND head > 0
UNION ALL SELECT source, lane, epoch, expected FROM positions WHERE listener = '' AND expected > 1"""
STATISTICS_SQL = "SELECT source, lane, epoch, expected FROM positions WHERE listener = 'statistics'"


async def rebuild_statistics(scene: Scene) -> str:
    """Compute the statistics again from the first event, while new events come in."""
    before = (await scene.fetch("portal", "SELECT generation FROM projections"))[0]["generation"]
    if scene.wiped:  # while the broker has them, the events of a deleted database must be counted again
        scene.uncounted |= scene.lost
    rebuilt = await scene.load.country.rebuild_projection("statistics")
    goal = _places(await scene.fetch("portal", PLACES_SQL, TO_PROVINCE))

    async def counted() -> bool:
        """Whether every event that was published before is counted again; under load the latest never all are."""
        reached = _places(await scene.fetch("portal", STATISTICS_SQL))
        return all(reached.get(lane, (0, 0)) >= place for lane, place in goal.items())

    await scene.until("the statistics were not computed again", counted, 60.0)
    return f"generation {rebuilt['generation']} complete" if rebuilt["generation"] > before else ""


def _places(rows: Sequence[asyncpg.Record]) -> dict[tuple[str, int], Place]:
    """Source and lane → the place that is read next."""
    return {(row["source"], row["lane"]): (row["epoch"], row["expected"]) for row in rows}


async def statistics_are_complete(scene: Scene) -> bool:
    """Whether every event that was published has been counted."""
    (statistics,) = await scene.load.country.projections()
    return bool(statistics["behind"] == 0)


async def stop_worker(scene: Scene) -> str:
    """Freeze a worker until its leases expire and a second worker takes its lanes; then let it continue."""
    service, role = scene.rng.choice((("portal", "portal-worker"), ("gateway", "gateway-worker")))
    async with _second_worker(scene, role) as second:
        await scene.until("the second worker has no lanes", lambda: _holds(scene, service, second, 1))
        frozen = await asyncio.to_thread(scene.stack.kill, role, signal.SIGSTOP)
        try:
            await scene.until(
                "no worker took the lanes of the frozen one", lambda: _holds(scene, service, second, 2 * 34)
            )
            await scene.until("the second worker does not read", lambda: _reads_on(scene, service))
        finally:
            os.kill(frozen, signal.SIGCONT)
        await scene.until("the continued worker has no lanes", lambda: _holds(scene, service, frozen, 1))
    return f"{role}: pid {frozen} frozen, {second} held all 68 leases, {frozen} continued and took its share"


async def _holds(scene: Scene, service: str, pid: int, least: int) -> bool:
    rows = await scene.fetch(
        service,
        "SELECT count(*) AS n FROM leases WHERE split_part(holder, ':', 2) = $1 "
        "AND split_part(part, ':', 1) IN ('relay', 'reader') AND until > clock_timestamp()",
        str(pid),
    )
    return bool(rows[0]["n"] >= least)


async def _reads_on(scene: Scene, service: str) -> bool:
    """Whether the reader advances: its position is compared twice."""
    sql = "SELECT sum(next_offset) AS n FROM positions WHERE listener = ''"
    first = (await scene.fetch(service, sql))[0]["n"]
    await asyncio.sleep(0.3)
    return bool((await scene.fetch(service, sql))[0]["n"] > first)


@asynccontextmanager
async def _second_worker(scene: Scene, role: str) -> AsyncIterator[int]:
    """A second worker process of the same service on its own port; yields its pid and stops it at the end."""
    worker, plan = ROLES_BY_NAME[role], scene.stack.plan
    module, _, function = worker.target.partition(":")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with plan.log(f"second-{role}").open("ab") as log:
        child = subprocess.Popen(  # noqa: ASYNC220  from the main thread: the kernel kills the child when the forking thread ends
            [sys.executable, "-P", "-c", f"from {module} import {function}; {function}()"],
            env={**plan.child_environment(), **plan.environment(worker), worker.url_variable: url},
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
    """The gateway's database is deleted and created empty. Its last content is read under a lock before."""
    oid = "SELECT oid, (SELECT epoch FROM event_log) AS life FROM pg_database WHERE datname = current_database()"
    before = (await scene.fetch("gateway", oid))[0]
    reader = await asyncpg.connect(scene.url("gateway"))
    try:
        hold = reader.transaction()
        await hold.start()
        await reader.execute("LOCK TABLE dossiers IN EXCLUSIVE MODE")  # from here on no event is applied
        scene.deleted.append(await tables.read_service(reader, "gateway", scene.sandboxes))
        await asyncio.to_thread(scene.stack.drop_database, "province_gateway")  # ends our transaction too
    finally:
        reader.terminate()

    async def has_epoch() -> bool:
        return bool((await scene.fetch("gateway", oid))[0]["life"])

    await scene.until("the new database has no epoch", has_epoch)
    after = (await scene.fetch("gateway", oid))[0]
    dossiers = len(scene.deleted[-1].dossiers)
    epochs = f"epoch {before['life']} → {after['life']}"
    return f"{epochs}, {dossiers} dossiers were in it" if dossiers and after["oid"] != before["oid"] else ""


async def put_poison(scene: Scene) -> str:
    """Write each kind of poison once, about a new dossier; the reader must make it a dead letter and continue."""
    written: set[DeadLetter] = set()
    for kind in poison.KINDS:
        submission = await scene.load.submit_now(scene.rng.choice(scene.sandboxes))
        dossier = (submission.sandbox, submission.codes[0])
        service = "portal" if kind.source_database == "portal" else "gateway"

        async def write(kind: poison.Poison = kind, dossier: tuple[str, str] = dossier, service: str = service) -> bool:
            letter = await poison.write(scene.url(service), kind, dossier)
            if letter is not None:
                written.add(letter)
            return letter is not None

        await scene.until(f"{service} does not know dossier {dossier}", write)
    scene.poison |= written
    count = 0

    async def became_dead_letters() -> bool:
        nonlocal count
        count = 0
        for service in ("portal", "gateway"):
            letters = {letter for letter in written if letter.service == service}
            count += await poison.dead_letters(scene.url(service), letters)
        return count == len(written)

    with suppress(NotConverged):
        await scene.until("poison did not become dead letters", became_dead_letters, 20.0)
    return f"{count} of {len(written)} became dead letters" if count else ""


FAULTS: dict[str, Fault] = {
    "kill-portal-worker": kill_portal_worker,
    "kill-gateway-worker": kill_gateway_worker,
    "kill-portal-api": kill_portal_api,
    "stop-worker": stop_worker,
    "kill-broker": kill_broker,
    "wipe-broker": wipe_broker,
    "late-commits": commit_late,
    "replay-everything": replay_everything,
    "rebuild-statistics": rebuild_statistics,
    "delete-database": delete_database,
    "delete-sandboxes": delete_sandboxes,
    "poison": put_poison,
    "ask-settle": ask_settle,
    "kill-connector": connector_faults.kill_connector,
    "connector-away": connector_faults.connector_away,
    "receiver-away": connector_faults.receiver_away,
    "rotate-credentials": connector_faults.rotate_credentials,
    "kill-worker-judging": connector_faults.kill_worker_judging,
}
AT_CONNECTORS = ("kill-connector", "connector-away", "receiver-away", "rotate-credentials", "kill-worker-judging")
WITH_CONNECTORS = (*AT_CONNECTORS, "kill-gateway-worker", "kill-broker", "stop-worker", "kill-portal-worker")
# What ends connections, or makes the broker forget what it acknowledged: not in a run with connectors.
ENDS_CONNECTORS = ("delete-database", "wipe-broker", "delete-sandboxes")
ONCE = ("delete-database",)  # at most once per run: the deleted data can no longer be compared


async def inject(scene: Scene, name: str, since: float) -> Injected:
    """Inject a fault, repair it, and wait until every event published by then is read."""
    loop = asyncio.get_running_loop()
    injected = Injected(name, loop.time() - since)
    try:
        injected.trace = await FAULTS[name](scene)
        repaired = loop.time()
        await scene.converged()
        injected.converged_seconds = loop.time() - repaired
    except (NotConverged, OSError) as trouble:  # OSError: no answer in time, on a machine that does too much else
        injected.trouble = str(trouble) or repr(trouble)
    return injected
