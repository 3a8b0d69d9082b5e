"""One knock at the drawer: what is loaded, what is to be saved, what is to be told, and what time it is.

`Work` is the layer of one decision (a request, an event, a timer). `Batch` is what one transaction saves: layers merged in order,
written with one statement per transaction whatever their number (measured: sets are 30 times cheaper than rows).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from shared.messaging.cloudevents import event_id
from shared.messaging.lanes import Place
from shared.observability import metrics, trace_context
from shared.sandbox import faults
from shared.sandbox.faults import Rule
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection
from shared.storage.documents import SAVE_SQL, Drawer

T = TypeVar("T")
Key = tuple[str, str]  # (sandbox, code)
Due = tuple[datetime, int, bool]  # of a timer: when, in which lane, and whether it fires by itself whatever the clock
log = structlog.get_logger()


@dataclass(slots=True)
class Held(Generic[T]):
    """A thing as it lies in the drawer, with what its events need: how many were told, the time of the last, its trace."""

    thing: T
    lane: int
    said: int = 0
    last_at: datetime | None = None
    traceparent: str = ""  # of what brought it here: the trace of its whole journey


@dataclass(slots=True)
class Told:
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
    """Everything one transaction loaded and will write."""

    source: str
    held: dict[Key, Held[T]] = field(default_factory=dict)
    changed: set[Key] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    timers: dict[tuple[str, str, str], Due | None] = field(default_factory=dict)  # None: drop it
    calls: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    reply: tuple[str, str, str, str, int, str] | None = None  # sandbox, caller, route, key, status, body
    numbers: dict[Key, int] = field(default_factory=dict)  # counters held by this transaction: the last number given
    drawn: dict[Key, int] = field(default_factory=dict)  # those of them that gave more
    stages: list[tuple[str, str]] = field(default_factory=list)  # state and channel of what came to another state
    bites: list[tuple[str, Rule, str, datetime]] = field(
        default_factory=list
    )  # of fault rules: sandbox, rule, subject, at
    life: int | None = (
        None  # of our database, where a request opened the batch: no code of an earlier life is given again
    )

    async def save(self, connection: Connection, drawer: Drawer[T]) -> None:
        """Write everything in one statement; the rows were locked when they were loaded."""
        keys = sorted(self.changed)
        held = [self.held[key] for key in keys]
        encode = drawer.encode
        set_timers = [(key, timer) for key, timer in self.timers.items() if timer is not None]
        dropped = [key for key, timer in self.timers.items() if timer is None]
        await connection.execute(
            drawer.save_sql(SAVE_SQL),
            *([key[0] for key in keys], [key[1] for key in keys], [h.lane for h in held]),
            *([h.said for h in held], [h.last_at for h in held], [encode(h.thing) for h in held]),
            *([t.sandbox for t in self.told], [t.subject for t in self.told], [t.version for t in self.told]),
            *([t.id for t in self.told], [t.type for t in self.told], [t.lane for t in self.told]),
            *([t.at for t in self.told], [t.body for t in self.told], [t.traceparent for t in self.told]),
            *([k[0] for k, _ in set_timers], [k[1] for k, _ in set_timers], [k[2] for k, _ in set_timers]),
            *([timer[0] for _, timer in set_timers], [timer[1] for _, timer in set_timers]),
            *([k[0] for k in dropped], [k[1] for k in dropped], [k[2] for k in dropped]),
            *([call[column] for call in self.calls] for column in range(5)),
            *(self.reply or (None, None, None, None, None, None)),
            [h.traceparent for h in held],
            *([key[0] for key in self.drawn], [key[1] for key in self.drawn], list(self.drawn.values())),
            [timer[2] for _, timer in set_timers],
        )

        if self.bites:
            await faults.record(connection, self.bites)

    def report(self) -> None:
        """After the commit: count and log what was told."""
        for type, many in Counter(told.type for told in self.told).items():
            metrics.EVENTS_WRITTEN.labels(type).inc(many)
        for stage, many in Counter(self.stages).items():
            metrics.JOURNEYS.labels(self.source, *stage).inc(many)


class Work(Generic[T]):
    """The layer of one decision over a batch: reads through, writes to itself; `merge` keeps it, dropping it undoes it."""

    def __init__(
        self, batch: Batch[T], sandbox: Sandbox, cause_at: datetime | None = None, cause: Place = (0, 0)
    ) -> None:
        self._batch, self.sandbox = batch, sandbox
        self.cause = cause  # epoch and dossierversion of the event being applied; (0, 0) for requests and timers
        self.now = max(sandbox.now, cause_at) if cause_at else sandbox.now
        self._held: dict[str, Held[T]] = {}
        self._told: list[Told] = []
        self._timers: dict[tuple[str, str, str], Due | None] = {}
        self._calls: list[tuple[str, str, str, str, str]] = []
        self._drawn: dict[Key, int] = {}
        self._bites: list[tuple[str, Rule, str, datetime]] = []

    @property
    def life(self) -> int:
        """Raises LookupError where no request opened the batch."""
        if self._batch.life is None:
            raise LookupError("only a request draws what must differ from life to life of a database")
        return self._batch.life

    def find(self, code: str) -> T | None:
        held = self._held.get(code) or self._batch.held.get((self.sandbox.id, code))
        return held.thing if held else None

    def take(self, code: str, missing: Callable[[str], Exception]) -> T:
        """The thing `code`, locked when it was loaded; raises what `missing` makes of the code."""
        thing = self.find(code)
        if thing is None:
            raise missing(code)
        return thing

    def save(self, code: str, thing: T, *, lane: int | None = None) -> None:
        """Keep `thing`; `lane` is needed once, when it is new."""
        held = self._layer(code)
        if held is None:
            if lane is None:
                raise ValueError(f"{code} is new: in which lane does it speak?")
            self._held[code] = Held(thing, lane, traceparent=trace_context.traceparent())
        else:
            held.thing = thing

    def at(self, code: str) -> datetime:
        """The time of what happens to `code` now: never before its last event (design: Time)."""
        held = self._held.get(code) or self._batch.held.get((self.sandbox.id, code))
        return max(self.now, held.last_at) if held and held.last_at else self.now

    def tell(self, type: str, code: str, body: dict[str, Any]) -> None:
        """Say that something happened to `code`, whose row this transaction holds; raises LookupError if it does not."""
        held = self._layer(code)
        if held is None:
            raise LookupError(f"{type}: {code} is not held by this transaction")
        at = self.at(code)
        held.said, held.last_at = held.said + 1, at
        identity = event_id(self.sandbox.seed, self._batch.source, code, held.said)
        text = msgspec.json.encode(body).decode()
        trace = trace_context.traceparent()
        self._told.append(Told(self.sandbox.id, code, held.said, identity, type, held.lane, at, text, trace))

    def timer(self, code: str, kind: str, due: datetime, *, at_once: bool = False) -> None:
        """Wake `code` at `due` (sandbox time); one timer per kind, a later call moves it.

        at_once  once due it fires by itself, also where the clock is frozen
        """
        held = self._layer(code)
        self._timers[(self.sandbox.id, code, kind)] = (due, held.lane if held else 0, at_once)

    def drop_timer(self, code: str, kind: str) -> None:
        self._timers[(self.sandbox.id, code, kind)] = None

    def call(self, kind: str, key: str, data: dict[str, Any]) -> None:
        """Tell a neighbour, after the commit and until it answers: one row per (kind, key)."""
        self._calls.append(
            (self.sandbox.id, kind, key, msgspec.json.encode(data).decode(), trace_context.traceparent())
        )

    def bite(self, rule: Rule, code: str) -> None:
        """A fault rule made what is decided about `code` another: counted and noted with it."""
        self._bites.append((self.sandbox.id, rule, code, self.at(code)))

    def number(self, counter: str) -> int:
        """The next number of a counter that this transaction holds, without gaps; raises LookupError if it does not."""
        key = (self.sandbox.id, counter)
        last = self._drawn.get(key, self._batch.drawn.get(key, self._batch.numbers.get(key)))
        if last is None:
            raise LookupError(f"{counter}: the counter is not held by this transaction")
        self._drawn[key] = last + 1
        return last + 1

    def merge(self) -> None:
        """The decision stands: hand everything to the batch."""
        sandbox = self.sandbox.id
        for code, held in self._held.items():
            below, stage = self._batch.held.get((sandbox, code)), _stage(held.thing)
            if stage and (below is None or stage != _stage(below.thing)):
                self._batch.stages.append(stage)
            self._batch.held[(sandbox, code)] = held
            self._batch.changed.add((sandbox, code))
        self._batch.told += self._told
        self._batch.timers.update(self._timers)
        self._batch.calls += self._calls
        self._batch.drawn.update(self._drawn)
        self._batch.bites += self._bites

    def _layer(self, code: str) -> Held[T] | None:
        held = self._held.get(code)
        if held is None and (below := self._batch.held.get((self.sandbox.id, code))) is not None:
            held = self._held[code] = Held(below.thing, below.lane, below.said, below.last_at, below.traceparent)
        return held


def _stage(thing: Any) -> tuple[str, str] | None:
    """Where a thing stands and through which channel it came in; None for things without a lifecycle."""
    state = getattr(thing, "state", None)
    return (state.slug, thing.channel) if state is not None else None
