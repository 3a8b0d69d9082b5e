"""Reads the CSV files in contracts/data, and says what the marks in them mean."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"

# Mark → meaning, and whether it is verified. M and P are defaults that can be changed; they are never presented as facts.
MARKS = {
    "F": ("found in a source", True),
    "S": ("found in news reports", True),
    "M": ("from memory, unverified", False),
    "P": ("ours, unverified", False),
}


def rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def verified(mark: str) -> bool:
    """Whether a value with this mark may be presented as a fact."""
    return MARKS[mark][1]


def many(cell: str) -> tuple[str, ...]:
    """The values of a cell with a list, separated by `|`; none for an empty cell."""
    return tuple(part.strip() for part in cell.split("|") if part.strip())


def day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None
