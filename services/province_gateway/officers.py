"""The simulated officers: when they look, and what they decide. Every draw is keyed by the dossier and the step."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from contracts.catalogue import CALENDAR, PROCEDURES
from services.province_gateway.domain import Dossier
from shared.sandboxes import Sandbox

# Officers act at four set hours of a working day: a month is at most 88 ticks.
HOURS = (time(8), time(10), time(14), time(16))
REFUSED_SHARE = 0.04  # of dossiers at reception; a default of ours, unverified
REASONS = (
    "Thành phần hồ sơ không đúng với thủ tục đã chọn",
    "Nội dung không thuộc thẩm quyền giải quyết của cơ quan tiếp nhận",
    "Thông tin kê khai không khớp với giấy tờ kèm theo",
)


def next_look(after: datetime) -> datetime:
    """When officers next act, strictly after `after`."""
    return CALENDAR.next_tick(after, HOURS)


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
    limit = PROCEDURES[dossier.procedure].working_days or 1.0
    days = dossier.script.processing_days
    if days is None:
        days = sandbox.draw(dossier.code, "days") * limit
    day = CALENDAR.add_working_days(started_at.date(), int(days)) if int(days) else started_at.date()
    hour = HOURS[int(sandbox.draw(dossier.code, "hour") * len(HOURS))]
    at = datetime.combine(day, hour, started_at.tzinfo)
    return next_look(max(started_at, at - timedelta(milliseconds=1)))
