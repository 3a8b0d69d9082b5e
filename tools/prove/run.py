"""One run of the proof: start a stack, run load and faults, wait until everything is settled, and check the promises."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contracts.lifecycle import DOSSIER_RATED, SUPPLEMENT_ANSWERED, WITHDRAWAL_REQUESTED
from lienthong.client import Country, Sandbox
from lienthong.embedded import Trouble
from lienthong.embedded.plan import Plan
from lienthong.embedded.stack import Stack
from tools.prove import checks, faults, reading, tables
from tools.prove.background import in_background
from tools.prove.catalogue import Catalogue
from tools.prove.clocks import FIRST, Clocks
from tools.prove.connectors import PROCEDURE, PROVINCES, VERDICTS_SQL, connected, read_said
from tools.prove.counters import Counters
from tools.prove.disk import SmallDisk, have_own_mounts
from tools.prove.evidence import Evidence, Finding
from tools.prove.faults import Injected, Kind
from tools.prove.faults.projections import statistics_are_complete
from tools.prove.history import History, Sample
from tools.prove.load import Load
from tools.prove.mark import mark
from tools.prove.plants import PLANTS
from tools.prove.proxy import Proxy
from tools.prove.pushers import Pushers
from tools.prove.scene import PATIENCE_SECONDS, PLANTED_SECONDS, NotConverged, Scene

# Sandbox seconds per real second, one sandbox each. In a frozen sandbox only `advance` fires timers; in a running one the
# gateway's worker fires them too, in parallel. With a higher rate, tokens would expire too early on a slow machine.
RATES = (0, 60, 0, 60)
CLOSING_ROUNDS = 20  # of citizens who act, at the end; a dossier needs at most six of them
CLOSING_DAYS = (
    5  # to advance in such a round: less than any limit that a citizen has, such as 10 working days to answer
)
LIMITS_DAYS = 60  # to advance when no citizen has anything to do: more than any limit, such as the 30 days to pay
SETTLE_SECONDS = 20.0
WARM_UP_SECONDS = 3.0  # a fault in an empty stack proves nothing
PAUSE_SECONDS = 0.5  # longest pause between the recovery from one fault and the next fault

Notify = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What to prove.

    minutes   of load and faults; every fault is injected at least once, even if this takes longer
    rate      submissions per second
    pushed    dossiers that are pushed over the adapter API, in a run with connectors
    away      seconds for which a part or a connector is away, in the faults of this kind
    left_out  faults of a whole run that this machine lacks something for, and what
    """

    seed: str
    minutes: float
    faults: Sequence[str]
    data: Path
    port_base: int
    plant: str = "none"
    rate: float = 15.0
    pushed: int = 240
    away: float = 20.0
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def patience(self) -> float:
        """Seconds for the recovery after a fault."""
        return PATIENCE_SECONDS if self.plant == "none" else PLANTED_SECONDS

    @property
    def has_connectors(self) -> bool:
        return bool({*self.faults} & {*faults.AT_CONNECTORS})

    def needs(self, needs: Callable[[Kind], bool]) -> bool:
        """Whether one of the faults has this need."""
        return faults.is_needed(self.faults, needs)


@dataclass
class Report:
    """The result of a run. `proven`: every promise holds and every fault had an effect. `mark`: of all that the seed draws from."""

    order: Order
    injected: list[Injected] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)
    mark: str = ""
    lost: list[str] = field(default_factory=list)
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    @property
    def seed(self) -> str:
        """The seed with its mark, as --seed takes it."""
        return f"{self.order.seed}@{self.mark}"

    @property
    def violations(self) -> list[str]:
        return [f"{each.promise}: {line}" for each in self.findings for line in each.violations]

    @property
    def traceless(self) -> list[Injected]:
        return [each for each in self.injected if not each.trace or each.trouble]

    @property
    def proven(self) -> bool:
        return not self.traceless and all(finding.holds for finding in self.findings)


