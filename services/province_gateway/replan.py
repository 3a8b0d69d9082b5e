"""Plans the open dossiers of a province again after a change of its mode, in batches, also after a crash.

A row in `replanning`, written with the new modes, holds the remaining work; the last batch deletes it. Until then old
timers have no effect, because officers check the mode when a timer fires.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from contracts.modes import AT_ONCE, EXTERNAL, MANUAL, SCRIPTED, WORKING_CLOCK
from services.province_gateway.domain import Dossier
from services.province_gateway.officers import plan
from services.province_gateway.officers.modes import Mode, mode_of
from services.province_gateway.store import OPEN
from shared.messaging.runtime import MessagingRuntime
from shared.messaging.unit_of_work import Work
from shared.sandbox import journal, registry
from shared.sandbox.journal import Line
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection

BATCH = 500  # dossiers per transaction
POLL_SECONDS = 1.0  # between two searches for work that a crashed process left
NOTE_SQL = """
INSERT INTO replanning (sandbox, provinces, after) VALUES ($1, $2, '') ON CONFLICT (sandbox) DO UPDATE
SET after = '', provinces = ARRAY(SELECT DISTINCT unnest(replanning.provinces || EXCLUDED.provinces) ORDER BY 1)"""
BATCH_SQL = f"""
SELECT code FROM dossiers WHERE sandbox = $1 AND code > $2 AND body->>'province' = ANY($3) AND {OPEN}
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


async def note(connection: Connection, sandbox_id: str, provinces: Sequence[str]) -> None:
    """Store that all dossiers of these provinces are to be planned again."""
    if provinces:
        await connection.execute(NOTE_SQL, sandbox_id, provinces)


async def under_way(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> list[str]:
    """The remaining work, for `settle`."""
    rows = await runtime.database.fetch("SELECT provinces FROM replanning WHERE sandbox = $1", sandbox_id)
    return [f"dossiers of {', '.join(row['provinces'])} are being planned again" for row in rows]


async def finish(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> None:
    """Plan the dossiers of a sandbox again; returns when none is left."""
    while await under_way(runtime, sandbox_id) and await _next_batch(runtime, sandbox_id):
        pass


async def finish_all(runtime: MessagingRuntime[Dossier]) -> None:
    """Job: finish every planning, also those that a crashed process began."""
    while True:
        for row in await runtime.database.fetch(UNFINISHED_SQL):
            await finish(runtime, row["sandbox"])
        await asyncio.sleep(POLL_SECONDS)


async def _next_batch(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> bool:
    """Plan the next batch; False if there is none. Locks in the usual order: sandbox, dossiers by key."""
    async with runtime.database.transaction() as connection:
        sandbox = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
        pending: Any = await connection.fetchrow("SELECT * FROM replanning WHERE sandbox = $1 FOR UPDATE", sandbox_id)
        if sandbox is None or pending is None:
            return False
        rows = await connection.fetch(BATCH_SQL, sandbox_id, pending["after"], pending["provinces"], BATCH)
        codes = [row["code"] for row in rows]
        await _plan_again(runtime, connection, sandbox, codes)
        if len(codes) < BATCH:
            await connection.execute("DELETE FROM replanning WHERE sandbox = $1", sandbox_id)
        else:
            await connection.execute("UPDATE replanning SET after = $2 WHERE sandbox = $1", sandbox_id, codes[-1])
    return True


async def _plan_again(
    runtime: MessagingRuntime[Dossier], connection: Connection, sandbox: Sandbox, codes: Sequence[str]
) -> None:
    batch = runtime.batch()
    batch.load(await runtime.documents.lock(connection, [(sandbox.id, code) for code in codes]), runtime.documents)
    lines = []
    for code in codes:
        work = Work(batch, sandbox)
        plan.plan_all(work, code)
        work.merge()
        lines.append(_line(sandbox, batch.documents[(sandbox.id, code)].document, sandbox.now))
    await batch.save(connection, runtime.documents)
    await journal.note_all(connection, sandbox.id, lines)


def _line(sandbox: Sandbox, dossier: Dossier, at: datetime) -> Line:
    mode: Mode = mode_of(sandbox, dossier.province)
    vi, en = MODE_WORDS[mode.tempo if mode.has_officers else mode.mode]
    facts = {"province": dossier.province, "planned": dossier.planned}
    text = f"Lên lại lịch xử lý; tỉnh ở chế độ {vi}", f"Planned again; the province is in {en}"
    return Line(dossier.code, at, "mode", *text, facts)
