"""The files in contracts/data, row by row, and what their marks mean."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"

# F found in a source, S in news reports; M from memory, P ours: defaults that can be changed, never shown as fact
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
    """Whether what bears this mark may be shown as fact."""
    return MARKS[mark][1]


def many(cell: str) -> tuple[str, ...]:
    """The values of a cell that lists several with `|`; none for an empty one."""
    return tuple(part.strip() for part in cell.split("|") if part.strip())


def day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None
