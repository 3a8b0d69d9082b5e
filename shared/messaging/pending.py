"""What can still happen: in a whole sandbox, and to one document (timers, dead letters, events not read yet)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from shared.messaging import timers
from shared.messaging.lanes import LANES, Place
from shared.sandbox.clock import NOW_SQL, wire
from shared.storage.database import Database

SANDBOX_SQL = f"""
SELECT (SELECT count(*) FROM queue q WHERE q.sandbox = $1) AS unsent, due.timers_due, due.at_once,
  (SELECT due FROM timers t WHERE t.sandbox = $1 AND {timers.NOT_PARKED} ORDER BY due LIMIT 1) AS next_due,
  ARRAY(SELECT p.subject || ': ' || p.reason FROM parked p WHERE p.sandbox = $1 ORDER BY p.subject LIMIT 100) AS parked,
  s.rate, s.now
FROM (SELECT s.id, s.rate, {NOW_SQL} AS now FROM sandboxes s WHERE s.id = $1) s CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE NOT t.at_once) AS timers_due, count(*) FILTER (WHERE t.at_once) AS at_once
  FROM timers t WHERE t.sandbox = s.id AND t.due <= s.now AND {timers.NOT_PARKED}) due"""
NOTHING: dict[str, Any] = {"unsent": 0, "timers_due": 0, "at_once": 0, "next_due": None, "parked": [], "now": None}
# The last number of the sandbox in each lane of each topic.
WRITTEN_SQL = """
SELECT t.topic, g.lane, p.epoch, p.number
FROM unnest($2::text[]) t (topic) CROSS JOIN generate_series(0, $3::int) g (lane) CROSS JOIN LATERAL (
  SELECT epoch, number FROM posted p WHERE p.sandbox = $1 AND p.topic = t.topic AND p.lane = g.lane
  ORDER BY epoch DESC, number DESC LIMIT 1) p"""
TIMERS_SQL = "SELECT kind, due FROM timers WHERE sandbox = $1 AND subject = $2 ORDER BY due, kind"
# The letter that a redrive applies first.
PARKED_SQL = """
SELECT p.reason, p.since, d.id, d.kind,
  (SELECT count(*) FROM waiting w WHERE w.sandbox = p.sandbox AND w.subject = p.subject) AS behind
FROM parked p LEFT JOIN LATERAL (SELECT id, kind FROM dead_letters d
  WHERE d.sandbox = p.sandbox AND d.subject = p.subject AND d.redriven_at IS NULL
  ORDER BY d.record IS NULL, d.id LIMIT 1) d ON true
WHERE p.sandbox = $1 AND p.subject = $2"""
STUCK_SQL = """
SELECT (record->>'version')::int AS version FROM (
  SELECT record FROM dead_letters WHERE sandbox = $1 AND subject = $2 AND redriven_at IS NULL AND record IS NOT NULL
  UNION ALL SELECT record FROM waiting WHERE sandbox = $1 AND subject = $2) s ORDER BY version"""
# Searches only the places that the reader has not read: a lane can hold a hundred thousand events of one sandbox.
EVENTS_SQL = """
SELECT e.type, e.version, q.version IS NULL AS numbered, q.version IS NOT NULL OR p.version IS NOT NULL AS unread
FROM events e LEFT JOIN (SELECT version FROM queue WHERE sandbox = $1 AND subject = $2) q USING (version)
LEFT JOIN (SELECT DISTINCT version FROM posted WHERE sandbox = $1 AND subject = $2
  AND lane = (SELECT lane FROM events WHERE sandbox = $1 AND subject = $2 LIMIT 1)
  AND (epoch, number) >= ($3::int, $4::bigint)) p USING (version)
