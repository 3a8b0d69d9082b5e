from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import holidays
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.calendar.calendar import SATURDAY, Calendar, CalendarTooShort
from contracts.calendar.worktime import DEFAULT_HOURS, Hours, Limit, Unit
from contracts.catalogue import CALENDAR
from shared.sandbox.clock import BUSINESS_ZONE

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


def test_working_days_are_not_counted_backwards() -> None:
    with pytest.raises(ValueError, match="forwards"):
        CALENDAR.add_working_days(date(2026, 11, 25), -1)


def test_a_calendar_is_only_its_data() -> None:
    week = Calendar({date(2026, 6, 3)}, {date(2026, 6, 6)}, date(2026, 6, 1), date(2026, 6, 7))
    assert [day for day in range(1, 8) if week.is_working_day(date(2026, 6, day))] == [1, 2, 4, 5, 6]


def test_every_day_of_three_years_agrees_with_counting_on_fingers() -> None:
    day, worked = date(2025, 1, 1), 0
    while day < CALENDAR.last:
        assert CALENDAR.working_days(CALENDAR.first, day) == worked
        day += timedelta(days=1)
        worked += CALENDAR.is_working_day(day)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_is_a_length_of_time(value: float) -> None:
    with pytest.raises(ValueError, match="not a limit"):
        Limit(value, Unit.WORKING_DAY)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit(3, Unit.WORKING_DAY), "3 working days"),
        (Limit(0.5, Unit.WORKING_DAY), "0.5 working day"),
        (Limit(1.0, Unit.DAY), "1 day"),
        (Limit(8, Unit.HOUR), "8 working hours"),
        (Limit(0, Unit.SAME_DAY), "the same day"),
        (Limit(0, Unit.IMMEDIATE), "at once"),
    ],
)
def test_a_limit_reads_well_and_travels_as_json(limit: Limit, words: str) -> None:
    assert str(limit) == words
    assert msgspec.json.decode(msgspec.json.encode(limit), type=Limit) == limit


def test_hours_travel_as_json() -> None:
    for hours in (DEFAULT_HOURS, Hours(works_on=(SATURDAY,))):
        assert msgspec.json.decode(msgspec.json.encode(hours), type=Hours) == hours


@pytest.mark.parametrize(
    "wrong", [{"opens": time(18)}, {"lunch_from": time(7)}, {"lunch_to": time(17)}, {"closes": time(17, tzinfo=UTC)}]
)
def test_hours_that_are_no_day_are_refused(wrong: dict[str, time]) -> None:
    with pytest.raises(ValueError, match=r"day|zone"):
        Hours(**wrong)  # type: ignore[arg-type]
