"""The drawer: the signing key, the codes not redeemed yet, and the journal of sign-ins."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from joserfc.jwk import RSAKey
from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.identity_mock.settings import Settings
from shared.runtime import Runtime
from shared.sandbox import journal
from shared.sandbox.faults import firings_table
from shared.sandbox.recording import recorded_table
from shared.sandbox.registry import Sandbox, sandboxes_table
from shared.storage.database import Connection, Database
from shared.storage.migrations import to_4, to_5

METADATA = MetaData()
CURRENT, NEXT = "current", "next"
CLIENT = "lienthong-demo"  # of every sandbox; public: it has no secret, PKCE takes its place (RFC 7636)
OWN_CLIENT = "lienthong-"  # and the id of a sandbox: its own client, which chooses it at the default issuer
SWEPT_AFTER = timedelta(hours=1)  # sandbox time: until then an expired code is told from an unknown one

sandboxes_table(METADATA)
journal.journal_table(METADATA)
firings_table(METADATA)
recorded_table(METADATA)
Table(
    "signing_keys",
    METADATA,
    Column("name", Text, primary_key=True),  # CURRENT signs for all sandboxes, tokens tell them apart; NEXT by a fault
    Column("jwk", JSONB, nullable=False),  # the private key
)
Table(
    "authorization_codes",
    METADATA,
    Column("sandbox", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("hint", Text, nullable=False),  # who signed in
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("nonce", Text),
    Column("signed_in_at", DateTime(timezone=True), nullable=False),  # sandbox time
    Column("expires_at", DateTime(timezone=True), nullable=False),  # sandbox time
    Index("authorization_codes_expiry", "sandbox", "expires_at"),
)


class IdentityRuntime(Runtime):
    """Holds the signing key; made once, by whichever process comes first to an empty database."""

    key: RSAKey

    def __init__(self, settings: Settings) -> None:
        super().__init__("identity", settings, settings.database_url, METADATA)
        self.identity = settings
        self.steps = {4: to_4, 5: to_5}
        self._next_key: RSAKey | None = None
        self._unknown_key: RSAKey | None = None

    async def at_open(self) -> None:
        self.key = await signing_key(self.database)
        known = await self.database.fetch("SELECT FROM signing_keys WHERE name = $1", NEXT)
        if known:
            await self.next_key()

    @property
    def keys(self) -> list[RSAKey]:
        """Those that may sign: the key, and where it ever was rotated the next."""
        return [self.key, *([self._next_key] if self._next_key else [])]

    async def next_key(self) -> RSAKey:
        """The key that signs where keys are rotated; made when it is first needed, and kept."""
        if self._next_key is None:
            self._next_key = await signing_key(self.database, NEXT)
        return self._next_key

    async def unknown_key(self) -> RSAKey:
        """A key that no key set ever holds."""
        if self._unknown_key is None:
            self._unknown_key = await asyncio.to_thread(RSAKey.generate_key, 2048)
        return self._unknown_key

    def named_in(self, query: str) -> str:
        """A sandbox's own client chooses it at the default issuer."""
        return owner_of(parse_qs(query).get("client_id", [""])[0])

    async def timeline(self, sandbox: str, subject: str) -> list[dict[str, Any]]:
        return await journal.lines(self.database, self.service, sandbox, subject)


def owner_of(client: str) -> str:
    """The sandbox whose own client this is; empty for every other client."""
    return client.removeprefix(OWN_CLIENT) if client.startswith(OWN_CLIENT) and client != CLIENT else ""


async def signing_key(database: Database, name: str = CURRENT) -> RSAKey:
    """A key of this database. Two processes that find none both make one; the first to write wins, both use it."""
    stored = "SELECT jwk FROM signing_keys WHERE name = $1"
    rows = await database.fetch(stored, name)
    if not rows:
        made = await asyncio.to_thread(RSAKey.generate_key, 2048)
        jwk = json.dumps(made.as_dict(private=True))
        await database.pool.execute(
            "INSERT INTO signing_keys (name, jwk) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING", name, jwk
        )
        rows = await database.fetch(stored, name)
    return RSAKey.import_key(json.loads(rows[0]["jwk"]))


@dataclass(frozen=True)
class Grant:
    """What a code stands for: who signed in, for which client, and how its owner can prove that it is his."""

    hint: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    nonce: str | None
    signed_in_at: datetime
    expires_at: datetime


async def keep_code(connection: Connection, here: Sandbox, code: str, grant: Grant) -> None:
    await connection.execute(
        """DELETE FROM authorization_codes WHERE (sandbox, code) IN (SELECT sandbox, code FROM authorization_codes
        WHERE sandbox = $1 AND expires_at < $2 LIMIT 100 FOR UPDATE SKIP LOCKED)""",
        *(here.id, here.now - SWEPT_AFTER),
    )
    await connection.execute(
        """INSERT INTO authorization_codes (sandbox, code, hint, client_id, redirect_uri, code_challenge, scope, nonce,
        signed_in_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        *(here.id, code, grant.hint, grant.client_id, grant.redirect_uri, grant.code_challenge, grant.scope),
        *(grant.nonce, grant.signed_in_at, grant.expires_at),
    )


async def take_code(connection: Connection, sandbox: str, code: str) -> Grant | None:
    """Take a code out of the drawer, whoever asks: of two requests at the same moment one gets it."""
    row = await connection.fetchrow(
        """DELETE FROM authorization_codes WHERE sandbox = $1 AND code = $2
        RETURNING hint, client_id, redirect_uri, code_challenge, scope, nonce, signed_in_at, expires_at""",
        *(sandbox, code),
    )
    return Grant(**row) if row else None
