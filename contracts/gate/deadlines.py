"""Deadlines and results: due dates as the law counts them, and whether a result was on time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from contracts import lifecycle as law
from contracts.calendar.worktime import Count, Limit, Pause, Unit
from contracts.catalogue import (
    CALENDAR,
    CaseNotFound,
    Procedure,
    ProcedureNotYetInForce,
    ProcedureWithdrawn,
    forward_by,
    in_working_days,
    procedure_at,
    procedure_of,
)
from contracts.dossier import REQUESTS
from contracts.gate import law_rules as rules
from contracts.gate.case import Case
from contracts.gate.known import Known
from contracts.gate.rules import Finding, Rule, replaced
from contracts.gate.texts import is_filler
from shared.sandbox.clock import BUSINESS_ZONE, wire

A_SECOND = timedelta(seconds=1)


def _unlike(rule: Rule, data: dict[str, Any], name: str, wanted: datetime | None) -> Iterator[Finding]:
    """A finding if the time `name`, where the body has it, is in another second: many systems write no parts of one."""
    said = data.get(name)
    if said is None or wanted is None or abs(datetime.fromisoformat(said) - wanted) < A_SECOND:
        return
    text = wire(wanted)
    yield rule.at(f"/data/{name}", said, expected=text, patch=replaced(f"/data/{name}", text))


def procedure_in_force(known: Known, at: datetime) -> Procedure:
    """The version by which a dossier is received: that of the day, or its own if the procedure was withdrawn since."""
    try:
        return procedure_at(known.procedure, at.astimezone(BUSINESS_ZONE).date())
    except (ProcedureWithdrawn, ProcedureNotYetInForce):
        return procedure_of(known.procedure, known.version)


def received(case: Case) -> Iterator[Finding]:
    """Form 01: case, version, limit, due date."""
    data, known, at = case.data, case.known, case.at
    procedure = procedure_in_force(known, at)
    if data.get("version", procedure.version) != procedure.version:
        patch = replaced("/data/version", procedure.version)
        yield rules.VERSION.at("/data/version", data["version"], expected=procedure.version, patch=patch)
    of_dossier = procedure.case(known.case)
    try:
        chosen = procedure.case(data.get("case", of_dossier.code))
    except CaseNotFound:
        chosen, patch = of_dossier, replaced("/data/case", of_dossier.code)
        yield rules.CASE.at("/data/case", data["case"], expected=of_dossier.code, patch=patch)
    limit = chosen.limit_for(known.channel)
    said = data.get("limit")
    if said is not None and (said["unit"] != limit.unit or (limit.unit in UNITS and said["value"] != limit.value)):
        wanted = {"value": limit.value, "unit": str(limit.unit)}
        yield rules.LIMIT.at("/data/limit", said, expected=str(limit), patch=replaced("/data/limit", wanted))
    days = in_working_days(limit)
    if data["working_days"] != days:
        patch = replaced("/data/working_days", days)
        yield rules.WORKING_DAYS.at("/data/working_days", data["working_days"], expected=f"{days:g}", patch=patch)
    due = CALENDAR.due(at, limit, Count(data.get("count", Count.LAW)))
    yield from _unlike(rules.DUE_DATE, data, "due_at", due)
    if "forward_by" in data:
        yield from _unlike(rules.FORWARD_BY, data, "forward_by", forward_by(at))


UNITS = (Unit.WORKING_DAY, Unit.DAY, Unit.HOUR)  # units whose number counts


def started(case: Case) -> Iterator[Finding]:
    """If the dossier waited for a payment, the due date has moved by the waiting time."""
    if "due_at" in case.data:
        yield from _unlike(rules.RESUMED_DUE, case.data, "due_at", due_after_start(case.known, case.at))


def due_after_start(known: Known, at: datetime) -> datetime | None:
    return known.running_again(at, Pause.SUBTRACT).due_at


def resumed(case: Case) -> Iterator[Finding]:
    """The clock runs again: after a supplement by the dossier's pause, after a payment without the waiting time."""
    pause = pause_of(case.known)
    if case.data["pause"] != pause:
        patch = replaced("/data/pause", str(pause))
        yield rules.PAUSE.at("/data/pause", case.data["pause"], expected=pause, patch=patch)
    due = case.known.running_again(case.at, pause).due_at
    yield from _unlike(rules.RESUMED_DUE, case.data, "due_at", due)


def pause_of(known: Known) -> Pause:
    return known.pause if known.state == law.SUPPLEMENT else Pause.SUBTRACT


