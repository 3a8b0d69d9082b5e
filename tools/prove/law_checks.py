"""What was said and what the law says: events against the requests behind them, and against calendar and catalogue.

The run computes limits and fees in its own process, so a bug of a service is not in the comparison as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR, fee_of, forward_by, procedure_of
from shared.sandbox.clock import BUSINESS_ZONE
from tools.prove.copies import MISSING, pointed
from tools.prove.evidence import Check, Evidence
from tools.prove.fields import BEGINNING, DEFAULTS
from tools.prove.ledger import Key
from tools.prove.tables import Event

ON_TIME = ("early", "on_time")


def as_sent(e: Evidence) -> Iterator[str | None]:
    """The event that begins a dossier, and those that a citizen asked for, say what was sent."""
    dossiers = e.ledger.dossiers
    for key, events in chain(e.portal.events.items(), e.gateway.events.items()):
        for event in events:
            if event.type in BEGINNING and key in dossiers:
                yield _told(key, event, [dossiers[key].said])
            elif (key, event.type) in e.ledger.said and not _is_poison(e, key, event):
                yield _told(key, event, e.ledger.said[key, event.type])


def _is_poison(e: Evidence, key: Key, event: Event) -> bool:
    return any((letter.key, letter.version) == (key, event.version) for letter in e.poison)


def _told(key: Key, event: Event, sent: list[dict[str, Any]]) -> str | None:
    """What differs from the request that is nearest to the event."""
    facts = event.facts
    wrong = min((_differing(facts, each) for each in sent), key=len)
    return f"{key}: {event.type} says {'; '.join(wrong)}" if wrong else None


def _differing(facts: dict[str, Any], sent: dict[str, Any]) -> list[str]:
    found = {pointer: pointed(facts, pointer) for pointer in sent}
    return [
        f"{pointer} {None if value is MISSING else value}, sent was {sent[pointer]}"
        for pointer, value in found.items()
        if value != sent[pointer] and not (value is MISSING and sent[pointer] == DEFAULTS.get(pointer[1:]))
    ]


def limits(e: Evidence) -> Iterator[str | None]:
    """Every limit is that of the procedure, and every due date that of the calendar; what was late is said to be late."""
    for key, events in e.gateway.events.items():
        if key in e.connected:
            continue  # a connector says its due dates itself
        due: datetime | None = None
        for event in events:
            facts = event.facts
            if event.type == law.DOSSIER_RECEIVED:
                yield _reception(key, _channel(e, key), facts)
            if event.type == law.DOSSIER_RESULT_READY and due is not None:
                late = facts.get("supplement_requests", 0) > 1 or event.at > due
                said = (facts["on_time"], facts["timeliness"] in ON_TIME)
                yield None if said == (not late, not late) else f"{key}: ready at {event.at}, due at {due}, said {said}"
            due = datetime.fromisoformat(facts["due_at"]) if facts.get("due_at") else due


def _reception(key: Key, channel: str, facts: dict[str, Any]) -> str | None:
    at = datetime.fromisoformat(facts["received_at"])
    limit = procedure_of(facts["procedure"], facts["version"]).case(facts["case"]).limit_for(channel)
    said = Limit(facts["limit"]["value"], Unit(facts["limit"]["unit"]))
    expected = (limit, CALENDAR.due(at, limit, facts["count"]), forward_by(at))
    found = (said, *(datetime.fromisoformat(facts[name]) for name in ("due_at", "forward_by")))
    return None if found == expected else f"{key}: limit, due date, forwarding are {found}, should be {expected}"


def fees(e: Evidence) -> Iterator[str | None]:
    """The first fee that an office demands by itself is that of the catalogue."""
    dossiers = e.ledger.dossiers
    for key, events in e.gateway.events.items():
        if key in e.connected or key not in dossiers or dossiers[key].names_fee:
            continue
        received: dict[str, Any] = _beginning(e, key)
        for event in events:
            facts = event.facts
            if event.type == law.DOSSIER_RECEIVED:
                received = received | facts
            if event.type == law.FEE_DEMANDED and facts.get("demand", 1) == 1 and received:
                demanded = [(item["kind"], item["name"], item["amount_dong"]) for item in facts["items"]]
                expected = _catalogue_fee(received, event.at)
                yield None if demanded == expected else f"{key}: the fee is {demanded}, should be {expected}"


def _catalogue_fee(facts: dict[str, Any], at: datetime) -> list[tuple[str, str, int]]:
    procedure = procedure_of(facts["procedure"], facts["version"])
    received_at = datetime.fromisoformat(facts["received_at"]) if "received_at" in facts else at
    fee = fee_of(
        procedure,
        procedure.case(facts.get("case")),
        province=facts["province"],
        channel=facts.get("channel", "online"),
        payer_group=facts.get("payer_group", "ordinary"),
        on=received_at.astimezone(BUSINESS_ZONE).date(),
    )
    return [(item.kind, item.name_vi, item.amount_dong) for item in fee.items if item.amount_dong]


def _beginning(e: Evidence, key: Key) -> dict[str, Any]:
    """The facts with which the dossier began; empty if its event was lost."""
    events = chain(e.portal.events.get(key, ()), e.gateway.events.get(key, ()))
    return next((event.facts for event in events if event.type in BEGINNING), {})


def _channel(e: Evidence, key: Key) -> str:
    return str(_beginning(e, key).get("channel", "online"))


def files(e: Evidence) -> Iterator[str | None]:
    """Every stored file has the content that its hash names, and no paper of a dossier lacks its file."""
    for tables in (e.portal, e.gateway):
        yield from (f"{tables.service}: the content of file {file} is another" for file in tables.spoilt_files)
    for (sandbox, code), dossier in e.portal.dossiers.items():
        named = {paper["sha256"] for paper in dossier.get("papers", ()) if paper.get("sha256")}
        missing = [hash for hash in sorted(named) if (sandbox, hash) not in e.portal.files]
        yield f"{sandbox}/{code}: the portal has no file {', '.join(missing)}" if missing else None


CHECKS: dict[str, Check] = {
    "events say what was sent": as_sent,
    "limits and due dates are those of procedure and calendar": limits,
    "fees are those of the catalogue": fees,
    "files have the content that their hash names": files,
}
