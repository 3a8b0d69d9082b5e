from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import CALENDAR
from shared.calendar import BUSINESS_ZONE, CLOSING_TIME, Calendar, CalendarTooShort

HOURS = (time(8), time(10), time(14), time(16))
SWAP_THE_LIBRARY_LACKS = {date(2026, 1, 2), date(2026, 1, 10)}

days = st.dates(CALENDAR.first, date(2027, 6, 30))
limits = st.integers(1, 90)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 30), timezones=st.just(BUSINESS_ZONE))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BUSINESS_ZONE)


@pytest.mark.parametrize(
    ("start", "n", "answer"),
    [
        ("2025-04-25", 1, "2025-04-26"),
        ("2025-04-29", 1, "2025-05-05"),
        ("2025-01-24", 3, "2025-02-05"),
        ("2026-02-13", 3, "2026-02-25"),
        ("2026-08-21", 1, "2026-08-22"),
        ("2026-08-28", 1, "2026-09-03"),
        ("2026-11-23", 1, "2026-11-25"),
        ("2027-02-03", 1, "2027-02-11"),
        ("2027-04-29", 1, "2027-05-04"),
    ],
)
def test_the_known_answers_hold(start: str, n: int, answer: str) -> None:
    assert CALENDAR.add_working_days(date.fromisoformat(start), n) == date.fromisoformat(answer)


def test_it_agrees_with_the_holidays_package_wherever_that_knows() -> None:
    library = holidays.country_holidays("VN", years=[2025, 2026, 2027])
    every_day = [CALENDAR.first + timedelta(days=n) for n in range((CALENDAR.last - CALENDAR.first).days + 1)]
    differing = {day for day in every_day if library.is_working_day(day) != CALENDAR.is_working_day(day)}
    assert differing == SWAP_THE_LIBRARY_LACKS


def test_days_nobody_has_confirmed_count_and_stay_marked() -> None:
    assert CALENDAR.unverified.issuperset(SWAP_THE_LIBRARY_LACKS)
    assert not CALENDAR.is_working_day(date(2026, 1, 2))
    assert CALENDAR.is_working_day(date(2026, 1, 10))
    assert date(2027, 2, 4) in CALENDAR.unverified
    assert date(2026, 2, 16) not in CALENDAR.unverified


@pytest.mark.parametrize("saturday", sorted(CALENDAR.make_up))
def test_a_make_up_saturday_is_worked(saturday: date) -> None:
    assert CALENDAR.is_working_day(saturday)
    assert CALENDAR.add_working_days(saturday - timedelta(days=1), 1) == saturday


@given(days, limits)
def test_a_last_day_is_a_working_day_with_the_others_before_it(day: date, n: int) -> None:
    last = CALENDAR.add_working_days(day, n)
    passed = [day + timedelta(days=step) for step in range(1, (last - day).days + 1)]
    assert CALENDAR.is_working_day(last)
    assert sum(CALENDAR.is_working_day(each) for each in passed) == n


@given(days, st.integers(0, 45), st.integers(0, 45))
def test_counting_on_is_counting_once(day: date, first: int, then: int) -> None:
    once = CALENDAR.add_working_days(day, first + then)
    assert CALENDAR.add_working_days(CALENDAR.add_working_days(day, first), then) == once


@given(moments, moments, limits)
def test_what_comes_later_is_never_due_earlier(one: datetime, other: datetime, n: int) -> None:
    earlier, later = sorted((one, other))
    assert CALENDAR.due_at(earlier, n) <= CALENDAR.due_at(later, n)