async def run(order: Order, notify: Notify) -> Report:
    """Run the proof. Raises Trouble if the stack does not start."""
    began = time.monotonic()
    report = Report(order)
    for name, reason in order.left_out.items():
        notify(f"Left out: {name}, as {reason}.")
    with _stack(order) as (stack, proxies, disks):
        notify(f"Ready after {await asyncio.to_thread(stack.start):.1f} s.")
        async with Country(stack.urls["portal-api"]) as country:
            sandboxes = [await _sandbox(country, order, n) for n in range(len(RATES))]
            clocks, catalogue = Clocks(sandboxes), await Catalogue.read(country)
            load = Load(country, sandboxes, catalogue, clocks, order.seed, order.rate)
            load.ledger.patience = order.away + 3 * order.patience
            report.mark = mark(load.mix)
            await load.citizens.get_ready()
            async with _counting(stack) as counters, AsyncExitStack() as programs:
                rng = random.Random(f"{order.seed}/faults")
                scene = Scene(
                    stack, load, counters, rng, away=order.away, patience=order.patience, proxies=proxies, disks=disks
                )
                if order.has_connectors:
                    scene.connectors = await programs.enter_async_context(connected(country, sandboxes[1], order.data))
                    scene.connectors.patience = min(scene.connectors.patience, 2 * order.patience)
                    load.connected = {sandboxes[1].id: (tuple(PROVINCES), PROCEDURE)}
                    pushers = await Pushers.get_ready(country, order.seed)
                    pushing = asyncio.create_task(pushers.run(order.pushed))
                    programs.callback(pushing.cancel)
                async with _sampling(scene) as history:
                    report.samples = history.samples
                    await _break_things(scene, order, report, notify, history.since)
                    notify(
                        "All processes run again. Now everything due is paid, and the clocks advance until nothing more can happen."
                    )
                    if order.has_connectors:
                        await pushing
                        report.facts["pushed again"] = pushers.again
                    unsettled = await _bring_to_rest(scene, notify)
                    try:
                        await scene.until("the statistics are not complete", lambda: statistics_are_complete(scene))
                    except NotConverged as error:
                        unsettled.append(str(error))
                evidence = await _evidence(scene, unsettled)
                if order.has_connectors:
                    await pushers.sandbox.settle(SETTLE_SECONDS)
                    report.findings.append(await pushers.finding())
                await _end(scene, order, report, notify, history.since)
            report.counters = counters.all()
        report.findings += checks.judge(evidence)
        report.lost = sorted(f"{sandbox}/{code}" for sandbox, code in evidence.lost - evidence.gateway.dossiers.keys())
        report.facts |= _facts(scene, evidence)
    report.seconds = time.monotonic() - began
    return report


def _facts(scene: Scene, evidence: Evidence) -> dict[str, float]:
    ledger = scene.load.ledger
    facts: dict[str, float] = {
        "clock advances": scene.load.clocks.turns,
        "submissions": len(ledger.submissions),
        "unacknowledged and repeated": ledger.unacknowledged,
        "payments": sum(map(len, ledger.payments.values())),
        "withdrawals": ledger.count(WITHDRAWAL_REQUESTED),
        "answered supplements": ledger.count(SUPPLEMENT_ANSWERED),
        "ratings": ledger.count(DOSSIER_RATED),
        "events": sum(len(each.posted) for each in (evidence.portal, evidence.gateway)),
        "dossiers compared": len(evidence.comparable),
    }
    if evidence.said is not None:
        facts["messages of connectors"] = sum(map(len, evidence.said.verdicts.values()))
    return facts


@contextmanager
def _stack(order: Order) -> Iterator[tuple[Stack, dict[str, Proxy], dict[str, SmallDisk]]]:
    """The country of this run, which is not started yet, with the proxies and small disks that its faults need."""
    has_disks = order.needs(lambda kind: kind.needs == "root")
    if has_disks and not have_own_mounts():
        raise Trouble("A full disk needs a small disk, which only root may make here: leave these faults out.")
    prefix = [PLANTS[order.plant].folder] if order.plant != "none" else []
    with ExitStack() as stack:
        is_proxied = order.needs(lambda kind: kind.proxied)
        ports = Plan(order.data, order.port_base)
        proxies = {name: stack.enter_context(Proxy(ports.port(name))) for name in ("kafka", "postgres") if is_proxied}
        country = Stack(
            order.data,
            order.port_base,
            pythonpath_prefix=prefix,
            detours={name: proxy.port for name, proxy in proxies.items()},
        )
        disks = {name: SmallDisk(order.data / name) for name in ("kafka", "postgres") if has_disks}
        if disks:
            with Stack(order.data, order.port_base, parts=("kafka", "postgres")):
                pass  # the servers make their folders
            for disk in disks.values():
                disk.mount()
        stack.callback(country.stop)
        yield country, proxies, disks


async def _sandbox(country: Country, order: Order, n: int) -> Sandbox:
    row = await country.create_sandbox(
        seed=f"{order.seed}-{n}", name=f"proof {n}", start=FIRST.isoformat(), rate=RATES[n]
    )
    return country.enter(row["id"])


@asynccontextmanager
async def _counting(stack: Stack) -> AsyncIterator[Counters]:
    counters = Counters({role: stack.urls[role] for role in ("portal-worker", "gateway-worker", "gateway-api")})
    async with in_background(counters.keep_reading()):
        yield counters


@asynccontextmanager
async def _sampling(scene: Scene) -> AsyncIterator[History]:
    history = History(scene, asyncio.get_running_loop().time())
    async with in_background(history.keep_sampling()):
        yield history


