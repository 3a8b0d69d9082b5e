"""What is valid by two clocks ends by whichever comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.sandbox import validity
from shared.sandbox.validity import Times, Validity

SANDBOX, REAL = datetime(2026, 6, 9, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "sandbox_seconds", "real_seconds", "fault"),
    [
        ("sandbox", 59, 1_000, ""),
        ("sandbox", 60, 0, "has expired by the sandbox clock"),
        ("sandbox", -1, 0, "is not valid yet by the sandbox clock"),
        ("real", 59, 59, ""),
        ("real", -1_000, 59, ""),  # the sandbox clock was set back
        ("real", 0, 60, "has expired by real time"),
        ("real", 60, 0, "has expired by the sandbox clock"),
        ("real", 0, -1, "is not valid yet by real time"),
    ],
)
def test_a_minute_ends_by_whichever_clock_comes_first(
    monkeypatch: pytest.MonkeyPatch, times: Times, sandbox_seconds: int, real_seconds: int, fault: str
) -> None:
    monkeypatch.setattr(validity, "real_now", lambda: REAL)
    valid = Validity.of(times, SANDBOX, timedelta(minutes=1))
    monkeypatch.setattr(validity, "real_now", lambda: REAL + timedelta(seconds=real_seconds))
    assert valid.fault(SANDBOX + timedelta(seconds=sandbox_seconds)) == fault
    assert valid.times == times
