"""How long something is valid, by the sandbox clock alone or by two clocks.

A foreign program compares the times of a token with its own clock, while a sandbox lives in another month. What is made
for such a program has real times, and also an end by the sandbox clock: it ends by whichever comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

Times = Literal["real", "sandbox"]


def real_now() -> datetime:
    """Real time, only for what foreign programs read by their own clock. Business time is that of the sandbox."""
    return datetime.now(UTC)


def now_by(times: Times, sandbox_now: datetime) -> datetime:
    return real_now() if times == "real" else sandbox_now


@dataclass(frozen=True, slots=True)
class Validity:
    """Seconds since 1970.

    begins, ends  by the sandbox clock; by real time if there is a `sandbox_end`
    sandbox_end   by the sandbox clock
    """

    begins: int
    ends: int
    sandbox_end: int | None = None

    @classmethod
    def of(cls, times: Times, sandbox_now: datetime, lifetime: timedelta) -> Self:
        """Valid from now on, for `lifetime`."""
        now = now_by(times, sandbox_now)
        end = _seconds(sandbox_now + lifetime) if times == "real" else None
        return cls(_seconds(now), _seconds(now + lifetime), end)

    @property
    def times(self) -> Times:
        return "sandbox" if self.sandbox_end is None else "real"

    def fault(self, sandbox_now: datetime) -> str:
        """Why it is not valid now, such as "has expired by the sandbox clock"; empty if it is valid."""
        by = "by the sandbox clock" if self.times == "sandbox" else "by real time"
        now = now_by(self.times, sandbox_now).timestamp()
        if now < self.begins:
            return f"is not valid yet {by}"
        if now >= self.ends:
            return f"has expired {by}"
        if self.sandbox_end is not None and sandbox_now.timestamp() >= self.sandbox_end:
            return "has expired by the sandbox clock"
        return ""


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
