"""Plans the actions of simulated officers as timers; none in a province without them. No await, no I/O."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.calendar.calendar import CalendarTooShort
from services.province_gateway.domain import DossierNotFound
from services.province_gateway.officers import behaviour, faults
from services.province_gateway.work import Work, local_time


def plan(work: Work, code: str, *, replace_same: bool = True) -> None:
    """Set the timer of the officers' next action in place of an earlier one. It fires at once if it is already due.

    replace_same  False: an earlier timer for the same action keeps its time
    """
    dossier, at = work.load(code, DossierNotFound), local_time(work, code)
    try:
        action, rule = faults.next_action(work.sandbox, dossier, at)
    except CalendarTooShort:  # no working days are known, so simulated officers stop; the endpoint still accepts moves
        action, rule = None, None
    kind = action[0] if action else None
    if kind == dossier.planned and not replace_same:
        return
    if rule is not None:
        work.record_firing(rule, code)
    if dossier.planned not in (None, kind):
        work.drop_timer(code, str(dossier.planned))
    if action is not None:
        work.timer(code, *action, at_once=action[1] <= at)
    if dossier.planned != kind:
        work.save(code, replace(dossier, planned=kind))


def plan_answer(work: Work, code: str) -> None:
    """Set the timer by which the desk answers a withdrawal request; none in a province without simulated officers."""
    at = local_time(work, code)
    try:
        due, rule = faults.next_answer(work.sandbox, work.load(code, DossierNotFound), at)
    except CalendarTooShort:
        due, rule = None, None
    if rule is not None:
        work.record_firing(rule, code)
    if due is None:
        work.drop_timer(code, behaviour.WITHDRAWAL)
    else:
        work.timer(code, behaviour.WITHDRAWAL, due, at_once=due <= at)


def close_request(work: Work, code: str) -> None:
    """Delete the withdrawal request and its timer: it needs no answer any more."""
    work.save(code, replace(work.load(code, DossierNotFound), withdrawal_reason=None))
    work.drop_timer(code, behaviour.WITHDRAWAL)


def plan_all(work: Work, code: str) -> None:
    """Plan everything that waits for the officers again, from now on, because the mode of the province has changed."""
    plan(work, code)
    if work.load(code, DossierNotFound).withdrawal_reason is not None:
        plan_answer(work, code)
