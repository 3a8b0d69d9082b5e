"""What simulated officers decide, and when they act. Every draw from the seed is keyed by dossier and step."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR
from services.province_gateway.domain import Dossier, Instruction, Script
from services.province_gateway.officers.modes import Mode, mode_of
from shared.sandbox.registry import Sandbox

# Officers act at four fixed hours of a working day, so a month has at most 88 times to act.
HOURS = (time(8), time(10), time(14), time(16))
WITHDRAWAL = "answer_withdrawal"  # kind of timer; its name sorts first, so it fires first of those due at the same time
RECEPTION = "reception"  # kind of timer: receive or refuse; every other kind is a verb of the lifecycle table
REFUSED_SHARE = 0.04  # of dossiers at reception; our default, unverified
REASONS = (
    "Thành phần hồ sơ không đúng với thủ tục đã chọn",
    "Nội dung không thuộc thẩm quyền giải quyết của cơ quan tiếp nhận",
    "Thông tin kê khai không khớp với giấy tờ kèm theo",
)
UNANSWERED = "Quá thời hạn bổ sung hồ sơ"
UNPAID = "Quá thời hạn thực hiện nghĩa vụ tài chính"
UNSCRIPTED = Script()


def next_hour(after: datetime) -> datetime:
    """The next time after `after` at which officers act."""
    return CALENDAR.next_tick(after, HOURS)


def hour_after_days(at: datetime, days: float) -> datetime:
    """The first time at which officers act after `days` working days."""
    day = CALENDAR.add_working_days(at.date(), int(days)) if int(days) else at.date()
    return next_hour(max(at, datetime.combine(day, HOURS[0], at.tzinfo) - timedelta(milliseconds=1)))


def decide_reception(sandbox: Sandbox, dossier: Dossier) -> str | None:
    """The decision of the one-stop desk: the reason for a refusal, or None to receive."""
    script = script_of(sandbox, dossier)
    if script.reception is not None:
        return (script.reason or REASONS[0]) if script.reception == "refuse" else None
    if sandbox.draw(dossier.code, "reception") >= REFUSED_SHARE:
        return None
    return REASONS[int(sandbox.draw(dossier.code, "reason") * len(REASONS))]


def result_due(sandbox: Sandbox, dossier: Dossier, started_at: datetime) -> datetime:
    """When the handler finishes: at a fixed hour within the procedure's limit, drawn from the seed or scripted."""
    days = script_of(sandbox, dossier).processing_days
    if not days and mode_of(sandbox, dossier.province).at_once:
        return started_at
    if days is None:
        days = sandbox.draw(dossier.code, "days") * _whole_days(dossier.limit)
    day = CALENDAR.add_working_days(started_at.date(), int(days)) if int(days) else started_at.date()
    hour = HOURS[int(sandbox.draw(dossier.code, "hour") * len(HOURS))]
    at = datetime.combine(day, hour, started_at.tzinfo)
    return next_hour(max(started_at, at - timedelta(milliseconds=1)))


def next_move(sandbox: Sandbox, dossier: Dossier) -> str | None:
    """The next move of the officers; None while they wait, and without officers. A step of the script has precedence."""
    if not mode_of(sandbox, dossier.province).has_officers:
        return None
    step = _ready_step(sandbox, dossier)
    return step.does if step is not None else _default_move(dossier)[0]


def next_action(sandbox: Sandbox, dossier: Dossier, at: datetime) -> tuple[str, datetime] | None:
    """The next move, and when. With the tempo `at_once` they wait only for time limits and days named by a script."""
    does, mode = next_move(sandbox, dossier), mode_of(sandbox, dossier.province)
    if does is None:
        return None
    step = _ready_step(sandbox, dossier)
    if step is not None:
        return does, hour_after_days(at, step.after_days) if step.after_days else _time_to_act(mode, at)
    not_before = _default_move(dossier)[1]
    return does, result_due(sandbox, dossier, at) if does == law.FINISH else _time_to_act(mode, at, not_before)


def next_answer(sandbox: Sandbox, dossier: Dossier, at: datetime) -> datetime | None:
    """When the desk answers a withdrawal request; None if the province has no simulated officers."""
    mode = mode_of(sandbox, dossier.province)
    return _time_to_act(mode, at) if mode.has_officers else None


