"""How the portal's data of older versions becomes today's, step by step. A step that has gone out is not changed any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.calendar.calendar import CalendarTooShort
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR
from shared.sandbox.clock import NOW_SQL, wire
from shared.storage.migrations import Document, Note, Steps, document, house_to_4, rewrite, to_5

# 2 → 3: papers and files; a dossier may have several demands, paid in parts; refunds may be partial.
TABLES_3 = (
    "ALTER TABLE dossiers ADD COLUMN traceparent text NOT NULL DEFAULT ''",
    "CREATE TABLE files (sandbox text NOT NULL, sha256 text NOT NULL, media_type text NOT NULL, size integer NOT NULL, "
    "content bytea NOT NULL, stored_at timestamptz NOT NULL, PRIMARY KEY (sandbox, sha256))",
    "ALTER TABLE files ALTER content SET STORAGE EXTERNAL",
    "CREATE TABLE address_keys (name text NOT NULL PRIMARY KEY, key bytea NOT NULL)",
    "INSERT INTO address_keys VALUES ('current', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))",
    "CREATE TABLE papers (sandbox text NOT NULL, owner text NOT NULL, sha256 text NOT NULL, name text NOT NULL, "
    "kind text NOT NULL, dossier text, component text, stored_at timestamptz NOT NULL, PRIMARY KEY (sandbox, owner, sha256))",
    "CREATE INDEX dossiers_owner ON dossiers (sandbox, (body->'owner'->>'id'), ((body->>'submitted_at') COLLATE \"C\"), code) "
    "WHERE (body->'owner'->>'id') IS NOT NULL",
    "CREATE INDEX papers_newest ON papers (sandbox, owner, stored_at, sha256)",
)
DOSSIERS_2 = (
    f"SELECT d.sandbox, d.code, d.body, {NOW_SQL} AS now FROM dossiers d LEFT JOIN sandboxes s ON s.id = d.sandbox"
)
OWING = 6  # the one state in which version 2 waited for money
RETURNED = 10
GIVEN_BACK = ("refund_pending", "refunded")


async def to_3(connection: Any, note: Note) -> None:
    for statement in TABLES_3:
        await connection.execute(statement)
    await rewrite(connection, "dossiers", DOSSIERS_2, lambda row: dossier_3(document(row["body"]), row["now"]), note)


def dossier_3(dossier: Document, now: datetime | None) -> Document:
    """A dossier of version 2: its one fee is a demand at reception; what was given back was given back whole.

    now  sandbox time: whoever owes was never told until when, so thirty days begin with the new version
    """
    fee_dong = dossier.pop("fee_dong")
    demands = [{"number": 1, "amount_dong": fee_dong, "moment": "at_reception", "items": []}] if fee_dong else []
    paid = any(payment["status"] == "paid" for payment in dossier["payments"])
    if demands and now is not None and dossier["state_code"] == OWING and not paid:
        demands[0]["pay_by"] = pay_by(now)
    payments = [{**payment, "demand": 1, "confirmed": 0, "refund_dong": 0} for payment in dossier["payments"]]
    confirmed = sorted(
        (each for each in payments if each["paid_at"] is not None), key=lambda each: str(each["paid_at"])
    )
    for number, payment in enumerate(confirmed, start=1):
        payment["confirmed"] = number
        if payment["status"] in GIVEN_BACK:
            payment["refund_dong"] = payment["amount_dong"]
    returned_by = "online" if dossier["state_code"] == RETURNED else None  # there was no other way
    return {**dossier, "demands": demands, "payments": payments, "returned_by": returned_by}


def pay_by(now: datetime) -> str | None:
    """As the province counts it; None at the end of the calendar."""
    try:
        return wire(CALENDAR.due(now, Limit(30, Unit.DAY)))
    except CalendarTooShort:
        return None


STEPS: Steps = {3: to_3, 4: house_to_4, 5: to_5}
