"""The migrations of identity_mock (ADR 0007)."""

from __future__ import annotations

from typing import Any

from shared.storage.migrations import Note, Steps


async def codes_remember_their_tokens(connection: Any, note: Note) -> None:
    await connection.execute(
        """ALTER TABLE authorization_codes ADD COLUMN uses integer NOT NULL DEFAULT 0, ADD COLUMN token_id text;
        CREATE INDEX authorization_codes_token ON authorization_codes (sandbox, token_id)"""
    )


STEPS: Steps = {8: codes_remember_their_tokens}
