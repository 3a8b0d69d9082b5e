"""Causes in time: its next moment has not come, or came and went, or no calendar reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contracts import lifecycle as law
from contracts.catalogue import CALENDAR
from services.portal.explain.causes import Found, Kind, Words, kind
from services.portal.explain.facts import SIMULATED, Facts
from shared.sandbox.clock import wire


@kind(
    "due-not-fired",
    Words(
        "What was due at {due} ({step}) did not happen: the clock was set past it, and while it is frozen only an advance fires.",
        "Việc đến hạn lúc {due} ({step}) chưa xảy ra: đồng hồ đã được đặt vượt qua; khi đứng yên chỉ lệnh advance mới kích hoạt.",
        "`lienthong clock advance --by 1s{flag}`",
        "`lienthong clock advance --by 1s{flag}`",
    ),
)
def due_not_fired(facts: Facts) -> Iterator[Found]:
    """the clock of a frozen sandbox was set past its moment"""
    if facts.frozen and facts.overdue:
        yield _next(facts)


@kind(
    "clock-frozen",
    Words(
        "The clock of the sandbox is frozen at {now}; the next thing is {step}, at {due}.",
        "Đồng hồ sandbox đứng ở {now}; việc tiếp theo là {step}, lúc {due}.",
        "Turn it there: `lienthong clock advance --to {to}{flag}`",
        "Vặn đến đó: `lienthong clock advance --to {to}{flag}`",
    ),
)
def clock_frozen(facts: Facts) -> Iterator[Found]:
    """its next moment lies ahead, and the clock stands still"""
    if facts.frozen and facts.timers and not facts.overdue:
        yield _next(facts)


@kind(
    "clock-runs",
    Words(
        "The clock runs and it is {now} there; the next thing is {step}, not before {due}: in {wait} of real time.",
        "Đồng hồ đang chạy, ở đó là {now}; việc tiếp theo là {step}, không trước {due}: sau {wait} giờ thật.",
        "Wait, or turn the clock: `lienthong clock advance --to {to}{flag}`",
        "Chờ, hoặc vặn đồng hồ: `lienthong clock advance --to {to}{flag}`",
    ),
)
def clock_runs(facts: Facts) -> Iterator[Found]:
    """its next moment lies ahead, and the clock runs towards it"""
    if not facts.frozen and facts.timers and not facts.overdue:
        left = (facts.timers[0].due - facts.now) / facts.rate
        yield {**_next(facts), "wait": str(timedelta(seconds=round(left.total_seconds())))}


@kind(
    "calendar-ended",
    Words(
        "Its officers have nothing planned: the list of days off ends with {last}, and nobody knows when they work after that.",
        "Cán bộ không lên lịch được: danh sách ngày nghỉ chỉ đến {last}, không ai biết ngày làm việc sau đó.",
        "Begin in an earlier sandbox: `lienthong sandbox create --start 2026-06-09T08:00:00+07:00`. The desk still takes moves.",
        "Bắt đầu trong sandbox sớm hơn: `lienthong sandbox create --start 2026-06-09T08:00:00+07:00`. Cơ quan vẫn nhận thao tác.",
    ),
)
def calendar_ended(facts: Facts) -> Iterator[Found]:
    """officers should act, and their calendar does not reach that far"""
    theirs = facts.there is not None and not facts.ended and facts.mode == SIMULATED and not facts.officers
    citizen = facts.state == law.RESULT_READY and facts.owing is not None  # the result lies until it is paid
    if theirs and not facts.timers and not facts.parked and not citizen:
        yield {"last": f"{CALENDAR.last:%d/%m/%Y}"}


@kind(
    "nothing-due",
    Words(
        "Everything that could happen to it by itself has happened; nothing is under way, and nothing is due.",
        "Mọi việc có thể tự xảy ra với hồ sơ đều đã xảy ra; không có gì đang diễn ra, không có gì đến hạn.",
        "`lienthong timeline {code}{flag}` tells what has happened.",
        "`lienthong timeline {code}{flag}` kể những gì đã xảy ra.",
    ),
)
def nothing_due(facts: Facts) -> Iterator[Found]:
    """no other cause fits"""
    yield {}


def _next(facts: Facts) -> Found:
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


KINDS: tuple[Kind, ...] = (due_not_fired, clock_frozen, clock_runs, calendar_ended)
