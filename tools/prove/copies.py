"""Both copies of a dossier against the events of both sides, field by field: `tools.prove.fields` says where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from contracts import lifecycle as law
from shared.messaging.differences import changes
from tools.prove import rules
from tools.prove.evidence import Evidence
from tools.prove.fields import BEGINNING, DEFAULTS, FIELDS, Kept
from tools.prove.tables import Event

STEP = re.compile(r"([a-z_0-9]+)|\[([^\]]+)\]")  # a member, or what is in brackets
NAMED = re.compile(r"\[([a-z]+)\]")
KEYS = {"demands": "number", "supplements": "number", "payments": "reference"}  # list → member that names an element
MISSING = object()
Document = Mapping[str, Any]


def compared(e: Evidence) -> Iterator[str | None]:
    """Every field of every event stands in both copies where the list says; the last event that has it counts."""
    for key in e.comparable:
        portal_copy, province_copy = e.portal.dossiers[key], e.gateway.dossiers.get(key)
        if province_copy is None:
            yield f"{key}: the province does not have it"
            continue
        events = in_order(e.portal.events.get(key, []), e.gateway.events.get(key, []))
        wrong = [
            *(f"the portal's {line}" for line in differing(events, portal_copy, "portal")),
            *(f"the province's {line}" for line in differing(events, province_copy, "gateway", portal_copy)),
        ]
        yield f"{key}: {'; '.join(wrong)}" if wrong else None


def in_order(portal: Sequence[Event], gateway: Sequence[Event]) -> list[Event]:
    """The events of both sides, each in its own order, the one that begins the dossier first."""
    return sorted((*portal, *gateway), key=lambda event: event.type not in BEGINNING)


def differing(events: Sequence[Event], copy: Document, side: str, portal_copy: Document | None = None) -> list[str]:
    """What differs, as sentences. `portal_copy`: decides which of the portal's events came too late for the province."""
    expected: dict[str, Any] = {}  # place → what the events say
    for event in events:
        for pointer, kept in FIELDS[event.type].items():
            _expect(expected, event, pointer, kept, side, copy, portal_copy)
    actual = {place: read(copy, place) for place in expected}
    return [
        f"{change['pointer'][1:]} is {change.get('after')}, should be {change.get('before')}"
        for change in changes(_plain(expected), _plain(actual))
    ]


def _expect(
    expected: dict[str, Any],
    event: Event,
    pointer: str,
    kept: Kept,
    side: str,
    copy: Document,
    portal_copy: Document | None,
) -> None:
    place = kept.portal if side == "portal" else kept.gateway
    if place is None:
        return
    value = pointed(event.facts, pointer)
    if value is MISSING:
        if event.type not in BEGINNING:
            return
        value = [] if "/*/" in pointer else DEFAULTS.get(pointer.rpartition("/")[2])
    if kept.turned is not None and place == kept.gateway:
        value = kept.turned(value)
    adds = "[+]" in place or (event.type == law.SUPPLEMENT_ANSWERED and place == "papers")
    place = _named(place, event.facts)
    if kept.unless_late and portal_copy is not None and came_late(event, portal_copy, copy):
        if adds:
            expected.pop(place, None)  # it may have come in time as well, before what ended the dossier
        return
    expected[place] = expected[place] + value if adds and place in expected else value


def came_late(event: Event, portal_copy: Document, province_copy: Document) -> bool:
    """Whether the province may have read this event of the portal too late for it to count."""
    if event.type == law.PAYMENT_CONFIRMED:
        reference = event.facts["reference"]
        payments = [payment for payment in portal_copy["payments"] if payment["reference"] == reference]
        return any(payment["status"] != "paid" for payment in payments)
    return province_copy["state_code"] in rules.STOPPED


def pointed(body: Any, pointer: str) -> Any:
    """The value at a pointer; with `*` the list of the values of all elements. MISSING if there is none."""
    for position, name in enumerate(steps := pointer[1:].split("/")):
        if name == "*":
            rest = "/" + "/".join(steps[position + 1 :])
            values = [pointed(element, rest) for element in body]
            return [None if value is MISSING else value for value in values]
        if not isinstance(body, dict) or body.get(name) is None:
            return MISSING
        body = body[name]
    return body


def _named(place: str, facts: Document) -> str:
    """The place with the number or reference of the element that the event is about: `demands[=2].pay_by`."""
    return NAMED.sub(lambda name: f"[={facts.get(name[1], DEFAULTS.get(name[1]))}]", place)


def read(document: Any, place: str) -> Any:
    """The value that a copy has at a place; None if it has none."""
    steps = STEP.findall(place)
    for position, (member, index) in enumerate(steps):
        if member:
            document = document.get(member, DEFAULTS.get(member)) if isinstance(document, dict) else None
        elif index in "*+":
            rest = ".".join(member for member, _ in steps[position + 1 :])
            return [read(element, rest) for element in document or ()]
        elif index[0] == "=":
            key = KEYS[steps[position - 1][0]]
            document = next((each for each in document or () if str(each.get(key)) == index[1:]), None)
        else:
            document = document[int(index)] if document else None
    return document


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values of one form: times to the millisecond, whatever their offset."""
    return {place: _one(value) for place, value in values.items()}


def _one(value: Any) -> Any:
    if isinstance(value, list):
        return [_one(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value):
        at = datetime.fromisoformat(value).astimezone(UTC)
        return at.isoformat(timespec="milliseconds")
    return value
