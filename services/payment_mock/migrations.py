"""How older data of payment_mock becomes that of today."""

from __future__ import annotations

from typing import Any

from shared.storage.migrations import Note, Steps


async def add_partners(connection: Any, note: Note) -> None:
    """Version 13: partners, and the orders that they open in other protocols."""
    await connection.execute(
        "CREATE TABLE partners (sandbox text, code text, key text NOT NULL UNIQUE, secret text NOT NULL, "
        "confirm_url text NOT NULL, return_url text NOT NULL, PRIMARY KEY (sandbox, code))"
    )
    await connection.execute(
        "ALTER TABLE orders ADD COLUMN protocol text NOT NULL DEFAULT 'platform', "
        "ADD COLUMN return_url text NOT NULL DEFAULT ''"
    )


STEPS: Steps = {13: add_partners}
