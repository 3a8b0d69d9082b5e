"""Published events, to look at: those of the last minutes by type, and one as it is on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from shared.errors import EventNotFound
from shared.messaging.cloudevents import Signer, headers
from shared.sandbox.clock import wire
from shared.storage.database import Database

# Migration to version 12 of every service that publishes events.
ADD_INDEX_SQL = "CREATE INDEX events_real_at ON events USING brin (real_at) WITH (autosummarize = on)"
RECENT_SQL = """
WITH counted AS (
  SELECT type, count(*) AS count, max(real_at) AS newest FROM events
  WHERE sandbox = $1 AND real_at > clock_timestamp() - $2::interval AND ($3::text IS NULL OR type = $3) GROUP BY type)
SELECT c.count, e.* FROM counted c CROSS JOIN LATERAL (
  SELECT * FROM events WHERE sandbox = $1 AND real_at = c.newest AND type = c.type LIMIT 1) e
ORDER BY e.type"""
# An event has a number in each epoch in which it was sent; the last one counts. While it is queued, it has none.
ONE_SQL = """
SELECT e.*, p.epoch, p.number, p.posted_at FROM events e LEFT JOIN posted p ON p.sandbox = e.sandbox
  AND p.topic = ANY($4) AND p.lane = e.lane AND p.subject = e.subject AND p.version = e.version
WHERE e.sandbox = $1 AND e.subject = $2 AND e.version = $3 ORDER BY p.epoch DESC NULLS LAST LIMIT 1"""
UNNUMBERED = ("ce_sequence", "ce_epoch")


@dataclass(frozen=True)
class Recent:
    """The events of one type in the last minutes: how many, and the newest."""

    type: str
    count: int
    subject: str
    version: int
    id: str
    at: str
    real_at: str
    data: Any


@dataclass(frozen=True)
class OnTheWire:
    """An event as its record has it. `headers`: without the signature; `sequence` and `epoch` only once it has them."""

    headers: dict[str, str]
    data: Any


async def recent(database: Database, sandbox_id: str, span: timedelta, event_type: str | None) -> list[Recent]:
    """What was published in the last `span` of real time, by type."""
    rows = await database.fetch(RECENT_SQL, sandbox_id, span, event_type)
    return [
        Recent(
            type=row["type"],
            count=row["count"],
            subject=row["subject"],
            version=row["version"],
            id=row["id"],
            at=wire(row["at"]),
            real_at=wire(row["real_at"]),
            data=msgspec.json.decode(row["body"]),
        )
        for row in rows
    ]


async def on_the_wire(
    database: Database, service: str, topics: Sequence[str], signer: Signer, sandbox_id: str, subject: str, version: int
) -> OnTheWire:
    """One event of a service. Raises EventNotFound."""
    rows = await database.fetch(ONE_SQL, sandbox_id, subject, version, list(topics))
    if not rows:
        detail = "GET /_lab/timeline/{dossier} lists the events of a dossier with their versions."
        raise EventNotFound(detail, dossier=subject, version=version)
    row, is_numbered = rows[0], rows[0]["number"] is not None
    given = row if is_numbered else {**row, "number": 0, "epoch": 0}
    left_out = ("ce_signature", *(() if is_numbered else UNNUMBERED))
    sent = headers(given, service, signer, row["body"].encode())
    named = {name: value.decode() for name, value in sent if name not in left_out}
    return OnTheWire(named, msgspec.json.decode(row["body"]))
