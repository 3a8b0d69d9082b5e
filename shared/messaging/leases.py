"""Leases: which worker handles a lane, and until when, by the clock of the database. Relays and readers use them.

A part of the work is named `relay:TOPIC`, `reader:SOURCE`, or `NAME:SOURCE` for the projection NAME.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Column, DateTime, MetaData, SmallInteger, Table, Text

from shared.messaging.lanes import LANES
from shared.observability import metrics
from shared.storage.database import Database

log = structlog.get_logger()
# Registers the worker and extends what it holds; then a worker that has its share is done, with one round trip.
EXTEND_SQL = """
WITH me AS (INSERT INTO workers VALUES ($1, $2, clock_timestamp() + $3)
  ON CONFLICT (part, holder) DO UPDATE SET until = EXCLUDED.until),
held AS (UPDATE leases SET until = clock_timestamp() + $3
  WHERE part = $1 AND holder = $2 AND until > clock_timestamp() RETURNING lane)
SELECT ARRAY(SELECT lane FROM held ORDER BY lane) AS lanes,
  1 + (SELECT count(*) FROM workers WHERE part = $1 AND holder <> $2 AND until >= clock_timestamp()) AS workers"""


def leases_tables(metadata: MetaData) -> None:
    moment = DateTime(timezone=True)
    Table(
        "leases",
        metadata,
        Column("part", Text, primary_key=True),
        Column("lane", SmallInteger, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", moment, nullable=False),
    )
    Table(
        "workers",
        metadata,
        Column("part", Text, primary_key=True),
        Column("holder", Text, primary_key=True),
        Column("until", moment, nullable=False),
    )


class Leases:
    """The lanes of one worker in one part of the work. Renew well within `length`; an expired lease is free for others.

    A lease that ends later than `length` from now counts as expired: a clock that jumped must not lock a lane for ever.
    """

    def __init__(self, database: Database, part: str, holder: str, length: timedelta) -> None:
        self._database, self.part, self.holder, self._length = database, part, holder, length
        self.lanes: list[int] = []

    async def renew(self) -> set[int]:
        """Register this worker, return lanes above its share, take free lanes. Returns the newly taken lanes."""
        (row,) = await self._database.fetch(EXTEND_SQL, self.part, self.holder, self._length)
        if len(row["lanes"]) == _share(row["workers"]):
            return self._hold(row["lanes"])
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"leases:{self.part}")
            await connection.execute("DELETE FROM workers WHERE part = $1 AND until < clock_timestamp()", self.part)
            (row,) = await connection.fetch(EXTEND_SQL, self.part, self.holder, self._length)
            held, share = row["lanes"], _share(row["workers"])
            await connection.execute(
                "DELETE FROM leases WHERE part = $1 AND holder = $2 AND lane = ANY($3)",
                self.part,
                self.holder,
                held[share:],
            )
            held = held[:share]
            rows = await connection.fetch(
                """INSERT INTO leases SELECT $1, lane, $2, clock_timestamp() + $3
                   FROM generate_series(0, $4::int) g (lane)
                   WHERE NOT EXISTS (SELECT FROM leases l WHERE l.part = $1 AND l.lane = g.lane
                     AND l.until > clock_timestamp() AND l.until <= clock_timestamp() + $3)
                   ORDER BY lane LIMIT $5 ON CONFLICT (part, lane)
                   DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until RETURNING lane""",
                self.part,
                self.holder,
                self._length,
                LANES - 1,
                share - len(held),
            )
        return self._hold([*held, *(row["lane"] for row in rows)])

    def _hold(self, lanes: Sequence[int]) -> set[int]:
        """Note the lanes that it holds now; returns the new ones."""
        new = set(lanes) - set(self.lanes)
        self.lanes = sorted(lanes)
        if new:
            metrics.LEASES_TAKEN.labels(self.part).inc(len(new))
            log.info("lanes_taken", part=self.part, lanes=sorted(new))
        return new

    async def give_back(self) -> None:
        """Release the lanes at a clean stop, so that others need not wait until the leases expire."""
        await self._database.pool.execute("DELETE FROM leases WHERE part = $1 AND holder = $2", self.part, self.holder)
        await self._database.pool.execute("DELETE FROM workers WHERE part = $1 AND holder = $2", self.part, self.holder)


def _share(workers: int) -> int:
    """How many lanes each of so many workers may hold."""
    return -(-LANES // workers)


async def unworked(database: Database, parts: Sequence[str]) -> list[str]:
    """The kinds of work (relay, reader) among `parts` in which some lane has no live worker: for `settle`."""
    rows = await database.fetch(
        "SELECT part FROM unnest($2::text[]) p (part) WHERE (SELECT count(*) FROM leases l WHERE l.part = p.part "
        "AND l.until > clock_timestamp()) < $1",
        LANES,
        list(parts),
    )
    return sorted({row["part"].partition(":")[0] for row in rows})
