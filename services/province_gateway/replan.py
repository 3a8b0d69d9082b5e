"""Plans the open dossiers of a province again after a change of its mode, in batches, also after a crash.

A row in `replanning`, written with the new modes, holds the remaining work; the last batch deletes it. Until then old
timers have no effect, because officers check the mode when a timer fires.

A connector that came is first told what happened before, dossier by dossier; until then nothing of the dossier is
delivered, so that its events stay in order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from contracts.catalogue import PROVINCES
from contracts.modes import AT_ONCE, EXTERNAL, MANUAL, SCRIPTED, WORKING_CLOCK
from services.province_gateway.domain import Dossier, DossierNotFound
from services.province_gateway.doors import deliveries, history
from services.province_gateway.doors.deliveries import Ring
from services.province_gateway.doors.history import History, HistoryTooOld
from services.province_gateway.officers import plan
from services.province_gateway.officers.modes import Mode, mode_of
from services.province_gateway.work import Work
from shared.http import Unreachable
from shared.messaging.runtime import MessagingRuntime
from shared.sandbox import journal, registry
from shared.sandbox.journal import Line
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection

BATCH = 500  # dossiers per transaction
TRIES = 3  # with history fetched again; then what there is is told: the portal's log may have lost events
POLL_SECONDS = 1.0  # between two searches for work that a crashed process left
NOTE_SQL = """
INSERT INTO replanning (sandbox, provinces, joins, after) VALUES ($1, $2, $3, '') ON CONFLICT (sandbox) DO UPDATE
SET after = '', provinces = ARRAY(SELECT DISTINCT unnest(replanning.provinces || EXCLUDED.provinces) ORDER BY 1),
  joins = ARRAY(SELECT DISTINCT unnest(replanning.joins || EXCLUDED.joins) ORDER BY 1)"""
BATCH_SQL = """
SELECT code, province FROM dossiers WHERE sandbox = $1 AND code > $2 AND province = ANY($3) AND open
ORDER BY code LIMIT $4"""
UNFINISHED_SQL = "SELECT sandbox FROM replanning r JOIN sandboxes s ON s.id = r.sandbox WHERE NOT s.deleted"
MODE_WORDS = {
    MANUAL: ("thủ công: cán bộ tự xử lý", "manual mode: no simulated officers"),
    EXTERNAL: ("kết nối ngoài: hệ thống của địa phương quyết định", "external mode: its connector decides"),
    WORKING_CLOCK: ("mô phỏng, theo giờ làm việc", "simulated mode, at working hours"),
    AT_ONCE: ("mô phỏng, xử lý ngay", "simulated mode, at once"),
    SCRIPTED: ("mô phỏng, theo kịch bản", "simulated mode, scripted"),
}


def replanning_table(metadata: MetaData) -> Table:
    return Table(
        "replanning",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("provinces", ARRAY(Text), nullable=False),  # their dossiers are to be planned again
        Column("after", Text, nullable=False),  # code of the last dossier that was
        # Of these provinces, those to which a connector came: it is told the history of their dossiers.
        Column("joins", ARRAY(Text), nullable=False, server_default="{}"),
    )


async def note(connection: Connection, sandbox_id: str, provinces: Sequence[str], joins: Sequence[str]) -> None:
    """Store that all dossiers of these provinces are to be planned again; connectors came to `joins`, some of them."""
    if provinces:
        await connection.execute(NOTE_SQL, sandbox_id, provinces, joins)


async def under_way(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> list[str]:
    """The remaining work, for `settle`."""
    rows = await runtime.database.fetch("SELECT provinces FROM replanning WHERE sandbox = $1", sandbox_id)
    return [f"dossiers of {', '.join(row['provinces'])} are being planned again" for row in rows]


async def finish(runtime: MessagingRuntime[Dossier], ring: Ring, sandbox_id: str) -> None:
    """Plan the dossiers of a sandbox again; returns when none is left. Raises Unreachable if history is needed for it."""
    tries = 0
    while await under_way(runtime, sandbox_id):
        try:
            if not await _next_batch(runtime, ring, sandbox_id, is_last_try=tries >= TRIES):
                return
            tries = 0
        except HistoryTooOld:
            tries += 1


async def finish_all(runtime: MessagingRuntime[Dossier], ring: Ring) -> None:
    """Job: finish every planning, also those that a crashed process began."""
    while True:
        for row in await runtime.database.fetch(UNFINISHED_SQL):
            with contextlib.suppress(Unreachable):  # the portal does not reply; the other sandboxes do not wait for it
                await finish(runtime, ring, row["sandbox"])
        await asyncio.sleep(POLL_SECONDS)


async def _next_batch(runtime: MessagingRuntime[Dossier], ring: Ring, sandbox_id: str, *, is_last_try: bool) -> bool:
    """Plan the next batch; False if there is none. Locks in the usual order: positions, sandbox, dossiers by key.

    raises  HistoryTooOld if an event was applied since the history was fetched, unless it is the last try
    """
    pending = await runtime.database.pool.fetchrow("SELECT * FROM replanning WHERE sandbox = $1", sandbox_id)
    if pending is None:
        return False
    rows = await runtime.database.fetch(BATCH_SQL, sandbox_id, pending["after"], pending["provinces"], BATCH)
    joining = [row["code"] for row in rows if row["province"] in pending["joins"]]
    earlier = await history.fetch(runtime, sandbox_id, joining)  # before the transaction
    async with runtime.database.transaction() as connection:
        for consumer in runtime.consumers.values():
            await consumer.positions.lock(connection, sorted(PROVINCES[name].lane for name in pending["joins"]))
        sandbox = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
        if sandbox is None:
            return False
        now = await connection.fetchrow("SELECT * FROM replanning WHERE sandbox = $1 FOR UPDATE", sandbox_id)
        if now != pending:
            return True  # the work has changed meanwhile, or another process did this part
        codes = [row["code"] for row in rows]
        batch = runtime.batch()
        batch.load(await runtime.documents.lock(connection, [(sandbox_id, code) for code in codes]), runtime.documents)
        await history.add_own(connection, runtime.service, sandbox_id, earlier)
        lines = []
        for code in codes:
            work = Work(batch, sandbox)
            _plan_again(work, ring, code, earlier.get(code), is_last_try=is_last_try)
            work.merge()
            lines.append(_line(sandbox, work.load(code, DossierNotFound), sandbox.now))
        await batch.save(connection, runtime.documents)
        await journal.note_all(connection, sandbox.id, lines)
        if len(codes) < BATCH:
            await connection.execute("DELETE FROM replanning WHERE sandbox = $1", sandbox_id)
        else:
            await connection.execute("UPDATE replanning SET after = $2 WHERE sandbox = $1", sandbox_id, codes[-1])
    batch.report()
    return True


def _plan_again(work: Work, ring: Ring, code: str, earlier: History | None, *, is_last_try: bool) -> None:
    dossier = work.load(code, DossierNotFound)
    is_external = mode_of(work.sandbox, dossier.province).is_external
    if earlier is not None and is_external:
        if not is_last_try:
            earlier.require(dossier.heard)
        for delivery in earlier.until(dossier.heard):
            deliveries.tell(work, ring, dossier.province, delivery)
        dossier = replace(dossier, is_told=True)
    elif not is_external:
        dossier = replace(dossier, is_told=False)
    work.save(code, dossier)
    plan.plan_all(work, code)


def _line(sandbox: Sandbox, dossier: Dossier, at: datetime) -> Line:
    mode: Mode = mode_of(sandbox, dossier.province)
    vi, en = MODE_WORDS[mode.tempo if mode.has_officers else mode.mode]
    facts = {"province": dossier.province, "planned": dossier.planned}
    text = f"Lên lại lịch xử lý; tỉnh ở chế độ {vi}", f"Planned again; the province is in {en}"
    return Line(dossier.code, at, "mode", *text, facts)
