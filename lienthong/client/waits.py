"""Waits for events of a dossier, and explains why they do not come."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

from lienthong.client.arguments import code_first
from lienthong.client.http import Scope
from lienthong.client.types import Arrival, Cause, Event, News


class Waiting(Scope):
    """The part of `Sandbox` that waits."""

    async def wait_for(self, /, code: str, event: Event, *, count: int = 1, timeout_seconds: float = 10) -> Arrival:
        """Wait for the `count`th event of a type about a dossier; returns at once if it certainly does not come."""
        code, event = code_first(code, event, "wait_for(code, event)")
        body = {"event": event, "dossier": code, "count": count, "timeout_seconds": timeout_seconds}
        path, patience = f"{self.lab}/wait-for", timeout_seconds + 30
        return cast(Arrival, await self.country.portal.json("POST", path, json=body, timeout=patience))

    async def explain(self, code: str) -> list[Cause]:
        """Why nothing happens to a dossier, the main cause first."""
        path = f"/_lab/explain/{quote(code, safe='')}"
        return cast(list[Cause], (await self.country.portal.json("GET", path, headers=self.headers))["causes"])

    async def news(self, code: str, *, after: int, timeout_seconds: float = 10) -> News:
        """Wait until the timeline of a dossier has more than `after` entries, or until the timeout."""
        query = {"after": after, "timeout_seconds": timeout_seconds}
        path = f"/_lab/news/{quote(code, safe='')}"
        options: dict[str, Any] = {"params": query, "headers": self.headers, "timeout": timeout_seconds + 30}
        return cast(News, await self.country.portal.json("GET", path, **options))
