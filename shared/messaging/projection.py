"""Projections: tables that are computed from events alone and can be rebuilt. Each is a listener with a name and positions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Integer, MetaData, Table, Text

from shared.errors import Refusal
from shared.messaging import cloudevents
from shared.messaging.cloudevents import Event, Record
from shared.messaging.consumer import Outcome
from shared.messaging.lanes import Position, Verdict
from shared.messaging.peer import Peer
from shared.messaging.positions import Positions
from shared.observability import metrics
from shared.sandbox import registry
from shared.storage.database import Connection, Database

Project = Callable[[Connection, Sequence[Event]], Awaitable[None]]
# How many events of our own log the projection has not read, over all lanes of the topic: in the queue, or numbered.
OWN_BEHIND_SQL = """
SELECT (SELECT count(*) FROM queue WHERE topic = $3)
  + coalesce(sum(CASE WHEN p.epoch = l.epoch THEN greatest(l.head - p.expected + 1, 0) ELSE l.head END), 0)::bigint
FROM lanes_out l LEFT JOIN positions p ON p.listener = $1 AND p.source = $2 AND p.lane = l.lane WHERE l.topic = $3"""
# The same for the events of a peer, as far as the service itself has read them.
PEER_BEHIND_SQL = """
SELECT coalesce(
  sum(CASE WHEN p.epoch = s.epoch THEN greatest(s.expected - p.expected, 0) ELSE s.expected - 1 END), 0)::bigint
FROM positions s LEFT JOIN positions p ON p.listener = $1 AND p.source = s.source AND p.lane = s.lane
WHERE s.listener = '' AND s.source = $2"""


class ProjectionNotFound(Refusal):
    """There is no projection of this name. Facts: `name`, `projections`."""


def projections_table(metadata: MetaData) -> None:
    Table(
        "projections",
        metadata,
        Column("name", Text, primary_key=True),
        Column("generation", Integer, nullable=False),  # rises with each rebuild; readers of an older one start again
    )


@dataclass(frozen=True)
class Projection:
    """Tables that are computed from events.

    name     of the listener: in positions, leases and the API
    sources  services whose events it reads, each with its topic; the service itself can be one
    tables   the tables that it writes; a rebuild empties them
    project  writes the effects of events, in order per lane. Must not fail because of the content of an event
    """

    name: str
    sources: tuple[Peer, ...]
    tables: tuple[str, ...]
    project: Project


class ProjectionReader:
    """Applies the records of one source to a projection: at most once in effect, as the consumer does for documents."""

    def __init__(self, database: Database, projection: Projection, source: str) -> None:
        self._database, self._projection = database, projection
        self.positions = Positions(projection.name, source)
        self._generation: int | None = None

    @property
    def source(self) -> str:
        return self.positions.source

    async def apply(self, records: Sequence[Record], unknown: frozenset[str] = frozenset()) -> Outcome:
        """Apply records, in order per lane. Events of unknown or deleted sandboxes are skipped.

        After a rebuild nothing is applied: `Outcome.reassign` makes the reader start from the positions again.
        """
        outcome = Outcome()
        async with self._database.transaction() as connection:
            generation = await connection.fetchval(
                "SELECT generation FROM projections WHERE name = $1 FOR SHARE", self._projection.name
            )
            if generation != self._generation:
                self._generation, outcome.reassign = generation, True
                return outcome
            positions = await self.positions.lock(connection, sorted({record.lane for record in records}))
            due = self._judge(records, positions, outcome)
            sandboxes = await registry.lock(connection, sorted({event.sandbox for event in due}))
            known = [event for event in due if event.sandbox in sandboxes]
            if known:
                await self._projection.project(connection, known)
            await self.positions.save(connection, positions)
        for reason in outcome.skipped:
            metrics.EVENTS_SKIPPED.labels(reason).inc()
        return outcome

    def _judge(self, records: Sequence[Record], positions: dict[int, Position], outcome: Outcome) -> list[Event]:
        due = []
        for record in records:
            position = positions[record.lane]
            position.next_offset = outcome.offsets[record.lane] = record.offset + 1
            event = cloudevents.decode(record, self.source)
            if event is None:
                continue  # the service's own reader counts it
            verdict = position.judge(event.epoch, event.number)
            if verdict is Verdict.APPLY:
                position.applied(event.epoch, event.number)
                outcome.asks.pop(record.lane, None)
                outcome.clear.add(record.lane)
                due.append(event)
            elif verdict is Verdict.ASK:
                outcome.asks[record.lane] = position.place
        return [event for event in due if event.type != cloudevents.VOID]


async def begin(database: Database, projections: Sequence[Projection]) -> None:
    """Add rows for new projections; their readers begin as those of the service do, also beside an older broker."""
    for projection in projections:
        await database.pool.execute(
            "INSERT INTO projections (name, generation) VALUES ($1, 1) ON CONFLICT DO NOTHING", projection.name
        )


async def rebuild(database: Database, projection: Projection) -> int:
    """Empty the projection and start it from the first event. Returns its new generation; readers notice it."""
    async with database.transaction() as connection:
        generation: int = await connection.fetchval(
            "UPDATE projections SET generation = generation + 1 WHERE name = $1 RETURNING generation",
            projection.name,
        )
        for table in projection.tables:
            await connection.execute(f"TRUNCATE {table}")
        await connection.execute(
            "UPDATE positions SET epoch = 0, expected = 1, next_offset = 0, is_cut = false WHERE listener = $1",
            projection.name,
        )
    return generation


async def behind(database: Database, projection: Projection, service: str) -> int:
    """How many events the projection has not read: our own, and those of peers that `service` has read."""
    count = 0
    for source in projection.sources:
        if source.name == service:
            count += await database.pool.fetchval(OWN_BEHIND_SQL, projection.name, source.name, source.topic_in)
        else:
            count += await database.pool.fetchval(PEER_BEHIND_SQL, projection.name, source.name)
    return count


def named(projections: Sequence[Projection], name: str) -> Projection:
    """Raises ProjectionNotFound."""
    for projection in projections:
        if projection.name == name:
            return projection
    known = [projection.name for projection in projections]
    raise ProjectionNotFound(f"There is: {', '.join(known) or 'none'}.", name=name, projections=known)
