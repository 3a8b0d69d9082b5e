"""Types for working time: a limit and its unit, the ways of counting, and the hours of a desk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from shared.sandbox.clock import BUSINESS_ZONE

LONGEST = 10_000  # in any unit; longer than any calendar, and small enough that date arithmetic does not overflow


class Unit(StrEnum):
    """The unit of a limit. The last two have no number."""

    WORKING_DAY = "working_day"
    DAY = "day"  # calendar days
    HOUR = "hour"  # working hours
    SAME_DAY = "same_day"
    IMMEDIATE = "immediate"


class Count(StrEnum):
    """The two ways to compute a due moment: in whole days, as the law says, or in hours, as one real system does."""

    LAW = "law"
    SYSTEM = "system"


class Pause(StrEnum):
    """How a pause for a supplement changes the due moment; each of the three is in use somewhere."""

    ANEW = "anew"  # the law: the limit starts again (ND 61/2018 art. 19.4)
    SHIFT = "shift"  # one real system: the due date moves by the length of the pause
    SUBTRACT = "subtract"  # index 766: the pause does not count


WORDS = {Unit.WORKING_DAY: "working day", Unit.DAY: "day", Unit.HOUR: "working hour"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit, such as `Limit(3, Unit.WORKING_DAY)`.

    value    above 0 and at most LONGEST, in `unit`; ignored for SAME_DAY and IMMEDIATE
    raises   ValueError for a value outside this range
    """

    value: float
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit in WORDS and not 0 < self.value <= LONGEST:
            raise ValueError(
                f"{self.value:g} {self.unit} is not a limit; use more than 0 and at most {LONGEST}, or immediate"
            )

    def __str__(self) -> str:
        if self.unit not in WORDS:
            return "the same day" if self.unit is Unit.SAME_DAY else "at once"
        return f"{self.value:g} {WORDS[self.unit]}{'s' if self.value > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours in which a desk is open, in local wall-clock time.

    works_on   weekdays (Monday 0) that are not working days, but on whose mornings the desk is open, such as the
               Saturday mornings of commune police; not on public holidays
    source     the default is that of one provincial system (fact sheet 2.5); no law sets it
    """

    opens: time = time(7)
    lunch_from: time = time(11, 30)
    lunch_to: time = time(13, 30)
    closes: time = time(17)
    works_on: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        splits = (self.opens, self.lunch_from, self.lunch_to, self.closes)
        if any(split.tzinfo for split in splits):
            raise ValueError("the hours of a desk are local wall-clock times, without a zone")
        if sorted(splits) != list(splits) or self.opens == self.lunch_from or self.lunch_to == self.closes:
            raise ValueError(f"{' '.join(map(str, splits))} are not two separate periods of one day")

    def a_day(self) -> timedelta:
        """How long the desk is open on a whole day: 8 hours by default."""
        opens, lunch_from, lunch_to, closes = (
            timedelta(hours=split.hour, minutes=split.minute, seconds=split.second)
            for split in (self.opens, self.lunch_from, self.lunch_to, self.closes)
        )
        return (lunch_from - opens) + (closes - lunch_to)

    def entered(self, local: datetime) -> datetime:
        """The first open moment from `local` on, as if every date were a working day."""
        hour = local.time()
        if hour > self.closes:
            return datetime.combine(local.date() + timedelta(days=1), self.opens, BUSINESS_ZONE)
        if hour < self.opens:
            return datetime.combine(local.date(), self.opens, BUSINESS_ZONE)
        if self.lunch_from < hour < self.lunch_to:
            return datetime.combine(local.date(), self.lunch_to, BUSINESS_ZONE)
        return local


DEFAULT_HOURS = Hours()
CLOSING_TIME = DEFAULT_HOURS.closes


class Timetable:
    """The open periods of one desk over many days, in a sorted list, so that every lookup is one bisection.

    days       on which the desk is open the whole day
    mornings   on which it is open until lunch
    """

    def __init__(self, hours: Hours, days: Iterable[date], mornings: Iterable[date] = ()) -> None:
        days, mornings = set(days), set(mornings)
        parts = [(day, hours.opens, hours.lunch_from) for day in days | mornings]
        parts += [(day, hours.lunch_to, hours.closes) for day in days]
        parts.sort()
        self.a_day = hours.a_day()
        self._opens = [datetime.combine(day, start, BUSINESS_ZONE) for day, start, _ in parts]
        self._closes = [datetime.combine(day, end, BUSINESS_ZONE) for day, _, end in parts]
        self._worked = [timedelta()]  # total open time before each period, and after the last one
        for start, end in zip(self._opens, self._closes, strict=True):
            self._worked.append(self._worked[-1] + (end - start))

    def entered(self, at: datetime) -> datetime:
        """`at` if the desk is open then (opening and closing included), else the next opening. IndexError if there is none."""
        part = bisect_right(self._opens, at)
        return at if part and at <= self._closes[part - 1] else self._opens[part]

    def worked(self, until: datetime) -> timedelta:
        """Open time from the first day to `until`."""
        part = bisect_right(self._opens, until) - 1
        if part < 0:
            return timedelta()
        return self._worked[part] + (min(until, self._closes[part]) - self._opens[part])

    def after(self, start: datetime, length: timedelta) -> datetime:
        """The moment at which `length` (above zero) of open time has passed since `start`. Raises IndexError after the last day.

        If this is the end of an open period, the result is its closing, not the next opening.
        """
        wanted = self.worked(start) + length
        part = bisect_left(self._worked, wanted) - 1
        return self._opens[part] + (wanted - self._worked[part])
