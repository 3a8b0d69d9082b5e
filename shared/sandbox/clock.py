"""Sandbox time: the database computes it from the sandbox row. No code reads the clock of the operating system."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

from pydantic import Field

from shared.errors import BodyDoesNotFit
from shared.text import Text

BUSINESS_ZONE = timezone(timedelta(hours=7), "+07:00")  # Asia/Ho_Chi_Minh: no summer time since 1975

# SQL for "now" of a row of `sandboxes` s: its base, plus the real time since then multiplied by its rate (0 = frozen,
# 1 = real time). A clock stops after 1000 years, so that a fast clock left running does not overflow a timestamp.
NOW_SQL = (
    "date_trunc('milliseconds', s.base_at + interval '1 s' * "
    "least(greatest(date_part('epoch', clock_timestamp() - s.base_real) * s.rate, 0), 31536000000))"
)

# No sandbox needs more, and arithmetic on the far ends of the calendar overflows.
FIRST, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_SHORT = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_DURATION = re.compile(r"P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?")
_PART = r"[0-9]+(?:[.,][0-9]+)?"  # all that ISO 8601 allows, of which the two above take a part
_ISO = re.compile(rf"P(?=.)({_PART}Y)?({_PART}M)?({_PART}W)?({_PART}D)?(?:T(?=.)({_PART}H)?({_PART}M)?({_PART}S)?)?")

# What `parse_time` and `parse_duration` read, as our documents describe it.
TimeText = Annotated[
    Text, Field(max_length=40, json_schema_extra={"format": "date-time"}, examples=["2026-06-09T08:00:00+07:00"])
]
_ISO_FORM = r"P([0-9]{1,5}W)?([0-9]{1,5}D)?(T([0-9]{1,5}H)?([0-9]{1,5}M)?([0-9]{1,5}S)?)?"
_SHORT_FORM = r"([0-9]{1,5}w)?([0-9]{1,5}d)?([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?"
DurationText = Annotated[
    Text,
    Field(
        max_length=40,
        json_schema_extra={"minLength": 2, "pattern": f"^({_ISO_FORM}|{_SHORT_FORM})$"},
        examples=["3d", "PT1H"],
    ),
]


def wire(at: datetime) -> str:
    """The one wire format of time: RFC 3339 in business time with milliseconds, `2026-06-09T08:00:00.000+07:00`."""
    return at.astimezone(BUSINESS_ZONE).isoformat(timespec="milliseconds")


def day_digits(now: datetime) -> str:
    """The day in Viet Nam: `20260609`."""
    return now.astimezone(BUSINESS_ZONE).date().isoformat().replace("-", "")  # 7 times as fast as strftime


def per_day(name: str, now: datetime) -> str:
    """The name of a counter that starts again every day in Viet Nam: `H42-20260609`."""
    return f"{name}-{day_digits(now)}"


def per_day_sql(name: str, now: str) -> str:
    """`per_day` in SQL, of two SQL expressions."""
    return f"{name} || to_char({now} AT TIME ZONE interval '7 hours', '-YYYYMMDD')"


def parse_time(text: str, pointer: str) -> datetime:
    """An aware instant from RFC 3339 text; raises BodyDoesNotFit naming `pointer`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min
    if at.tzinfo is None:
        raise BodyDoesNotFit(
            (pointer, f"'{text}' is not an RFC 3339 time with an offset, such as 2026-06-09T08:00:00+07:00")
        )
    return in_reach(at, pointer)


def in_reach(at: datetime, pointer: str) -> datetime:
    """`at`, if it is between FIRST and END, so that every time zone and PostgreSQL can represent it; raises BodyDoesNotFit."""
    if not FIRST <= at < END:
        raise BodyDoesNotFit(
            (pointer, f"leads to the year {at.year}; choose a time from {FIRST.year} to {END.year - 1} (UTC)")
        )
    return at


def parse_duration(text: str, pointer: str) -> timedelta:
    """A length of time from ISO 8601 text (P3D, PT2H) or its short form (3d, 2h30m); raises BodyDoesNotFit."""
    match = _DURATION.fullmatch(text) or _SHORT.fullmatch(text)
    if match is None or not any(match.groups()) or text.endswith("T"):
        raise BodyDoesNotFit((pointer, _no_duration(text)))
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise BodyDoesNotFit((pointer, f"'{text}' is longer than the lifetime of any sandbox")) from error


def _no_duration(text: str) -> str:
    iso = _ISO.fullmatch(text)
    if iso and (iso[1] or iso[2]):
        return f"'{text}' has no fixed length, because years and months differ: write days, such as 30d or P30D"
    if iso:
        return f"'{text}' has a fraction: write it in smaller units, such as 1h30m or PT1H30M"
    return f"'{text}' is not a duration such as 3d or 2h30m (ISO 8601: P3D, PT2H30M)"
