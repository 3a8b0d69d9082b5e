"""Working time as values: a limit and its unit, the ways of counting it, and the hours of a desk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from shared.sandbox.clock import BUSINESS_ZONE

LONGEST = 10_000  # beyond any calendar, in any unit; it keeps the arithmetic of dates from overflowing


class Unit(StrEnum):
    """What a limit is counted in. The last two carry no number."""

    WORKING_DAY = "working_day"
    DAY = "day"  # calendar days
    HOUR = "hour"  # working hours
    SAME_DAY = "same_day"
    IMMEDIATE = "immediate"


class Count(StrEnum):
    """The two ways to find a due hour: whole days as the law says them, or hours as one real system adds them."""

    LAW = "law"
    SYSTEM = "system"


class Pause(StrEnum):
    """How waiting for a supplement counts; each of the three is in use somewhere."""

    ANEW = "anew"  # the law: the limit starts again (ND 61/2018 art. 19.4)
    SHIFT = "shift"  # one real system: the due date moves by the days waited
    SUBTRACT = "subtract"  # index 766: the waiting is taken out


WORDS = {Unit.WORKING_DAY: "working day", Unit.DAY: "day", Unit.HOUR: "working hour"}


@dataclass(frozen=True, slots=True)
class Limit:
    """How long something may take: `Limit(3, Unit.WORKING_DAY)`.

    value    above 0 and at most LONGEST, in `unit`; not read for SAME_DAY and IMMEDIATE
    raises   ValueError for a number that is no length of time
    """

    value: float
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit in WORDS and not 0 < self.value <= LONGEST:
            raise ValueError(f"{self.value:g} {self.unit} is no limit; say above 0 and at most {LONGEST}, or immediate")

    def __str__(self) -> str:
        if self.unit not in WORDS:
            return "the same day" if self.unit is Unit.SAME_DAY else "at once"
        return f"{self.value:g} {WORDS[self.unit]}{'s' if self.value > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Hours:
    """When a desk is open, in local wall-clock time.

    works_on   weekdays (Monday 0) on whose mornings the desk opens although they are no working days, such as the
               Saturday mornings of commune police; public holidays excepted
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
            raise ValueError(f"{' '.join(map(str, splits))} are not two parts of one day")

    def a_day(self) -> timedelta:
        """Open time of a whole day: 8 hours by default."""
        opens, lunch_from, lunch_to, closes = (
            timedelta(hours=split.hour, minutes=split.minute, seconds=split.second)
            for split in (self.opens, self.lunch_from, self.lunch_to, self.closes)
        )
        return (lunch_from - opens) + (closes - lunch_to)

    def entered(self, local: datetime) -> datetime:
        """The moment from which `local` counts on its own date, worked or not; after closing, the next date's opening."""
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
    """The hours of one desk on many days, laid end to end, so that every question is one bisection.

    hours      of the desk
    days       on which it opens the whole day
    mornings   on which it opens until lunch
    """

    def __init__(self, hours: Hours, days: Iterable[date], mornings: Iterable[date] = ()) -> None:
        days, mornings = set(days), set(mornings)
        parts = [(day, hours.opens, hours.lunch_from) for day in days | mornings]
        parts += [(day, hours.lunch_to, hours.closes) for day in days]
        parts.sort()
        self.a_day = hours.a_day()
        self._opens = [datetime.combine(day, start, BUSINESS_ZONE) for day, start, _ in parts]
        self._closes = [datetime.combine(day, end, BUSINESS_ZONE) for day, _, end in parts]
        self._worked = [timedelta()]  # before each part, and at the end of the last
        for start, end in zip(self._opens, self._closes, strict=True):
            self._worked.append(self._worked[-1] + (end - start))

    def entered(self, at: datetime) -> datetime:
        """`at` while the desk is open, both edges included; else its next opening. Raises IndexError after the last."""
        part = bisect_right(self._opens, at)
        return at if part and at <= self._closes[part - 1] else self._opens[part]

    def worked(self, until: datetime) -> timedelta:
        """Open time from the first day to `until`."""
        part = bisect_right(self._opens, until) - 1
        if part < 0:
            return timedelta()
        return self._worked[part] + (min(until, self._closes[part]) - self._opens[part])

    def after(self, start: datetime, length: timedelta) -> datetime:
        """When `length`, above zero, of open time has passed since `start`. Raises IndexError after the last day.

        What ends with a part of a day ends at its close, not at the next opening.
        """
        wanted = self.worked(start) + length
        part = bisect_left(self._worked, wanted) - 1
        return self._opens[part] + (wanted - self._worked[part])
