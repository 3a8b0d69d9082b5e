"""Fault: what is computed from events is computed again, while new events come in."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from contracts.topics import TO_PROVINCE
from shared.messaging.lanes import Place
from tools.prove.scene import Scene

# How far the event log and the portal's own reader had come in each lane that has events: source, lane, epoch, next number.
PLACES_SQL = """
SELECT 'portal' AS source, lane, epoch::int, head + 1 AS expected FROM lanes_out WHERE topic = $1 AND head > 0
UNION ALL SELECT source, lane, epoch, expected FROM positions WHERE listener = '' AND expected > 1"""
STATISTICS_SQL = "SELECT source, lane, epoch, expected FROM positions WHERE listener = 'statistics'"


async def rebuild_statistics(scene: Scene) -> str:
    """Compute the statistics again from the first event, while new events come in."""
    before = (await scene.fetch("portal", "SELECT generation FROM projections"))[0]["generation"]
    if scene.wiped:  # while the broker has them, the events of a deleted database must be counted again
        scene.uncounted |= scene.lost
    rebuilt = await scene.load.country.rebuild_projection("statistics")
    goal = _places(await scene.fetch("portal", PLACES_SQL, TO_PROVINCE))

    async def counted() -> bool:
        """Whether every event that was published before is counted again; under load the latest never all are."""
        reached = _places(await scene.fetch("portal", STATISTICS_SQL))
        return all(reached.get(lane, (0, 0)) >= place for lane, place in goal.items())

    await scene.until("the statistics were not computed again", counted, 60.0)
    return f"generation {rebuilt['generation']} complete" if rebuilt["generation"] > before else ""


def _places(rows: Sequence[asyncpg.Record]) -> dict[tuple[str, int], Place]:
    """Source and lane → the place that is read next."""
    return {(row["source"], row["lane"]): (row["epoch"], row["expected"]) for row in rows}


async def statistics_are_complete(scene: Scene) -> bool:
    """Whether every event that was published has been counted."""
    (statistics,) = await scene.load.country.projections()
    return bool(statistics["behind"] == 0)
