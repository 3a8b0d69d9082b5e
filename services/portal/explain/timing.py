"""Causes about time: the next timer is not due, or was passed without firing, or lies beyond the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contracts import lifecycle as law
from contracts.catalogue import CALENDAR
from services.portal.explain.causes import Kind, Values, Words, kind
from services.portal.explain.facts import SIMULATED, Facts
from shared.sandbox.clock import wire

LONGEST_PLAN = timedelta(days=150)  # to a step of officers: 60 working days, a pause and the holidays of Tết


@kind(
    "due-not-fired",
    Words(
        "What was due at {due} ({step}) did not happen: the clock was set past it, "
        "and while it is frozen only an advance fires timers.",
        "Việc đến hạn lúc {due} ({step}) chưa xảy ra: đồng hồ đã được đặt vượt qua; "
        "khi đứng yên chỉ lệnh advance mới kích hoạt.",
        "`lienthong clock advance --by 1s{flag}`",
        "`lienthong clock advance --by 1s{flag}`",
    ),
)
def due_not_fired(facts: Facts) -> Iterator[Values]:
    """the frozen clock was set past the time of a timer"""
    if facts.frozen and facts.overdue:
        yield _next(facts)


@kind(
    "clock-frozen",
    Words(
        "The clock of the sandbox is frozen at {now}; {step} is due at {due}.",
        "Đồng hồ sandbox đứng ở {now}; việc tiếp theo là {step}, lúc {due}.",
        "Advance it to that time: `lienthong clock advance --to {to}{flag}`",
        "Vặn đến đó: `lienthong clock advance --to {to}{flag}`",
    ),
)
def clock_frozen(facts: Facts) -> Iterator[Values]:
    """the next timer is not due, and the clock is frozen"""
    if facts.frozen and facts.timers and not facts.overdue:
        yield _next(facts)


@kind(
    "clock-runs",
    Words(
        "The clock runs, and the sandbox time is {now}; {step} happens not before {due}: in {wait} of real time.",
        "Đồng hồ đang chạy, ở đó là {now}; việc tiếp theo là {step}, không trước {due}: sau {wait} giờ thật.",
        "Wait, or advance the clock: `lienthong clock advance --to {to}{flag}`",
        "Chờ, hoặc vặn đồng hồ: `lienthong clock advance --to {to}{flag}`",
    ),
)
def clock_runs(facts: Facts) -> Iterator[Values]:
    """the next timer is not due, and the clock runs"""
    if not facts.frozen and facts.timers and not facts.overdue:
        wait = (facts.timers[0].due - facts.now) / facts.rate
        yield {**_next(facts), "wait": str(timedelta(seconds=round(wait.total_seconds())))}


@kind(
    "calendar-ended",
    Words(
        "The officers cannot plan: the list of days off ends with {last}, so later working days are unknown.",
        "Cán bộ không lên lịch được: danh sách ngày nghỉ chỉ đến {last}, không ai biết ngày làm việc sau đó.",
        "Use a sandbox that starts earlier: `lienthong sandbox create --start 2026-06-09T08:00:00+07:00`. "
        "The office still accepts moves.",
        "Bắt đầu trong sandbox sớm hơn: `lienthong sandbox create --start 2026-06-09T08:00:00+07:00`. "
        "Cơ quan vẫn nhận thao tác.",
    ),
)
def calendar_ended(facts: Facts) -> Iterator[Values]:
    """officers must act, and their calendar ends before that"""
    if _has_no_plan(facts) and _calendar_ends_soon(facts):
        yield {"last": f"{CALENDAR.last:%d/%m/%Y}"}


@kind(
    "step-lost",
    Words(
        "Simulated officers of province {province} must act, and no step is planned: it was lost, which is a fault of the "
        "province_gateway.",
        "Cán bộ mô phỏng của tỉnh {province} phải xử lý, nhưng không có bước nào được lên lịch: bước đó đã mất, đây là lỗi "
        "của province_gateway.",
        "Let them plan anew: `lienthong mode set {province} manual{flag}`, then `lienthong mode set {province} simulated{flag}`. "
        "Report it with the output of `lienthong timeline {code}{flag}`.",
        "Cho lên lịch lại: `lienthong mode set {province} manual{flag}`, rồi `lienthong mode set {province} simulated{flag}`. "
        "Báo lỗi kèm kết quả của `lienthong timeline {code}{flag}`.",
    ),
)
def step_lost(facts: Facts) -> Iterator[Values]:
    """officers must act, their calendar goes on, and nothing is planned"""
    if _has_no_plan(facts) and not _calendar_ends_soon(facts):
        yield {"province": facts.province}


def _has_no_plan(facts: Facts) -> bool:
    """Whether simulated officers must act, and no timer of the dossier is there."""
    officers_turn = (
        facts.province_copy is not None and not facts.ended and facts.mode == SIMULATED and not facts.officers
    )
    citizens_turn = facts.state == law.RESULT_READY and facts.owing is not None  # the result waits for the payment
    return officers_turn and not facts.timers and not facts.parked and not citizens_turn


def _calendar_ends_soon(facts: Facts) -> bool:
    return facts.now.date() + LONGEST_PLAN > CALENDAR.last


@kind(
    "nothing-due",
    Words(
        "Everything that could happen to the dossier by itself has happened; nothing is under way, and nothing is due.",
        "Mọi việc có thể tự xảy ra với hồ sơ đều đã xảy ra; không có gì đang diễn ra, không có gì đến hạn.",
        "`lienthong timeline {code}{flag}` shows what has happened.",
        "`lienthong timeline {code}{flag}` kể những gì đã xảy ra.",
    ),
)
def nothing_due(facts: Facts) -> Iterator[Values]:
    """no other cause applies"""
    yield {}


def _next(facts: Facts) -> Values:
    timer = facts.timers[0]
    step, step_vi = facts.step(timer)
    return {
        "due": timer.due,
        "kind": timer.kind,
        "step_en": step,
        "step_vi": step_vi,
        "to_en": wire(timer.due),
        "to_vi": wire(timer.due),
    }


KINDS: tuple[Kind, ...] = (due_not_fired, clock_frozen, clock_runs, calendar_ended, step_lost)
