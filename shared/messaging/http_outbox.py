"""Background calls as rows: what must still be told to a neighbour. Silence retries in real time, a refusal in sandbox time.

A call is claimed for a few seconds and made outside any transaction; it can be repeated: its row goes after its outcome is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared.errors import Refusal
from shared.http import Unreachable
from shared.observability import metrics, spans, trace_context
from shared.sandbox.clock import NOW_SQL
from shared.storage.database import Connection, Database

log = structlog.get_logger()
CLAIM_SECONDS = 10  # longer than an HTTP timeout: a caller that dies is replaced after this
RETRY_LIMIT_SECONDS = 5  # backoff doubles from 0.1 s to this
# Who waits is due now. Who is being asked meanwhile, or waits for a neighbour, keeps its place but for a moment: by that
# `_carry` sees that a refusal is of yesterday.
AGAIN_SQL = (
    "next_try = CASE WHEN c.refused THEN clock_timestamp() ELSE c.next_try + interval '1 ms' END, "
    "refused = false, due = NULL"
)


def calls_table(metadata: MetaData) -> Table:
    return Table(
        "calls",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("key", Text, primary_key=True),  # what makes the call one and the same, such as a payment's reference
        Column("data", JSONB, nullable=False),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("next_try", DateTime(timezone=True), nullable=False, server_default="now()"),  # real time
        Column("traceparent", Text, nullable=False, server_default=""),
        Column("last_error", Text, nullable=False, server_default=""),
        Column("refused", Boolean, nullable=False, server_default="false"),  # by a rule, not by silence
        Column("due", DateTime(timezone=True)),  # sandbox time until which a rule holds it; NULL: it does not say
        Index("calls_next_try", "next_try"),
    )


@dataclass(frozen=True)
class Call:
    sandbox: str
    kind: str
    key: str
    data: dict[str, Any]
    attempts: int


@dataclass(frozen=True)
class Claim:
    """A call that this worker makes now, and until when (real time) nobody else does."""

    call: Call
    until: datetime
    traceparent: str


# Makes the call, keeps its outcome, then removes the row by `done`; raises Unreachable or a Refusal to be asked again.
Caller = Callable[[Call], Awaitable[None]]


async def add(connection: Connection, sandbox_id: str, kind: str, key: str, data: Mapping[str, object]) -> None:
    await connection.execute(
        "INSERT INTO calls (sandbox, kind, key, data, traceparent) VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT DO NOTHING",
        *(sandbox_id, kind, key, msgspec.json.encode(data).decode(), trace_context.traceparent()),
    )


async def done(connection: Connection, call: Call) -> None:
    await connection.execute(
        "DELETE FROM calls WHERE sandbox = $1 AND kind = $2 AND key = $3", call.sandbox, call.kind, call.key
    )


async def in_flight(database: Database, sandbox_id: str) -> list[dict[str, Any]]:
    """Calls not ended yet in one sandbox, with their last error: for `settle`."""
    rows = await database.fetch(
        "SELECT kind, key, attempts, last_error, refused FROM calls WHERE sandbox = $1 ORDER BY kind, key", sandbox_id
    )
    return [dict(row) for row in rows]


async def next_due(database: Database, sandbox_id: str) -> datetime | None:
    """When the next call that a rule holds until some moment goes on, in sandbox time."""
    due: datetime | None = await database.pool.fetchval("SELECT min(due) FROM calls WHERE sandbox = $1", sandbox_id)
    return due


async def release(database: Database, sandbox_id: str) -> list[tuple[str, str, datetime]]:
    """Let go what was held until now, by the sandbox's clock; gives kind, key and due of each, in order."""
    rows = await database.fetch(
        f"UPDATE calls c SET {AGAIN_SQL} FROM sandboxes s, "
        f"(SELECT kind, key, due FROM calls WHERE sandbox = $1 AND due IS NOT NULL FOR UPDATE) was "
        f"WHERE c.sandbox = $1 AND s.id = $1 AND c.kind = was.kind AND c.key = was.key AND was.due <= {NOW_SQL} "
        "RETURNING c.kind, c.key, was.due",
        sandbox_id,
    )
    return sorted(((row["kind"], row["key"], row["due"]) for row in rows), key=lambda each: (each[2], each[0], each[1]))