def _time_to_act(mode: Mode, at: datetime, not_before: datetime | None = None) -> datetime:
    """When they act: now with the tempo `at_once`, otherwise at their next hour; never before `not_before`."""
    if mode.at_once and (not_before is None or not_before < at):
        return at
    return next_hour(max(at, not_before or at))


def _default_move(dossier: Dossier) -> tuple[str | None, datetime | None]:
    """The move without a script, and the time limit that must have passed before; None while they wait."""
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
        return law.TAKE_PAYMENT, None  # an applicant who came pays at the desk, one who wrote pays by transfer
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


def is_officers_turn(dossier: Dossier, now: datetime) -> bool:
    """Whether officers would act now, and nobody else must act first."""
    if dossier.withdrawal_reason is not None:
        return True
    does, not_before = _default_move(dossier)
    return does is not None and (not_before is None or not_before <= now)


def default_instruction(dossier: Dossier, does: str) -> Instruction:
    """The instruction of a move that no script describes."""
    if does == law.TAKE_PAYMENT:
        return Instruction(does, method="transfer" if dossier.channel == "public_postal" else "counter")
    if does in (law.RECEIVE, law.RESUME) and dossier.unanswered:
        return Instruction(does, at_desk=True)
    if does == law.STOP:
        never_received = dossier.received_at is None  # no work was done for the fee
        reason = UNANSWERED if dossier.unanswered else UNPAID
        return Instruction(does, reason=reason, refund_dong=dossier.held_dong if never_received else None)
    return Instruction(does)


def script_of(sandbox: Sandbox, dossier: Dossier) -> Script:
    """The script of the dossier, otherwise that of its province; without the steps that were already taken."""
    if dossier.script is not None:
        return dossier.script
    mode = mode_of(sandbox, dossier.province)
    if mode.script is None:
        return UNSCRIPTED
    taken = _steps_taken(mode, dossier)
    return replace(mode.script, steps=mode.script.steps[taken:]) if taken else mode.script


def step_for_state(sandbox: Sandbox, dossier: Dossier) -> Instruction | None:
    """The next step of the script, if it belongs to the current state."""
    steps = script_of(sandbox, dossier).steps
    lawful = bool(steps) and steps[0].does in dossier.lawful
    return steps[0] if lawful and steps[0].at in (None, dossier.state.slug) else None


def _ready_step(sandbox: Sandbox, dossier: Dossier) -> Instruction | None:
    """The next step of the script, if all its needs are met."""
    step = step_for_state(sandbox, dossier)
    return step if step is not None and dossier.waits_for(step, sandbox.now) is None else None


def after_step(sandbox: Sandbox, dossier: Dossier) -> Dossier:
    """The dossier after the next step of its script was taken."""
    if dossier.script is not None:
        return replace(dossier, script=replace(dossier.script, steps=dossier.script.steps[1:]))
    mode = mode_of(sandbox, dossier.province)
    return replace(dossier, steps_of=mode.mark, steps_taken=_steps_taken(mode, dossier) + 1)


def _steps_taken(mode: Mode, dossier: Dossier) -> int:
    return dossier.steps_taken if dossier.steps_of == mode.mark else 0


def _after_supplement(dossier: Dossier) -> tuple[str, datetime | None]:
    """Continue once answered and paid; stop at the first missed limit. Applicants not online bring the papers."""
    if dossier.owing is None and (not dossier.unanswered or dossier.channel != "online"):
        return law.RESUME if dossier.received_at else law.RECEIVE, None
    limits = [dossier.supplements[-1].answer_by] if dossier.unanswered else []
    limits += [dossier.owing.pay_by] if dossier.owing is not None else []
    return law.STOP, min(limits)


def _whole_days(limit: Limit | None) -> float:
    """The working days over which the simulation spreads its results."""
    if limit is None or limit.unit in (Unit.SAME_DAY, Unit.IMMEDIATE):
        return 1.0
    if limit.unit is Unit.HOUR:
        return limit.value / 8
    return limit.value if limit.unit is Unit.WORKING_DAY else limit.value * 5 / 7
