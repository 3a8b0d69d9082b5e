"""The simulated officers: when they look, and what they decide. Every draw is keyed by the dossier and the step."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR
from services.province_gateway.domain import Dossier, Instruction, Script
from services.province_gateway.officers.modes import Mode, mode_of
from shared.sandbox.registry import Sandbox

# Officers act at four set hours of a working day: a month is at most 88 ticks.
HOURS = (time(8), time(10), time(14), time(16))
WITHDRAWAL = "answer_withdrawal"  # kind of timer; of one tick, kinds fire in the order of their names: this one first
RECEPTION = "reception"  # kind of timer: receive or refuse; every other kind is a verb of the lifecycle table
REFUSED_SHARE = 0.04  # of dossiers at reception; a default of ours, unverified
REASONS = (
    "Thành phần hồ sơ không đúng với thủ tục đã chọn",
    "Nội dung không thuộc thẩm quyền giải quyết của cơ quan tiếp nhận",
    "Thông tin kê khai không khớp với giấy tờ kèm theo",
)
UNANSWERED = "Quá thời hạn bổ sung hồ sơ"
UNPAID = "Quá thời hạn thực hiện nghĩa vụ tài chính"
UNSCRIPTED = Script()


def next_look(after: datetime) -> datetime:
    """When officers next act, strictly after `after`."""
    return CALENDAR.next_tick(after, HOURS)


def look_after_days(at: datetime, days: float) -> datetime:
    """The first look once so many working days have passed."""
    day = CALENDAR.add_working_days(at.date(), int(days)) if int(days) else at.date()
    return next_look(max(at, datetime.combine(day, HOURS[0], at.tzinfo) - timedelta(milliseconds=1)))


def decide_reception(sandbox: Sandbox, dossier: Dossier) -> str | None:
    """What the one-stop desk decides: the reason of a refusal, or None to receive."""
    script = script_of(sandbox, dossier)
    if script.reception is not None:
        return (script.reason or REASONS[0]) if script.reception == "refuse" else None
    if sandbox.draw(dossier.code, "reception") >= REFUSED_SHARE:
        return None
    return REASONS[int(sandbox.draw(dossier.code, "reason") * len(REASONS))]


def result_due(sandbox: Sandbox, dossier: Dossier, started_at: datetime) -> datetime:
    """When the handler finishes: within the procedure's limit, at one of the set hours, drawn from the seed or scripted."""
    days = script_of(sandbox, dossier).processing_days
    if not days and mode_of(sandbox, dossier.province).at_once:
        return started_at
    if days is None:
        days = sandbox.draw(dossier.code, "days") * _whole_days(dossier.limit)
    day = CALENDAR.add_working_days(started_at.date(), int(days)) if int(days) else started_at.date()
    hour = HOURS[int(sandbox.draw(dossier.code, "hour") * len(HOURS))]
    at = datetime.combine(day, hour, started_at.tzinfo)
    return next_look(max(started_at, at - timedelta(milliseconds=1)))


def next_move(sandbox: Sandbox, dossier: Dossier) -> str | None:
    """What the officers do next by themselves; None while they only wait, and in manual mode. A step of the script comes first."""
    if mode_of(sandbox, dossier.province).manual:
        return None
    step = _step_now(sandbox, dossier)
    return step.does if step is not None else _straight_on(dossier)[0]


def next_action(sandbox: Sandbox, dossier: Dossier, at: datetime) -> tuple[str, datetime] | None:
    """What they do next, and when. At once means that they wait neither for their hours nor for a day that no script names."""
    does, mode = next_move(sandbox, dossier), mode_of(sandbox, dossier.province)
    if does is None:
        return None
    step = _step_now(sandbox, dossier)
    if step is not None:
        return does, look_after_days(at, step.after_days) if step.after_days else _look(mode, at)
    return does, result_due(sandbox, dossier, at) if does == law.FINISH else _look(mode, at, _straight_on(dossier)[1])


def next_answer(sandbox: Sandbox, dossier: Dossier, at: datetime) -> datetime | None:
    """When the desk answers a withdrawal request by itself; None in manual mode."""
    mode = mode_of(sandbox, dossier.province)
    return None if mode.manual else _look(mode, at)


def _look(mode: Mode, at: datetime, not_before: datetime | None = None) -> datetime:
    """When they see to it: now, if they do everything at once; else at their next look. What lies ahead they await."""
    if mode.at_once and (not_before is None or not_before < at):
        return at
    return next_look(max(at, not_before or at))