async def _break_things(scene: Scene, order: Order, report: Report, notify: Notify, begun: float) -> None:
    """Inject the faults one after the other during the load; each round has a new random order."""
    loop = asyncio.get_running_loop()
    loading = asyncio.create_task(scene.load.run())
    turning = asyncio.create_task(scene.load.clocks.keep_turning())
    await asyncio.sleep(WARM_UP_SECONDS)
    names = [name for name in order.faults if not _is_last(name)]
    try:
        for name in in_order(scene.rng, names, lambda: loop.time() - begun > order.minutes * 60):
            await asyncio.sleep(scene.rng.random() * PAUSE_SECONDS)
            if not await _inject(scene, name, report, notify, begun):
                break  # the stack is no longer in the state that the next fault expects
        if not names:
            await asyncio.sleep(order.minutes * 60)
    finally:
        scene.load.stopping = True
        scene.load.clocks.stopping = True
        await asyncio.gather(turning, loading)


async def _end(scene: Scene, order: Order, report: Report, notify: Notify, begun: float) -> None:
    """Inject the faults that leave nothing of the load: everything was collected before."""
    for name in filter(_is_last, order.faults):
        await _inject(scene, name, report, notify, begun)


async def _inject(scene: Scene, name: str, report: Report, notify: Notify, begun: float) -> bool:
    """Whether everything was well again afterwards."""
    injected = await faults.inject(scene, name, begun)
    report.injected.append(injected)
    outcome = f"converged after {injected.converged_seconds:.1f} s" if injected.converged_seconds is not None else ""
    notify(f"{injected.at_seconds:6.1f} s  {name}: {outcome or injected.trouble}. {injected.trace or 'No trace!'}")
    return not injected.trouble


def _is_last(name: str) -> bool:
    return any(faults.FAULTS[part].last for part in faults.parts_of(name))


def in_order(rng: random.Random, names: Sequence[str], is_over: Callable[[], bool]) -> Iterator[str]:
    """One complete round of faults, then further rounds until the time is over."""
    repeatable = [name for name in names if not faults.is_needed([name], lambda kind: kind.once)]
    first = rng.sample(repeatable, len(repeatable))
    for name in names:
        if name not in repeatable:
            first.insert(rng.randrange(len(first) // 3 + 1), name)
    yield from first
    while repeatable and not is_over():
        for name in rng.sample(repeatable, len(repeatable)):
            if not is_over():
                yield name


async def _bring_to_rest(scene: Scene, notify: Notify) -> list[str]:
    """Let citizens do what they must and advance every clock until nothing is due; returns what does not settle.

    The clocks pass days while citizens still act, and then so much time that every limit runs out.
    """
    await scene.all_ready()
    clocks = scene.load.clocks
    begun, is_still = time.monotonic(), False
    for _ in range(CLOSING_ROUNDS):
        if scene.connectors is not None:
            await scene.connectors.quiet()
        acted = await scene.load.citizens.act_on_all(scene.lost)
        days = CLOSING_DAYS if acted else LIMITS_DAYS
        verdicts = await asyncio.gather(*(clocks.advance(sandbox, days) for sandbox in scene.load.sandboxes))
        notify(f"{time.monotonic() - begun:6.1f} s  {acted} acts of citizens, then {days} days.")
        stuck = any(verdict is None or verdict["verdict"] == "waiting" for verdict in verdicts)
        was_still, is_still = is_still, not acted and not any(verdict and verdict["next_due"] for verdict in verdicts)
        # The days of the first round without anything due may have given citizens something to do.
        if stuck or (is_still and was_still):
            break
    settled = await asyncio.gather(*(sandbox.settle(SETTLE_SECONDS) for sandbox in scene.load.sandboxes))
    waiting = [f"{each['name']} at {each['service']}: {each['detail']}" for v in settled for each in v["waiting_for"]]
    due = [f"still due: {verdict['next_due']}" for verdict in settled if verdict["next_due"]]
    # A connected province can speak at any time: `settle` says so, and does not wait for it.
    return [line for line in waiting if not line.startswith(("parked", "connector at"))] + due


async def _evidence(scene: Scene, unsettled: list[str]) -> Evidence:
    portal, gateway = [
        await tables.connect_and_read(scene.url(name), name, scene.sandboxes) for name in ("portal", "gateway")
    ]
    payment = await tables.read_payment(scene.stack.database_url("payment"), scene.sandboxes)
    evidence = Evidence(
        scene.load.ledger,
        portal,
        gateway,
        payment,
        scene.poison,
        scene.deleted,
        scene.uncounted,
        unsettled=unsettled,
        lies=scene.lies,
        people=scene.load.citizens.numbers,
    )
    if scene.connectors is not None:
        rows = await scene.fetch("gateway", VERDICTS_SQL, scene.connectors.sandbox.id)
        evidence.said = await read_said(scene.stack, scene.connectors, rows)
    await reading.read_all(scene, evidence)
    return evidence
