"""Applies events: all records of one poll, over all lanes, in one transaction with positions, effects, new events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog

from shared.messaging import dead_letters, judging
from shared.messaging.cloudevents import Event, Record, Signer
from shared.messaging.dead_letters import Letter
from shared.messaging.judging import Outcome
from shared.messaging.positions import SERVICE, Positions
from shared.messaging.unit_of_work import Batch, Topics, Work
from shared.observability import metrics, spans, trace_context
from shared.sandbox import registry
from shared.sandbox.registry import Sandbox
from shared.storage.database import DATA_REFUSED, Connection, Database
from shared.storage.documents import DocumentStore

T = TypeVar("T")
log = structlog.get_logger()
After = Callable[[Event, Work[Any]], None]
UNKNOWN_SANDBOX = "its sandbox is not known here yet"


class HandlerExists(Exception):
    """The event type already has a handler. A second listener must be a projection, which has its own positions."""


@dataclass(frozen=True)
class Handler:
    """For one event type: `read` parses the body or raises, `act` applies it; `creates` if it creates a document."""

    read: Callable[[bytes], Any]
    act: Callable[[Any, Work[Any]], None]
    creates: bool


@dataclass
class Redriven:
    """What a redrive of one subject has done.

    applied  how many events were applied: dead letters, and events that waited behind them
    letters  ids of the dead letters that are gone now; a timer among them fires again
    """

    applied: int = 0
    letters: list[int] = field(default_factory=list)


class Handlers:
    """One handler per event type, registered by the model of its body. Events without a handler are skipped.

    type_of   model of a body → event type
    """

    def __init__(self, type_of: Mapping[Any, str]) -> None:
        self._type_of = type_of
        self.table: dict[str, Handler] = {}

    def on(self, model: Any, *, creates: bool = False) -> Callable[[Callable[[Any, Work[Any]], None]], Any]:
        type = self._type_of[model]
        if type in self.table:
            raise HandlerExists(
                f"{type} already has a handler; write a second listener as a projection (messaging/projection.py)"
            )

        def register(act: Callable[[Any, Work[Any]], None]) -> Callable[[Any, Work[Any]], None]:
            self.table[type] = Handler(model.model_validate_json, act, creates)
            return act

        return register


class Consumer(Generic[T]):
    """Applies the records of one source to the documents of a service.

    source    the service whose events are accepted ("portal" | "gateway")
    service   our own name, for the events that handlers publish
    topics    event type → topic, for the events that handlers publish
    after     called after the handler of every event, on the same layer
    """

    def __init__(
        self,
        database: Database,
        store: DocumentStore[T],
        handlers: Handlers,
        *,
        source: str,
        service: str,
        topics: Topics,
        signer: Signer,
        after: After = lambda event, work: None,
    ) -> None:
        self._database, self._documents, self._handlers = database, store, handlers
        self._service, self._topics, self._signer, self._after = service, topics, signer, after
        self.positions = Positions(SERVICE, source)
        self.topic = ""  # the topic of the source, for spans; set by the worker

    @property
    def source(self) -> str:
        return self.positions.source

    async def apply(
        self,
        records: Sequence[Record],
        unknown: frozenset[str] = frozenset(),
    ) -> Outcome:
        """Apply records, in order per lane. If PostgreSQL refuses the data, halves the batch to find the bad event.

        unknown  sandboxes whose owner does not reply: their events are parked
        raises   faults of the machine (connection, deadlock, timeout): the same batch can be applied again
        """
        try:
            return await self._apply(records, unknown, refuse=None)
        except DATA_REFUSED as error:
            if len(records) > 1:
                middle = len(records) // 2
                first = await self.apply(records[:middle], unknown)
                return _joined(first, await self.apply(records[middle:], unknown))
            try:
                return await self._apply(records, unknown, refuse=None)
            except DATA_REFUSED:
                return await self._apply(records, unknown, refuse=error)

    async def _apply(
        self,
        records: Sequence[Record],
        unknown: frozenset[str],
        refuse: Exception | None,
    ) -> Outcome:
        outcome = Outcome()
        batch: Batch[T] = Batch(self._service, self._topics)
        letters: list[Letter] = []
        waiting: list[tuple[Event, str]] = []
        async with self._database.transaction() as connection:
            positions = await self.positions.lock(connection, sorted({record.lane for record in records}))
            due = judging.judge(self.positions, self._signer, positions, records, outcome)
            sandboxes = await registry.lock(connection, sorted({event.sandbox for event in due}))
            absent = sorted({event.sandbox for event in due} - sandboxes.keys())
            outcome.rowless = set(absent) - await registry.deleted(connection, absent) if absent else set()
            unknown = unknown | outcome.rowless
            parked = await self._load(connection, due, batch)
            for event in due:
                key = (event.sandbox, event.subject)
                if event.sandbox in unknown and event.sandbox not in sandboxes:
                    waiting.append((event, UNKNOWN_SANDBOX))
                elif event.sandbox not in sandboxes:
                    outcome.skipped.append("sandbox_deleted")
                elif key in parked:
                    waiting.append((event, ""))
                elif (letter := self.decide(event, sandboxes[event.sandbox], batch, outcome, refuse)) is not None:
                    letters.append(letter)
                    parked.add(key)
            if not batch.is_empty:
                await batch.save(connection, self._documents)
            await dead_letters.save(connection, letters)
            await save_waiting(connection, waiting)
            await save_orphans(connection, outcome.orphans)
            await self.positions.save(connection, positions)
            await judging.note_foreign(connection, self.positions, outcome)
        batch.report()
        self._report(outcome)
        return outcome

    async def _load(self, connection: Connection, due: Sequence[Event], batch: Batch[T]) -> set[tuple[str, str]]:
        """Lock and load the documents of the batch; returns the keys of the parked ones."""
        keys = {(event.sandbox, event.subject) for event in due}
        batch.load(await self._documents.lock(connection, keys), self._documents)
        rows = await connection.fetch(
            "SELECT sandbox, subject FROM parked "
            "JOIN unnest($1::text[], $2::text[]) t (a, b) ON sandbox = a AND subject = b",
            [key[0] for key in keys],
            [key[1] for key in keys],
        )
        return {(row["sandbox"], row["subject"]) for row in rows}

    def decide(
        self, event: Event, sandbox: Sandbox, batch: Batch[T], outcome: Outcome, refuse: Exception | None = None
    ) -> Letter | None:
        """Let the handler decide in memory, on its own layer: merged if it returns, dropped if it raises."""
        handler = self._handlers.table.get(event.type)
        if handler is None:
            outcome.skipped.append("not_handled")
            return None
        loaded = batch.documents.get((event.sandbox, event.subject))
        if (loaded is None or loaded.is_expected) and not handler.creates:
            outcome.orphans.append(event)
            return None
        parent = trace_context.begin_step(event.traceparent, loaded.traceparent if loaded else "")
        work = Work(batch, sandbox, event.time, (event.epoch, event.version))
        letter = None
        try:
            if refuse is not None:
                raise refuse
            handler.act(handler.read(event.body), work)
            self._after(event, work)
        except Exception as error:
            letter = dead_letters.of_event(event, error)
        else:
            work.merge()
            outcome.applied.append(event.type)
        if spans.on:
            outcome.steps.append((event, spans.step(parent, event.traceparent, letter.reason if letter else "")))
        return letter

    def _report(self, outcome: Outcome) -> None:
        for type, count in Counter(outcome.applied).items():
            metrics.EVENTS_APPLIED.labels(type).inc(count)
        for reason, count in Counter(outcome.skipped).items():
            metrics.EVENTS_SKIPPED.labels(reason).inc(count)
        for orphan in outcome.orphans:
            metrics.ORPHANS.labels(orphan.type).inc()
        if spans.on:
            spans.applied(self.topic, f"{self._service}-reader", outcome.steps, outcome.begun)

    async def redrive(self, sandbox_id: str, subject: str) -> Redriven:
        """Apply the dead letters of `subject` again, then the events behind them, in order.

        One event per transaction, under the position locks of the lanes, so that no newer event overtakes. Stops at the
        first that fails: it stays, or becomes, the dead letter that parks the rest. A redrive at the same time waits for
        these locks and then finds what is left, so no event is applied twice.
        """
        redriven = Redriven()
        while True:
            try:
                goes_on = await self._redrive_next(sandbox_id, subject, redriven, refuse=None)
            except DATA_REFUSED as error:
                goes_on = await self._redrive_next(sandbox_id, subject, redriven, refuse=error)
            if not goes_on:
                return redriven

    async def _redrive_next(self, sandbox_id: str, subject: str, redriven: Redriven, refuse: Exception | None) -> bool:
        """Apply the oldest event that had no effect yet, and note it. False if there is none, or if it fails again."""
        outcome, batch = Outcome(), Batch[T](self._service, self._topics)
        async with self._database.transaction() as connection:
            await dead_letters.lock_lanes(connection, sandbox_id, subject)
            sandbox_row = (await registry.lock(connection, [sandbox_id])).get(sandbox_id)
            stuck = await dead_letters.next_of(connection, sandbox_id, subject)
            if stuck is None:
                redriven.letters += await dead_letters.release(connection, sandbox_id, subject)
                return False
            await self._load(connection, [stuck.event], batch)
            letter = self.decide(stuck.event, sandbox_row, batch, outcome, refuse) if sandbox_row else None
            if letter is not None:
                await dead_letters.refused_again(connection, stuck, letter)
                return False
            if not batch.is_empty:
                await batch.save(connection, self._documents)
            await save_orphans(connection, outcome.orphans)
            await dead_letters.done(connection, stuck)
        batch.report()
        self._report(outcome)
        redriven.applied += len(outcome.applied)
        redriven.letters += [] if stuck.waits else [stuck.id]
        return True


def _joined(first: Outcome, second: Outcome) -> Outcome:
    return Outcome(
        asks={**{lane: place for lane, place in first.asks.items() if lane not in second.clear}, **second.asks},
        clear=first.clear | second.clear,
        offsets={**first.offsets, **second.offsets},
        committed={**first.committed, **second.committed},
        applied=first.applied + second.applied,
        skipped=first.skipped + second.skipped,
        orphans=first.orphans + second.orphans,
        rowless=first.rowless | second.rowless,
    )


async def save_waiting(connection: Connection, waiting: Sequence[tuple[Event, str]]) -> None:
    """Queue events of parked subjects. An event with a reason parks its subject now."""
    if not waiting:
        return
    await connection.executemany(
        "INSERT INTO parked (sandbox, subject, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        [(event.sandbox, event.subject, reason) for event, reason in waiting if reason],
    )
    await connection.executemany(
        "INSERT INTO waiting (sandbox, subject, lane, record) VALUES ($1, $2, $3, $4::jsonb)",
        [(event.sandbox, event.subject, event.lane, dead_letters.pack(event)) for event, _ in waiting],
    )


async def save_orphans(connection: Connection, orphans: Sequence[Event]) -> None:
    """Store events about unknown documents, for the report of what was lost."""
    if orphans:
        await connection.executemany(
            "INSERT INTO orphans (sandbox, subject, record) VALUES ($1, $2, $3::jsonb)",
            [(event.sandbox, event.subject, dead_letters.pack(event)) for event in orphans],
        )
