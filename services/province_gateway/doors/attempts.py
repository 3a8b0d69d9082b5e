"""The deliveries of a connector with the attempts to send them, and sending them again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.legacy.reverse import PLAYED
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.officers.modes import mode_of
from shared.errors import Refusal
from shared.runtime import Runtime, in_sandbox
from shared.storage.database import Database
from shared.storage.page import Cut, Page, place_of

STATES = WAITING, DELIVERED, GIVEN_UP = ("waiting", "delivered", "given_up")
STATE_SQL = f"""CASE WHEN acknowledged_at IS NOT NULL THEN '{DELIVERED}'
  WHEN given_up_at IS NOT NULL THEN '{GIVEN_UP}' ELSE '{WAITING}' END"""
LIST_SQL = f"""
SELECT number, id, type, dossier, at, real_at, {STATE_SQL} AS state, acknowledged_at, attempts, next_try, given_up_at
FROM deliveries WHERE sandbox = $1 AND province = $2 AND number > $3
  AND ($4::text IS NULL OR dossier = $4) AND ($5::text IS NULL OR {STATE_SQL} = $5) ORDER BY number LIMIT $6"""
ATTEMPTS_SQL = """
SELECT number, attempt, at, real_at, status, error, milliseconds, head FROM attempts
WHERE sandbox = $1 AND province = $2 AND number = ANY($3) ORDER BY number, attempt"""
LAST_SQL = """
SELECT a.* FROM deliveries d JOIN attempts a USING (sandbox, province, number)
WHERE d.sandbox = $1 AND d.province = $2 AND d.id = $3 ORDER BY a.attempt DESC LIMIT 1"""
RESEND_SQL = """
UPDATE deliveries SET acknowledged_at = NULL, given_up_at = NULL, next_try = NULL, claimed_until = NULL, failures = 0
WHERE sandbox = $1 AND province = $2
  AND ($3::text IS NULL OR id = $3) AND ($4::text IS NULL OR dossier = $4) AND ($5::timestamptz IS NULL OR at >= $5)"""


CALLS_WAIT_FOR = "the adapter API: connect with --via legacy --url ADDRESS"


class DeliveryNotFound(Refusal):
    """No delivery of this connector is the one to be sent again."""


class NotSentByUs(Refusal):
    """The connector of the province is not told by webhook, so nothing can be sent to it again."""


async def listed(
    database: Database, connector: Connector, dossier: str | None, state: str | None, page: Page, *, hears_calls: bool
) -> Cut[dict[str, Any]]:
    """Deliveries in their order, each with `log`, the last attempts to send it; `hears_calls`: as in its mode."""
    place = (connector.sandbox_id, connector.province)
    rows = await database.fetch(LIST_SQL, *place, place_of(page), dossier, state, page.size + 1)
    shown: list[dict[str, Any]] = [
        {**row, "waits_for": _waits_for(row, hears_calls=hears_calls), "log": []} for row in rows[: page.size]
    ]
    by_number = {row["number"]: row["log"] for row in shown}
    for attempt in await database.fetch(ATTEMPTS_SQL, *place, list(by_number)):
        by_number[attempt["number"]].append(dict(attempt))
    return Cut(shown, str(shown[-1]["number"]) if len(rows) > page.size else None)


async def last(database: Database, connector: Connector, id: str) -> dict[str, Any] | None:
    """The last attempt to send one delivery; None if there was none."""
    rows = await database.fetch(LAST_SQL, connector.sandbox_id, connector.province, id)
    return dict(rows[0]) if rows else None


async def resend(
    runtime: Runtime,
    connector: Connector,
    *,
    event: str | None = None,
    dossier: str | None = None,
    since: datetime | None = None,
) -> int:
    """Send deliveries again, in order, also those that were taken or given up; returns how many.

    event    the id of one
    dossier  all of one dossier
    since    all whose event happened at that sandbox time or later; none is no error
    raises   DeliveryNotFound, NotSentByUs
    """
    async with in_sandbox(runtime, connector.sandbox_id) as (connection, sandbox):
        if not mode_of(sandbox, connector.province).url:
            detail = "It reads deliveries itself: let it read again from an earlier place, over pull with `after`."
            raise NotSentByUs(detail, province=connector.province, via=mode_of(sandbox, connector.province).via)
        place = (connector.sandbox_id, connector.province)
        count = int((await connection.execute(RESEND_SQL, *place, event, dossier, since)).removeprefix("UPDATE "))
        if count == 0 and since is None:
            facts = {"event": event} if event else {"dossier": dossier}
            raise DeliveryNotFound("`GET …/deliveries` lists what was sent.", **facts)
    return count


def _waits_for(row: Any, *, hears_calls: bool) -> str | None:
    is_held = row["state"] == WAITING and row["type"].startswith(PLAYED) and not hears_calls
    return CALLS_WAIT_FOR if is_held else None