def rescheduled(case: Case) -> Iterator[Finding]:
    """Form 04: from the promised due date to a later moment at which the office works."""
    yield from _unlike(rules.PREVIOUS_DUE, case.data, "previous_due_at", case.known.due_at)
    due = datetime.fromisoformat(case.data["due_at"]).astimezone(BUSINESS_ZONE)
    working = working_moment(due)
    if working != due:
        patch = replaced("/data/due_at", wire(working))
        yield rules.NEW_DUE.at("/data/due_at", case.data["due_at"], expected=wire(working), patch=patch)


def working_moment(at: datetime) -> datetime:
    """`at`, if the office is open then on a working day; otherwise the end of the next working day."""
    local = at.astimezone(BUSINESS_ZONE)
    if CALENDAR.is_working_day(local.date()) and CALENDAR.counts_from(local) == local:
        return local
    return CALENDAR.due(local, Limit(1, Unit.WORKING_DAY))


def supplement_requested(case: Case) -> Iterator[Finding]:
    """Form 02: once and completely, with time to answer."""
    data, known = case.data, case.known
    number = len(known.supplements) + 1
    if known.supplements:
        yield rules.SECOND_REQUEST.at("/type", f"request {number}")
    if data["request"] != number <= REQUESTS:  # the need of the table reports that there were too many
        patch = replaced("/data/request", number)
        yield rules.REQUEST_NUMBER.at("/data/request", data["request"], expected=number, patch=patch)
    if data["counts_as_overdue"] != (number > 1):
        patch = replaced("/data/counts_as_overdue", number > 1)
        expected = "true" if number > 1 else "false"
        yield rules.OVERDUE_MARK.at(
            "/data/counts_as_overdue", data["counts_as_overdue"], expected=expected, patch=patch
        )
    answer_by = datetime.fromisoformat(data["answer_by"])
    least = CALENDAR.add_working_days(case.at.astimezone(BUSINESS_ZONE).date(), 1)
    if case.at <= answer_by and answer_by.astimezone(BUSINESS_ZONE).date() < least:
        wanted = wire(CALENDAR.due(case.at, Limit(1, Unit.WORKING_DAY)))
        patch = replaced("/data/answer_by", wanted)
        yield rules.ANSWER_BY.at("/data/answer_by", data["answer_by"], expected=wanted, patch=patch)
    yield from _components(case)


def _components(case: Case) -> Iterator[Finding]:
    named = [(index, item["component"]) for index, item in enumerate(case.data["items"]) if "component" in item]
    if not named:
        return
    components = {each.code for each in procedure_in_force(case.known, case.at).case(case.known.case).components}
    for index, code in named:
        if code not in components:
            pointer = f"/data/items/{index}/component"
            patch = ({"op": "remove", "path": pointer},)
            yield rules.OTHER_COMPONENT.at(pointer, code, expected=", ".join(sorted(components)), patch=patch)


def ready(case: Case) -> Iterator[Finding]:
    """The result is signed: its number, its file, and whether it is on time."""
    data, known, at = case.data, case.known, case.at.astimezone(BUSINESS_ZONE)
    if known.received_at is not None and known.due_at is None:
        yield rules.NO_DUE_DATE.at("/data/ready_at", data["ready_at"])
    if at == known.received_at != case.now:  # while the clock stands still, everything happens at one time
        yield rules.ZERO_DAYS.at("/data/ready_at", data["ready_at"])
    timeliness = known.timeliness(at)
    if data["on_time"] != (timeliness != "overdue"):
        patch = replaced("/data/on_time", timeliness != "overdue")
        wanted = "false" if timeliness == "overdue" else "true"
        yield rules.ON_TIME.at("/data/on_time", data["on_time"], expected=wanted, patch=patch)
    if data.get("timeliness", timeliness) != timeliness:
        patch = replaced("/data/timeliness", timeliness)
        yield rules.TIMELINESS.at("/data/timeliness", data["timeliness"], expected=timeliness, patch=patch)
    requests = len(known.supplements)
    if data.get("supplement_requests", requests) != requests:
        patch = replaced("/data/supplement_requests", requests)
        said = data["supplement_requests"]
        yield rules.SUPPLEMENT_COUNT.at("/data/supplement_requests", said, expected=requests, patch=patch)
    number = data["result_number"].strip()
    if not number or number == known.code or is_filler(number):
        yield rules.RESULT_NUMBER.at("/data/result_number", data["result_number"])
    if known.lacks_file:
        yield rules.NO_RESULT_FILE.at("/data")


def returned(case: Case) -> Iterator[Finding]:
    wanted = case.known.return_by
    if wanted is not None and case.data["channel"] != wanted:
        patch = replaced("/data/channel", wanted)
        yield rules.RETURN_CHANNEL.at("/data/channel", case.data["channel"], expected=wanted, patch=patch)
