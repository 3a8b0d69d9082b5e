"""Unit of work: loaded documents, pending writes and events, and the current sandbox time.

`Work` is the layer of one decision (a request, an event, a timer). `Batch` is what one transaction saves: layers merged
in order, written by one statement whatever their number (measured: sets are 30 times cheaper than rows).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec
import structlog

from shared.messaging.cloudevents import event_id
from shared.messaging.lanes import Place
from shared.messaging.save_statement import AT_ONCE, CLAUSES, STILL_SO, Clause, save_statement
from shared.observability import metrics, trace_context
from shared.sandbox import faults
from shared.sandbox.faults import Rule
from shared.sandbox.registry import Sandbox
from shared.storage.database import DATA_REFUSED, Connection
from shared.storage.documents import DocumentStore

T = TypeVar("T")
Key = tuple[str, str]  # (sandbox, code)
Due = tuple[datetime, int, bool]  # of a timer: due time, lane, at_once
Topics = Mapping[str, str]  # event type → topic
log = structlog.get_logger()


@dataclass(slots=True)
class LoadedDocument(Generic[T]):
    """A loaded document, with what its events need: their number, the time of the last one, the trace."""

    document: T
    lane: int
    version: int = 0
    last_at: datetime | None = None
    traceparent: str = ""  # of the first request or event: the trace of the whole journey

    @property
    def is_expected(self) -> bool:
        """Whether the event that begins it has not arrived: something was only noted for it."""
        return bool(getattr(self.document, "is_expected", False))


@dataclass(slots=True)
class NewEvent:
    """An event that is not written yet."""

    topic: str
    sandbox: str
    subject: str
    version: int
    id: str
    type: str
    lane: int
    at: datetime
    body: str
    traceparent: str


@dataclass(slots=True)
class Batch(Generic[T]):
    """Everything that one transaction loaded and will write.

    topics  event type → topic
    epoch   of our event log, in the batch of a request: no code of an earlier epoch is assigned again
    """

    source: str
    topics: Topics
    epoch: int | None = None
    documents: dict[Key, LoadedDocument[T]] = field(default_factory=dict)
    changed: set[Key] = field(default_factory=set)
    events: list[NewEvent] = field(default_factory=list)
    timers: dict[tuple[str, str, str], Due | None] = field(default_factory=dict)  # None: drop it
    calls: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    inserts: dict[Clause, list[tuple[Any, ...]]] = field(default_factory=dict)  # rows of the service's own clauses
    committed: list[Callable[[], None]] = field(default_factory=list)  # to be called after the commit
    replies: list[tuple[Any, ...]] = field(default_factory=list)  # rows of the clause "replied" with which it is saved
    counters: dict[Key, int] = field(default_factory=dict)  # locked counters: the last number drawn
    drawn: dict[Key, int] = field(default_factory=dict)  # those from which this batch drew: the last number
    stages: list[tuple[str, str]] = field(default_factory=list)  # state and channel of each document that changed state
    # Fault rules that fired: sandbox, rule, subject, at.
    firings: list[tuple[str, Rule, str, datetime]] = field(default_factory=list)

    def load(self, rows: Sequence[Any], store: DocumentStore[T]) -> None:
        """Add documents that the transaction has locked."""
        for row in rows:
            document = store.decode(row["body"])
            key = (row["sandbox"], row["code"])
            self.documents[key] = LoadedDocument(
                document, row["lane"], row["version"], row["last_at"], row["traceparent"]
            )

    async def save(self, connection: Connection, store: DocumentStore[T]) -> None:
        """Write everything in one statement; the rows were locked when they were loaded."""
        sets = {name: rows for name, rows in self._rows(store).items() if rows}
        await self._write(connection, store, CLAUSES, sets)
        if self.firings:
            await faults.record(connection, self.firings)

    async def save_at_once(self, connection: Connection, store: DocumentStore[T], sandbox: Sandbox) -> bool:
        """Write everything in one transaction of one statement.

        False, and nothing is written: meanwhile the sandbox was changed, a number drawn or a key used; or PostgreSQL
        refuses the data of one of the requests.

        Each reply stands for a request that has drawn one number, of a counter that no other of this batch draws from.
        """
        sets = {
            "unchanged": [(sandbox.id, sandbox.version)],
            **{name: rows for name, rows in self._rows(store).items() if rows},
        }
        try:
            await self._write(connection, store, AT_ONCE, sets, STILL_SO)
        except (*DATA_REFUSED, asyncpg.DeadlockDetectedError):
            return False
        return True

    async def _write(
        self,
        connection: Connection,
        store: DocumentStore[T],
        known: Sequence[Clause],
        sets: Mapping[str, Sequence[tuple[Any, ...]]],
        result: str = "",
    ) -> None:
        clauses = (*(clause for clause in known if (clause.after or clause.name) in sets), *self.inserts)
        if clauses:  # what a transaction does not write costs nothing
            columns = [column for rows in sets.values() for column in zip(*rows, strict=True)]
            columns += [column for rows in self.inserts.values() for column in zip(*rows, strict=True)]
            await connection.execute(save_statement(store.table, clauses, result), *columns)

    def _rows(self, store: DocumentStore[T]) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of every clause that has columns, in the order of the clauses."""
        documents = [
            (*key, loaded.lane, loaded.version, loaded.last_at, store.encode(loaded.document), loaded.traceparent)
            for key, loaded in ((key, self.documents[key]) for key in sorted(self.changed))
        ]
        events = [
            (e.topic, e.sandbox, e.subject, e.version, e.id, e.type, e.lane, e.at, e.body, e.traceparent)
            for e in self.events
        ]
        return {
            "documents": documents,
            "new_events": events,
            "timers_set": [(*key, *timer) for key, timer in self.timers.items() if timer is not None],
            "timers_dropped": [key for key, timer in self.timers.items() if timer is None],
            "calls_added": list(self.calls),
            "counted": [(*key, value) for key, value in sorted(self.drawn.items())],
            "replied": self.replies,
        }

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write except positions."""
        return not (self.changed or self.events or self.timers or self.calls or self.inserts)

    def report(self) -> None:
        """After the commit: count the events and the new states, and call what waits for the commit."""
        for type, number in Counter(event.type for event in self.events).items():
            metrics.EVENTS_WRITTEN.labels(type).inc(number)
        for stage, number in Counter(self.stages).items():
            metrics.JOURNEYS.labels(self.source, *stage).inc(number)
        for call in self.committed:
            call()


class Work(Generic[T]):
    """The layer of one decision over a batch, which it reads but does not change. `merge` moves it into the batch."""

    def __init__(
        self, batch: Batch[T], sandbox: Sandbox, cause_at: datetime | None = None, cause: Place = (0, 0)
    ) -> None:
        self._batch, self.sandbox = batch, sandbox
        self.cause = cause  # epoch and dossierversion of the event being applied; (0, 0) for requests and timers
        self.now = max(sandbox.now, cause_at) if cause_at else sandbox.now
        self._documents: dict[str, LoadedDocument[T]] = {}
        self._events: list[NewEvent] = []
        self._timers: dict[tuple[str, str, str], Due | None] = {}
        self._calls: list[tuple[str, str, str, str, str]] = []
        self._inserts: list[tuple[Clause, tuple[Any, ...]]] = []
        self._committed: list[Callable[[], None]] = []
        self._drawn: dict[Key, int] = {}
        self._firings: list[tuple[str, Rule, str, datetime]] = []

    def layer(self) -> Work[T]:
        """The layer of a further decision of the same transaction, on what was merged before it."""
        return type(self)(self._batch, self.sandbox)

    @property
    def epoch(self) -> int:
        """The epoch of our event log. Raises LookupError outside a request."""
        if self._batch.epoch is None:
            raise LookupError("the epoch is known only in the unit of work of a request")
        return self._batch.epoch

    def find(self, code: str) -> T | None:
        loaded = self._documents.get(code) or self._batch.documents.get((self.sandbox.id, code))
        return loaded.document if loaded else None

    def load(self, code: str, missing: Callable[[str], Exception]) -> T:
        """The document `code`, which is locked; raises the error that `missing` makes from the code."""
        document = self.find(code)
        if document is None:
            raise missing(code)
        return document

    def save(self, code: str, document: T, *, lane: int | None = None) -> None:
        """Save `document` under `code`; `lane` is required for a new document, and for one that was only expected."""
        loaded = self._layer(code)
        if loaded is None:
            if lane is None:
                raise ValueError(f"{code} is new: its lane is required")
            self._documents[code] = LoadedDocument(document, lane, traceparent=trace_context.traceparent())
            return
        loaded.document = document
        if lane is not None and not loaded.traceparent:  # its journey begins now
            loaded.traceparent = trace_context.traceparent()
            loaded.traceparent = loaded.traceparent or trace_context.traceparent()

    def at(self, code: str) -> datetime:
        """The time of an event of `code` now: never before its last event (design: Time)."""
        loaded = self._documents.get(code) or self._batch.documents.get((self.sandbox.id, code))
        return max(self.now, loaded.last_at) if loaded and loaded.last_at else self.now

    def last_at(self, code: str) -> datetime | None:
        """The time of the last event that this service published about `code`."""
        loaded = self._documents.get(code) or self._batch.documents.get((self.sandbox.id, code))
        return loaded.last_at if loaded else None

    def traceparent(self, code: str) -> str:
        """The first span of the journey of `code`; "" if it has none yet."""
        loaded = self._documents.get(code) or self._batch.documents.get((self.sandbox.id, code))
        return loaded.traceparent if loaded else ""

    def publish(self, type: str, code: str, body: dict[str, Any]) -> None:
        """Publish an event about `code`; raises LookupError if its document is not loaded, or the type has no topic."""
        loaded = self._layer(code)
        if loaded is None:
            raise LookupError(f"{type}: {code} is not loaded in this transaction")
        at = self.at(code)
        loaded.version, loaded.last_at = loaded.version + 1, at
        identity = event_id(self.sandbox.seed, self._batch.source, code, loaded.version)
        text = msgspec.json.encode(body).decode()
        trace = trace_context.traceparent()
        topic = self._batch.topics[type]
        self._events.append(
            NewEvent(topic, self.sandbox.id, code, loaded.version, identity, type, loaded.lane, at, text, trace)
        )

    def timer(self, code: str, kind: str, due: datetime, *, at_once: bool = False) -> None:
        """Set a timer for `code` at `due` (sandbox time). There is one per kind: a later call moves it.

        at_once  fires when due, even if the clock is frozen
        """
        loaded = self._layer(code)
        self._timers[(self.sandbox.id, code, kind)] = (due, loaded.lane if loaded else 0, at_once)

    def drop_timer(self, code: str, kind: str) -> None:
        self._timers[(self.sandbox.id, code, kind)] = None

    def call(self, kind: str, key: str, data: dict[str, Any]) -> None:
        """Call a peer after the commit, until it replies: one row per (kind, key)."""
        self._calls.append(
            (self.sandbox.id, kind, key, msgspec.json.encode(data).decode(), trace_context.traceparent())
        )

    def insert(self, clause: Clause, row: tuple[Any, ...]) -> None:
        """Write one more row of a clause of the service's own, in the statement that saves everything."""
        self._inserts.append((clause, row))

    def when_committed(self, call: Callable[[], None]) -> None:
        """Call it after the commit; not at all if there is none. A crash in between loses the call."""
        self._committed.append(call)

    def record_firing(self, rule: Rule, code: str) -> None:
        """Count and note a fault rule that changed the decision about `code`."""
        self._firings.append((self.sandbox.id, rule, code, self.at(code)))

    def use_counters(self, counters: Mapping[Key, int]) -> None:
        """Counters that the transaction has locked, with the last number of each."""
        self._batch.counters.update(counters)

    def number(self, counter: str) -> int:
        """The next number of a counter, without gaps. Raises LookupError if this transaction has not locked it."""
        key = (self.sandbox.id, counter)
        last = self._drawn.get(key, self._batch.drawn.get(key, self._batch.counters.get(key)))
        if last is None:
            raise LookupError(f"{counter}: the counter is not locked by this transaction")
        self._drawn[key] = last + 1
        return last + 1

    @property
    def draws_one_number(self) -> bool:
        """Whether it draws one number, and writes nothing that a statement alone cannot: no firing of a fault rule."""
        return len(self._drawn) == 1 and not self._firings

    def merge(self) -> None:
        """Accept the decision: move everything into the batch."""
        sandbox_id = self.sandbox.id
        for code, loaded in self._documents.items():
            earlier, stage = self._batch.documents.get((sandbox_id, code)), _stage(loaded.document)
            if stage and (earlier is None or stage != _stage(earlier.document)):
                self._batch.stages.append(stage)
            self._batch.documents[(sandbox_id, code)] = loaded
            self._batch.changed.add((sandbox_id, code))
        self._batch.events += self._events
        self._batch.timers.update(self._timers)
        self._batch.calls += self._calls
        for clause, row in self._inserts:
            self._batch.inserts.setdefault(clause, []).append(row)
        self._batch.committed += self._committed
        self._batch.drawn.update(self._drawn)
        self._batch.firings += self._firings

    def _layer(self, code: str) -> LoadedDocument[T] | None:
        loaded = self._documents.get(code)
        if loaded is None and (base := self._batch.documents.get((self.sandbox.id, code))) is not None:
            loaded = self._documents[code] = LoadedDocument(
                base.document, base.lane, base.version, base.last_at, base.traceparent
            )
        return loaded


def _stage(document: Any) -> tuple[str, str] | None:
    """State and channel of a document; None for documents without a lifecycle."""
    state = getattr(document, "state", None)
    return (state.slug, document.channel) if state is not None else None
