"""A province's mode changes in the middle of its dossiers: each is planned anew, a piece at a time, whoever crashes meanwhile.

What is still to be done is a row, written in the transaction that takes the new modes over; it goes with the last piece.
Until then a plan of before does nothing: officers look at the mode when their time comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from contracts.modes import AT_ONCE, SCRIPTED, WORKING_CLOCK
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

PIECE = 500  # dossiers per transaction
LEFT_SECONDS = 1.0  # between two looks for what a process that died has left
NOTE_SQL = """
INSERT INTO replanning (sandbox, provinces, after) VALUES ($1, $2, '') ON CONFLICT (sandbox) DO UPDATE
SET after = '', provinces = ARRAY(SELECT DISTINCT unnest(replanning.provinces || EXCLUDED.provinces) ORDER BY 1)"""
SOME_SQL = f"""
SELECT code FROM dossiers WHERE sandbox = $1 AND code > $2 AND body->>'province' = ANY($3) AND {OPEN} ORDER BY code LIMIT $4"""
LEFT_SQL = "SELECT sandbox FROM replanning r JOIN sandboxes s ON s.id = r.sandbox WHERE NOT s.deleted"
MANUAL_WORDS = "thủ công: cán bộ tự xử lý", "manual mode: nobody acts by themselves"
TEMPO_WORDS = {
    WORKING_CLOCK: ("mô phỏng, theo giờ làm việc", "simulated mode, by the working clock"),
    AT_ONCE: ("mô phỏng, xử lý ngay", "simulated mode, at once"),
    SCRIPTED: ("mô phỏng, theo kịch bản", "simulated mode, as scripted"),
}


def replanning_table(metadata: MetaData) -> Table:
    return Table(
        "replanning",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("provinces", ARRAY(Text), nullable=False),  # whose dossiers are to be planned anew
        Column("after", Text, nullable=False),  # code of the last one that is
    )


async def note(connection: Connection, sandbox_id: str, provinces: Sequence[str]) -> None:
    """Write down that these provinces are to be planned anew, all from the beginning."""
    if provinces:
        await connection.execute(NOTE_SQL, sandbox_id, provinces)


async def under_way(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> list[str]:
    """What is left to do, for `settle`."""
    rows = await runtime.database.fetch("SELECT provinces FROM replanning WHERE sandbox = $1", sandbox_id)
    return [f"dossiers of {', '.join(row['provinces'])} are being planned anew" for row in rows]


async def finish(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> None:
    """Plan anew what is noted; nothing of it is left when this returns."""
    while await under_way(runtime, sandbox_id) and await _some(runtime, sandbox_id):
        pass


async def finish_what_is_left(runtime: MessagingRuntime[Dossier]) -> None:
    """A job: whatever stopped who began it, it ends."""
    while True:
        for row in await runtime.database.fetch(LEFT_SQL):
            await finish(runtime, row["sandbox"])
        await asyncio.sleep(LEFT_SECONDS)


async def _some(runtime: MessagingRuntime[Dossier], sandbox_id: str) -> bool:
    """The next piece; False if there was none. Locks in the order of all: sandbox, dossiers by key."""
    async with runtime.database.transaction() as connection:
        country = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
        noted: Any = await connection.fetchrow("SELECT * FROM replanning WHERE sandbox = $1 FOR UPDATE", sandbox_id)
        if country is None or noted is None:
            return False
        rows = await connection.fetch(SOME_SQL, sandbox_id, noted["after"], noted["provinces"], PIECE)
        codes = [row["code"] for row in rows]
        await _plan_anew(runtime, connection, country, codes)
        if len(codes) < PIECE:
            await connection.execute("DELETE FROM replanning WHERE sandbox = $1", sandbox_id)
        else:
            await connection.execute("UPDATE replanning SET after = $2 WHERE sandbox = $1", sandbox_id, codes[-1])
    return True


async def _plan_anew(
    runtime: MessagingRuntime[Dossier], connection: Connection, country: Sandbox, codes: Sequence[str]
) -> None:
    batch = runtime.batch()
    batch.load(await runtime.documents.lock(connection, [(country.id, code) for code in codes]), runtime.documents)
    lines = []
    for code in codes:
        work = Work(batch, country)
        plan.plan_anew(work, code)
        work.merge()
        lines.append(_line(country, batch.documents[(country.id, code)].document, country.now))
    await batch.save(connection, runtime.documents)
    await journal.note_all(connection, country.id, lines)


def _line(country: Sandbox, dossier: Dossier, at: datetime) -> Line:
    mode: Mode = mode_of(country, dossier.province)
    vi, en = MANUAL_WORDS if mode.manual else TEMPO_WORDS[mode.tempo]
    facts = {"province": dossier.province, "planned": dossier.planned}
    text = f"Lên lại lịch xử lý; tỉnh ở chế độ {vi}", f"Planned anew; the province is in {en}"
    return Line(dossier.code, at, "mode", *text, facts)
