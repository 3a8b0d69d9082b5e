"""What officers will do by themselves, set as timers; in manual mode nothing is. No await, no I/O."""

from __future__ import annotations

from msgspec.structs import replace

from contracts.calendar.calendar import CalendarTooShort
from services.province_gateway.domain import DossierNotFound
from services.province_gateway.officers import behaviour, faults
from services.province_gateway.work import Work, here


def plan(work: Work, code: str, *, anew: bool = True) -> None:
    """Set the one timer by which the officers act by themselves; the one before goes. What is due now fires at once.

    anew  False: what is planned already keeps its time
    """
    dossier, at = work.load(code, DossierNotFound), here(work, code)
    try:
        action, rule = faults.next_action(work.sandbox, dossier, at)
    except CalendarTooShort:
        action, rule = (
            None,
            None,
        )  # the list of days off ends before: nobody comes to the office; the door still takes moves
    kind = action[0] if action else None
    if kind == dossier.planned and not anew:
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
    """Set when the desk answers a withdrawal request by itself; where it does not, whoever sits there can."""
    at = here(work, code)
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
    """A withdrawal request needs no answer any more."""
    work.save(code, replace(work.load(code, DossierNotFound), withdrawal_reason=None))
    work.drop_timer(code, behaviour.WITHDRAWAL)


def plan_anew(work: Work, code: str) -> None:
    """The province acts in another way now: everything that waits for its officers is planned from now on."""
    plan(work, code)
    if work.load(code, DossierNotFound).withdrawal_reason is not None:
        plan_answer(work, code)
