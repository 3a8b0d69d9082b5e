"""The law stage: whether the law lets this province say this of this dossier now, and whether it is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from contracts import lifecycle as law
from contracts.calendar.calendar import CalendarTooShort
from contracts.gate import deadlines, money, places, texts
from contracts.gate import envelope_rules as envelope
from contracts.gate import law_rules as rules
from contracts.gate.attributes import HAPPENED, instant
from contracts.gate.case import Case
from contracts.gate.known import Known
from contracts.gate.message import Message, Reading
from contracts.gate.rules import Finding, replaced
from contracts.lifecycle import LIFECYCLE, Move, State
from shared.sandbox.clock import wire
from shared.sentences import Sentence

CHECKS: dict[str, Callable[[Case], Iterator[Finding]]] = {
    law.DOSSIER_RECEIVED: deadlines.received,
    law.DOSSIER_REFUSED: money.refunded,
    law.DOSSIER_HANDED_OVER: places.handed_over,
    law.SUPPLEMENT_REQUESTED: deadlines.supplement_requested,
    law.FEE_DEMANDED: money.demanded,
    law.FEE_PAID: money.settled,
    law.FEE_WAIVED: money.settled,
    law.PROCESSING_STARTED: deadlines.started,
    law.PROCESSING_RESUMED: deadlines.resumed,
    law.DOSSIER_RESCHEDULED: deadlines.rescheduled,
    law.DOSSIER_REJECTED: money.refunded,
    law.DOSSIER_STOPPED: money.refunded,
    law.DOSSIER_RESULT_READY: deadlines.ready,
    law.DOSSIER_RESULT_RETURNED: deadlines.returned,
    law.DOSSIER_WITHDRAWN: money.refunded,
}
# Pairs of times of a body: the first is not after the second.
ORDER: dict[str, tuple[tuple[str, str], ...]] = {
    law.DOSSIER_RECEIVED: (("received_at", "due_at"), ("received_at", "forward_by")),
    law.SUPPLEMENT_REQUESTED: (("requested_at", "answer_by"),),
    law.FEE_DEMANDED: (("demanded_at", "pay_by"),),
    law.DOSSIER_RESCHEDULED: (("apologised_at", "previous_due_at"), ("previous_due_at", "due_at")),
}
STATUS_NAMES = ("status", "state", "state_code", "trang_thai", "TrangThai", "trangThai")
PAUSED = (law.SUPPLEMENT, law.FINANCIAL_OBLIGATION, law.STOPPED)


def findings(reading: Reading, known: Known | None, now: datetime) -> Iterator[Finding]:
    """Every rule of the law that the message breaks. Its body fits the schema of its type."""
    message, type, data = reading.message, str(reading.type), reading.data
    happened = HAPPENED[type]
    at = instant(data[happened])
    leap = [name for name, value in data.items() if isinstance(value, str) and value[16:19] == ":60"]
    if at is None or leap:  # a leap second: a valid RFC 3339 time that no clock here can show
        yield from (rules.NO_CALENDAR.at(f"/data/{name}", data[name]) for name in leap or [happened])
        return
    if large := [*_too_large(data, "/data")]:
        yield from large
        return
    if type == law.DOSSIER_REGISTERED:
        if known is not None:
            yield rules.KNOWN_ALREADY.at("/subject", reading.dossier)
            return
        checks = _registration(data, message, at)
    elif known is None:
        yield rules.UNKNOWN_DOSSIER.at("/subject", reading.dossier)
        return
    elif known.province != message.province:
        yield rules.OTHER_PROVINCE.at("/subject", reading.dossier)
        return
    else:
        move = LIFECYCLE.move_for_event(known.state, type)
        if move is not None and move.who not in law.OFFICIALS:
            move = None
        checks = _about(Case(message, type, reading.attributes, data, known, now, at, move))
    yield from _times(reading, known, at, now)
    yield from texts.check(type, data)
    yield from places.check(data)
    try:
        yield from checks
    except (CalendarTooShort, OverflowError):
        yield rules.NO_CALENDAR.at(f"/data/{happened}", data[happened])


def _too_large(part: Any, pointer: str) -> Iterator[Finding]:
    """Numbers that other programs read as another one; no amount of money is that large."""
    for name, value in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(value, dict | list):
            yield from _too_large(value, f"{pointer}/{name}")
        elif isinstance(value, int | float) and abs(value) > envelope.LARGEST_NUMBER:
            yield envelope.NO_NUMBER.at(f"{pointer}/{name}", value)


def _registration(data: dict[str, Any], message: Message, at: datetime) -> Iterator[Finding]:
    yield from places.registered(data, message.province, at)
    yield from _status(data, LIFECYCLE.begins)


def _about(case: Case) -> Iterator[Finding]:
    data, known, message = case.data, case.known, case.message
    if data["province"] != known.province:
        patch = replaced("/data/province", known.province)
        yield rules.BODY_PROVINCE.at("/data/province", data["province"], expected=known.province, patch=patch)
    if data["procedure"] != known.procedure:
        patch = replaced("/data/procedure", known.procedure)
        yield rules.BODY_PROCEDURE.at("/data/procedure", data["procedure"], expected=known.procedure, patch=patch)
    if message.partition is not None and known.partition not in (None, message.partition):
        yield envelope.OTHER_PARTITION.at("", message.partition, expected=known.partition)
    if case.move is None:
        yield _why_not(case.type, known.state)
        return
    for need in known.unmet(case.move, case.at):
        if not (need.given == "at_desk" and data.get("at_desk") is True):
            yield rules.NEEDS[need].at("/type", case.type)
    yield from _status(data, case.move.then)
    if case.type in CHECKS:
        yield from CHECKS[case.type](case)


def _why_not(type: str, state: State) -> Finding:
    """Why the law has no such move in this state, as exactly as can be said."""
    leading = [move for move in LIFECYCLE.moves if move.event == type and move.who in law.OFFICIALS]
    if type == law.DOSSIER_RESULT_READY and state in PAUSED:
        return rules.PAUSED_AS_FINISHED.at("/type", f"{state.code} {state.slug}")
    if any(move.then == state != move.when for move in leading):
        return rules.SAID_ALREADY.at("/type", f"{state.code} {state.slug}")
    if state in law.FINAL:
        return rules.ENDED.at("/type", f"{state.code} {state.slug}")
    way = _way(state, [move.when for move in leading])
    if way:
        events = [move.event for move in way]
        expected = Sentence(
            f"first {', then '.join(events)}, then {type}", f"trước hết {', rồi '.join(events)}, sau đó {type}"
        )
        return rules.SKIPS.at("/type", f"{state.code} {state.slug}", expected=expected)
    return rules.NOT_LAWFUL.at("/type", f"{state.code} {state.slug}")


def _way(state: State, goals: list[State]) -> tuple[Move, ...]:
    """The shortest way of official moves to one of the states `goals`; empty if there is none."""
    ways: dict[State, tuple[Move, ...]] = {state: ()}
    edge = [state]
    while edge:
        at = edge.pop(0)
        if at in goals:
            return ways[at]
        for move in LIFECYCLE.moves_from(at):
            if move.who in law.OFFICIALS and move.then not in ways:
                ways[move.then] = (*ways[at], move)
                edge.append(move.then)
    return ()


def _status(data: dict[str, Any], then: State) -> Iterator[Finding]:
    for name in STATUS_NAMES:
        if name in data and data[name] not in (then.code, str(then.code), then.slug):
            wanted = f"{then.code}, {then.slug}"
            yield rules.STATUS_CODE.at(
                f"/data/{name}", data[name], expected=wanted, patch=replaced(f"/data/{name}", then.code)
            )


def _times(reading: Reading, known: Known | None, at: datetime, now: datetime) -> Iterator[Finding]:
    data, type = reading.data, str(reading.type)
    name = HAPPENED[type]
    if at > now:
        patch = replaced(f"/data/{name}", wire(now))
        yield rules.IN_FUTURE.at(f"/data/{name}", data[name], expected=f"at the latest {wire(now)}", patch=patch)
    elif known is not None and at < known.latest.replace(microsecond=0):  # many systems write whole seconds
        patch = replaced(f"/data/{name}", wire(now))
        yield rules.BEFORE_LAST.at(f"/data/{name}", data[name], expected=f"from {wire(known.latest)} on", patch=patch)
    said = reading.attributes.get("time")
    time = instant(said) if isinstance(said, str) else None
    if time is not None and time < at <= now:
        yield rules.ENVELOPE_EARLIER.at("/time", said, expected=data[name], patch=replaced("/time", data[name]))
    elif time is not None and time > now >= at:
        yield rules.IN_FUTURE.at(
            "/time", said, expected=f"at the latest {wire(now)}", patch=replaced("/time", wire(now))
        )
    for earlier, later in ORDER.get(type, ()):
        if (
            earlier in data
            and later in data
            and datetime.fromisoformat(data[earlier]) > datetime.fromisoformat(data[later])
        ):
            yield rules.TIME_ORDER.at(f"/data/{later}", data[later], expected=f"from {data[earlier]} on ({earlier})")