WHERE e.sandbox = $1 AND e.subject = $2 ORDER BY e.version"""
ALL_READ = (1 << 31) - 1, 0  # the place of an unknown reader: every numbered event counts as read


class Timer(Struct, frozen=True):
    kind: str
    due: datetime  # sandbox time


class Parked(Struct, frozen=True):
    """Why no event of a document is applied.

    since   real time
    letter  id of the dead letter to redrive; None: the sandbox is not known here yet, and no redrive is needed
    kind    of that letter: event type, or kind of timer
    behind  how many events wait
    """

    reason: str
    since: datetime
    letter: int | None
    kind: str | None
    behind: int


class PublishedEvent(Struct, frozen=True):
    """An event that this service published.

    numbered  the relay has assigned its number
    unread    its reader has not read it yet
    """

    type: str
    version: int
    numbered: bool
    unread: bool


class Outsider(Struct, frozen=True):
    """What an outside system that decides on a document was told, and what it said. Times are real time.

    waiting   deliveries that it has not acknowledged, the oldest of `since`
    apart     deliveries that wait apart, since they cannot be made in the way in which it is connected now
    told      type of the last event that it was told, at `told_at`
    answered  whether it has said something since then that was accepted
    rejected  why its last message was rejected; "": it was not, or there is none
    held      types of the events that fault rules keep back from it, each with its rule
    """

    waiting: int = 0
    since: datetime | None = None
    apart: int = 0
    told: str = ""
    told_at: datetime | None = None
    answered: bool = False
    rejected: str = ""
    held: tuple[str, ...] = ()


class Outlook(Struct, frozen=True):
    """What can still happen to one document in one service.

    known   whether the service has the document
    stuck   versions of the peer's events that were read without effect: dead letters, and events behind them
    outsider  None: no outside system was told anything about it
    """

    known: bool = False
    timers: tuple[Timer, ...] = ()
    parked: Parked | None = None
    stuck: tuple[int, ...] = ()
    events: tuple[PublishedEvent, ...] = ()
    outsider: Outsider | None = None


async def of(database: Database, table: str, sandbox_id: str, subject: str, reader: Place | None) -> dict[str, Any]:
    """The outlook as JSON. Events are read last, so that no timer is gone while its event is still missing.

    table   of the documents
    reader  the place that the reader of the document's lane expects; None: numbered events count as read
    """
    key = (sandbox_id, subject)
    parked = await database.fetch(PARKED_SQL, *key)
    return {
        "known": bool(await database.fetch(f"SELECT FROM {table} WHERE sandbox = $1 AND code = $2", *key)),
        "timers": [{"kind": row["kind"], "due": wire(row["due"])} for row in await database.fetch(TIMERS_SQL, *key)],
        "parked": _parked(parked[0]) if parked else None,
        "stuck": [row["version"] for row in await database.fetch(STUCK_SQL, *key)],
        "events": [dict(row) for row in await database.fetch(EVENTS_SQL, *key, *(reader or ALL_READ))],
    }


def _parked(row: Any) -> dict[str, Any]:
    columns = {name: row[name] for name in ("reason", "kind", "behind")}
    return {**columns, "since": row["since"].isoformat(timespec="milliseconds"), "letter": row["id"]}


async def in_sandbox(database: Database, sandbox_id: str) -> dict[str, Any]:
    """What can still happen in a sandbox, apart from background calls and peers."""
    rows = await database.fetch(SANDBOX_SQL, sandbox_id)
    row: Any = rows[0] if rows else NOTHING
    return {
        "unsent": row["unsent"],
        "timers_due": row["timers_due"],
        "under_way": [f"{row['at_once']} timers fire by themselves"] if row["at_once"] else [],
        "next_due": wire(row["next_due"]) if row["next_due"] else None,
        "now": wire(row["now"]) if row["now"] else None,
        "parked": list(row["parked"]),
    }


async def written(database: Database, sandbox_id: str, topics: Sequence[str]) -> dict[str, dict[int, list[int]]]:
    """Topic → lane → epoch and number of the sandbox's last numbered event."""
    places: dict[str, dict[int, list[int]]] = {topic: {} for topic in topics}
    for row in await database.fetch(WRITTEN_SQL, sandbox_id, list(topics), LANES - 1):
        places[row["topic"]][row["lane"]] = [row["epoch"], row["number"]]
    return places
