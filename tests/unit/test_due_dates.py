"""When something is due: a table checked by hand, and properties over the three years of the calendar.

Every answer in the two CSV files was reasoned from contracts/data/holidays_2025_2027.csv; `why` is the reasoning.
"""

import csv
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from contracts.calendar.calendar import SATURDAY, CalendarTooShort
from contracts.calendar.worktime import CLOSING_TIME, DEFAULT_HOURS, Count, Hours, Limit, Pause, Unit
from contracts.catalogue import CALENDAR, apology_due_at, forward_by
from shared.sandbox.clock import BUSINESS_ZONE

DESKS = {
    "office": DEFAULT_HOURS,
    "saturday": Hours(works_on=(SATURDAY,)),
    "short": Hours(opens=time(7, 30)),
    "early": Hours(opens=time(8), lunch_from=time(12), lunch_to=time(13), closes=time(16)),
}


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()))


def _limit(row: dict[str, str]) -> Limit:
    return Limit(float(row["limit"]), Unit(row["unit"]))


TABLE, PAUSED = _rows("due_dates.csv"), _rows("due_dates_paused.csv")
PAGE = Path(__file__).parents[2] / "docs" / "working-time.md"
A_DAY = timedelta(hours=8)
ONE_DAY = Limit(1, Unit.WORKING_DAY)

# Half of the hours are edges of the day: rules break there first.
EDGES = [time(7), time(11, 30), time(13, 30), time(15), time(17), time(0)]
JUST_BESIDE = [time(6, 59, 59, 999999), time(11, 30, 0, 1), time(13, 29, 59), time(14, 59, 59), time(17, 0, 0, 1)]
moments = st.builds(
    datetime.combine,
    st.dates(CALENDAR.first, CALENDAR.last),
    st.one_of(st.times(), st.sampled_from(EDGES + JUST_BESIDE)),
    st.just(BUSINESS_ZONE),
)
counts = st.sampled_from(Count)
desks = st.sampled_from(list(DESKS.values()))
whole_days = st.integers(1, 60)
values = st.one_of(whole_days, st.integers(1, 240).map(lambda quarters: quarters / 4), st.floats(0.01, 60))
limits = st.builds(Limit, values, st.sampled_from(Unit))


def at(text: str) -> datetime:
    """`Tue 2026-03-03 09:00` or without the weekday; a wrong weekday is an error of the table."""
    *weekday, day, hour = text.split()
    moment = datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=BUSINESS_ZONE)
    assert not weekday or [f"{moment:%a}"] == weekday, f"{text} is a {moment:%A}"
    return moment


def due(received: datetime, limit: Limit, count: Count = Count.LAW, hours: Hours = DEFAULT_HOURS) -> datetime:
    """What the calendar says; an example that leads past 2027 is thrown away, if it really may."""
    try:
        return CALENDAR.due(received, limit, count, hours)
    except CalendarTooShort:
        assert received + timedelta(days=2 * limit.value + 12) > at("2027-12-31 17:00")
        reject()


def is_open(moment: datetime, hours: Hours) -> bool:
    hour, day = moment.time(), moment.date()
    morning = hours.opens <= hour <= hours.lunch_from
    if CALENDAR.is_working_day(day):
        return morning or hours.lunch_to <= hour <= hours.closes
    return morning and day.weekday() in hours.works_on and day not in CALENDAR.days_off


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join(list(row.values())[:5]))
def test_the_hand_checked_table_holds(row: dict[str, str]) -> None:
    answer = CALENDAR.due(at(row["received"]), _limit(row), Count(row["count"]), DESKS[row["hours"]])
    assert answer == at(row["due"]), row["why"]


def test_the_table_is_long_enough_says_why_and_leaves_no_unit_and_no_count_out() -> None:
    assert len(TABLE) >= 40
    assert all(row["why"] for row in TABLE)
    assert {(row["unit"], row["count"]) for row in TABLE} >= {
        *((unit, Count.LAW) for unit in Unit),
        *((unit, Count.SYSTEM) for unit in (Unit.WORKING_DAY, Unit.HOUR, Unit.DAY)),
    }


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["received"])
def test_a_row_that_leans_on_unconfirmed_days_says_so(row: dict[str, str]) -> None:
    first, last = at(row["received"]).date(), at(row["due"]).date()
    leans = any(first <= day <= last for day in CALENDAR.unverified)
    assert row["calendar"] == ("unverified" if leans else "")


