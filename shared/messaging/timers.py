"""Timers in sandbox time. A handler decides in memory; the decisions of a batch are saved together.

In frozen sandboxes timers fire only when the clock is advanced; in all others a worker fires what is due. An `at_once`
timer does not wait for a frozen clock: a worker fires it in every sandbox.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Boolean, Column, DateTime, Index, MetaData, SmallInteger, Table, Text, text

from shared.messaging import counters, dead_letters
from shared.messaging.unit_of_work import Batch, Topics, Work
from shared.observability import metrics, spans, trace_context
from shared.sandbox import registry
from shared.sandbox.clock import NOW_SQL, wire
from shared.sandbox.registry import Sandbox
from shared.storage.database import DATA_REFUSED, Connection, Database
from shared.storage.documents import DocumentStore

T = TypeVar("T")
log = structlog.get_logger()
BATCH = 500  # timers per transaction
NOT_PARKED = "NOT EXISTS (SELECT FROM parked p WHERE p.sandbox = t.sandbox AND p.subject = t.subject)"


def _due_sql(which: str) -> str:
    """Timers that are due and not parked, in firing order, of those sandboxes.

    The time of a sandbox is computed before its timers are searched: a condition with clock_timestamp() would read all.
    """
    return f"""
SELECT t.sandbox, t.subject, t.kind, t.due, t.lane FROM (
  SELECT s.id, {NOW_SQL} AS now FROM sandboxes s WHERE NOT s.deleted AND s.opened AND {which}) s
CROSS JOIN LATERAL (SELECT * FROM timers t WHERE t.sandbox = s.id AND t.due <= s.now AND {NOT_PARKED}
  ORDER BY t.due, t.lane, t.subject, t.kind LIMIT {BATCH}) t
