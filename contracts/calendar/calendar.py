"""Working days and working hours as data: what counts, when a limit runs out, when an office next acts.

The rules in words, with their sources and with what nobody has verified: docs/working-time.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from math import ceil

from contracts.calendar.worktime import DEFAULT_HOURS, Count, Hours, Limit, Pause, Timetable, Unit
from shared.errors import Refusal
from shared.sandbox.clock import BUSINESS_ZONE

SATURDAY = 5
LATE = time(15)  # ND 61/2018 art. 18; that 15:00:00 itself is late is our reading of "after 15:00"


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
        self._timetables: dict[Hours, Timetable] = {}

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

    def working_days(self, after: date, until: date) -> int:
        """How many working days follow `after`, up to and with `until`; below 0 when `until` comes first."""
        self._must_reach(after)
        self._must_reach(until)
        return bisect_right(self._working, until) - bisect_right(self._working, after)

    def counts_from(self, received_at: datetime, hours: Hours = DEFAULT_HOURS) -> datetime:
        """The first moment at which the desk is open: `received_at` itself, the end of lunch, or the next opening.

        received_at   aware, any zone; so in every method here, and every answer is in BUSINESS_ZONE
        raises        CalendarTooShort if the calendar ends before the answer; so in every method here
        source        the hours of one provincial system (fact sheet 2.5)
        """
        local = _local(received_at)
        self._must_reach(local.date())
        try:
            return self._timetable(hours).entered(local)
        except IndexError:
            raise self._too_short(f"the first opening after {local}") from None

    def due(
        self, received_at: datetime, limit: Limit, count: Count = Count.LAW, hours: Hours = DEFAULT_HOURS
    ) -> datetime:
        """The last moment at which something received at `received_at` is on time.

        LAW       days are counted from the next one and end at closing; hours, and parts of a working day, run from the
                  moment that counts. A calendar day that ends on a day off ends on the next working day.
        SYSTEM    everything is working hours, a day of them at a time, so the due hour is the hour that counted first
        hours     of the desk; its extra mornings count for hours and at once, and are not working days
        source    ND 61/2018 arts. 18, 19; fact sheet 2.5. The hour 17:00 is a provincial system's default, not law.
        """
        local = _local(received_at)
        self._must_reach(local.date())
        if limit.unit is Unit.IMMEDIATE:
            return self.counts_from(local, hours)
        if limit.unit is Unit.SAME_DAY:
            late = self._is_late(local, hours)
            return _at(self.add_working_days(local.date(), 1) if late else local.date(), hours.closes)
        if limit.unit is Unit.DAY:
            days = timedelta(days=ceil(limit.value))
            if count is Count.SYSTEM:
                return self._rolled(hours.entered(local) + days)
            return self._rolled(_at(local.date() + days, hours.closes))
        a_day = self._timetable(hours).a_day
        if limit.unit is Unit.WORKING_DAY:
            whole, part = int(limit.value), limit.value % 1 * a_day
        elif count is Count.SYSTEM:
            whole, part = divmod(timedelta(hours=limit.value), a_day)
        else:
            whole, part = 0, timedelta(hours=limit.value)
        if whole == 0:
            end = self.counts_from(local, hours)
        elif count is Count.SYSTEM:
            end = self._days_later(self.counts_from(local, hours), whole, hours)
        else:
            end = _at(self.add_working_days(local.date(), whole), hours.closes)
        return self._hours_later(end, part, hours)

    def working_time(self, start: datetime, end: datetime, hours: Hours = DEFAULT_HOURS) -> timedelta:
        """How long the desk was open from `start` to `end`; below zero when `end` comes first."""
        start, end = _local(start), _local(end)
        self._must_reach(start.date())
        self._must_reach(end.date())
        timetable = self._timetable(hours)
        return timetable.worked(end) - timetable.worked(start)

    def due_after_pause(
        self,
        due_at: datetime,
        paused_at: datetime,
        resumed_at: datetime,
        limit: Limit,
        pause: Pause,
        count: Count = Count.LAW,
        hours: Hours = DEFAULT_HOURS,
    ) -> datetime:
        """The due moment once what was waited for has come.

        ANEW       the whole `limit` again from `resumed_at`
        SHIFT      `due_at` and the time waited, nights and days off too, rolled forward to a working day and its hours
        SUBTRACT   `due_at` and the working time waited
        raises     ValueError if it resumed before it paused
        source     ND 61/2018 art. 19.4; fact sheet 2.5; QD 766 takes the waiting out (in working time: our reading)
        """
        if resumed_at < paused_at:
            raise ValueError(f"resumed at {resumed_at}, before it paused at {paused_at}")
        if pause is Pause.ANEW:
            return self.due(resumed_at, limit, count, hours)
        if pause is Pause.SHIFT:
            # Found as "plus the days waited, minus one, plus one working day": a roll forward, said in another way.
            return self._rolled(hours.entered(_local(due_at) + (resumed_at - paused_at)))
        return self._hours_later(_local(due_at), self.working_time(paused_at, resumed_at, hours), hours)

    def _days_later(self, start: datetime, days: int, hours: Hours) -> datetime:
        """The same hour `days` working days later; an extra morning first gives way to the next working day."""
        if not self._is_worked(start.date()):
            start = _at(self.add_working_days(start.date(), 1), hours.opens)
        return _at(self.add_working_days(start.date(), days), start.time())

    def _hours_later(self, start: datetime, length: timedelta, hours: Hours) -> datetime:
        if not length:
            return start  # an opening stays one; it is the same in working time as the closing before
        self._must_reach(start.date())
        try:
            return self._timetable(hours).after(start, length)
        except IndexError:
            raise self._too_short(f"{length} of working time after {start}") from None

    def _rolled(self, moment: datetime) -> datetime:
        """The same hour of the first working day that is not before `moment`'s."""
        self._must_reach(moment.date())
        index = bisect_left(self._working, moment.date())
        if index == len(self._working):
            raise self._too_short(f"the first working day from {moment.date()}")
        return _at(self._working[index], moment.time())

    def _is_late(self, local: datetime, hours: Hours) -> bool:
        """Whether what came at `local` goes on next working day; days off come late all day."""
        return not self._is_worked(local.date()) or local.time() >= min(LATE, hours.closes)

    def _timetable(self, hours: Hours) -> Timetable:
        """Built at the first question; a process meets a handful of hours, so they are kept."""
        found = self._timetables.get(hours)
        if found is None:
            days = (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))
            mornings = (day for day in days if day.weekday() in hours.works_on and day not in self.days_off)
            found = self._timetables[hours] = Timetable(hours, self._working, mornings)
        return found

    def _is_worked(self, day: date) -> bool:
        return day in self.make_up or (day.weekday() < SATURDAY and day not in self.days_off)

    def _must_reach(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise self._too_short(day.isoformat())

    def _too_short(self, wanted: str) -> CalendarTooShort:
        first, last = self.first.isoformat(), self.last.isoformat()
        detail = f"The list of days off covers {first} to {last}; move the clock into it, or extend the list."
        return CalendarTooShort(detail, first=first, last=last, wanted=wanted)


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, BUSINESS_ZONE)


def _local(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone; business time needs one, such as +07:00")
    return moment.astimezone(BUSINESS_ZONE)
