"""Migrations of payment_mock. A released step must never change."""

from __future__ import annotations

from typing import Any

from shared.storage.migrations import Note, Steps, to_4, to_5


async def to_3(connection: Any, note: Note) -> None:
    """2 → 3: an order stores the trace of its journey."""
    await connection.execute("ALTER TABLE orders ADD COLUMN traceparent text NOT NULL DEFAULT ''")


STEPS: Steps = {3: to_3, 4: to_4, 5: to_5}