ORDER BY t.due, t.lane, t.subject, t.kind LIMIT {BATCH}"""


DUE_SQL = _due_sql("s.id = $1")
# Due `at_once` timers of frozen sandboxes. They have their own index, because there can be many frozen sandboxes.
AT_ONCE_SQL = f"""
SELECT t.sandbox, t.subject, t.kind, t.due, t.lane FROM timers t JOIN sandboxes s ON s.id = t.sandbox
WHERE t.at_once AND s.rate = 0 AND NOT s.deleted AND s.opened AND t.due <= {NOW_SQL} AND {NOT_PARKED}
ORDER BY t.due, t.lane, t.subject, t.kind LIMIT {BATCH}"""
# What a worker fires. Without a parameter it is planned once: planning took four fifths of a look at nothing.
WORKER_SQL = f"({_due_sql('s.rate > 0')}) UNION ALL ({AT_ONCE_SQL}) LIMIT {BATCH}"


def timers_table(metadata: MetaData) -> Table:
    return Table(
        "timers",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("subject", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("due", DateTime(timezone=True), nullable=False),  # sandbox time
        Column("lane", SmallInteger, nullable=False),
        Column("at_once", Boolean, nullable=False, server_default="false"),  # fires even if the clock is frozen
        Index("timers_due", "sandbox", "due"),
        Index("timers_at_once", "due", postgresql_where=text("at_once")),
    )


@dataclass(frozen=True, slots=True)
class Timer:
    sandbox: str
    subject: str
    kind: str
    due: datetime
    lane: int


Handler = Callable[[Timer, Work[Any]], None]
CountersOf = Callable[[Timer, Any, datetime], Sequence[str]]  # counters from which the handler can draw


class Timers(Generic[T]):
    """Fires due timers.

    handlers     one function per kind of timer
    counters_of  names the counters that a timer needs, from its document and the time of its sandbox
    """

    def __init__(
        self,
        service: str,
        database: Database,
        store: DocumentStore[T],
        topics: Topics,
        handlers: dict[str, Handler],
        counters_of: CountersOf = lambda timer, document, now: (),
    ) -> None:
        self._service, self._database, self._documents = service, database, store
        self._topics, self._handlers, self._counters_of = topics, handlers, counters_of

    async def fire(self, sandbox_id: str | None, seconds: float = math.inf) -> list[dict[str, Any]]:
        """Fire what is due in one sandbox (None: what a worker fires, in all); one entry per timer, in order.

        No batch is begun after `seconds` of real time: then more can be due.
        """
        fired: list[dict[str, Any]] = []
        end = time.monotonic() + seconds
        while batch := await self._fire_some(sandbox_id):
            fired += [
                {"at": wire(t.due), "service": self._service, "kind": t.kind, "subject": t.subject} for t in batch
            ]
            if (len(batch) < BATCH and sandbox_id is None) or time.monotonic() >= end:
                break
        return fired

    async def _fire_some(self, sandbox_id: str | None) -> list[Timer]:
        statement = (WORKER_SQL,) if sandbox_id is None else (DUE_SQL, sandbox_id)
        due = [Timer(**row) for row in await self._database.fetch(*statement)]
        return await self._fire_these(due) if due else []

    async def _fire_these(self, due: list[Timer]) -> list[Timer]:
        """As `Consumer.apply`: if PostgreSQL refuses the data, halves the batch until the bad timer is found."""
        try:
            return await self._fire_batch(due, refuse=None)
        except DATA_REFUSED as error:
            if len(due) > 1:
                middle = len(due) // 2
                return await self._fire_these(due[:middle]) + await self._fire_these(due[middle:])
            return await self._fire_batch(due, refuse=error)

    async def _fire_batch(self, due: list[Timer], refuse: Exception | None) -> list[Timer]:
        batch: Batch[T] = Batch(self._service, self._topics)
        letters: list[dead_letters.Letter] = []
        fired: list[Timer] = []
        failed: set[tuple[str, str]] = set()
        steps: list[tuple[Timer, spans.Step]] = []  # only if spans are exported
        trace, begun = trace_context.current(), time.time_ns()  # of a request; empty in a worker
        async with self._database.transaction() as connection:
            sandboxes = await registry.lock(connection, sorted({timer.sandbox for timer in due}))
            keys = {(timer.sandbox, timer.subject) for timer in due}
            batch.load(await self._documents.lock(connection, keys), self._documents)
            await self._lock_counters(connection, due, sandboxes, batch)
            for timer in await self._still_due(connection, due):
                sandbox_row = sandboxes.get(timer.sandbox)
                key = (timer.sandbox, timer.subject)
                if sandbox_row is None or timer.due > sandbox_row.now or key not in batch.documents or key in failed:
                    continue
                if (*key, timer.kind) in batch.timers:
                    continue  # an earlier timer of this batch dropped or moved it
                work = Work(batch, sandbox_row, timer.due)
                work.drop_timer(timer.subject, timer.kind)
                fired.append(timer)
                parent = trace_context.begin_step(trace, batch.documents[key].traceparent)
                try:
                    if refuse is not None:
                        raise refuse
                    self._handlers[timer.kind](timer, work)
                except Exception as error:  # our bug, or a broken contract: parked with its reason until a redrive
                    letters.append(dead_letters.of_timer(timer.sandbox, timer.subject, timer.kind, timer.lane, error))
                    failed.add(key)
                else:
                    work.merge()
                if spans.on:
                    steps.append((timer, spans.step(parent, trace, letters[-1].reason if key in failed else "")))
            await batch.save(connection, self._documents)
            await dead_letters.save(connection, letters)
        batch.report()
        for timer in fired:
            metrics.TIMERS_FIRED.labels(timer.kind).inc()
        if spans.on:
            spans.fired(steps, begun)
        trace_context.resume(trace)
        return fired

    async def _lock_counters(
        self, connection: Connection, due: list[Timer], sandboxes: dict[str, Sandbox], batch: Batch[T]
    ) -> None:
        keys = set()
        for timer in due:
            key = (timer.sandbox, timer.subject)
            if key in batch.documents and timer.sandbox in sandboxes:
                names = self._counters_of(timer, batch.documents[key].document, sandboxes[timer.sandbox].now)
                keys |= {(timer.sandbox, name) for name in names}
        if keys:
            batch.counters = await counters.lock(connection, keys)

    async def _still_due(self, connection: Any, due: list[Timer]) -> list[Timer]:
        """Read the timers again under the locks of the documents: another worker may have fired or moved them."""
        rows = await connection.fetch(
            "SELECT t.sandbox, t.subject, t.kind, t.due, t.lane FROM timers t "
            "JOIN unnest($1::text[], $2::text[], $3::text[]) f (a, b, c) "
            "ON t.sandbox = a AND t.subject = b AND t.kind = c "
            f"WHERE {NOT_PARKED} ORDER BY t.due, t.lane, t.subject, t.kind",
            [timer.sandbox for timer in due],
            [timer.subject for timer in due],
            [timer.kind for timer in due],
        )
        return [Timer(**row) for row in rows]
