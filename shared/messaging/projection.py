"""Projections: tables that are computed from events alone and can be rebuilt. Each is a listener with a name and positions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Integer, MetaData, Table, Text

from shared.errors import Refusal
from shared.messaging import judging
from shared.messaging.cloudevents import Event, Record, Signer
from shared.messaging.judging import Outcome
from shared.messaging.lanes import Place
from shared.messaging.peer import Peer
from shared.messaging.positions import Positions
from shared.sandbox import registry
from shared.storage.database import Connection, Database

Project = Callable[[Connection, Sequence[Event]], Awaitable[None]]
# How far the event log and the readers of the service have come: source, lane, epoch, and the next number.
PLACES_SQL = """
SELECT $1::text AS source, lane, epoch::int, head + 1 AS expected FROM lanes_out WHERE topic = $2
UNION ALL SELECT source, lane, epoch, expected FROM positions WHERE listener = '' AND source <> $1"""
QUEUED_SQL = "SELECT count(*) AS count, max(id) AS last FROM queue WHERE topic = $1 AND id <= coalesce($2, id)"


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

    def __init__(self, database: Database, projection: Projection, source: str, signer: Signer) -> None:
        self._database, self._projection, self._signer = database, projection, signer
        self.positions = Positions(projection.name, source)
        self._generation: int | None = None

    @property
    def source(self) -> str:
        return self.positions.source

    async def apply(
        self,
        records: Sequence[Record],
        unknown: frozenset[str] = frozenset(),
    ) -> Outcome:
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
            due = judging.judge(self.positions, self._signer, positions, records, outcome)
            sandboxes = await registry.lock(connection, sorted({event.sandbox for event in due}))
            known = [event for event in due if event.sandbox in sandboxes]
            if known:
                await self._projection.project(connection, known)
            await self.positions.save(connection, positions)
        return outcome  # what was skipped, the service's own reader counts


async def begin(database: Database, projections: Sequence[Projection]) -> None:
    """Add rows for new projections; their readers begin as those of the service do, also beside an older broker."""
    for projection in projections:
        await database.pool.execute(
            "INSERT INTO projections (name, generation) VALUES ($1, 1) ON CONFLICT DO NOTHING", projection.name
        )


async def rebuild(database: Database, projection: Projection) -> int:
    """Empty the projection and start it from the first event. Returns its new generation; readers notice it."""
    async with database.transaction() as connection:
        return await restart(connection, projection.name, projection.tables)


async def restart(connection: Connection, name: str, tables: Sequence[str]) -> int:
    """The same, by name, in a transaction of the caller."""
    generation: int = await connection.fetchval(
        "UPDATE projections SET generation = generation + 1 WHERE name = $1 RETURNING generation", name
    )
    for table in tables:
        await connection.execute(f"TRUNCATE {table}")
    await connection.execute(
        "UPDATE positions SET epoch = 0, expected = 1, next_offset = 0, is_cut = false WHERE listener = $1", name
    )
    return generation


@dataclass(frozen=True)
class Goal:
    """What was published or read by the service at one moment.

    last    id of the last queued event; None if nothing was queued
    places  source and lane → the place after the last numbered event
    """

    last: int | None
    places: Mapping[tuple[str, int], Place]


async def goal(database: Database, projection: Projection, service: str) -> Goal:
    """Everything that the projection could have counted by now."""
    topic = _own_topic(projection, service)
    (queued,) = await database.fetch(QUEUED_SQL, topic, None)
    rows = await database.fetch(PLACES_SQL, service, topic)
    return Goal(queued["last"], {(row["source"], row["lane"]): (row["epoch"], row["expected"]) for row in rows})


async def behind(database: Database, projection: Projection, service: str, goal: Goal) -> int:
    """How many events of a goal the projection has not read: still queued, or numbered."""
    count = 0
    if goal.last is not None:
        (queued,) = await database.fetch(QUEUED_SQL, _own_topic(projection, service), goal.last)
        count += queued["count"]
    for source in projection.sources:
        reached = await Positions(projection.name, source.name).places(database)
        for (name, lane), (epoch, expected) in goal.places.items():
            if name == source.name:
                own_epoch, own_expected = reached.get(lane, (0, 1))
                count += max(expected - (own_expected if own_epoch == epoch else 1), 0) if own_epoch <= epoch else 0
    return count


def _own_topic(projection: Projection, service: str) -> str:
    """The topic of our own events, if the projection reads them; else one that does not exist."""
    return next((source.topic_in for source in projection.sources if source.name == service), "")


def named(projections: Sequence[Projection], name: str) -> Projection:
    """Raises ProjectionNotFound."""
    for projection in projections:
        if projection.name == name:
            return projection
    known = [projection.name for projection in projections]
    raise ProjectionNotFound(f"There is: {', '.join(known) or 'none'}.", name=name, projections=known)
