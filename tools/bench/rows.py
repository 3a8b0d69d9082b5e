"""Results of a benchmark run: one row per figure, with its ceiling and its aim."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Aim:
    """The aim of a figure: at least or at most a value, or at least a share or at most a multiple of the ceiling."""

    least: float | None = None
    most: float | None = None
    share: float | None = None
    times: float | None = None

    def met(self, row: Row) -> bool:
        return self.miss(row) <= 0

    def miss(self, row: Row) -> float:
        """The share of the aim by which the row misses it; 0 or less if it is met."""
        if self.least is not None:
            return 1 - row.value / self.least
        if self.most is not None:
            return row.value / self.most - 1
        if self.times is not None:
            return (row.ratio or 0) / self.times - 1
        return 1 - (row.ratio or 0) / (self.share or 1)

    def __str__(self) -> str:
        if self.least is not None:
            return f"≥ {figure(self.least)}"
        if self.most is not None:
            return f"≤ {figure(self.most)}"
        return f"≤ {self.times:g} × the ceiling" if self.times is not None else f"≥ {self.share:.0%} of the ceiling"


@dataclass(frozen=True)
class Row:
    """One figure.

    ceiling   what the machine reaches without our code, in the same unit and the same run
    note      printed in place of a ceiling, if there is none
    """

    what: str
    value: float
    unit: str
    aim: Aim | None = None
    ceiling: float | None = None
    ceiling_is: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.ceiling if self.ceiling else None

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        return "yes" if self.aim.met(self) else f"missed by {self.aim.miss(self):.0%}"

    def cells(self) -> tuple[str, ...]:
        ceiling = f"{figure(self.ceiling)} ({self.ceiling_is})" if self.ceiling else self.note
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return (self.what, f"{figure(self.value)} {self.unit}", ceiling, ratio, str(self.aim or ""), self.verdict)

    def json(self) -> dict[str, Any]:
        met = None if self.aim is None else self.aim.met(self)
        return {**asdict(self), "aim": str(self.aim or ""), "ratio": self.ratio, "met": met}


HEADINGS = ("what", "measured", "ceiling", "ratio", "aim", "met")


def figure(value: float | None) -> str:
    """`1,234`, `12.3` or `1.23`: three significant digits; what is counted has no fraction."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(rows: Iterable[Row]) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