@given(moments, st.floats(0, 90), st.floats(0, 90))
def test_a_longer_limit_is_never_due_earlier(received: datetime, one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert CALENDAR.due_at(received, shorter) <= CALENDAR.due_at(received, longer)


@given(moments, limits)
def test_a_due_date_closes_a_working_day_after_the_day_of_receipt(received: datetime, n: int) -> None:
    due = CALENDAR.due_at(received, n)
    assert CALENDAR.is_working_day(due.date())
    assert due.date() > received.date()
    assert due.timetz() == CLOSING_TIME.replace(tzinfo=BUSINESS_ZONE)


@pytest.mark.parametrize(
    ("received", "limit", "due"),
    [
        ("2026-11-25T08:00:00", 1, "2026-11-26T17:00:00"),
        ("2026-11-25T16:30:00", 1, "2026-11-26T17:00:00"),  # after 15:00: still the next working day
        ("2026-11-21T09:00:00", 1, "2026-11-23T17:00:00"),  # received on a Saturday
        ("2026-11-23T09:00:00", 1, "2026-11-25T17:00:00"),  # Culture Day between
        ("2026-11-25T08:00:00", 0.5, "2026-11-26T17:00:00"),
        ("2026-11-25T08:00:00", 1.5, "2026-11-27T17:00:00"),
        ("2026-02-13T08:00:00", 3, "2026-02-25T17:00:00"),  # Tết between
    ],
)
def test_due_dates_read_as_a_clerk_would_say_them(received: str, limit: float, due: str) -> None:
    assert CALENDAR.due_at(at(received), limit) == at(due)


def test_the_day_of_receipt_is_the_local_one() -> None:
    late_evening_in_utc = datetime(2026, 11, 24, 18, tzinfo=UTC)  # 01:00 on the 25th in Việt Nam
    assert CALENDAR.due_at(late_evening_in_utc, 1) == at("2026-11-26T17:00:00")


@given(moments)
def test_the_next_tick_is_the_first_one_after(after: datetime) -> None:
    tick = CALENDAR.next_tick(after, HOURS)
    assert tick > after
    assert CALENDAR.is_working_day(tick.date())
    assert tick.time() in HOURS
    days_between = ((after + timedelta(days=n)).date() for n in range((tick.date() - after.date()).days + 1))
    ticks = [datetime.combine(day, hour, BUSINESS_ZONE) for day in days_between for hour in HOURS]
    assert not [each for each in ticks if after < each < tick and CALENDAR.is_working_day(each.date())]


def test_the_tick_of_this_instant_is_over() -> None:
    assert CALENDAR.next_tick(at("2026-11-25T10:00:00"), HOURS) == at("2026-11-25T14:00:00")
    assert CALENDAR.next_tick(at("2026-11-25T09:59:59.999999"), HOURS) == at("2026-11-25T10:00:00")


def test_ticks_of_a_month_are_at_most_four_a_working_day() -> None:
    ticks = [at("2026-10-01T00:00:00")]
    while ticks[-1] < at("2026-10-31T00:00:00"):
        ticks.append(CALENDAR.next_tick(ticks[-1], HOURS))
    assert all(one < other for one, other in pairwise(ticks))
    assert len(ticks) - 2 == 22 * len(HOURS)


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2028, 1, 1)])
def test_a_day_outside_the_list_is_refused_with_its_bounds(day: date) -> None:
    with pytest.raises(CalendarTooShort) as refused:
        CALENDAR.is_working_day(day)
    assert refused.value.facts == {"first": "2025-01-01", "last": "2027-12-31", "wanted": day.isoformat()}


def test_an_answer_outside_the_list_is_refused() -> None:
    with pytest.raises(CalendarTooShort):
        CALENDAR.due_at(at("2027-12-30T09:00:00"), 5)


def test_business_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        CALENDAR.due_at(datetime(2026, 11, 25, 8), 1)


def test_working_days_are_not_counted_backwards() -> None:
    with pytest.raises(ValueError, match="forwards"):
        CALENDAR.add_working_days(date(2026, 11, 25), -1)


def test_a_calendar_is_only_its_data() -> None:
    week = Calendar({date(2026, 6, 3)}, {date(2026, 6, 6)}, date(2026, 6, 1), date(2026, 6, 7))
    assert [day for day in range(1, 8) if week.is_working_day(date(2026, 6, day))] == [1, 2, 4, 5, 6]
