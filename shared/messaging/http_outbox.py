"""HTTP outbox: calls to peers, stored as rows. Without a reply: retried in real time. Refused: in sandbox time.

A call is claimed for a few seconds and made outside any transaction. It can be repeated: its row is deleted only after
its outcome is stored.
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
CLAIM_SECONDS = 10  # longer than an HTTP timeout: after this another worker makes the call of one that died
ERROR_LETTERS = 1000  # of the last error of a call
RETRY_LIMIT_SECONDS = 5  # backoff doubles from 0.1 s to this
# A refused call becomes due now. Any other call, also one that is being made, is only moved by 1 ms: from that
# `_make_call` sees that its refusal is outdated.
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
        Column("key", Text, primary_key=True),  # identifies the call, such as the reference of a payment
        Column("data", JSONB, nullable=False),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("next_try", DateTime(timezone=True), nullable=False, server_default="now()"),  # real time
        Column("traceparent", Text, nullable=False, server_default=""),
        Column("last_error", Text, nullable=False, server_default=""),
        Column("refused", Boolean, nullable=False, server_default="false"),  # a rule refused the last attempt
        Column("due", DateTime(timezone=True)),  # sandbox time until which a rule holds it; NULL: unknown
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
    """A call that this worker makes now; no other worker makes it before `until` (real time)."""

    call: Call
    until: datetime
    traceparent: str


# Makes the call, stores its outcome, then removes the row with `done`; raises Unreachable or a Refusal for a retry.
Caller = Callable[[Call], Awaitable[None]]


async def add(connection: Connection, sandbox_id: str, kind: str, key: str, data: Mapping[str, object]) -> None:
    await connection.execute(
        "INSERT INTO calls (sandbox, kind, key, data, traceparent) VALUES ($1, $2, $3, $4::jsonb, $5) "
        "ON CONFLICT DO NOTHING",
        sandbox_id,
        kind,
        key,
        msgspec.json.encode(data).decode(),
        trace_context.traceparent(),
    )


async def done(connection: Connection, call: Call) -> None:
    await connection.execute(
        "DELETE FROM calls WHERE sandbox = $1 AND kind = $2 AND key = $3", call.sandbox, call.kind, call.key
    )


async def in_flight(database: Database, sandbox_id: str) -> list[dict[str, Any]]:
    """The unfinished calls of one sandbox, with their last error: for `settle`."""
    rows = await database.fetch(
        "SELECT kind, key, attempts, last_error, refused FROM calls WHERE sandbox = $1 ORDER BY kind, key", sandbox_id
    )
    return [dict(row) for row in rows]


async def next_due(database: Database, sandbox_id: str) -> datetime | None:
    """When the first call that a rule holds until a known time becomes due, in sandbox time."""
    due: datetime | None = await database.pool.fetchval("SELECT min(due) FROM calls WHERE sandbox = $1", sandbox_id)
    return due


async def release(database: Database, sandbox_id: str) -> list[tuple[str, str, datetime]]:
    """Make held calls due if their time has come in the sandbox; returns kind, key and due of each, in order."""
    rows = await database.fetch(
        f"UPDATE calls c SET {AGAIN_SQL} FROM sandboxes s, "
        f"(SELECT kind, key, due FROM calls WHERE sandbox = $1 AND due IS NOT NULL FOR UPDATE) held "
        f"WHERE c.sandbox = $1 AND s.id = $1 AND c.kind = held.kind AND c.key = held.key AND held.due <= {NOW_SQL} "
        "RETURNING c.kind, c.key, held.due",
        sandbox_id,
    )
    return sorted(((row["kind"], row["key"], row["due"]) for row in rows), key=lambda call: (call[2], call[0], call[1]))


async def try_again(database: Database | Connection, sandbox_id: str, keys: Sequence[str] | None = None) -> None:
    """Retry refused and held calls now, because sandbox time has moved or a rule was switched off.

    keys  only these; None: all of the sandbox
    A call that is being made now began before the change: if it is refused, it is retried too.
    """
    where = "sandbox = $1 AND ($2::text[] IS NULL OR key = ANY($2))"
    await database.fetch(f"UPDATE calls c SET {AGAIN_SQL} WHERE {where}", sandbox_id, keys)


class Callers:
    """Makes due calls, several at a time. Wake it after a commit that added one."""

    def __init__(self, database: Database, callers: Mapping[str, Caller], poll_seconds: float = 0.2) -> None:
        self._database, self._callers, self._poll = database, callers, poll_seconds
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            claims = await self._claim()
            if claims:
                await asyncio.gather(*(self._make_call(claim) for claim in claims))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()

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
                Call(row["sandbox"], row["kind"], row["key"], msgspec.json.decode(row["data"]), row["attempts"]),
                row["next_try"],
                row["traceparent"],
            )
            for row in rows
        ]

    async def _make_call(self, claim: Claim) -> None:
        call, traceparent = claim.call, claim.traceparent
        own, begun, failure = trace_context.begin_trace(traceparent), time.perf_counter(), ""
        try:
            await self._callers[call.kind](call)
            metrics.CALLS_MADE.labels(call.kind, "done").inc()
        except Exception as error:
            # Stored in the row and retried: a fault of one call must not stop the others.
            failure = type(error).__name__
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
                call.sandbox,
                call.kind,
                call.key,
                wait,
                f"{type(error).__name__}: {error}"[:ERROR_LETTERS],
                refused,
                getattr(error, "due", None),
                claim.until,
            )
        if spans.on:
            parent = traceparent if trace_context.same_trace(traceparent, own) else ""
            spans.attempted(call, own, parent, time.perf_counter() - begun, failure)
