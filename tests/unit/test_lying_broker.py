"""Relay and reader as pure steps, under thousands of schedules, against a broker and a source that lie.

One lane. Every step is what `relay.py`, `worker.py`, `consumer.py` and `eventlog.py` do with the functions of `lanes.py`,
in transactions that happen whole or not at all; a crash is a step that never comes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.messaging.lanes import Committed, Log, Place, Position, Verdict, replay_place

HEALING_ROUNDS = 60
Event = int  # its own number in the order of telling, over all lives of the source


@dataclass
class Source:
    """A source's database: what it told, what waits for a number, the numbers it gave."""

    log: Log = field(default_factory=Log)
    told: list[Event] = field(default_factory=list)
    queue: list[Event] = field(default_factory=list)
    posted: dict[Place, Event] = field(default_factory=dict)

    def number(self, most: int) -> None:
        for event in self.queue[:most]:
            self.log.head += 1
            self.posted[self.log.epoch, self.log.head] = event
        del self.queue[:most]

    def unsent(self, most: int) -> list[Place]:
        return sorted(place for place in self.posted if place > self.log.sent)[:most]

    def replay(self, asked: Place) -> Place:
        heads: dict[int, int] = {}
        for epoch, number in self.posted:
            heads[epoch] = max(number, heads.get(epoch, 0))
        answer, _ = replay_place(asked, self.log, heads)
        self.log.go_back(answer)
        return answer


@dataclass
class Broker:
    """One partition. `start` is the offset of its first record: what was older is gone."""

    start: int = 0
    records: list[tuple[Place, Event]] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.records)

    def read(self, offset: int, most: int) -> list[tuple[int, Place, Event]]:
        """From `offset`; from the beginning where that is out of range (auto_offset_reset=earliest)."""
        begin = offset if self.start <= offset <= self.end else self.start
        part = self.records[begin - self.start :][:most]
        return [(begin + n, place, event) for n, (place, event) in enumerate(part)]


@dataclass
class Reader:
    """A reader's database (position and effects move together), what its group committed, and what its process has in mind.

    earlier  effects in databases that are gone
    """

    position: Position = field(default_factory=Position)
    effects: list[Event] = field(default_factory=list)
    earlier: list[Event] = field(default_factory=list)
    committed: Committed | None = None
    fetches_at: int = 0
    asks: Place | None = None

    def take_in(self, records: list[tuple[int, Place, Event]]) -> None:
        for offset, place, event in records:
            self.position.next_offset = offset + 1
            verdict = self.position.judge(*place)
            if verdict is Verdict.APPLY:
                self.position.applied(*place)
                self.effects.append(event)
                self.asks = None
            elif verdict is Verdict.ASK:
                self.asks = self.position.place
        if records:
            self.fetches_at = max(offset for offset, _, _ in records) + 1
            self.commit()

    def look(self, broker: Broker, sent: Place) -> None:
        if broker.end < self.fetches_at:
            self.fetches_at = 0
            self.committed = 0, self.position.committed[1]
        if not broker.read(self.fetches_at, 1) and self.asks is None and self.position.missed(sent):
            self.asks = self.position.place

    def start(self) -> None:
        self.fetches_at, self.asks = self.position.next_offset, None
        self.commit()

    def commit(self) -> None:
        self.committed = self.position.committed

    def lose_database(self) -> None:
        self.earlier += self.effects
        self.position, self.effects = Position.begin(self.committed), []
        self.start()


@dataclass
class InFlight:
    """A batch the broker may have taken, of which the relay has not noted the offsets yet."""

    sent_before: Place
    upto: Place
    first_offset: int
    last_offset: int


