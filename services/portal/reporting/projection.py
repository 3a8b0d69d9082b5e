"""The projection for the statistics: the state of every dossier, from the events of both sources.

Only events of a province change a state, and they arrive in order. The portal's own events only show that a dossier
exists, so the order of the two topics does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, MetaData, SmallInteger, Table, Text

from contracts.catalogue import PROVINCES
from contracts.lifecycle import LIFECYCLE, Reaction
from shared.messaging.cloudevents import Event
from shared.messaging.peer import Peer
from shared.messaging.projection import Projection
from shared.storage.database import Connection

NAME = "statistics"
PROVINCE_OF = {province.lane: code for code, province in PROVINCES.items()}
LOCK_SQL = """
SELECT r.sandbox, r.dossier, r.state FROM reported_dossiers r
JOIN unnest($1::text[], $2::text[]) k (sandbox, dossier) USING (sandbox, dossier)
ORDER BY r.sandbox, r.dossier FOR UPDATE OF r"""
# The topics are read concurrently: an event that only shows that a dossier exists must not overwrite a state. Both
# statements take rows in key order, so that the two readers cannot deadlock.
SAVE_SQL = """
INSERT INTO reported_dossiers (sandbox, dossier, province, state)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int2[])
ON CONFLICT (sandbox, dossier) DO UPDATE SET state = EXCLUDED.state WHERE EXCLUDED.state <> $5"""


def reported_dossiers_table(metadata: MetaData) -> None:
    Table(
        "reported_dossiers",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("dossier", Text, primary_key=True),
        Column("province", Text, nullable=False),
        Column("state", SmallInteger, nullable=False),  # code of the state
    )


async def project(connection: Connection, events: Sequence[Event]) -> None:
    """Apply these events; a dossier without earlier events starts in the first state."""
    keys = sorted({(event.sandbox, event.subject) for event in events})
    rows = await connection.fetch(LOCK_SQL, [sandbox for sandbox, _ in keys], [dossier for _, dossier in keys])
    before = {(row["sandbox"], row["dossier"]): int(row["state"]) for row in rows}
    states, provinces = dict(before), dict[tuple[str, str], str]()
    for event in events:
        key = (event.sandbox, event.subject)
        provinces[key] = PROVINCE_OF[event.lane]
        states[key] = after(states.get(key, LIFECYCLE.begins.code), event.type)
    changed = sorted(key for key, state in states.items() if before.get(key) != state)
    if changed:
        await connection.execute(
            SAVE_SQL,
            [sandbox for sandbox, _ in changed],
            [dossier for _, dossier in changed],
            [provinces[key] for key in changed],
            [states[key] for key in changed],
            LIFECYCLE.begins.code,
        )


def after(state_code: int, event_type: str) -> int:
    """The state after an event, as in the portal's own copy; unchanged if the event makes no move."""
    state = LIFECYCLE.state(state_code)
    move = LIFECYCLE.move_for_event(state, event_type)
    applies = LIFECYCLE.reaction(state, event_type) is Reaction.APPLY
    return move.then.code if move is not None and applies else state_code


def statistics(itself: Peer, provinces: Peer) -> Projection:
    """The projection; it reads the events of the portal and of the provinces."""
    return Projection(NAME, (itself, provinces), ("reported_dossiers",), project)
