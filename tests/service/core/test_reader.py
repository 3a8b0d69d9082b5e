"""Where a reader continues: what its position rows say, also when a rebuild has reset them under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from shared.messaging.cloudevents import Record
from shared.messaging.consumer import Outcome
from shared.messaging.lanes import Place, Position
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
    outcome = Outcome()

    async def apply(self, records: Sequence[Record], unknown: frozenset[str] = frozenset()) -> Outcome:
        return self.outcome


class Broker:
    """The broker as this reader sees it: the lane has been read to its end."""

    def __init__(self) -> None:
        self.offsets: Mapping[int, int] = {}
        self.committed_to: dict[int, int] = {}

    def assign(self, offsets: Mapping[int, int]) -> None:
        self.offsets = dict(offsets)

    async def committed(self, lanes: Sequence[int]) -> dict[int, int]:
        return dict.fromkeys(lanes, 0)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        self.committed_to |= offsets

    async def ends(self, lanes: Sequence[int]) -> dict[int, int]:
        return dict.fromkeys(lanes, END)

    async def places(self, lanes: Sequence[int]) -> dict[int, int]:
        return dict.fromkeys(lanes, END)


class Watched(LaneReader):
    """A reader in front of that broker, whose steps a test takes one by one."""

    def __init__(self, runtime: MessagingRuntime[Parcel], monkeypatch: pytest.MonkeyPatch) -> None:
        self.sums, self.broker = Sums(), Broker()
        super().__init__(
            runtime, self.sums, SENDER, Leases(runtime.database, "sums:sender", "one", timedelta(minutes=1))
        )
        monkeypatch.setattr(self, "_reader", self.broker)
        self.leases.lanes = [LANE]

    async def stands_at(self, position: Position) -> None:
        await self._positions.begin(self._runtime.database, {LANE: (1, 0)})
        async with self._runtime.database.transaction() as connection:
            await self._positions.save(connection, {LANE: position})

    async def look(self, sent: Place) -> list[int]:
        """The lanes about which it then asks the source."""
        self._sent = {LANE: sent}
        await self._check_broker()
        return list(self._asking)

    async def commits(self, outcome: Outcome) -> int | None:
        """The committed offset of the lane after a batch with this outcome."""
        self.sums.outcome = outcome
        await self._apply([])
        assert self._committing is not None
        await self._committing
        return self.broker.committed_to.get(LANE)

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


async def test_the_group_has_not_read_what_came_too_early(reader: Watched) -> None:
    """A new database begins where the group has read to; what waits for an answer of the source would be lost."""
    assert await reader.commits(Outcome(offsets={LANE: 7}, clear={LANE})) == 7
    assert await reader.commits(Outcome(offsets={LANE: 8}, asks={LANE: (1, 8)})) == 7
    assert await reader.commits(Outcome(offsets={LANE: 9})) == 7, "a duplicate fills no gap"
    assert await reader.commits(Outcome(offsets={LANE: 12}, clear={LANE})) == 12
