"""A frozen sandbox in one service, told to it as the portal would; its clock moves only when a test says so."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.runtime import Runtime

START = datetime(2026, 6, 9, 1, tzinfo=UTC)  # 08:00 in Viet Nam, a Tuesday


class FrozenSandbox:
    def __init__(self, runtime: Runtime, seed: str = "seed-1") -> None:
        self._runtime = runtime
        self.id = uuid.uuid4().hex[:12]
        self.now = START
        self._row: dict[str, Any] = {
            "id": self.id,
            "version": 0,
            "name": "test",
            "seed": seed,
            "rate": 0,
            "opened": True,
            "deleted": False,
            "api_key": f"lt.{self.id}.{'0' * 32}",
            "modes": {},
            "faults": [],
            "people": {},
        }

    @property
    def header(self) -> dict[str, str]:
        return {"X-Sandbox": self.id}

    async def tell(self, **change: Any) -> FrozenSandbox:
        self._row |= {"version": self._row["version"] + 1, **change}
        moments = {"base_at": self.now, "base_real": datetime.now(UTC), "created_at": START}
        await self._runtime.take_over({**self._row, **{name: at.isoformat() for name, at in moments.items()}})
        return self

    async def advance(self, by: timedelta) -> None:
        self.now += by
        await self.tell()
