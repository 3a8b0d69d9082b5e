"""What a province pushes that concerns no dossier: ratings, questions and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.province_gateway.doors.connectors import Connector
from services.province_gateway.runtime import Gateway
from shared.runtime import in_sandbox

KEEP_SQL = """
INSERT INTO legacy_notes (sandbox, province, service, key, row)
SELECT $1, $2, $3, key, row::jsonb FROM unnest($4::text[], $5::text[]) t (key, row)
ON CONFLICT (sandbox, province, service, key) DO UPDATE SET row = EXCLUDED.row, pushed_at = clock_timestamp()"""
KEPT_SQL = "SELECT key, row FROM legacy_notes WHERE sandbox = $1 AND province = $2 AND service = $3 ORDER BY key"


async def keep(gateway: Gateway, connector: Connector, service: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep rows by their key, in place of earlier ones."""
    place = (connector.sandbox_id, connector.province)
    texts = [msgspec.json.encode(row).decode() for row in rows.values()]
    async with in_sandbox(gateway, connector.sandbox_id) as (connection, _):
        await connection.execute(KEEP_SQL, *place, service, [*rows], texts)


async def kept(gateway: Gateway, connector: Connector, service: str) -> dict[str, dict[str, Any]]:
    rows = await gateway.database.fetch(KEPT_SQL, connector.sandbox_id, connector.province, service)
    return {row["key"]: msgspec.json.decode(row["row"]) for row in rows}
