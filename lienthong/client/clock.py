"""The clock of one sandbox: read, set, advance, run, freeze."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from lienthong.client.http import Services
from lienthong.client.types import Advance, Reading

ADVANCE_TIMEOUT = (
    120.0  # seconds; a month of a busy sandbox takes seconds, and a stuck service gets a verdict much earlier
)
REAL_TIME = 1.0


class Clock:
    """A sandbox's clock. Instants are aware datetimes or RFC 3339 text; durations are timedeltas or text, `3d` or `P3D`."""

    def __init__(self, country: Services, sandbox_id: str) -> None:
        self._country, self._path = country, f"/_lab/sandboxes/{sandbox_id}/clock"

    async def read(self) -> Reading:
        """The sandbox's time and the clock's rate."""
        return cast(Reading, await self._country.portal.json("GET", self._path))

    async def now(self) -> datetime:
        """The sandbox's time, as an aware datetime."""
        return datetime.fromisoformat((await self.read())["now"])

    async def set(self, to: str | datetime) -> Reading:
        """Set the clock directly to a later instant, without waiting for timers that become due in between."""
        return cast(Reading, await self._change("set", {"to": _instant(to)}))

    async def advance(self, by: str | timedelta | None = None, *, to: str | datetime | None = None) -> Advance:
        """Advance the clock `by` a duration or `to` an instant; every timer on the way fires at its own due time."""
        body = {"by": _duration(by)} if by is not None else {}
        body |= {"to": _instant(to)} if to is not None else {}
        return cast(Advance, await self._change("advance", body, timeout=ADVANCE_TIMEOUT))

    async def rate(self, rate: float) -> Reading:
        """Let the clock run at `rate` sandbox seconds per real second; 0 freezes it at its current time."""
        return cast(Reading, await self._change("rate", {"rate": rate}))

    async def freeze(self) -> Reading:
        """Stop the clock at its current time."""
        return await self.rate(0)

    async def resume(self) -> Reading:
        """Let the clock run in real time, from its current time."""
        return await self.rate(REAL_TIME)

    async def _change(self, verb: str, body: dict[str, Any], **options: Any) -> Any:
        return await self._country.portal.json("POST", f"{self._path}/{verb}", json=body, **options)


def _instant(at: str | datetime) -> str:
    return at.isoformat() if isinstance(at, datetime) else at


def _duration(by: str | timedelta) -> str:
    return f"PT{by.total_seconds():.12g}S" if isinstance(by, timedelta) else by