def test_the_page_for_jurists_tells_what_the_code_does() -> None:
    received, asked, answered = at("2026-08-21 16:10"), at("2026-08-24 09:00"), at("2026-08-27 15:00")
    table = {
        cells[0].strip("`"): cells[1:]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 3
    }
    seven = Limit(7, Unit.WORKING_DAY)
    some = (Limit(0.5, Unit.WORKING_DAY), ONE_DAY, seven, Limit(8, Unit.HOUR), Limit(10, Unit.DAY))
    for limit in (*some, Limit(0, Unit.SAME_DAY), Limit(0, Unit.IMMEDIATE)):
        assert [at(cell) for cell in table[str(limit)]] == [CALENDAR.due(received, limit, count) for count in Count]
    before = CALENDAR.due(received, seven)
    for pause in Pause:  # the last table of the page with this row holds the dates
        assert at(table[pause][0]) == CALENDAR.due_after_pause(before, asked, answered, seven, pause)


@given(moments, moments, limits, counts, desks)
def test_what_comes_later_is_never_due_earlier(
    one: datetime, other: datetime, limit: Limit, count: Count, hours: Hours
) -> None:
    earlier, later = (due(moment, limit, count, hours) for moment in sorted((one, other)))
    if limit.unit is Unit.DAY and count is Count.SYSTEM:
        assert earlier.date() <= later.date()  # it rolls forward with its hour, so the hours of two may cross
    else:
        assert earlier <= later


@given(moments, limits, st.floats(0.01, 60), counts, desks)
def test_a_longer_limit_is_never_due_earlier(
    received: datetime, limit: Limit, value: float, count: Count, hours: Hours
) -> None:
    shorter, longer = sorted((limit.value, value))
    first, then = (due(received, Limit(each, limit.unit), count, hours) for each in (shorter, longer))
    assert first <= then


@given(moments, limits, counts, desks)
def test_nothing_is_due_before_it_came_nor_while_the_desk_is_shut(
    received: datetime, limit: Limit, count: Count, hours: Hours
) -> None:
    answer = due(received, limit, count, hours)
    assert answer >= CALENDAR.counts_from(received, hours) >= received
    assert is_open(answer, hours)


@given(moments, whole_days, st.sampled_from([Unit.WORKING_DAY, Unit.DAY]), desks)
def test_days_of_the_law_begin_the_day_after_and_end_at_closing_of_a_working_day(
    received: datetime, n: int, unit: Unit, hours: Hours
) -> None:
    answer = due(received, Limit(n, unit), Count.LAW, hours)
    assert CALENDAR.is_working_day(answer.date())
    assert answer.time() == hours.closes
    if unit is Unit.WORKING_DAY:
        days = (received.date() + timedelta(days=step) for step in range(1, (answer.date() - received.date()).days + 1))
        assert sum(CALENDAR.is_working_day(day) for day in days) == n
    else:
        last = received.date() + timedelta(days=n)
        between = ((last + timedelta(days=step)) for step in range((answer.date() - last).days))
        assert answer.date() >= last
        assert not any(CALENDAR.is_working_day(day) for day in between)


@given(moments, whole_days)
def test_days_of_the_system_take_exactly_eight_hours_each(received: datetime, n: int) -> None:
    answer = due(received, Limit(n, Unit.WORKING_DAY), Count.SYSTEM)
    assert CALENDAR.working_time(received, answer) == n * A_DAY
    assert answer.time() == CALENDAR.counts_from(received).time()
    assert answer == due(received, Limit(8 * n, Unit.HOUR), Count.SYSTEM)


@given(moments, st.integers(1, 28800), counts, desks)
def test_hours_take_exactly_their_working_time(received: datetime, minutes: int, count: Count, hours: Hours) -> None:
    assume(count is Count.LAW or not hours.works_on)  # the system takes whole days first, and those skip the mornings
    answer = due(received, Limit(minutes / 60, Unit.HOUR), count, hours)
    assert abs(CALENDAR.working_time(received, answer, hours) - timedelta(minutes=minutes)) <= timedelta(microseconds=1)


@given(moments, st.integers(1, 600))
def test_hours_end_where_a_walk_minute_by_minute_ends(received: datetime, minutes: int) -> None:
    received = received.replace(second=0, microsecond=0)
    answer = due(received, Limit(minutes / 60, Unit.HOUR))
    walker, left, minute = received, minutes, timedelta(minutes=1)
    while left:
        left -= is_open(walker, DEFAULT_HOURS) and is_open(walker + minute, DEFAULT_HOURS)
        walker += minute
    assert answer == walker


@given(moments, whole_days)
def test_the_law_gives_at_least_the_systems_time_and_at_most_a_day_more(received: datetime, n: int) -> None:
    law, system = (due(received, Limit(n, Unit.WORKING_DAY), count) for count in Count)
    assert timedelta() <= CALENDAR.working_time(system, law) <= A_DAY


