"""The edge at which officers' faults fire: they change the next action of simulated officers. Plain Python, no I/O."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase

from contracts import lifecycle as law
from contracts.catalogue import PROVINCES
from contracts.faults import officers as named
from services.province_gateway.domain import Dossier
from services.province_gateway.officers import behaviour
from services.province_gateway.officers.modes import mode_of
from shared.sandbox import faults
from shared.sandbox.faults import NONE, Rule
from shared.sandbox.registry import Sandbox

NO_REASON = "Hồ sơ không hợp lệ"  # explains nothing that the citizen could correct
Action = tuple[str, datetime]


def next_move(sandbox: Sandbox, dossier: Dossier) -> str | None:
    """As `behaviour.next_move`, changed by the active faults."""
    does = behaviour.next_move(sandbox, dossier)
    if sandbox.faults == NONE or does is None:
        return does
    if _rule(sandbox, dossier, named.SILENT):
        return None
    return law.REQUEST_SUPPLEMENT if _second_request(sandbox, dossier, does) else does


def silenced(sandbox: Sandbox, dossier: Dossier) -> Rule | None:
    """The rule because of which the officers do not act on the dossier now."""
    must_answer = dossier.withdrawal_reason is not None and mode_of(sandbox, dossier.province).has_officers
    has_work = must_answer or behaviour.next_move(sandbox, dossier) is not None
    return _rule(sandbox, dossier, named.SILENT) if has_work else None


def next_action(sandbox: Sandbox, dossier: Dossier, at: datetime) -> tuple[Action | None, Rule | None]:
    """As `behaviour.next_action`, changed by the active faults; and the rule that changed it."""
    if sandbox.faults == NONE:
        return behaviour.next_action(sandbox, dossier, at), None
    if silent := _rule(sandbox, dossier, named.SILENT):
        return behaviour.next_action(sandbox, dossier, silent.until) if silent.until else None, silent
    action = behaviour.next_action(sandbox, dossier, at)
    if action is None:
        return None, None
    does, due = action
    if second := _second_request(sandbox, dossier, does):
        return (law.REQUEST_SUPPLEMENT, behaviour.next_hour(at)), second
    if does == law.FINISH and dossier.due_at and (overdue := _rule(sandbox, dossier, named.OVERDUE)):
        return (does, max(due, behaviour.hour_after_days(dossier.due_at, overdue.settings["days"]))), overdue
    if does == behaviour.RECEPTION and (late := _rule(sandbox, dossier, named.LATE)):
        return (does, max(due, behaviour.hour_after_days(dossier.submitted_at, late.settings["days"]))), late
    if slow := _rule(sandbox, dossier, named.SLOW):
        return (does, behaviour.hour_after_days(due, slow.settings["days"])), slow
    return action, None


def next_answer(sandbox: Sandbox, dossier: Dossier, at: datetime) -> tuple[datetime | None, Rule | None]:
    """As `behaviour.next_answer`, changed by the active faults; and the rule that changed it."""
    if silent := _rule(sandbox, dossier, named.SILENT):
        return behaviour.next_answer(sandbox, dossier, silent.until) if silent.until else None, silent
    due = behaviour.next_answer(sandbox, dossier, at)
    if due is not None and (slow := _rule(sandbox, dossier, named.SLOW)):
        return behaviour.hour_after_days(due, slow.settings["days"]), slow
    return due, None


def decide_reception(sandbox: Sandbox, dossier: Dossier) -> tuple[str | None, Rule | None]:
    """As `behaviour.decide_reception`, changed by the active faults; and the rule that changed it."""
    if rule := _rule(sandbox, dossier, named.NO_REASON):
        return NO_REASON, rule
    return behaviour.decide_reception(sandbox, dossier), None


def changed(before: str, after: str) -> list[str]:
    """The provinces whose officers' fault rules differ; `before` and `after` are values of the column `faults`."""
    rules = {*map(_mark, faults.rules_of(before))} ^ {*map(_mark, faults.rules_of(after))}
    patterns = {pattern for _, edge, pattern in rules if edge in named.EDGES.values()}
    return [province for province in PROVINCES if any(fnmatchcase(province, pattern) for pattern in patterns)]


def _mark(rule: Rule) -> tuple[str, str, str]:
    return rule.key, rule.edge, rule.match.get("province", "*")


def _second_request(sandbox: Sandbox, dossier: Dossier, does: str) -> Rule | None:
    answered_once = len(dossier.supplements) == 1 and not dossier.unanswered
    if not answered_once or dossier.state != law.IN_PROCESSING or does != law.FINISH:
        return None
    return _rule(sandbox, dossier, named.SECOND_REQUEST)


def _rule(sandbox: Sandbox, dossier: Dossier, fault: str) -> Rule | None:
    if sandbox.faults == NONE:
        return None
    about = {
        "province": dossier.province,
        "commune": dossier.commune or "",
        "procedure": dossier.procedure,
        "dossier": dossier.code,
    }
    rule = faults.active_rule(sandbox, named.EDGES[fault], key=dossier.code, **about)
    return rule if rule and rule.fault == fault else None
