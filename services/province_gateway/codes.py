"""Codes of dossiers that a desk gives, and the counters that number them. Plain Python, no I/O."""

from __future__ import annotations

from datetime import datetime

from shared.sandbox.clock import per_day


def code_series(agency: str, now: datetime) -> str:
    """The counter from which an agency's desk numbers dossier codes, each day anew."""
    return per_day(f"{agency}/desk", now)


def dossier_code(agency: str, day: str, value: int, life: int) -> str:
    """`H42.14464-260609-0001`: the provinces' format, YYMMDD and four or more digits (fact sheet 2.4).

    day   YYYYMMDD
    life  a database made anew counts from its next hundred thousand, so no code repeats
    """
    return f"{agency}-{day[2:]}-{(life - 1) % 10 * 100_000 + value:04d}"