@given(moments, limits)
def test_a_desk_with_extra_mornings_is_never_slower(received: datetime, limit: Limit) -> None:
    assert due(received, limit, hours=DESKS["saturday"]) <= due(received, limit)


@given(moments, desks)
def test_what_counts_from_an_hour_counts_from_it_again_and_no_time_was_worked_before(
    received: datetime, hours: Hours
) -> None:
    assume(received < at("2027-12-31 17:00"))
    start = CALENDAR.counts_from(received, hours)
    assert CALENDAR.counts_from(start, hours) == start
    assert CALENDAR.working_time(received, start, hours) == timedelta()


@given(moments, moments, moments, desks)
def test_working_time_adds_up_and_never_runs_backwards(
    one: datetime, other: datetime, third: datetime, hours: Hours
) -> None:
    def worked(start: datetime, end: datetime) -> timedelta:
        return CALENDAR.working_time(start, end, hours)

    assert worked(one, other) + worked(other, third) == worked(one, third)
    assert (worked(one, other) >= timedelta()) or other < one


@given(moments, moments)
def test_whole_days_are_eight_working_hours_each(one: datetime, other: datetime) -> None:
    first, last = sorted((one.date(), other.date()))
    opened, closed = (
        datetime.combine(day, hour, BUSINESS_ZONE) for day, hour in ((first, time(0)), (last, time(23, 59)))
    )
    days = CALENDAR.working_days(first, last) + CALENDAR.is_working_day(first)
    assert CALENDAR.working_time(opened, closed) == days * A_DAY


