"""The calendar of the offices, and the deadlines in ND 61/2018 besides due dates."""

from datetime import date, datetime, timedelta

from contracts.calendar.calendar import Calendar
from contracts.calendar.worktime import DEFAULT_HOURS, Hours, Limit, Unit
from contracts.catalogue.rows import rows
from shared.sandbox.clock import BUSINESS_ZONE

PROVISIONAL_YEARS = {2027}  # swapped working days and the length of Tết were not announced when the list was written
FIRST_THING = timedelta(
    hours=1
)  # our reading of art. 18: a deadline exactly at opening time would be impossible to meet
APOLOGY = timedelta(days=1)  # ND 61/2018 art. 19.9


def _calendar() -> Calendar:
    dated_rows = [(date.fromisoformat(row["date"]), row) for row in rows("holidays_2025_2027.csv")]
    years = {day.year for day, _ in dated_rows}
    return Calendar(
        days_off={day for day, row in dated_rows if row["kind"] == "day_off"},
        make_up={day for day, row in dated_rows if row["kind"] == "make_up_workday"},
        first=date(min(years), 1, 1),
        last=date(max(years), 12, 31),
        unverified={day for day, row in dated_rows if "VERIFY" in row["source"] or day.year in PROVISIONAL_YEARS},
    )


CALENDAR = _calendar()


def forward_by(received_at: datetime, hours: Hours = DEFAULT_HOURS) -> datetime:
    """The last moment at which the desk must forward a received dossier to the agency that decides.

    The closing time of the same working day. If it was received at 15:00 or later, or on a day off: one hour after the next
    opening.

    received_at   aware, any zone; the result is in BUSINESS_ZONE
    hours         of the desk
    raises        CalendarTooShort if the calendar ends before the result
    source        ND 61/2018 art. 18. What "first thing" means on the clock is our reading.
    """
    closing = CALENDAR.due(received_at, Limit(1, Unit.SAME_DAY), hours=hours)
    if closing.date() == received_at.astimezone(BUSINESS_ZONE).date():
        return closing
    return datetime.combine(closing.date(), hours.opens, BUSINESS_ZONE) + FIRST_THING


def apology_due_at(due_at: datetime) -> datetime:
    """The last moment for the letter of apology, if an office will miss `due_at`: 24 hours before.

    Calendar time, because this article says "1 day", while art. 19.4 says "working days". The result can be on a day off;
    an office that writes only in working hours then writes on the working day before.

    due_at   aware, any zone; the result is in BUSINESS_ZONE
    source   ND 61/2018 art. 19.9; form 04. That one day means 24 hours is our reading.
    """
    return due_at.astimezone(BUSINESS_ZONE) - APOLOGY