class Lane(RuleBasedStateMachine):
    """What can happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.broker, self.reader = Source(), Broker(), Reader()
        self.in_flight: InFlight | None = None
        self.backup: Source | None = None
        self.count = 0
        self.ambiguous: set[Event] = set()  # see `restore`
        self.relay_runs = True

    # --- what is meant to happen
    @rule(n=st.integers(1, 3))
    def tell(self, n: int) -> None:
        for _ in range(n):
            self.count += 1
            self.source.told.append(self.count)
            self.source.queue.append(self.count)

    @precondition(lambda self: self.relay_runs)
    @rule(most=st.integers(1, 3))
    def number(self, most: int) -> None:
        self.source.number(most)

    @precondition(lambda self: self.relay_runs and self.in_flight is None)
    @rule(most=st.integers(1, 4), arrive=st.integers(0, 4))
    def publish(self, most: int, arrive: int) -> None:
        """`arrive`: the broker took only so many before the connection broke; then nothing is in flight."""
        rows = self.source.unsent(most)
        taken = rows[: max(arrive, 0)] if arrive < len(rows) else rows
        first = self.broker.end
        self.broker.records += [(place, self.source.posted[place]) for place in taken]
        if rows and taken == rows:
            self.in_flight = InFlight(self.source.log.sent, rows[-1], first, self.broker.end - 1)

    @precondition(lambda self: self.in_flight is not None)
    @rule()
    def acknowledge(self) -> None:
        batch, self.in_flight = self.in_flight, None
        assert batch is not None
        log = self.source.log
        if log.sent == batch.sent_before and not log.acknowledged(batch.upto, batch.first_offset, batch.last_offset):
            self._go_back()

    @rule(most=st.integers(1, 6))
    def poll(self, most: int) -> None:
        self.reader.take_in(self.broker.read(self.reader.fetches_at, most))

    @precondition(lambda self: self.reader.asks is not None)
    @rule(answer_arrives=st.booleans())
    def ask(self, answer_arrives: bool) -> None:
        """A request for replay; what it does at the source stands, even if the answer is lost on its way."""
        assert self.reader.asks is not None
        answer = self.source.replay(self.reader.asks)
        if answer_arrives and self.reader.position.resume_at(answer):
            self.reader.asks = None

    @precondition(lambda self: self.relay_runs)
    @rule()
    def relay_looks(self) -> None:
        if self.broker.end <= self.source.log.last_offset:
            self._go_back()

    @rule()
    def reader_looks(self) -> None:
        self.reader.look(self.broker, self.source.log.sent)

    @rule()
    def relay_starts(self) -> None:
        """After a crash or a change of hands: what was in flight is not known any more."""
        self.in_flight, self.relay_runs = None, True
        seen = self._place_of_reader()
        seen = (seen[0], seen[1] - 1)
        if self.broker.records:
            seen = max(seen, self.broker.records[-1][0])
        if self.source.log.begin_epoch_if_behind(seen):
            self.source.log.go_back(self._place_of_reader())

    @rule()
    def reader_starts(self) -> None:
        self.reader.start()

    @precondition(lambda self: self.relay_runs and self.in_flight is None)
    @rule()
    def all_goes_well(self) -> None:
        """So that schedules get deep: told, numbered, published, acknowledged, read."""
        self.tell(1)
        self.number(10)
        self.publish(10, 10)
        if self.in_flight:
            self.acknowledge()
        self.poll(10)

    @rule()
    def reader_loses_its_database(self) -> None:
        self.reader.lose_database()

    # --- lies of the broker
    @rule()
    def wipe(self) -> None:
        self.broker, self.reader.committed = Broker(), None

    @rule(n=st.integers(1, 4))
    def drop_tail(self, n: int) -> None:
        del self.broker.records[-n:]

    @rule(n=st.integers(1, 4))
    def drop_head(self, n: int) -> None:
        n = min(n, len(self.broker.records))
        del self.broker.records[:n]
        self.broker.start += n

    @precondition(lambda self: self.broker.records)
    @rule(data=st.data())
    def give_again(self, data: st.DataObject) -> None:
        """Old records come a second time."""
        self.broker.records += [data.draw(st.sampled_from(self.broker.records))]

    @precondition(lambda self: self.broker.records)
    @rule(data=st.data(), most=st.integers(2, 6))
    def poll_shuffled(self, data: st.DataObject, most: int) -> None:
        found = self.broker.read(self.reader.fetches_at, most)
        self.reader.take_in(data.draw(st.permutations(found)))

    @rule(n=st.integers(1, 3))
    def poll_past(self, n: int) -> None:
        """Records are passed over."""
        self.reader.fetches_at = min(self.reader.fetches_at + n, self.broker.end)

    # --- lies of the source
    @rule()
    def back_up(self) -> None:
        self.backup = copy.deepcopy(self.source)

    @precondition(lambda self: self.backup is not None)
    @rule()
    def restore(self) -> None:
        """The database is as it was; every connection broke, so the relay must start before it goes on.

        What waited for a number in the backup may have got one afterwards, and been applied: nobody can know, so the
        source says it again. Only what follows from that is not held against it.
        """
        assert self.backup is not None
        self.source, self.in_flight, self.relay_runs = copy.deepcopy(self.backup), None, False
        self.ambiguous |= set(self.source.queue)

    @rule()
    def make_anew(self) -> None:
        """The database is empty; it begins its life after the one that its reader has seen."""
        epoch = self._place_of_reader()[0] + 1
        self.source, self.backup = Source(Log(epoch, 0, (epoch, 0))), None
        self.in_flight, self.relay_runs = None, False

    # --- what must hold
    @invariant()
    def nothing_is_applied_twice(self) -> None:
        once = [event for event in self.reader.effects if event not in self.ambiguous]
        assert len(once) == len(set(once)), self.reader.effects

    @invariant()
    def what_is_applied_is_in_order(self) -> None:
        once = [event for event in self.reader.effects if event not in self.ambiguous]
        assert once == sorted(once), self.reader.effects

    def teardown(self) -> None:
        """Everybody tells the truth from now on: all that the source still has is applied, once and in order."""
        self.relay_starts()
        self.reader.start()
        for _ in range(HEALING_ROUNDS):
            self.number(100)
            self.in_flight = None
            self.publish(100, 100)
            if self.in_flight:
                self.acknowledge()
            self.relay_looks()
            self.reader_looks()
            self.poll(1000)
            if self.reader.asks:
                self.ask(True)
        position, log = self.reader.position, self.source.log
        assert log.head == 0 or position.place == (log.epoch, log.head + 1), (position, log)
        told = [event for event in self.source.told if event not in self.ambiguous]
        had = [event for event in self.reader.effects if event in told]
        lost = set(told) - {*had, *self.reader.earlier}
        assert had == told[len(told) - len(had) :] and not lost, (had, told, self.reader.earlier)
        self.nothing_is_applied_twice()
        self.what_is_applied_is_in_order()

    def _place_of_reader(self) -> Place:
        place = self.reader.position.place
        return max(place[0], 0), place[1]

    def _go_back(self) -> None:
        self.source.log.last_offset = -1
        self.source.log.go_back(self._place_of_reader())


TestLane = Lane.TestCase
TestLane.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
