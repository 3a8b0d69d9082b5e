"""Positions: how far each listener has read each lane of each source; saved in the transaction of the effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, SmallInteger, Table, Text

from shared.messaging.lanes import LANES, Place, Position
from shared.storage.database import Connection, Database

SERVICE = ""  # the listener name of the service itself; projections have names
# Positions of lanes that were never read.
BEGIN_SQL = """
INSERT INTO positions (listener, source, lane, epoch, expected, next_offset)
SELECT $1, $2, lane, epoch, expected, next_offset
FROM unnest($3::int2[], $4::int[], $5::bigint[], $6::bigint[]) t (lane, epoch, expected, next_offset)
ON CONFLICT DO NOTHING"""
SAVE_SQL = """
UPDATE positions p SET epoch = t.epoch, expected = t.expected, next_offset = t.next_offset
FROM unnest($3::int2[], $4::int[], $5::bigint[], $6::bigint[]) t (lane, epoch, expected, next_offset)
WHERE p.listener = $1 AND p.source = $2 AND p.lane = t.lane"""


def positions_table(metadata: MetaData) -> Table:
    return Table(
        "positions",
        metadata,
        Column("listener", Text, primary_key=True),
        Column("source", Text, primary_key=True),
        Column("lane", SmallInteger, primary_key=True),
        Column("epoch", Integer, nullable=False),
        Column("expected", BigInteger, nullable=False),
        Column("next_offset", BigInteger, nullable=False),
        # It began with a later epoch than the first: older events, if there were any, exist nowhere any more.
        Column("is_cut", Boolean, nullable=False, server_default="false"),
        # Records that were not from the source: how many, and where and when (real time) the last one was found.
        Column("foreign_count", BigInteger, nullable=False, server_default="0"),
        Column("foreign_offset", BigInteger),
        Column("foreign_at", DateTime(timezone=True)),
    )


class Positions:
    """The positions of one listener in the lanes of one source."""

    def __init__(self, listener: str, source: str) -> None:
        self.listener, self.source = listener, source

    async def lock(self, connection: Connection, lanes: Sequence[int]) -> dict[int, Position]:
        """The positions of these lanes, locked until the transaction ends."""
        return await self._select(connection, lanes, "ORDER BY lane FOR UPDATE")

    async def read(self, database: Database, lanes: Sequence[int]) -> dict[int, Position]:
        """The current positions of these lanes, without a lock."""
        return await self._select(database.pool, lanes, "ORDER BY lane")

    async def places(self, database: Database) -> dict[int, Place]:
        """The place that is expected next in each lane that has a position."""
        return (await self.report(database))[0]

    async def report(self, database: Database) -> tuple[dict[int, Place], dict[int, dict[str, Any]]]:
        """Lane → place that is expected next; lane → `count`, `offset`, `at` of its foreign records, if it has any."""
        rows = await self._rows(database.pool, range(LANES), "ORDER BY lane")
        foreign = {
            row["lane"]: {
                "count": row["foreign_count"],
                "offset": row["foreign_offset"],
                "at": row["foreign_at"].isoformat(timespec="milliseconds"),
            }
            for row in rows
            if row["foreign_count"]
        }
        return {row["lane"]: (row["epoch"], row["expected"]) for row in rows}, foreign

    async def begin(self, database: Database, positions: Mapping[int, Position]) -> None:
        """Add rows for lanes that have none."""
        await database.pool.execute(BEGIN_SQL, *self._columns(positions))

    async def note_cut(self, connection: Connection, lane: int) -> None:
        await connection.execute(
            "UPDATE positions SET is_cut = true WHERE listener = $1 AND source = $2 AND lane = $3",
            self.listener,
            self.source,
            lane,
        )

    async def note_foreign(self, connection: Connection, lane: int, count: int, offset: int) -> None:
        """Count records that were not from the source. `offset`: of the last one."""
        await connection.execute(
            "UPDATE positions SET foreign_count = foreign_count + $4, foreign_offset = $5, "
            "foreign_at = clock_timestamp() WHERE listener = $1 AND source = $2 AND lane = $3",
            self.listener,
            self.source,
            lane,
            count,
            offset,
        )

    async def save(self, connection: Connection, positions: Mapping[int, Position]) -> None:
        await connection.execute(SAVE_SQL, *self._columns(positions))

    def _columns(self, positions: Mapping[int, Position]) -> tuple[Any, ...]:
        rows = positions.values()
        columns = [[getattr(row, name) for row in rows] for name in ("epoch", "expected", "next_offset")]
        return self.listener, self.source, [*positions], *columns

    async def _select(self, connection: Any, lanes: Sequence[int], tail: str) -> dict[int, Position]:
        columns = ("epoch", "expected", "next_offset")
        rows = await self._rows(connection, lanes, tail)
        return {row["lane"]: Position(*(row[name] for name in columns)) for row in rows}

    async def _rows(self, connection: Any, lanes: Sequence[int], tail: str) -> list[Any]:
        rows: list[Any] = await connection.fetch(
            f"SELECT * FROM positions WHERE listener = $1 AND source = $2 AND lane = ANY($3) {tail}",
            self.listener,
            self.source,
            list(lanes),
        )
        return rows
