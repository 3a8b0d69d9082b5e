"""Fault rules of one sandbox: switch on, list, switch off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from lienthong.client.http import Services, every_row
from lienthong.client.types import FaultName


class Faults:
    """The fault rules of a sandbox; docs/faults.md lists all faults."""

    def __init__(self, country: Services, sandbox_id: str) -> None:
        self._country, self._path = country, f"/_lab/sandboxes/{sandbox_id}/faults"

    async def rules(self) -> list[dict[str, Any]]:
        """The rules that are on, each with how often it was evaluated (`seen`) and how often it fired (`fired`)."""
        return await every_row(self._country.portal.send, self._path)

    async def on(
        self,
        /,
        fault: FaultName,
        *,
        id: str | None = None,
        match: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        nth: int | None = None,
        times: int | None = None,
        probability: float | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> dict[str, Any]:
        """Switch a fault on. It is active in every service when this returns.

        match     conditions, such as province="37"; settings  of the fault ("with" in JSON), such as by="1d"
        nth, times, probability   at most one of them; none: every time
        since, until              instants of the sandbox's clock ("from", "until" in JSON)
        """
        wish: dict[str, Any] = {"id": id, "match": match, "with": settings, "from": since, "until": until}
        wish |= {"nth": nth, "times": times, "probability": probability}
        body = {"fault": fault, **{name: value for name, value in wish.items() if value is not None}}
        return cast(dict[str, Any], await self._country.portal.json("POST", self._path, json=body))

    async def off(self, id: str | None = None) -> None:
        """Switch off one rule or all; requests and events that they delay continue."""
        await self._country.portal.send("DELETE", self._path + (f"/{quote(id, safe='')}" if id is not None else ""))
