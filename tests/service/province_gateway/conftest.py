"""One province's desk: what it hears, how its officers act, what it tells."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts import lifecycle as law
from shared.sandbox.clock import BUSINESS_ZONE
from tests.support.country import Country, Sandbox
from tests.support.factories import CODE, PROVINCE, an_event, hear, told

AT_EIGHT = datetime(2026, 6, 9, 8, tzinfo=BUSINESS_ZONE)


class Desk:
    """A province with one dossier; the test speaks for the portal."""

    def __init__(self, country: Country, sandbox: Sandbox, code: str = CODE) -> None:
        self.country, self.gateway, self.sandbox, self.code = country, country.gateway, sandbox, code

    async def hears(self, *types: str, **facts: Any) -> None:
        await hear(self.gateway, *(an_event(type, self.sandbox.id, self.code, **facts) for type in types))

    async def submitted(self, **facts: Any) -> Desk:
        await self.hears(law.DOSSIER_SUBMITTED, **{"submitted_at": "2026-06-09T08:00:00.000+07:00", **facts})
        return self

    async def script(self, **decisions: Any) -> None:
        answer = await self.country.ask(
            *("gateway", "PUT", f"/_lab/officers/{self.code}"),
            json={"decisions": decisions},
            headers=self.sandbox.header,
        )
        assert answer.status_code == 200, answer.text

    async def act(self) -> list[str]:
        """Move to the next thing due and let it happen; gives what fired."""
        due = (await self.gateway.pending(self.sandbox.id))["next_due"]
        now = datetime.fromisoformat((await self.sandbox.clock())["now"])
        await self.sandbox.move(seconds=(datetime.fromisoformat(due) - now).total_seconds())
        return [each["kind"] for each in await self.gateway.fire(self.sandbox.id)]

    async def told(self) -> list[dict[str, Any]]:
        return await told(self.gateway, self.sandbox.id, self.code)

    async def types(self) -> list[str]:
        return [event["type"] for event in await self.told()]

    async def shown(self) -> dict[str, Any]:
        path = f"/api/v1/provinces/{PROVINCE}/dossiers/{self.code}"
        answer = await self.country.ask("gateway", "GET", path, headers=self.sandbox.header)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def due(self) -> list[tuple[str, str]]:
        """Its timers: kind and local time."""
        rows = await self.gateway.database.fetch(
            "SELECT kind, due FROM timers WHERE sandbox = $1 AND subject = $2 ORDER BY due, kind",
            *(self.sandbox.id, self.code),
        )
        return [(row["kind"], f"{row['due'].astimezone(BUSINESS_ZONE):%d/%m %H:%M}") for row in rows]

    async def at(self, by: timedelta) -> None:
        await self.sandbox.move(seconds=by.total_seconds())


@pytest.fixture
async def desk(country: Country, sandbox: Sandbox) -> Desk:
    """A province that has just heard of a dossier with a fee of 8.000 đồng; nobody has looked at it."""
    return await Desk(country, sandbox).submitted()
