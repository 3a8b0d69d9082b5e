"""A page of a list and the place where the next one begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import BodyDoesNotFit

LARGEST = 500  # rows
USUAL = 200  # rows; enough for the 168 communes of the largest province and the 111 procedures on one page
TOKEN = "page_token"  # noqa: S105 - the name of a query parameter
Row = TypeVar("Row")


@dataclass(frozen=True)
class Cut(Generic[Row]):
    """One page: its rows, the place of the next page (None at the end), and the total number of rows, if counted."""

    rows: list[Row]
    next: str | None = None
    total: int | None = None


@dataclass(frozen=True)
class Page:
    """A request for at most `size` rows, those after the place `after` (None: from the beginning)."""

    size: int = USUAL
    after: str | None = None

    def of(self, rows: Sequence[Row]) -> Cut[Row]:
        """The page of a list in memory; its places are row numbers. Raises BodyDoesNotFit for other tokens."""
        after = self.after or "0"
        if not (after.isascii() and after.isdigit() and len(after) < 10):
            raise unknown_place()
        begin = int(after)
        end = begin + self.size
        return Cut(list(rows[begin:end]), str(end) if end < len(rows) else None, len(rows))


def place_of(page: Page) -> int:
    """The number after which the page begins, for lists whose places are numbers. Raises BodyDoesNotFit."""
    text = page.after or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # so that it fits a bigint
        raise unknown_place()
    return int(text)


def unknown_place() -> BodyDoesNotFit:
    return BodyDoesNotFit((f"/query/{TOKEN}", "is no place in this list; use the Link header of the page before"))
