"""Codes of dossiers registered at a desk, and the counters that number them. Plain Python, no I/O."""

from __future__ import annotations

from datetime import datetime

from shared.sandbox.clock import per_day


def code_series(agency: str, now: datetime) -> str:
    """The counter of the dossier codes of an agency's desk; it starts again every day."""
    return per_day(f"{agency}/desk", now)


def dossier_code(agency: str, day: str, value: int, epoch: int) -> str:
    """`H42.14464-260609-0001`: the provinces' format, YYMMDD and four or more digits (fact sheet 2.4).

    day    YYYYMMDD
    epoch  of the event log; each epoch counts from another hundred thousand, so no code repeats after a restore
    """
    return f"{agency}-{day[2:]}-{(epoch - 1) % 10 * 100_000 + value:04d}"
