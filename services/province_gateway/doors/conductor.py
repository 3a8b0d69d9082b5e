"""Applies the fault rules to deliveries before they get a number, so that all doors see the same, and to verdicts.

While a sandbox has rules for deliveries, what a connector is told is first kept (`deliveries.tell`). Here each is evaluated
once, in order, and released when its rule says so; without rules nothing is kept. The transaction excludes all others that
number deliveries of the province: by the lane's position, or by the lock of a sandbox row that is being changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from contracts.catalogue import PROVINCES
from contracts.faults import connectors as named
from services.province_gateway.doors import kafka_store, keeping
from services.province_gateway.doors.deliveries import COLUMNS, UNNUMBERED, Delivery, Ring
from services.province_gateway.doors.keeping import Kept
from shared.messaging.cloudevents import event_id
from shared.messaging.runtime import MessagingRuntime
from shared.runtime import EVERYTHING
from shared.sandbox import faults, registry
from shared.sandbox.clock import NOW_SQL, wire
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection, Database

POLL_SECONDS = 1.0  # between two looks, for clocks that run and for what another process kept
LATER_TYPE = "dossier.rated.v2"  # exists in no contract
LATER_MEMBER = "added_by_a_later_version"
KEPT_COLUMNS = COLUMNS.replace("number, ", f"{UNNUMBERED} AS number, ").replace(", twist", "")
KEPT_SQL = f"""
SELECT province, place, fault, rule, due, {KEPT_COLUMNS} FROM kept_deliveries WHERE sandbox = $1 ORDER BY province, place"""
PROVINCES_SQL = "SELECT DISTINCT province FROM kept_deliveries WHERE sandbox = $1 ORDER BY province"
WAITING_SQL = f"""
SELECT DISTINCT sandbox FROM kept_deliveries UNION
SELECT v.sandbox FROM verdicts v JOIN sandboxes s ON s.id = v.sandbox WHERE hidden_until <= {NOW_SQL} UNION
SELECT k.sandbox FROM kafka_doors k JOIN sandboxes s ON s.id = k.sandbox
WHERE NOT s.deleted AND (k.barred OR s.faults <> '[]')"""
KAFKA_DOORS_SQL = "SELECT province, barred FROM kafka_doors WHERE sandbox = $1 ORDER BY province"
MARK_SQL = """
UPDATE kept_deliveries SET fault = $4, rule = $5, due = $6 WHERE sandbox = $1 AND province = $2 AND id = $3"""
NUMBER_SQL = f"""
INSERT INTO deliveries (sandbox, province, copy, {COLUMNS})
SELECT $1, $2, $3, coalesce((SELECT max(number) FROM deliveries WHERE sandbox = $1 AND province = $2), 0) + 1,
  {", ".join(f"${n}" for n in range(4, 4 + len(Delivery._fields) - 1))}"""
# A rule that was switched off, and one whose time has come, hides no verdict.
SHOW_SQL = """
WITH shown AS (UPDATE verdicts SET hidden_until = NULL
  WHERE sandbox = $1 AND hidden_until IS NOT NULL AND (hidden_until <= $2 OR NOT rule = ANY($3)) RETURNING province)
SELECT DISTINCT province FROM shown"""
HIDDEN_SQL = """
SELECT province, rule, count(*) AS n, min(hidden_until) AS until FROM verdicts
WHERE sandbox = $1 AND hidden_until IS NOT NULL GROUP BY province, rule ORDER BY province, rule"""


class Conductor:
    """Evaluates and releases what is kept. `wake` it after a commit that kept something."""

    def __init__(self, runtime: MessagingRuntime[Any], ring: Ring) -> None:
        self._runtime, self._ring = runtime, ring
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Job of the worker."""
        while True:
            self._woken.clear()
            for row in await self._runtime.database.fetch(WAITING_SQL):
                await self.conduct(row["sandbox"])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def conduct(self, sandbox_id: str) -> None:
        """Evaluate and release what a sandbox keeps. Locks in the usual order: positions, then the sandbox."""
        async with self._runtime.database.transaction() as connection:
            rows = await connection.fetch(PROVINCES_SQL, sandbox_id)
            lanes = sorted(PROVINCES[row["province"]].lane for row in rows)
            for consumer in self._runtime.consumers.values():
                await consumer.positions.lock(connection, lanes)
            sandbox = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
            # A province that came since then waits for the next time.
            only = [row["province"] for row in rows]
            provinces = await release(connection, sandbox, only) if sandbox else []
        for province in provinces:
            self._ring(sandbox_id, province)


