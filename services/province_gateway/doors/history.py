"""What happened to a dossier before its connector came: the portal's events and the province's own, in their order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.province_gateway.doors.deliveries import UNNUMBERED, Delivery
from shared.http import Unreachable, call
from shared.messaging.runtime import MessagingRuntime
from shared.storage.database import Connection

OWN_SQL = """
SELECT subject, version, id, type, at, real_at, traceparent, body FROM events
WHERE sandbox = $1 AND subject = ANY($2) ORDER BY subject, version"""
Earlier = tuple[datetime, Delivery]  # real time at which it was written, on the clock of this machine


class HistoryTooOld(Exception):
    """An event of the portal was applied after the history was fetched: fetch it again."""


@dataclass
class History:
    """The events of one dossier, each side in order."""

    of_portal: list[Earlier] = field(default_factory=list)
    own: list[Earlier] = field(default_factory=list)

    def require(self, heard: int | None) -> None:
        """Raises HistoryTooOld if an event that was applied here is missing; `heard` as on the dossier."""
        if heard is not None and len(self._applied(heard)) < heard:
            raise HistoryTooOld

    def until(self, heard: int | None) -> Iterator[Delivery]:
        """Everything that was applied here. What follows is delivered when it is applied.

        Both sides are merged by the time at which they were written: a cause is always written before its effect.
        """
        merged = heapq.merge(self._applied(heard), self.own, key=lambda earlier: earlier[0])
        return (delivery for _, delivery in merged)

    def _applied(self, heard: int | None) -> list[Earlier]:
        return [earlier for earlier in self.of_portal if heard is None or earlier[1].version <= heard]


async def fetch(runtime: MessagingRuntime[Any], sandbox_id: str, codes: Sequence[str]) -> dict[str, History]:
    """The portal's events of these dossiers. Raises Unreachable."""
    if not codes:
        return {}
    url = f"{runtime.settings.portal_url}/_lab/sandboxes/{sandbox_id}/earlier-events"
    response = await call(runtime.internal, "POST", url, body={"dossiers": list(codes)})
    if response.status_code != 200:
        raise Unreachable(f"POST {url}: status {response.status_code}")
    found = {code: History() for code in codes}
    for event in response.json()["events"]:
        row = {**event, **{name: datetime.fromisoformat(event[name]) for name in ("at", "real_at")}}
        found[row["subject"]].of_portal.append(_earlier(row, f"/portal/{sandbox_id}"))
    return found


async def add_own(connection: Connection, service: str, sandbox_id: str, histories: Mapping[str, History]) -> None:
    """Add the province's own events, while the dossiers are locked."""
    for row in await connection.fetch(OWN_SQL, sandbox_id, list(histories)) if histories else ():
        histories[row["subject"]].own.append(_earlier(row, f"/{service}/{sandbox_id}"))


def _earlier(row: Any, source: str) -> Earlier:
    facts = (row["id"], source, row["type"], row["at"], row["version"], row["traceparent"], row["body"])
    return row["real_at"], Delivery(UNNUMBERED, row["subject"], *facts)
