"""The clock of one sandbox: read, turned, let run, stopped."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from lienthong.client.http import Services
from lienthong.client.types import Advance, Reading

ADVANCE_TIMEOUT = 120.0  # s; a month of a busy sandbox is seconds, a stuck service answers with a verdict long before
REAL_TIME = 1.0


class Clock:
    """Frozen, it moves only when it is turned. Instants are aware datetimes or RFC 3339 text, durations `3d` or `P3D`."""

    def __init__(self, country: Services, sandbox: str) -> None:
        self._country, self._path = country, f"/_lab/sandboxes/{sandbox}/clock"

    async def read(self) -> Reading:
        """What it shows, and how fast it runs."""
        return cast(Reading, await self._country.portal.json("GET", self._path))

    async def now(self) -> datetime:
        """What time it is there, aware."""
        return datetime.fromisoformat((await self.read())["now"])

    async def set(self, to: str | datetime) -> Reading:
        """Move it to a later instant at once; what falls due on the way is not waited for."""
        return cast(Reading, await self._turn("set", {"to": _instant(to)}))

    async def advance(self, by: str | timedelta | None = None, *, to: str | datetime | None = None) -> Advance:
        """Turn it `by` a duration or `to` an instant; everything that falls due happens on the way, at its own time."""
        body = {"by": _duration(by)} if by is not None else {}
        body |= {"to": _instant(to)} if to is not None else {}
        return cast(Advance, await self._turn("advance", body, timeout=ADVANCE_TIMEOUT))

    async def rate(self, rate: float) -> Reading:
        """Let it run, so many sandbox seconds per real second; 0 freezes it where it has come."""
        return cast(Reading, await self._turn("rate", {"rate": rate}))

    async def freeze(self) -> Reading:
        """Stop it where it has come."""
        return await self.rate(0)

    async def resume(self) -> Reading:
        """Let it run in real time, from where it stands."""
        return await self.rate(REAL_TIME)

    async def _turn(self, how: str, body: dict[str, Any], **options: Any) -> Any:
        return await self._country.portal.json("POST", f"{self._path}/{how}", json=body, **options)


def _instant(at: str | datetime) -> str:
    return at.isoformat() if isinstance(at, datetime) else at


def _duration(by: str | timedelta) -> str:
    return f"PT{by.total_seconds():.12g}S" if isinstance(by, timedelta) else by
