"""The projection behind the statistics: which dossier stands in which state, from the events of both sources.

Only the events of a province move a dossier, and they arrive in order. The portal's own events say no more than that a dossier
exists; so it does not matter which of the two topics is read first.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, MetaData, SmallInteger, Table, Text

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES
from contracts.lifecycle import LIFECYCLE
from shared.messaging.cloudevents import Event
from shared.messaging.peer import Peer
from shared.messaging.projection import Projection
from shared.storage.database import Connection

NAME = "statistics"
PROVINCE_OF = {province.lane: code for code, province in PROVINCES.items()}
LOCK_SQL = """
SELECT r.sandbox, r.dossier, r.state FROM reported_dossiers r
JOIN unnest($1::text[], $2::text[]) k (sandbox, dossier) USING (sandbox, dossier) FOR UPDATE OF r"""
# The two topics are read beside each other: who only learns that a dossier exists changes nothing that the other has written.
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
    """Move each dossier by these events; one of which nothing was read yet begins where all begin."""
    keys = sorted({(event.sandbox, event.subject) for event in events})
    rows = await connection.fetch(LOCK_SQL, [sandbox for sandbox, _ in keys], [dossier for _, dossier in keys])
    before = {(row["sandbox"], row["dossier"]): int(row["state"]) for row in rows}
    states, provinces = dict(before), dict[tuple[str, str], str]()
    for event in events:
        key = (event.sandbox, event.subject)
        provinces[key] = PROVINCE_OF[event.lane]
        states[key] = after(states.get(key, LIFECYCLE.begins.code), event.type)
    changed = [key for key, state in states.items() if before.get(key) != state]
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
    """The state of a dossier after an event, as the portal's own copy reacts to it; unchanged by what moves nothing there."""
    state = LIFECYCLE.state(state_code)
    move = LIFECYCLE.move_for_event(state, event_type)
    moved = move is not None and move.who in law.OFFICIALS and state not in law.FINAL
    return move.then.code if move is not None and moved else state_code


def statistics(itself: Peer, provinces: Peer) -> Projection:
    """Reads what the portal itself publishes, and what the provinces do."""
    return Projection(NAME, (itself, provinces), ("reported_dossiers",), project)
