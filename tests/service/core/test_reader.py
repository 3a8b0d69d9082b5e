"""Where a reader continues: what its position rows say, also when a rebuild has reset them under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from shared.messaging.cloudevents import Record
from shared.messaging.consumer import Outcome
from shared.messaging.lanes import Committed, Place, Position
from shared.messaging.leases import Leases
from shared.messaging.positions import Positions
from shared.messaging.reader import LaneReader
from shared.messaging.runtime import MessagingRuntime
from tests.service.core.parcels import SENDER, Parcel

LANE, END = 3, 7  # the broker has the records 0 to 6
ALL_READ = Position(epoch=1, expected=8, next_offset=END)


class Sums:
    """A projection that counts nothing."""

    positions = Positions("sums", SENDER.name)

    async def apply(self, records: Sequence[Record], unknown: frozenset[str] = frozenset()) -> Outcome:
        return Outcome()


class Broker:
    """The broker as this reader sees it: the lane has been read to its end."""

    def __init__(self) -> None:
        self.offsets: Mapping[int, int] = {}
        self.committed_to: dict[int, Committed] = {}

    def assign(self, offsets: Mapping[int, int]) -> None:
        self.offsets = dict(offsets)

    async def committed(self) -> dict[int, Committed]:
        return self.committed_to

    async def commit(self, offsets: Mapping[int, Committed]) -> None:
        self.committed_to |= offsets

    def seek(self, lane: int, offset: int) -> None:
        self.offsets = {**self.offsets, lane: offset}

    async def ends(self, lanes: Sequence[int]) -> dict[int, int]:
        return dict.fromkeys(lanes, END)

    async def places(self, lanes: Sequence[int]) -> dict[int, int]:
        return dict.fromkeys(lanes, END)


class Watched(LaneReader):
    """A reader in front of that broker, whose steps a test takes one by one."""

    def __init__(self, runtime: MessagingRuntime[Parcel], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(runtime, Sums(), SENDER, Leases(runtime.database, "sums:sender", "one", timedelta(minutes=1)))
        self.broker = Broker()
        monkeypatch.setattr(self, "_reader", self.broker)
        self.leases.lanes = [LANE]

    async def stands_at(self, position: Position) -> None:
        await self._positions.begin(self._runtime.database, {LANE: Position()})
        async with self._runtime.database.transaction() as connection:
            await self._positions.save(connection, {LANE: position})

    async def look(self, sent: Place) -> list[int]:
        """The lanes about which it then asks the source."""
        self._sent = {LANE: sent}
        await self._check_broker()
        return list(self._asking)

    async def loses_its_database(self) -> Position:
        """Where it then begins."""
        await self._runtime.database.pool.execute("DELETE FROM positions")
        await self._assign()
        return (await self._positions.read(self._runtime.database, [LANE]))[LANE]

    async def answered(self, asked_at: Place, place: Place) -> Place:
        await self._move(LANE, asked_at, place)
        return (await self._positions.read(self._runtime.database, [LANE]))[LANE].place


@pytest.fixture
async def reader(own_runtime: MessagingRuntime[Parcel], monkeypatch: pytest.MonkeyPatch) -> Watched:
    reader = Watched(own_runtime, monkeypatch)
    await reader.stands_at(ALL_READ)
    await reader._assign()
    return reader


async def test_what_was_sent_and_is_not_in_the_broker_is_asked_for(reader: Watched) -> None:
    assert await reader.look(sent=(1, 7)) == []
    assert await reader.look(sent=(1, 9)) == [LANE]


async def test_positions_that_were_reset_are_read_from_the_beginning_and_not_asked_for(reader: Watched) -> None:
    """The source may have begun a new epoch since; its answer would skip what the broker still has of the old one."""
    await reader.stands_at(Position())
    assert await reader.look(sent=(2, 4)) == []
    assert reader.broker.offsets == {LANE: 0}


async def test_a_projection_that_cannot_begin_at_the_first_epoch_notes_it(reader: Watched) -> None:
    database = reader._runtime.database
    for position, place in ((ALL_READ, (2, 1)), (Position(), (1, 5)), (Position(), (3, 1))):
        await reader.stands_at(position)
        await reader.answered(asked_at=position.place, place=place)
    assert await database.pool.fetchval("SELECT count(*) FROM positions WHERE is_cut") == 1


async def test_an_answer_counts_only_where_it_was_asked(reader: Watched) -> None:
    await reader.stands_at(Position())
    assert await reader.answered(asked_at=(1, 8), place=(2, 1)) == (0, 1)
    assert await reader.answered(asked_at=(0, 1), place=(2, 1)) == (2, 1)


async def test_a_new_database_begins_where_the_old_one_was(reader: Watched) -> None:
    assert await reader.loses_its_database() == ALL_READ


async def test_a_new_database_begins_at_the_first_event_where_nobody_had_read_any(reader: Watched) -> None:
    reader.broker.committed_to.clear()
    assert await reader.loses_its_database() == Position()


async def test_a_new_database_beside_a_new_topic_begins_with_it(reader: Watched) -> None:
    """The old one had read the topic of the same name that is gone."""
    await reader.stands_at(Position(epoch=1, expected=30, next_offset=29))
    await reader._assign()
    await reader.look(sent=(1, 29))
    assert await reader.loses_its_database() == Position(epoch=1, expected=30, next_offset=0)