def _straight_on(dossier: Dossier) -> tuple[str | None, datetime | None]:
    """What they do if nobody says otherwise, and the limit that must have passed; None while they only wait."""
    state, owing = dossier.state, dossier.owing
    if state == law.SUBMITTED:
        return RECEPTION, None
    if state == law.RECEIVED:
        return law.HAND_OVER if dossier.elsewhere else law.START, None
    if state == law.IN_PROCESSING:
        return law.FINISH, None
    if state == law.FINANCIAL_OBLIGATION and dossier.elsewhere and dossier.received_at is not None:
        return law.HAND_OVER, None  # forwarding does not wait for the money
    if owing is not None and dossier.channel != "online" and state in law.MAY_OWE:
        return law.TAKE_PAYMENT, None  # who came to the desk pays at the desk, who wrote pays by transfer
    if state == law.SUPPLEMENT:
        return _after_supplement(dossier)
    if state == law.FINANCIAL_OBLIGATION:
        if owing is not None:
            return law.STOP, owing.pay_by
        if dossier.received_at is None:
            return law.RECEIVE, None
        return law.RESUME if dossier.started_at else law.START, None
    if state == law.RESULT_READY and owing is None:
        return law.RETURN, None
    return None, None


def default(dossier: Dossier, does: str) -> Instruction:
    """What the officers do by themselves when their look comes."""
    if does == law.TAKE_PAYMENT:
        return Instruction(does, method="transfer" if dossier.channel == "public_postal" else "counter")
    if does in (law.RECEIVE, law.RESUME) and dossier.unanswered:
        return Instruction(does, at_desk=True)
    if does == law.STOP:
        never_received = dossier.received_at is None  # nothing was done for the money yet
        reason = UNANSWERED if dossier.unanswered else UNPAID
        return Instruction(does, reason=reason, refund_dong=dossier.held_dong if never_received else None)
    return Instruction(does)


def script_of(sandbox: Sandbox, dossier: Dossier) -> Script:
    """What is decided beforehand: by a script of its own, else by its province's, less the steps that were taken."""
    if dossier.script is not None:
        return dossier.script
    mode = mode_of(sandbox, dossier.province)
    if mode.script is None:
        return UNSCRIPTED
    taken = _steps_taken(mode, dossier)
    return replace(mode.script, steps=mode.script.steps[taken:]) if taken else mode.script


def step_here(sandbox: Sandbox, dossier: Dossier) -> Instruction | None:
    """The next step of the script, if it is to be taken in this state."""
    steps = script_of(sandbox, dossier).steps
    lawful = bool(steps) and steps[0].does in dossier.lawful
    return steps[0] if lawful and steps[0].at in (None, dossier.state.slug) else None


def _step_now(sandbox: Sandbox, dossier: Dossier) -> Instruction | None:
    """The same, once nothing else must come first."""
    step = step_here(sandbox, dossier)
    return step if step is not None and dossier.waits_for(step, sandbox.now) is None else None


def after_step(sandbox: Sandbox, dossier: Dossier) -> Dossier:
    """The next step of the script is taken."""
    if dossier.script is not None:
        return replace(dossier, script=replace(dossier.script, steps=dossier.script.steps[1:]))
    mode = mode_of(sandbox, dossier.province)
    return replace(dossier, steps_of=mode.mark, steps_taken=_steps_taken(mode, dossier) + 1)


def _steps_taken(mode: Mode, dossier: Dossier) -> int:
    return dossier.steps_taken if dossier.steps_of == mode.mark else 0


def _after_supplement(dossier: Dossier) -> tuple[str, datetime | None]:
    """Once answered and paid it goes on; what is missing at the earlier limit ends in a stop. Who came or wrote, brings it."""
    going_on = law.RESUME if dossier.received_at else law.RECEIVE
    if dossier.owing is None and (not dossier.unanswered or dossier.channel != "online"):
        return going_on, None
    limits = [dossier.supplements[-1].answer_by] if dossier.unanswered else []
    limits += [dossier.owing.pay_by] if dossier.owing is not None else []
    return law.STOP, min(limits)


def _whole_days(limit: Limit | None) -> float:
    """How many working days the simulation spreads its results over."""
    if limit is None or limit.unit in (Unit.SAME_DAY, Unit.IMMEDIATE):
        return 1.0
    if limit.unit is Unit.HOUR:
        return limit.value / 8
    return limit.value if limit.unit is Unit.WORKING_DAY else limit.value * 5 / 7
