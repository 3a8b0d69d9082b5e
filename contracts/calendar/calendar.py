"""Calculations with working days and working hours: due dates, pauses, and the next time at which an office acts.

docs/working-time.md explains the rules, with their sources and with everything that is unverified.
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
    """A needed date is outside the calendar. Facts: `first`, `last`, `wanted`."""


class Calendar:
    """The days on which an office works, from `first` to `last`, both included.

    days_off     dates off besides every Saturday and Sunday
    make_up      Saturdays and Sundays on which offices work in exchange; they take precedence over `days_off`
    unverified   the dates in both lists that are not confirmed yet; they count, and are marked as unverified
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
        """The `n`-th working day after `day`. `day` itself does not count; for 0 the result is `day`.

        n        0 or more
        raises   CalendarTooShort if `day` or the result is outside the calendar
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

        after   aware, any zone; the result is in BUSINESS_ZONE
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
        """Number of working days after `after`, up to and including `until`; negative if `until` is earlier."""
        self._must_reach(after)
        self._must_reach(until)
        return bisect_right(self._working, until) - bisect_right(self._working, after)

    def counts_from(self, received_at: datetime, hours: Hours = DEFAULT_HOURS) -> datetime:
        """The first moment from `received_at` on at which the desk is open: `received_at`, the end of lunch, or the next opening.

        received_at   aware, any zone. This holds for all methods here; all results are in BUSINESS_ZONE
        raises        CalendarTooShort if the calendar ends before the result, as all methods here
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
        """The last moment at which a dossier received at `received_at` is on time.

        LAW       Days are counted from the next day on, and the last one ends at closing time. Hours and parts of a working
                  day run from the first open moment. If a limit in calendar days ends on a day off, it ends on the next
                  working day.
        SYSTEM    Everything is counted in working hours, so the due hour is the hour of the first open moment.
        hours     Of the desk. Its extra mornings count for limits in hours and for immediate ones; they are no working days.
        source    ND 61/2018 arts. 18, 19; fact sheet 2.5. The hour 17:00 is the default of a provincial system, not law.
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
        """How long the desk is open from `start` to `end`; negative if `end` is earlier."""
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
        """The new due moment after a pause, for example when the citizen has answered a request for a supplement.

        ANEW       the whole `limit` again, from `resumed_at`
        SHIFT      `due_at` plus the length of the pause, with nights and days off; then moved to the next working time
        SUBTRACT   `due_at` plus the working time of the pause
        raises     ValueError if `resumed_at` is before `paused_at`
        source     ND 61/2018 art. 19.4; fact sheet 2.5; QD 766 subtracts the pause (in working time: our reading)
        """
        if resumed_at < paused_at:
            raise ValueError(f"resumed at {resumed_at}, before it paused at {paused_at}")
        if pause is Pause.ANEW:
            return self.due(resumed_at, limit, count, hours)
        if pause is Pause.SHIFT:
            # The source says "plus the days waited, minus one, plus one working day". This is the same as rolling forward.
            return self._rolled(hours.entered(_local(due_at) + (resumed_at - paused_at)))
        return self._hours_later(_local(due_at), self.working_time(paused_at, resumed_at, hours), hours)

    def _days_later(self, start: datetime, days: int, hours: Hours) -> datetime:
        """The same hour, `days` working days later. A start on an extra morning moves to the next working day first."""
        if not self._is_worked(start.date()):
            start = _at(self.add_working_days(start.date(), 1), hours.opens)
        return _at(self.add_working_days(start.date(), days), start.time())

    def _hours_later(self, start: datetime, length: timedelta, hours: Hours) -> datetime:
        if not length:
            return start  # `after` would turn an opening into the closing before it, which is the same working time
        self._must_reach(start.date())
        try:
            return self._timetable(hours).after(start, length)
        except IndexError:
            raise self._too_short(f"{length} of working time after {start}") from None

    def _rolled(self, moment: datetime) -> datetime:
        """`moment` if it is on a working day, otherwise the same hour of the next working day."""
        self._must_reach(moment.date())
        index = bisect_left(self._working, moment.date())
        if index == len(self._working):
            raise self._too_short(f"the first working day from {moment.date()}")
        return _at(self._working[index], moment.time())

    def _is_late(self, local: datetime, hours: Hours) -> bool:
        """Whether a dossier received at `local` counts from the next working day; always true on a day off."""
        return not self._is_worked(local.date()) or local.time() >= min(LATE, hours.closes)

    def _timetable(self, hours: Hours) -> Timetable:
        """The timetable of `hours`. Cached, because a process uses only a few different hours."""
        timetable = self._timetables.get(hours)
        if timetable is None:
            days = (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))
            mornings = (day for day in days if day.weekday() in hours.works_on and day not in self.days_off)
            timetable = self._timetables[hours] = Timetable(hours, self._working, mornings)
        return timetable

    def _is_worked(self, day: date) -> bool:
        return day in self.make_up or (day.weekday() < SATURDAY and day not in self.days_off)

    def _must_reach(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise self._too_short(day.isoformat())

    def _too_short(self, wanted: str) -> CalendarTooShort:
        first, last = self.first.isoformat(), self.last.isoformat()
        detail = f"The list of days off covers {first} to {last}; move the clock into this period, or extend the list."
        return CalendarTooShort(detail, first=first, last=last, wanted=wanted)


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, BUSINESS_ZONE)


def _local(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone; business time needs one, such as +07:00")
    return moment.astimezone(BUSINESS_ZONE)