async def changed(connection: Connection, sandbox_id: str) -> list[str]:
    """As `Conductor.conduct`, in the transaction that changes the row of the sandbox; returns the provinces to ring for."""
    sandbox = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
    return await release(connection, sandbox, list(PROVINCES)) if sandbox else []


async def release(connection: Connection, sandbox: Sandbox, provinces: Sequence[str]) -> list[str]:
    """Release what is due in these provinces; returns those in which something was. Their numbers must be locked."""
    rows = await connection.fetch(SHOW_SQL, sandbox.id, sandbox.now, _live(sandbox))
    ringing = {row["province"] for row in rows}
    ringing |= await _bar(connection, sandbox)
    kept = await _read(connection, sandbox.id)
    for province in sorted(kept.keys() & set(provinces)):
        if await _release(connection, sandbox, province, kept[province]):
            ringing.add(province)
    return sorted(ringing)


async def _bar(connection: Connection, sandbox: Sandbox) -> set[str]:
    """Note which Kafka doors are barred, because a rule refuses the credential now; returns those that changed."""
    changed = set()
    for row in await connection.fetch(KAFKA_DOORS_SQL, sandbox.id):
        rule = faults.active_rule(sandbox, named.ACCESS, province=row["province"])
        if (rule is not None) == row["barred"]:
            continue
        changed.add(row["province"])
        await connection.execute(kafka_store.BAR_SQL, sandbox.id, row["province"], rule is not None)
        if rule is not None:
            await faults.fire(connection, sandbox, named.ACCESS, EVERYTHING, province=row["province"])
    return changed


async def _release(connection: Connection, sandbox: Sandbox, province: str, all_kept: Sequence[Kept]) -> int:
    is_over = partial(Kept.is_over, live=_live(sandbox), now=sandbox.now)
    before = {each.place: (each.fault, each.due) for each in all_kept}
    kept: list[Kept] = []
    released: list[Kept] = []
    for each in all_kept:
        if each.fault is None:
            await _evaluate(connection, sandbox, province, each)
            if any(each.joins(other) for other in kept):
                each.fault = ""
        kept.append(each)
        released += keeping.release(kept, is_over)
    place = (sandbox.id, province)
    numbered = [
        (*place, copy, *delivery[1:]) for each in released for copy, delivery in changed_by_fault(sandbox, each)
    ]
    await connection.executemany(NUMBER_SQL, numbered)
    await connection.execute(
        "DELETE FROM kept_deliveries WHERE sandbox = $1 AND province = $2 AND place = ANY($3)",
        *(*place, [each.place for each in released]),
    )
    marks = [each for each in kept if (each.fault, each.due) != before[each.place]]
    await connection.executemany(
        MARK_SQL, [(*place, each.delivery.id, each.fault, each.rule, each.due) for each in marks]
    )
    return len(released)


async def _evaluate(connection: Connection, sandbox: Sandbox, province: str, kept: Kept) -> None:
    """Decide, once, which fault a delivery has."""
    delivery = kept.delivery
    about = {"province": province, "dossier": delivery.dossier, "type": delivery.type}
    firing = await faults.fire(connection, sandbox, named.DELIVERY, delivery.dossier, **about)
    kept.fault = ""
    if firing is not None:
        rule = firing.rule
        by = sandbox.now + rule.duration("by") if "by" in rule.settings else None
        kept.fault, kept.rule, kept.due = rule.fault, rule.key, rule.hold(by).due