@given(moments, moments)
def test_forwarding_has_until_closing_or_the_first_hour_of_the_next_working_day(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    assume(later < at("2027-12-31 15:00"))
    by = forward_by(earlier)
    assert earlier < by <= forward_by(later)
    same_day = CALENDAR.is_working_day(earlier.date()) and earlier.time() < time(15)
    assert by.time() == (CLOSING_TIME if same_day else time(8))
    assert CALENDAR.working_days(earlier.date(), by.date()) == (0 if same_day else 1)


@pytest.mark.parametrize(
    ("received", "by", "why"),
    [
        ("Tue 2026-03-03 14:59", "Tue 2026-03-03 17:00", "before 15:00: the same day"),
        ("Tue 2026-03-03 15:00", "Wed 2026-03-04 08:00", "late: the first hour of Wednesday"),
        ("Fri 2026-02-13 16:00", "Mon 2026-02-23 08:00", "late on the last day before Tết"),
        ("Fri 2026-08-21 15:10", "Sat 2026-08-22 08:00", "the make-up Saturday comes next"),
        ("Sun 2026-03-08 09:00", "Mon 2026-03-09 08:00", "a day off is late all day"),
        ("Tue 2026-03-03 02:00", "Tue 2026-03-03 17:00", "before opening: the same day"),
    ],
)
def test_the_15_00_rule(received: str, by: str, why: str) -> None:
    assert forward_by(at(received)) == at(by), why


@pytest.mark.parametrize(
    ("due_at", "last", "why"),
    [
        ("Wed 2026-03-04 17:00", "Tue 2026-03-03 17:00", "closing of the day before"),
        ("Wed 2026-03-04 09:20", "Tue 2026-03-03 09:20", "a due hour has its own"),
        ("Mon 2026-02-23 17:00", "Sun 2026-02-22 17:00", "a day is a calendar day, even the last one of Tết's weekend"),
    ],
)
def test_an_apology_is_in_time_until_a_day_before(due_at: str, last: str, why: str) -> None:
    assert apology_due_at(at(due_at)) == at(last), why


@pytest.mark.parametrize("row", PAUSED, ids=lambda row: " ".join(list(row.values())[:7]))
def test_waiting_for_a_supplement_as_checked_by_hand(row: dict[str, str]) -> None:
    limit, due_at, paused, resumed = _limit(row), at(row["due"]), at(row["paused"]), at(row["resumed"])
    answer = CALENDAR.due_after_pause(due_at, paused, resumed, limit, Pause(row["pause"]), Count(row["count"]))
    assert answer == at(row["new"]), row["why"]


@given(moments, moments, limits, counts, st.sampled_from([Pause.SHIFT, Pause.SUBTRACT]), desks)
def test_no_wait_moves_nothing(
    received: datetime, paused: datetime, limit: Limit, count: Count, pause: Pause, hours: Hours
) -> None:
    before = due(received, limit, count, hours)
    assume(pause is Pause.SUBTRACT or CALENDAR.is_working_day(before.date()))  # the system knows no extra mornings
    assert CALENDAR.due_after_pause(before, paused, paused, limit, pause, count, hours) == before


def after_pause(
    before: datetime, start: datetime, end: datetime, limit: Limit, pause: Pause, count: Count, hours: Hours
) -> datetime:
    try:
        return CALENDAR.due_after_pause(before, start, end, limit, pause, count, hours)
    except CalendarTooShort:
        reject()


waits = st.lists(moments, min_size=3, max_size=3).map(sorted).filter(lambda m: (m[2] - m[0]).days < 200)


@given(waits, limits, counts, desks)
def test_anew_is_the_limit_from_the_answer_and_subtract_gives_back_what_was_worked(
    wait: list[datetime], limit: Limit, count: Count, hours: Hours
) -> None:
    received, paused, resumed = wait
    before = due(received, limit, count, hours)
    anew, subtract = (
        after_pause(before, paused, resumed, limit, pause, count, hours) for pause in (Pause.ANEW, Pause.SUBTRACT)
    )
    assert anew == due(resumed, limit, count, hours)
    waited = CALENDAR.working_time(paused, resumed, hours)
    assert CALENDAR.working_time(before, subtract, hours) == waited
    assert subtract >= before


@given(waits, limits, counts)
def test_a_shift_ends_on_the_first_working_day_from_the_date_it_moves_to(
    wait: list[datetime], limit: Limit, count: Count
) -> None:
    received, paused, resumed = wait
    before = due(received, limit, count)
    moved = after_pause(before, paused, resumed, limit, Pause.SHIFT, count, DEFAULT_HOURS)
    raw = before + (resumed - paused)
    assert moved.date() >= raw.date()
    assert moved >= before
    assert is_open(moved, DEFAULT_HOURS)
    assert CALENDAR.working_time(raw, moved) <= A_DAY


@given(waits, st.sampled_from(Pause), counts)
def test_a_longer_wait_is_never_due_on_an_earlier_day(wait: list[datetime], pause: Pause, count: Count) -> None:
    paused, sooner, later = wait
    before = due(paused, Limit(5, Unit.WORKING_DAY), count)
    first, then = (
        after_pause(before, paused, resumed, Limit(5, Unit.WORKING_DAY), pause, count, DEFAULT_HOURS)
        for resumed in (sooner, later)
    )
    assert first.date() <= then.date()


def test_a_wait_that_ends_before_it_began_is_refused() -> None:
    start, end = at("2026-03-04 09:00"), at("2026-03-03 09:00")
    with pytest.raises(ValueError, match="before it paused"):
        CALENDAR.due_after_pause(start, start, end, ONE_DAY, Pause.SUBTRACT)


def test_the_zone_of_the_question_does_not_matter() -> None:
    one_in_the_morning_of_the_25th = datetime(2026, 11, 24, 18, tzinfo=UTC)
    assert CALENDAR.due(one_in_the_morning_of_the_25th, ONE_DAY) == at("Thu 2026-11-26 17:00")
    assert CALENDAR.working_time(datetime(2026, 11, 25, 0, tzinfo=UTC), at("2026-11-25 09:00")) == timedelta(hours=2)


def test_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        CALENDAR.due(datetime(2026, 11, 25, 8), ONE_DAY)


@pytest.mark.parametrize(
    ("received", "limit", "count"),
    [
        ("2027-12-31 09:00", ONE_DAY, Count.LAW),
        ("2027-12-31 16:00", Limit(2, Unit.HOUR), Count.LAW),
        ("2027-12-31 17:01", Limit(0, Unit.IMMEDIATE), Count.LAW),
        ("2027-12-31 15:00", Limit(0, Unit.SAME_DAY), Count.LAW),
        ("2027-12-30 09:00", Limit(3, Unit.DAY), Count.LAW),
        ("2027-12-30 09:00", Limit(3, Unit.DAY), Count.SYSTEM),
        ("2027-12-31 18:00", ONE_DAY, Count.SYSTEM),
        ("2024-12-31 09:00", ONE_DAY, Count.LAW),
        ("2026-03-03 09:00", Limit(10_000, Unit.DAY), Count.SYSTEM),
    ],
)
def test_what_the_calendar_does_not_reach_is_refused_with_its_bounds(received: str, limit: Limit, count: Count) -> None:
    with pytest.raises(CalendarTooShort) as refused:
        CALENDAR.due(at(received), limit, count)
    assert (refused.value.facts["first"], refused.value.facts["last"]) == ("2025-01-01", "2027-12-31")
