"""The tables of identity_mock: signing keys, authorization codes with what they gave, and the journal of sign-ins."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc.jwk import RSAKey
from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared.sandbox import journal
from shared.sandbox.faults import firings_table
from shared.sandbox.recording import recorded_table
from shared.sandbox.registry import Sandbox, sandboxes_table
from shared.storage.database import Connection, Database

METADATA = MetaData()
CURRENT, NEXT = "current", "next"

sandboxes_table(METADATA)
journal.journal_table(METADATA)
firings_table(METADATA)
recorded_table(METADATA)
Table(
    "signing_keys",
    METADATA,
    Column("name", Text, primary_key=True),  # CURRENT signs in all sandboxes; NEXT if a fault rule says so
    Column("jwk", JSONB, nullable=False),  # the private key
)
Table(
    "authorization_codes",
    METADATA,
    Column("sandbox", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("hint", Text, nullable=False),  # persona who signed in
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("nonce", Text),
    Column("signed_in_at", DateTime(timezone=True), nullable=False),  # by the clock of the client's tokens
    Column("expires_at", DateTime(timezone=True), nullable=False),  # sandbox time
    Column("uses", Integer, nullable=False, server_default="0"),  # requests that sent the code
    Column("token_id", Text),  # `jti` of the access token that it gave
    Index("authorization_codes_expiry", "sandbox", "expires_at"),
    Index("authorization_codes_token", "sandbox", "token_id"),
)


async def signing_key(database: Database, name: str = CURRENT) -> RSAKey:
    """The key with this name; created if it does not exist. If two processes create one, both use the first that is stored."""
    select = "SELECT jwk FROM signing_keys WHERE name = $1"
    rows = await database.fetch(select, name)
    if not rows:
        key = await asyncio.to_thread(RSAKey.generate_key, 2048)
        jwk = json.dumps(key.as_dict(private=True))
        await database.pool.execute(
            "INSERT INTO signing_keys (name, jwk) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING", name, jwk
        )
        rows = await database.fetch(select, name)
    return RSAKey.import_key(json.loads(rows[0]["jwk"]))


@dataclass(frozen=True)
class Grant:
    """What a code grants: who signed in, for which client, and the challenge by which the client proves its identity.

    uses      requests that sent the code; only the first one can get tokens
    token_id  the access token that it gave
    """

    hint: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    nonce: str | None
    signed_in_at: datetime
    expires_at: datetime
    uses: int = 0
    token_id: str | None = None


async def keep_code(connection: Connection, sandbox: Sandbox, code: str, grant: Grant, kept: timedelta) -> None:
    """Store a new code, and delete some that expired more than `kept` ago: the lifetime of the tokens that they gave."""
    await connection.execute(
        """DELETE FROM authorization_codes WHERE (sandbox, code) IN (SELECT sandbox, code FROM authorization_codes
        WHERE sandbox = $1 AND expires_at < $2 LIMIT 100 FOR UPDATE SKIP LOCKED)""",
        sandbox.id,
        sandbox.now - kept,
    )
    await connection.execute(
        """INSERT INTO authorization_codes (sandbox, code, hint, client_id, redirect_uri, code_challenge, scope, nonce,
        signed_in_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        sandbox.id,
        code,
        grant.hint,
        grant.client_id,
        grant.redirect_uri,
        grant.code_challenge,
        grant.scope,
        grant.nonce,
        grant.signed_in_at,
        grant.expires_at,
    )


async def take_code(connection: Connection, sandbox_id: str, code: str) -> Grant | None:
    """The grant of a code, with this use counted. Of two requests at the same time only one is the first."""
    row = await connection.fetchrow(
        """UPDATE authorization_codes SET uses = uses + 1 WHERE sandbox = $1 AND code = $2
        RETURNING hint, client_id, redirect_uri, code_challenge, scope, nonce, signed_in_at, expires_at, uses, token_id""",
        sandbox_id,
        code,
    )
    return Grant(**row) if row else None


async def keep_token(connection: Connection, sandbox_id: str, code: str, token_id: str) -> None:
    """Note which access token a code gave."""
    await connection.execute(
        "UPDATE authorization_codes SET token_id = $3 WHERE sandbox = $1 AND code = $2", sandbox_id, code, token_id
    )


async def revoked(database: Database) -> list[str]:
    """The access tokens whose code was sent again, without those that ended long ago."""
    rows = await database.fetch("SELECT token_id FROM authorization_codes WHERE uses > 1 AND token_id IS NOT NULL")
    return [row["token_id"] for row in rows]


async def is_revoked(database: Database, sandbox_id: str, token_id: str) -> bool:
    """Whether the code that gave this access token was sent again."""
    sql = "SELECT FROM authorization_codes WHERE sandbox = $1 AND token_id = $2 AND uses > 1"
    return bool(await database.fetch(sql, sandbox_id, token_id))