async def try_again(database: Database | Connection, sandbox_id: str, keys: Sequence[str] | None = None) -> None:
    """What was refused or held is asked again now, for sandbox time has moved or a rule is off.

    keys  only these; None: all of the sandbox
    A call that is being made at this very moment was asked under what was so before: if refused, it is asked again too.
    """
    where = "sandbox = $1 AND ($2::text[] IS NULL OR key = ANY($2))"
    await database.fetch(f"UPDATE calls c SET {AGAIN_SQL} WHERE {where}", sandbox_id, keys)


class Callers:
    """Carries due calls to their callers, several at a time; wake it after a commit that added one."""

    def __init__(self, database: Database, callers: Mapping[str, Caller], poll_seconds: float = 0.2) -> None:
        self._database, self._callers, self._poll = database, callers, poll_seconds
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            claimed = await self._claim()
            if claimed:
                await asyncio.gather(*(self._carry(claim) for claim in claimed))
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._poll)

    async def _claim(self) -> list[Claim]:
        rows = await self._database.fetch(
            f"""UPDATE calls SET attempts = attempts + 1, next_try = clock_timestamp() + interval '{CLAIM_SECONDS} s'
            WHERE (sandbox, kind, key) IN (SELECT sandbox, kind, key FROM calls WHERE next_try <= clock_timestamp()
              AND kind = ANY($1) ORDER BY next_try LIMIT 16 FOR UPDATE SKIP LOCKED)
            RETURNING sandbox, kind, key, data, attempts, next_try, traceparent""",
            list(self._callers),
        )
        return [
            Claim(
                Call(r["sandbox"], r["kind"], r["key"], msgspec.json.decode(r["data"]), r["attempts"]),
                *(r["next_try"], r["traceparent"]),
            )
            for r in rows
        ]

    async def _carry(self, claim: Claim) -> None:
        call, traceparent = claim.call, claim.traceparent
        own, begun, wrong = trace_context.begin_trace(traceparent), time.perf_counter(), ""
        try:
            await self._callers[call.kind](call)
            metrics.CALLS_MADE.labels(call.kind, "done").inc()
        except Exception as error:
            # Kept on the row and tried again: a fault of one call must not stop the others.
            wrong = type(error).__name__
            refused = isinstance(error, Refusal)
            outcome = "unreachable" if isinstance(error, Unreachable) else "refused" if refused else "failed"
            metrics.CALLS_MADE.labels(call.kind, outcome).inc()
            facts = {"kind": call.kind, "key": call.key, "sandbox": call.sandbox, "attempts": call.attempts}
            log.warning("call_failed", error=repr(error), **facts)
            wait = min(0.1 * 2 ** min(call.attempts - 1, 10), RETRY_LIMIT_SECONDS)
            await self._database.pool.execute(
                f"""UPDATE calls c SET last_error = $5, refused = $6 AND c.next_try = $8,
                  due = CASE WHEN c.next_try = $8 THEN $7::timestamptz END, next_try = CASE
                  WHEN c.next_try <> $8 THEN clock_timestamp()
                  WHEN NOT $6 THEN clock_timestamp() + $4 * interval '1 s'
                  WHEN s.rate = 0 THEN 'infinity'
                  ELSE clock_timestamp() + least(interval '1 min', ($7 - {NOW_SQL}) / s.rate) END
                FROM sandboxes s WHERE c.sandbox = $1 AND c.kind = $2 AND c.key = $3 AND s.id = $1""",
                *(call.sandbox, call.kind, call.key, wait, f"{type(error).__name__}: {error}"[:500], refused),
                *(getattr(error, "due", None), claim.until),
            )
        if spans.on:
            parent = traceparent if trace_context.same_trace(traceparent, own) else ""
            spans.attempted(call, own, parent, time.perf_counter() - begun, wrong)
