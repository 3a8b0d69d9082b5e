"""Working days as data: which day counts, when a limit runs out, when an office next acts."""

from bisect import bisect_right
from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone
from math import ceil

from shared.errors import Refusal

BUSINESS_ZONE = timezone(timedelta(hours=7), "+07:00")  # Asia/Ho_Chi_Minh: no summer time since 1975
CLOSING_TIME = time(17)  # end of the afternoon desk, 13:30 to 17:00; the hour at which a last day ends
SATURDAY = 5


class CalendarTooShort(Refusal):
    """A date was asked for that the calendar does not reach. Facts: `first`, `last`, `wanted`."""


class Calendar:
    """The days on which an office works, between two dates, both included.

    days_off     dates off besides every Saturday and Sunday
    make_up      Saturdays and Sundays worked in exchange; they win over `days_off`
    unverified   the dates among both that nobody has confirmed yet; they count, and are shown as such
    """

    def __init__(
        self,
        days_off: Collection[date],
        make_up: Collection[date],
        first: date,
        last: date,
        unverified: Collection[date] = (),
    ) -> None:
        self.days_off = frozenset(days_off)
        self.make_up = frozenset(make_up)
        self.first = first
        self.last = last
        self.unverified = frozenset(unverified)
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        self._working = tuple(day for day in days if self._is_worked(day))

    def is_working_day(self, day: date) -> bool:
        """Whether the office works on `day`; raises CalendarTooShort outside the calendar."""
        self._must_reach(day)
        return self._is_worked(day)

    def add_working_days(self, day: date, n: int) -> date:
        """The `n`-th working day after `day`, which itself never counts; `day` unchanged for 0.

        n        0 or more
        raises   CalendarTooShort if `day` or the answer lies outside the calendar
        """
        if n < 0:
            raise ValueError(f"working days are counted forwards; {n} is less than 0")
        self._must_reach(day)
        if n == 0:
            return day
        index = bisect_right(self._working, day) + n - 1
        if index >= len(self._working):
            raise self._too_short(f"{n} working days after {day}")
        return self._working[index]

    def next_tick(self, after: datetime, hours: Collection[time]) -> datetime:
        """The first instant strictly after `after` that is one of `hours` on a working day.

        after   aware, any zone; the answer is in BUSINESS_ZONE
        hours   local wall-clock times, at least one
        """
        local = _local(after)
        today = local.date()
        if self.is_working_day(today):
            for hour in sorted(hours):
                tick = datetime.combine(today, hour, BUSINESS_ZONE)
                if tick > local:
                    return tick
        return datetime.combine(self.add_working_days(today, 1), min(hours), BUSINESS_ZONE)

    def due_at(self, received_at: datetime, working_days: float) -> datetime:
        """Closing time of the last day on which something received at `received_at` is on time.

        received_at    aware; counting starts on the next working day, so a day off or a late hour
                       never shortens the limit
        working_days   up to 90; part of a day counts as a whole one, and 0 as one day
        raises         CalendarTooShort if the calendar ends before the answer
        source         ND 61/2018 art. 19 (limit in working days); art. 18 (what comes late in the day
                       starts next working day). The hour 17:00 is a provincial system's default, not law.
        """
        return datetime.combine(
            self.add_working_days(_local(received_at).date(), max(1, ceil(working_days))), CLOSING_TIME, BUSINESS_ZONE
        )

    def _is_worked(self, day: date) -> bool:
        return day in self.make_up or (day.weekday() < SATURDAY and day not in self.days_off)

    def _must_reach(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise self._too_short(day.isoformat())

    def _too_short(self, wanted: str) -> CalendarTooShort:
        first, last = self.first.isoformat(), self.last.isoformat()
        detail = f"The list of days off covers {first} to {last}; move the clock into it, or extend the list."
        return CalendarTooShort(detail, first=first, last=last, wanted=wanted)


def _local(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone; business time needs one, such as +07:00")
    return moment.astimezone(BUSINESS_ZONE)
