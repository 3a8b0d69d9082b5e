"""What could be of somebody real is stored nowhere: contacts, and numbers that are not invented."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from contracts.identity import person_fault

CONTACTS = ("email", "thudientu", "fax", "sodienthoai", "madoituong")  # members, in any case
NUMBERS = ("sodinhdanh", "sogiaytochuhoso")
# Within a text. An address begins where a word does: looked for from each letter of a long word, it would take the square
# of its length. It is hidden before the numbers, which can be a part of it.
ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++\.[\w.+@-]+")
NUMBER = re.compile(r"(?<![0-9])0(?:[0-9]{11}|[0-9]{9})(?![0-9])")  # of a person (12 digits), or of a telephone (10)
SHOWN = 3  # first characters of what is hidden


def hidden(value: str) -> str:
    return value if person_fault(value) is None else f"{value[:SHOWN]}…"


def _hidden(match: re.Match[str]) -> str:
    return hidden(match[0])


def of_nobody(value: Any) -> Any:
    """A document without contacts and numbers of people who could be real, also within its texts."""
    if isinstance(value, str):
        return NUMBER.sub(_hidden, ADDRESS.sub(_hidden, value))
    if isinstance(value, list):
        return [of_nobody(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: of_nobody(each) for name, each in value.items() if not _is_of_somebody(name.lower(), each)}


def shown(path: Sequence[str | int], value: Any) -> Any:
    """A refused value at `path` as a finding may repeat it."""
    name = next((step.lower() for step in reversed(path) if isinstance(step, str)), "")
    if name in CONTACTS or (name in NUMBERS and person_fault(str(value)) is not None):
        return f"{str(value)[:SHOWN]}…"
    return of_nobody(value)


def _is_of_somebody(name: str, value: Any) -> bool:
    return name in CONTACTS or (name in NUMBERS and person_fault(str(value).strip()) is not None)