def changed_by_fault(sandbox: Sandbox, kept: Kept) -> list[tuple[int, Delivery]]:
    """What is delivered in place of a delivery: copy and delivery of each."""
    delivery = kept.delivery
    match kept.fault:
        case named.DOUBLED:
            return [(0, delivery), (1, delivery)]
        case named.NEWER:
            return [(0, _of_later_type(sandbox, delivery)), (0, delivery)]
        case named.FIELD:
            body = {**msgspec.json.decode(delivery.body), LATER_MEMBER: "?"}
            return [(0, delivery._replace(body=msgspec.json.encode(body).decode()))]
        case fault if fault in named.RENDERED:
            return [(0, delivery._replace(twist=fault))]
    return [(0, delivery)]


def _of_later_type(sandbox: Sandbox, delivery: Delivery) -> Delivery:
    body = msgspec.json.encode({"dossier_code": delivery.dossier, "stars": 4}).decode()
    id = event_id(sandbox.seed, f"later{delivery.source}", delivery.dossier, delivery.version)
    return delivery._replace(id=id, type=LATER_TYPE, version=0, body=body)


async def pending(runtime: MessagingRuntime[Any], sandbox_id: str) -> dict[str, Any]:
    """For `settle`: what is under way, what rules hold (sentences), and when the first of it is due (sandbox time)."""
    kept = await _read(runtime.database, sandbox_id)
    hidden = await runtime.database.fetch(HIDDEN_SQL, sandbox_id)
    if not kept and not hidden:
        return {"under_way": [], "held": [], "due": None}
    sandbox = await registry.read(runtime.database, sandbox_id)
    is_over = partial(Kept.is_over, live=_live(sandbox), now=sandbox.now)
    under_way, held, dues = [], [], []
    for province, waiting in kept.items():
        total = len(waiting)
        if any(each.fault is None for each in waiting) or keeping.release(waiting, is_over):
            under_way.append(f"{total} deliveries of province {province} are being prepared")
            continue
        held += _held(sandbox, province, waiting)
        dues += [each.due for each in waiting if each.due is not None and each.due > sandbox.now]
    for row in hidden:
        held.append(
            f"{row['rule'].partition('@')[0]}: {row['n']} verdicts of province {row['province']} come late, "
            f"the first at {wire(row['until'])}"
        )
        dues.append(row["until"])
    return {"under_way": under_way, "held": held, "due": min(dues, default=None)}


def _held(sandbox: Sandbox, province: str, waiting: Sequence[Kept]) -> list[str]:
    """One sentence per rule; what only waits behind another delivery counts with the rule that holds that one."""
    by_rule: dict[str, list[Kept]] = {}
    for each in waiting:
        rule = each.rule if each.fault in named.HOLDING else next(iter(by_rule), each.rule)
        by_rule.setdefault(rule, []).append(each)
    texts = {rule.key: f"{rule.id}: {rule.text_en}" for rule in faults.rules_of(sandbox.faults)}
    return [
        f"{texts.get(rule, rule)}; deliveries of province {province} waiting: {len(them)}, "
        f"the first is {them[0].delivery.type} of {them[0].delivery.dossier}{_until(them[0].due)}"
        for rule, them in by_rule.items()
    ]


async def held_of(database: Database, sandbox_id: str, dossier: str) -> list[str]:
    """The types of the deliveries about a dossier that rules keep back, each with its rule, in order."""
    sql = "SELECT type, rule FROM kept_deliveries WHERE sandbox = $1 AND dossier = $2 ORDER BY place"
    rows = await database.fetch(sql, sandbox_id, dossier)
    return [f"{row['type']} ({row['rule'].partition('@')[0] or 'waits'})" for row in rows]


def _until(due: datetime | None) -> str:
    return f", until {wire(due)}" if due else ""


def _live(sandbox: Sandbox) -> list[str]:
    return [rule.key for rule in faults.rules_of(sandbox.faults)]


async def _read(database: Database | Connection, sandbox_id: str) -> dict[str, list[Kept]]:
    """Province → what is kept there, in order."""
    kept: dict[str, list[Kept]] = {}
    for row in await database.fetch(KEPT_SQL, sandbox_id):
        delivery = Delivery(*(row[name] for name in Delivery._fields[:-1]))
        facts = {name: row[name] for name in ("place", "fault", "rule", "due")}
        kept.setdefault(row["province"], []).append(Kept(delivery=delivery, **facts))
    return kept
