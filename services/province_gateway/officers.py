"""The simulated officers: when they look, and what they decide. Every draw is keyed by the dossier and the step."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from contracts import lifecycle as law
from contracts.catalogue import CALENDAR
from services.province_gateway.domain import Dossier, Instruction
from shared.calendar import Limit, Unit
from shared.sandboxes import Sandbox

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


def next_look(after: datetime) -> datetime:
    """When officers next act, strictly after `after`."""
    return CALENDAR.next_tick(after, HOURS)


def look_after_days(at: datetime, days: float) -> datetime:
    """The first look once so many working days have passed."""
    day = CALENDAR.add_working_days(at.date(), int(days)) if int(days) else at.date()
    return next_look(max(at, datetime.combine(day, HOURS[0], at.tzinfo) - timedelta(milliseconds=1)))


def decide_reception(sandbox: Sandbox, dossier: Dossier) -> str | None:
    """What the one-stop desk decides: the reason of a refusal, or None to receive."""
    script = dossier.script
    if script.reception is not None:
        return (script.reason or REASONS[0]) if script.reception == "refuse" else None
    if sandbox.draw(dossier.code, "reception") >= REFUSED_SHARE:
        return None
    return REASONS[int(sandbox.draw(dossier.code, "reason") * len(REASONS))]


def result_due(sandbox: Sandbox, dossier: Dossier, started_at: datetime) -> datetime:
    """When the handler finishes: within the procedure's limit, at one of the set hours, drawn from the seed or scripted."""
    days = dossier.script.processing_days
    if days is None:
        days = sandbox.draw(dossier.code, "days") * _whole_days(dossier.limit)
    day = CALENDAR.add_working_days(started_at.date(), int(days)) if int(days) else started_at.date()
    hour = HOURS[int(sandbox.draw(dossier.code, "hour") * len(HOURS))]
    at = datetime.combine(day, hour, started_at.tzinfo)
    return next_look(max(started_at, at - timedelta(milliseconds=1)))


def next_action(sandbox: Sandbox, dossier: Dossier, at: datetime) -> tuple[str, datetime] | None:
    """What the officers do next by themselves and when; None while they only wait. A step of the script comes first."""
    step = step_here(dossier)
    if step is not None and dossier.waits_for(step.does, at_desk=step.at_desk) is None:
        return step.does, look_after_days(at, step.after_days)
    state = dossier.state
    if state == law.SUBMITTED:
        return RECEPTION, next_look(at)
    if state == law.RECEIVED:
        return (law.HAND_OVER, next_look(at)) if dossier.elsewhere else (law.START, next_look(at))
    if state == law.IN_PROCESSING:
        return law.FINISH, result_due(sandbox, dossier, at)
    if state == law.FINANCIAL_OBLIGATION and dossier.elsewhere and dossier.received_at is not None:
        return law.HAND_OVER, next_look(at)  # forwarding does not wait for the money
    if dossier.owing is not None and dossier.channel != "online" and state in law.MAY_OWE:
        return law.TAKE_PAYMENT, next_look(at)  # who came to the desk pays at the desk, who wrote pays by transfer
    if state == law.SUPPLEMENT:
        return _after_supplement(dossier, at)
    if state == law.FINANCIAL_OBLIGATION:
        if dossier.owing is not None:
            return law.STOP, next_look(max(at, dossier.owing.pay_by))
        if dossier.received_at is None:
            return law.RECEIVE, next_look(at)
        return (law.RESUME if dossier.started_at else law.START), next_look(at)
    if state == law.RESULT_READY and dossier.owing is None:
        return law.RETURN, next_look(at)
    return None


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


def step_here(dossier: Dossier) -> Instruction | None:
    """The next step of the script, if it is to be taken in this state."""
    if not dossier.script.steps:
        return None
    step = dossier.script.steps[0]
    lawful = any(m.does == step.does for m in law.LIFECYCLE.moves_from(dossier.state) if m.who != law.CITIZEN)
    return step if lawful and step.at in (None, dossier.state.slug) else None


def _after_supplement(dossier: Dossier, at: datetime) -> tuple[str, datetime]:
    """Once answered and paid it goes on; what is missing at the earlier limit ends in a stop. Who came or wrote, brings it."""
    going_on = law.RESUME if dossier.received_at else law.RECEIVE
    if dossier.owing is None and (not dossier.unanswered or dossier.channel != "online"):
        return going_on, next_look(at)
    limits = [dossier.supplements[-1].answer_by] if dossier.unanswered else []
    limits += [dossier.owing.pay_by] if dossier.owing is not None else []
    return law.STOP, next_look(max(at, min(limits)))


def _whole_days(limit: Limit | None) -> float:
    """How many working days the simulation spreads its results over."""
    if limit is None or limit.unit in (Unit.SAME_DAY, Unit.IMMEDIATE):
        return 1.0
    if limit.unit is Unit.HOUR:
        return limit.value / 8
    return limit.value if limit.unit is Unit.WORKING_DAY else limit.value * 5 / 7
