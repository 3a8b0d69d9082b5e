"""Values as the adapter API writes them: times, flags, numbers that are texts. Reading is tolerant, as the real clients need it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from shared.sandbox.clock import BUSINESS_ZONE

TimeForm = Literal["compact", "slashes", "iso"]
# Form → how it is written. Only the first is the form of the API; provinces were seen to send the others.
TIME_FORMS: Mapping[TimeForm, str] = {
    "compact": "%Y%m%d%H%M%S",
    "slashes": "%d/%m/%Y %H:%M:%S",
    "iso": "%Y-%m-%dT%H:%M:%S",
}
# What else is read, although nobody should send it.
SHORTER = ("%Y%m%d%H%M", "%Y%m%d", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
DEEPEST = 50  # levels of a document
YES, NO = ("true", "1", "yes"), ("false", "0", "no", "")
INTEGER = re.compile(r"-?[0-9]{1,15}(\.0+)?")


def written(at: datetime | None, form: TimeForm = "compact") -> str:
    """A time in Vietnamese time; "" for none."""
    return "" if at is None else at.astimezone(BUSINESS_ZONE).strftime(TIME_FORMS[form])


def time_of(value: Any) -> datetime | None:
    """The time that a value means, in any form that is read; None for no time, and for what is none."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    for form in (*TIME_FORMS.values(), *SHORTER):
        try:
            read = datetime.strptime(text, form).replace(tzinfo=BUSINESS_ZONE)
        except (ValueError, OverflowError):
            continue
        if _same_digits(read, text, form):
            return read
    return None


def is_compact(value: Any) -> bool:
    """Whether a value is a time in the form of the API."""
    return isinstance(value, str) and len(value) == 14 and time_of(value) is not None


def flag(value: Any) -> bool | None:
    """True or False from a flag in any of its spellings; None for anything else."""
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if isinstance(value, bool | int | str) and text in YES:
        return True
    return False if isinstance(value, bool | int | str) and text in NO else None


def number(value: Any) -> int | None:
    """A whole number that is a number or a text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return int(value.strip().split(".")[0]) if isinstance(value, str) and INTEGER.fullmatch(value.strip()) else None


def text(value: Any, most: int = 2000) -> str:
    """The text of a value, cut at `most` characters; "" for none. A number becomes its digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()[:most]


def clean(value: Any, levels: int = DEEPEST) -> Any:
    """A document without what no database stores: NUL, and halves of characters. Raises ValueError if it is too deep."""
    if isinstance(value, str):
        return value if value.isprintable() else value.replace("\x00", "").encode("utf-8", "replace").decode()
    if not isinstance(value, list | dict):
        return value
    if levels == 0:
        raise ValueError(f"more than {DEEPEST} lists and objects in each other")
    if isinstance(value, list):
        return [clean(each, levels - 1) for each in value]
    return {clean(name): clean(each, levels - 1) for name, each in value.items()}


def _same_digits(read: datetime, text: str, form: str) -> bool:
    """strptime reads `2026610` as a date as well: only what it would write again is one."""
    return read.strftime(form) == text
