"""The runtime of identity_mock."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from joserfc.jwk import RSAKey

from services.identity_mock.clients import owner_of
from services.identity_mock.settings import Settings
from services.identity_mock.store import METADATA, NEXT, signing_key
from shared.runtime import Runtime
from shared.sandbox import journal


class IdentityRuntime(Runtime):
    """The shared runtime plus the signing key. The first process that opens an empty database creates the key."""

    key: RSAKey

    def __init__(self, settings: Settings) -> None:
        super().__init__("identity", settings, settings.database_url, METADATA)
        self.identity = settings
        self._next_key: RSAKey | None = None
        self._unknown_key: RSAKey | None = None

    async def at_open(self) -> None:
        self.key = await signing_key(self.database)
        next_keys = await self.database.fetch("SELECT FROM signing_keys WHERE name = $1", NEXT)
        if next_keys:
            await self.next_key()

    @property
    def keys(self) -> list[RSAKey]:
        """The keys that can have signed a token: the current key, and the next key once it exists."""
        return [self.key, *([self._next_key] if self._next_key else [])]

    async def next_key(self) -> RSAKey:
        """The key that signs in sandboxes with rotated keys. It is created when it is first needed."""
        if self._next_key is None:
            self._next_key = await signing_key(self.database, NEXT)
        return self._next_key

    async def unknown_key(self) -> RSAKey:
        """A key that is never in a key set."""
        if self._unknown_key is None:
            self._unknown_key = await asyncio.to_thread(RSAKey.generate_key, 2048)
        return self._unknown_key

    def named_in(self, query: str) -> str:
        """At the default issuer, the `client_id` of a sandbox's own client selects the sandbox."""
        return owner_of(parse_qs(query).get("client_id", [""])[0])

    async def timeline(self, sandbox_id: str, subject: str) -> list[dict[str, Any]]:
        return await journal.lines(self.database, self.service, sandbox_id, subject)
