"""How the gateway's data of older versions becomes today's, step by step. A step that has gone out is not changed any more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from contracts.calendar.calendar import CalendarTooShort
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR
from shared.sandbox.clock import NOW_SQL, wire
from shared.storage.migrations import Document, Note, Steps, document, house_to_4, rewrite, to_5

# 2 → 3: a dossier knows what its officers will do next, how its limit is counted, and every demand.
TABLES_3 = ("ALTER TABLE dossiers ADD COLUMN traceparent text NOT NULL DEFAULT ''",)
DOSSIERS_2 = f"""
SELECT d.sandbox, d.code, d.lane, d.body, {NOW_SQL} AS now,
  (SELECT min(t.kind) FROM timers t
   WHERE t.sandbox = d.sandbox AND t.subject = d.code AND t.kind <> 'answer_withdrawal') AS planned,
  (SELECT json_object_agg(e.type, e.body::json) FROM events e
   WHERE e.sandbox = d.sandbox AND e.subject = d.code) AS told
FROM dossiers d LEFT JOIN sandboxes s ON s.id = d.sandbox"""
TIMER = "INSERT INTO timers (sandbox, subject, kind, due, lane) VALUES ($1, $2, 'stop', $3, $4)"
OWING = 6  # the one state in which version 2 waited for money
LOOKS = (time(8), time(10), time(14), time(16))


@dataclass(frozen=True)
class Told:
    """What version 2 wrote down only in its events; None where it did not come so far, or the events are gone."""

    working_days: float | None
    demanded_at: str | None
    started_at: str | None
    ready_at: str | None

    @classmethod
    def of(cls, events: Mapping[str, Document]) -> Told:
        def fact(event: str, name: str) -> Any:
            return events.get(event, {}).get(name)

        return cls(
            fact("dossier.received.v1", "working_days"),
            fact("dossier.fee_demanded.v1", "demanded_at"),
            fact("dossier.processing_started.v1", "started_at"),
            fact("dossier.result_ready.v1", "ready_at"),
        )


async def to_3(connection: Any, note: Note) -> None:
    """Dossiers anew; who owes and was never told until when has thirty days from now, and then the officers stop it."""
    for statement in TABLES_3:
        await connection.execute(statement)
    stops: list[tuple[str, str, datetime, int]] = []

    def change(row: Any) -> Document:
        dossier = dossier_3(document(row["body"]), row["planned"], Told.of(json.loads(row["told"] or "{}")))
        waits = dossier["state_code"] == OWING and dossier["planned"] is None
        if waits and dossier["demands"] and row["now"] is not None:
            pay_by, look = term(row["now"])
            dossier["demands"][0]["pay_by"] = wire(pay_by)
            if look is not None:
                dossier["planned"] = "stop"
                stops.append((row["sandbox"], row["code"], look, row["lane"]))
        return dossier

    await rewrite(connection, "dossiers", DOSSIERS_2, change, note)
    await connection.executemany(TIMER, stops)


def dossier_3(dossier: Document, planned: str | None, told: Told) -> Document:
    """A dossier of version 2 as version 3 keeps it.

    planned  kind of its one timer; a timer that the dossier does not know of does nothing any more
    """
    fee_dong, paid_by = dossier.pop("fee_dong"), dossier.pop("payment")
    received_at, state = dossier["received_at"], dossier["state_code"]
    demanded_at = told.demanded_at or received_at
    item = {"kind": "registration_fee", "name": "Phí, lệ phí", "amount_dong": fee_dong}  # it was not itemised
    demand = {"number": 1, "moment": "at_reception", "items": [item], "pay_by": demanded_at, "paid_by": paid_by}
    limit = {"value": told.working_days, "unit": "working_day"} if told.working_days is not None else None
    return {
        **dossier,
        "demands": [demand] if fee_dong else [],
        "planned": planned,
        "limit": limit,
        "verify_by": None,
        "started_at": told.started_at,
        "ready_at": told.ready_at,
        "paused_at": demanded_at if state == OWING else None,
    }


def term(now: datetime) -> tuple[datetime, datetime | None]:
    """Until when to pay, and when the officers look next; none where the calendar ends before."""
    try:
        pay_by = CALENDAR.due(now, Limit(30, Unit.DAY))
        return pay_by, CALENDAR.next_tick(pay_by, LOOKS)
    except CalendarTooShort:
        return now, None


# 3 → 4: the mode of a province can change; a script that says nothing was never given.
TABLES_4 = (
    "CREATE TABLE replanning (sandbox text NOT NULL PRIMARY KEY, provinces text[] NOT NULL, after text NOT NULL)",
    "UPDATE dossiers SET body = body - 'script' WHERE jsonb_strip_nulls(body->'script') <@ "
    """'{"withdrawal": "grant", "fee_moment": "at_reception", "steps": []}'""",
)


async def to_4(connection: Any, note: Note) -> None:
    await house_to_4(connection, note)
    for statement in TABLES_4:
        await connection.execute(statement)


STEPS: Steps = {3: to_3, 4: to_4, 5: to_5}
