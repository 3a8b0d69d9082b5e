"""The days on which offices work, and what ND 61/2018 makes of them besides due dates."""

from datetime import date, datetime, timedelta

from contracts.calendar.calendar import Calendar
from contracts.calendar.worktime import DEFAULT_HOURS, Hours, Limit, Unit
from contracts.catalogue.rows import rows
from shared.sandbox.clock import BUSINESS_ZONE

PROVISIONAL_YEARS = {2027}  # its swaps and the span of its Tết were not announced when the list was made
FIRST_THING = timedelta(hours=1)  # our reading of art. 18: nobody could meet a deadline at the very opening
APOLOGY = timedelta(days=1)  # ND 61/2018 art. 19.9


def _calendar() -> Calendar:
    listed = [(date.fromisoformat(row["date"]), row) for row in rows("holidays_2025_2027.csv")]
    years = {day.year for day, _ in listed}
    return Calendar(
        days_off={day for day, row in listed if row["kind"] == "day_off"},
        make_up={day for day, row in listed if row["kind"] == "make_up_workday"},
        first=date(min(years), 1, 1),
        last=date(max(years), 12, 31),
        unverified={day for day, row in listed if "VERIFY" in row["source"] or day.year in PROVISIONAL_YEARS},
    )


CALENDAR = _calendar()


def forward_by(received_at: datetime, hours: Hours = DEFAULT_HOURS) -> datetime:
    """Until when a paper taken in at the desk has to be on its way to whoever decides.

    Closing of the same working day; an hour after the next opening when it came at 15:00 or later, or on a day off.

    received_at   aware, any zone; the answer is in BUSINESS_ZONE
    hours         of the desk
    raises        CalendarTooShort if the calendar ends before the answer
    source        ND 61/2018 art. 18. What "first thing" means on the clock is our reading.
    """
    closing = CALENDAR.due(received_at, Limit(1, Unit.SAME_DAY), hours=hours)
    if closing.date() == received_at.astimezone(BUSINESS_ZONE).date():
        return closing
    return datetime.combine(closing.date(), hours.opens, BUSINESS_ZONE) + FIRST_THING


def day_before(due_at: datetime) -> datetime:
    """The last moment at which an apology for missing `due_at` is in time: 24 hours before.

    Calendar time, because the article says "1 day" where it says "working days" when it means them (art. 19.4).
    It may fall on a day off: an office that writes in working hours writes on the working day before.

    due_at   aware, any zone; the answer is in BUSINESS_ZONE
    source   ND 61/2018 art. 19.9; form 04. That the day is one of 24 hours is our reading.
    """
    return due_at.astimezone(BUSINESS_ZONE) - APOLOGY
