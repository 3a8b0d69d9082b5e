"""The projection for the statistics: state, place and due date of every dossier, from the events of both sources.

Only events of a province change a state or a due date, and they arrive in order. The portal's own events only show that
a dossier exists, and where it was submitted, so the order of the two topics does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from sqlalchemy import Boolean, Column, DateTime, MetaData, SmallInteger, Table, Text

from contracts import lifecycle as law
from contracts.catalogue import COMMUNES, PROVINCES
from contracts.lifecycle import LIFECYCLE, Reaction
from shared.messaging.cloudevents import Event
from shared.messaging.peer import Peer
from shared.messaging.projection import Projection
from shared.storage.database import Connection

NAME = "statistics"
PROVINCE_OF = {province.lane: code for code, province in PROVINCES.items()}
LOCK_SQL = """
SELECT r.sandbox, r.dossier, r.state, r.commune, r.is_online, r.due_at, r.is_overdue FROM reported_dossiers r
JOIN unnest($1::text[], $2::text[]) k (sandbox, dossier) USING (sandbox, dossier)
ORDER BY r.sandbox, r.dossier FOR UPDATE OF r"""
# The topics are read concurrently: what the events of one do not say must not overwrite what those of the other said.
# Both statements take rows in key order, so that the two readers cannot deadlock.
SAVE_SQL = """
INSERT INTO reported_dossiers AS r (sandbox, dossier, province, state, commune, is_online, due_at, is_overdue)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int2[], $5::text[], $6::bool[], $7::timestamptz[], $8::bool[])
ON CONFLICT (sandbox, dossier) DO UPDATE SET
  state = CASE WHEN EXCLUDED.state <> $9 THEN EXCLUDED.state ELSE r.state END,
  commune = coalesce(EXCLUDED.commune, r.commune), is_online = coalesce(EXCLUDED.is_online, r.is_online),
  due_at = coalesce(EXCLUDED.due_at, r.due_at), is_overdue = coalesce(EXCLUDED.is_overdue, r.is_overdue)"""
ADD_FIGURES_SQL = """
ALTER TABLE reported_dossiers ADD COLUMN commune text, ADD COLUMN is_online boolean, ADD COLUMN due_at timestamptz,
  ADD COLUMN is_overdue boolean"""
DECIDE = (law.DOSSIER_RESULT_READY, law.DOSSIER_REJECTED)


def reported_dossiers_table(metadata: MetaData) -> None:
    Table(
        "reported_dossiers",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("dossier", Text, primary_key=True),
        Column("province", Text, nullable=False),
        Column("state", SmallInteger, nullable=False),  # code of the state
        Column("commune", Text),  # NULL: not known yet, or a department of the province
        Column("is_online", Boolean),  # how it was filed; NULL: not known yet
        Column("due_at", DateTime(timezone=True)),
        Column("is_overdue", Boolean),  # of its result; NULL: there is none yet
    )


@dataclass(frozen=True)
class Reported:
    """What is counted of one dossier: the columns of the table."""

    state: int
    commune: str | None = None
    is_online: bool | None = None
    due_at: datetime | None = None
    is_overdue: bool | None = None


class Authority(msgspec.Struct, frozen=True):
    commune: str | None = None


class Body(msgspec.Struct, frozen=True):
    """What is read of an event, whatever its type."""

    authority: Authority = Authority()
    due_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    on_time: bool | None = None


BODIES = msgspec.json.Decoder(Body)


async def project(connection: Connection, events: Sequence[Event]) -> None:
    """Apply these events; a dossier without earlier events starts in the first state."""
    keys = sorted({(event.sandbox, event.subject) for event in events})
    rows = await connection.fetch(LOCK_SQL, [sandbox for sandbox, _ in keys], [dossier for _, dossier in keys])
    before = {(row["sandbox"], row["dossier"]): Reported(*list(row)[2:]) for row in rows}
    reported, provinces = dict(before), dict[tuple[str, str], str]()
    for event in events:
        key = (event.sandbox, event.subject)
        provinces[key] = PROVINCE_OF[event.lane]
        reported[key] = told(reported.get(key, Reported(LIFECYCLE.begins.code)), event)
    changed = sorted(key for key, each in reported.items() if before.get(key) != each)
    if changed:
        columns = zip(*(astuple(reported[key]) for key in changed), strict=True)
        await connection.execute(
            SAVE_SQL,
            [sandbox for sandbox, _ in changed],
            [dossier for _, dossier in changed],
            [provinces[key] for key in changed],
            *map(list, columns),
            LIFECYCLE.begins.code,
        )


def told(before: Reported, event: Event) -> Reported:
    """What is counted of a dossier after an event. A body that does not fit says nothing."""
    body = Body()
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        body = BODIES.decode(event.body)
    if event.type in law.BEGUN_BY:
        commune = body.authority.commune if body.authority.commune in COMMUNES else before.commune
        return replace(before, commune=commune, is_online=event.type == law.DOSSIER_SUBMITTED)
    if LIFECYCLE.reaction(LIFECYCLE.state(before.state), event.type) is not Reaction.APPLY:
        return before
    due_at = before.due_at
    with suppress(OverflowError):  # a year that no offset leaves in the calendar
        due_at = body.due_at.astimezone(UTC) if body.due_at else due_at
    is_overdue = before.is_overdue
    if event.type in DECIDE:
        late = due_at is not None and event.time > due_at
        is_overdue = late if body.on_time is None else not body.on_time
    return replace(before, state=after(before.state, event.type), due_at=due_at, is_overdue=is_overdue)


def after(state_code: int, event_type: str) -> int:
    """The state after an event, as in the portal's own copy; unchanged if the event makes no move."""
    state = LIFECYCLE.state(state_code)
    move = LIFECYCLE.move_for_event(state, event_type)
    applies = LIFECYCLE.reaction(state, event_type) is Reaction.APPLY
    return move.then.code if move is not None and applies else state_code


def statistics(itself: Peer, provinces: Peer) -> Projection:
    """The projection; it reads the events of the portal and of the provinces."""
    return Projection(NAME, (itself, provinces), ("reported_dossiers",), project)
