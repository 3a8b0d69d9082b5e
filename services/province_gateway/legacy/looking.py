"""What the adapter API says of a dossier: what was pushed of it, and where it stands."""

from __future__ import annotations

from typing import Any

import msgspec

from services.province_gateway.doors.connectors import Connector
from services.province_gateway.runtime import Gateway

PUSHED_SQL = """
SELECT l.object, d.body FROM legacy_dossiers l JOIN dossiers d ON d.sandbox = l.sandbox AND d.code = l.code
WHERE l.sandbox = $1 AND l.province = $2 AND l.theirs = $3 AND d.province = l.province"""


async def pushed(gateway: Gateway, connector: Connector, theirs: str) -> dict[str, Any] | None:
    """What the province pushed of a dossier, with the status that it has now; None if it never pushed it."""
    rows = await gateway.database.fetch(PUSHED_SQL, connector.sandbox_id, connector.province, theirs)
    if not rows:
        return None
    dossier = gateway.documents.decode(rows[0]["body"])
    found: dict[str, Any] = msgspec.json.decode(rows[0]["object"])
    return {**found, "TrangThaiHoSo": str(dossier.state_code)}
