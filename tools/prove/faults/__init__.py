"""The faults: each breaks one thing under load, repairs it, and returns a trace that proves its effect."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lienthong.client.http import Problem
from lienthong.embedded import Trouble
from tools.prove.faults import (
    asking,
    backup,
    broker,
    clock,
    connectors,
    database,
    deletion,
    disk,
    killing,
    new_portal,
    outages,
    poison,
    projections,
    workers,
)
from tools.prove.scene import NO_ANSWER, NotConverged, Scene

Fault = Callable[[Scene], Awaitable[str]]  # returns its trace; "" if it had no effect
AND = "+"  # between two faults that are injected at the same moment
COMBINATIONS = 4  # pairs in a run of all faults
OTHERS = 2  # faults of BESIDE_CONNECTORS in a run with connectors


@dataclass(frozen=True)
class Kind:
    """A fault, and when it may be injected.

    once      at most once per run, and early: what was there before it can no longer be compared
    last      after everything was compared: nothing of the load is left
    combines  with another fault of this kind at the same moment
    needs     on this machine: "root" for a disk of its own, "faketime" for another clock
    proxied   the services reach their servers through proxies
    """

    inject: Fault
    once: bool = False
    last: bool = False
    combines: bool = False
    needs: str = ""
    proxied: bool = False


FAULTS: dict[str, Kind] = {
    "kill-portal-worker": Kind(partial(killing.kill_worker, name="portal-worker"), combines=True),
    "kill-gateway-worker": Kind(partial(killing.kill_worker, name="gateway-worker"), combines=True),
    "kill-portal-api": Kind(partial(killing.kill, name="portal-api"), combines=True),
    "kill-gateway-api": Kind(partial(killing.kill, name="gateway-api"), combines=True),
    "kill-identity": Kind(partial(killing.kill, name="identity"), combines=True),
    "kill-payment": Kind(partial(killing.kill, name="payment"), combines=True),
    "kill-broker": Kind(partial(killing.kill, name="kafka"), combines=True),
    "kill-database": Kind(partial(killing.kill, name="postgres"), combines=True),
    "freeze-api": Kind(killing.freeze_api),
    "stop-worker": Kind(workers.stop_worker),
    "scale-workers": Kind(workers.scale_workers),
    "differing-clocks": Kind(workers.differing_clocks, needs="faketime"),
    "wipe-broker": Kind(broker.wipe_broker),
    "slow-broker": Kind(broker.slow_broker, combines=True, proxied=True),
    "cut-broker": Kind(broker.cut_broker, combines=True, proxied=True),
    "half-open-broker": Kind(broker.half_open_broker, proxied=True),
    "worker-without-broker": Kind(broker.worker_without_broker, proxied=True),
    "worker-without-database": Kind(broker.worker_without_database, proxied=True),
    "cut-database": Kind(database.cut_database, combines=True),
    "late-commits": Kind(database.commit_late),
    "delete-database": Kind(database.delete_database, once=True),
    "restore-backup": Kind(backup.restore_backup),
    "full-disk-of-database": Kind(disk.fill_disk_of_database, needs="root"),
    "full-disk-of-broker": Kind(disk.fill_disk_of_broker, needs="root"),
    "replay-everything": Kind(broker.replay_everything, combines=True),
    "rebuild-statistics": Kind(projections.rebuild_statistics),
    "delete-sandboxes": Kind(deletion.delete_sandboxes),
    "jump-a-year": Kind(clock.jump_a_year, once=True),
    "poison": Kind(poison.put_poison),
    "ask-settle": Kind(asking.ask_settle),
    "kill-connector": Kind(connectors.kill_connector),
    "connector-away": Kind(connectors.connector_away),
    "receiver-away": Kind(connectors.receiver_away),
    "rotate-credentials": Kind(connectors.rotate_credentials),
    "kill-worker-judging": Kind(connectors.kill_worker_judging),
    **{f"outage-of-{part}": Kind(partial(outages.take_away, part=part)) for part in outages.PARTS},
    "delete-portal-database": Kind(new_portal.delete_portal_database, last=True),
}
OUTAGES = tuple(f"outage-of-{part}" for part in outages.PARTS)
AT_CONNECTORS = ("kill-connector", "connector-away", "receiver-away", "rotate-credentials", "kill-worker-judging")
BESIDE_CONNECTORS = ("kill-gateway-worker", "kill-broker", "stop-worker", "kill-portal-worker")
# What ends connections, or makes the broker forget what it acknowledged: not in a run with connectors.
ENDS_CONNECTORS = ("delete-database", "wipe-broker", "delete-sandboxes", "restore-backup")


@dataclass
class Injected:
    """One injected fault and its result.

    converged_seconds   from the end of the fault until every event published by then was read; None if never
    trace               proof that the fault had an effect; empty if it had none
    seconds             how long the fault itself took
    """

    name: str
    at_seconds: float
    trace: str = ""
    converged_seconds: float | None = None
    trouble: str = ""
    seconds: float = 0.0


def every(rng: random.Random) -> tuple[tuple[str, ...], dict[str, str]]:
    """The faults of a whole run; and those that this machine lacks something for, with what.

    Some are drawn by chance to be two at once; these do not come alone as well.
    """
    names = [name for name in FAULTS if name not in (*AT_CONNECTORS, *OUTAGES)]
    left_out = {name: reason for name in names if (reason := lacking(name))}
    paired = rng.sample([name for name in names if FAULTS[name].combines], 2 * COMBINATIONS)
    pairs = [AND.join(pair) for pair in zip(paired[::2], paired[1::2], strict=True)]
    return tuple(name for name in (*names, *pairs) if name not in {*left_out, *paired}), left_out


def with_connectors(rng: random.Random) -> tuple[str, ...]:
    """The faults of a run with connectors: all of theirs, and some others drawn by chance."""
    return (*AT_CONNECTORS, *rng.sample(BESIDE_CONNECTORS, OTHERS))


def parts_of(name: str) -> list[str]:
    return name.split(AND)


def lacking(name: str) -> str:
    """What this machine lacks for a fault; "" if nothing."""
    for part in parts_of(name):
        if FAULTS[part].needs == "root" and os.geteuid() != 0:
            return "only root can give a server a small disk"
        if FAULTS[part].needs == "faketime" and workers.faketime() is None:
            return "the library libfaketime is missing (Debian: apt-get install faketime)"
    return ""


async def inject(scene: Scene, name: str, since: float) -> Injected:
    """Inject a fault, or two at the same moment; repair it, and wait until every event published by then is read."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    injected = Injected(name, begun - since)
    try:
        traces = await asyncio.gather(*(FAULTS[part].inject(scene) for part in parts_of(name)))
        injected.trace = "; ".join(traces) if all(traces) else ""
        repaired = loop.time()
        injected.seconds = repaired - begun
        await scene.converged()
        injected.converged_seconds = loop.time() - repaired
    except (NotConverged, Trouble, Problem, *NO_ANSWER) as trouble:  # no answer in time: the machine does too much else
        injected.trouble = str(trouble) or repr(trouble)
    return injected


def is_needed(names: Sequence[str], needs: Callable[[Kind], bool]) -> bool:
    """Whether one of the faults has this need."""
    return any(needs(FAULTS[part]) for name in names for part in parts_of(name))
