"""The partners that a sandbox registers beside the portal, such as provinces: their secrets and addresses.

On the real platform these are agreed on paper (facts: integration.md 4.1). A partner's own address names it by a key that
cannot be guessed, as its messages know no sandbox.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from shared.storage.database import Connection, Database

KEYS = re.compile(r"[0-9a-f]{32}")
COLUMNS = "sandbox, code, key, secret, confirm_url, return_url"
# A code that is known keeps its key, its secret, and each address that is NULL here.
REGISTER_SQL = f"""
INSERT INTO partners AS p ({COLUMNS}) VALUES ($1, $2, $3, $4, coalesce($5, ''), coalesce($6, ''))
ON CONFLICT (sandbox, code) DO UPDATE
SET confirm_url = coalesce($5, p.confirm_url), return_url = coalesce($6, p.return_url) RETURNING {COLUMNS}"""
OF_KEY_SQL = f"SELECT {COLUMNS} FROM partners WHERE key = $1"


@dataclass(frozen=True)
class Partner:
    """Who opens payments, and is told of them.

    secret       of its signatures
    confirm_url  where CONFIRM goes; "": nowhere, it asks by QUERY
    return_url   where the payer's browser goes; "": it stays on the page of the platform
    key          in the address of a partner; "" for the portal
    """

    sandbox: str
    code: str
    key: str
    secret: str
    confirm_url: str
    return_url: str

    @property
    def is_registered(self) -> bool:
        """By a sandbox; the portal is known to all."""
        return bool(self.key)


async def register(
    connection: Connection,
    sandbox_id: str,
    code: str,
    confirm_url: str | None = None,
    return_url: str | None = None,
) -> Partner:
    """The partner with this code, new or with other addresses; None: as it was, "": cleared."""
    drawn = (secrets.token_hex(16), secrets.token_hex(16))
    (row,) = await connection.fetch(REGISTER_SQL, sandbox_id, code, *drawn, confirm_url, return_url)
    return Partner(**row)


async def remove(connection: Connection, sandbox_id: str, code: str) -> bool:
    """Whether there was such a partner. Its orders stay."""
    done = await connection.execute("DELETE FROM partners WHERE sandbox = $1 AND code = $2", sandbox_id, code)
    return str(done).endswith(" 1")


async def all_of(database: Database, sandbox_id: str) -> list[Partner]:
    rows = await database.fetch(f"SELECT {COLUMNS} FROM partners WHERE sandbox = $1 ORDER BY code", sandbox_id)
    return [Partner(**row) for row in rows]


async def with_code(connection: Connection, sandbox_id: str, code: str) -> Partner | None:
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM partners WHERE sandbox = $1 AND code = $2", sandbox_id, code
    )
    return Partner(**row) if row else None


async def with_key(database: Database, key: str) -> Partner | None:
    rows = await database.fetch(OF_KEY_SQL, key) if KEYS.fullmatch(key) else []
    return Partner(**rows[0]) if rows else None


async def secrets_of(connection: Connection, sandbox_id: str) -> Mapping[str, str]:
    """MaDoiTac → secret, of all partners of a sandbox."""
    rows = await connection.fetch("SELECT code, secret FROM partners WHERE sandbox = $1", sandbox_id)
    return {row["code"]: row["secret"] for row in rows}
