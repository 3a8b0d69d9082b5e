"""Logins of the adapter API: name and password of a connector for a session, which ends by the real clock."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from contracts.modes import LEGACY
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.officers.modes import mode_of
from shared.errors import Refusal
from shared.runtime import Runtime, known_sandbox
from shared.sandbox.names import DEFAULT

LOGINS = re.compile(r"(?:([A-Za-z0-9_-]{1,64})\.)?([0-9]{2})")  # sandbox, province
KEYS = re.compile(r"[0-9a-f]{32}")
PRINTABLE = re.compile(r"[!-~]{32,64}")
SECRETS_SQL = """
SELECT secret, CASE WHEN previous_until > clock_timestamp() THEN previous_secret ELSE '' END AS previous_secret
FROM connectors WHERE sandbox = $1 AND province = $2"""
OF_KEY_SQL = "SELECT sandbox, province FROM connectors WHERE secret = $1 OR previous_secret = $1"
# Those that have ended go at the same time.
BEGIN_SQL = """
WITH ended AS (DELETE FROM legacy_sessions WHERE ends_at < clock_timestamp())
INSERT INTO legacy_sessions (token, sandbox, province, ends_at) VALUES ($1, $2, $3, clock_timestamp() + $4::interval)"""
OF_SQL = "SELECT sandbox, province FROM legacy_sessions WHERE token = $1 AND ends_at > clock_timestamp()"


def login_of(connector: Connector) -> str:
    """The name with which a connector logs in."""
    return f"{connector.sandbox_id}.{connector.province}"


async def log_in(runtime: Runtime, name: object, password: object) -> tuple[str, Connector] | None:
    """A new session, and whose it is; None if no connector over this door has this name and password."""
    connector = await named(runtime, name)
    if connector is None or not isinstance(password, str) or not await _knows(runtime, connector, password):
        return None
    token = secrets.token_hex(16)  # no + & %: clients send it unencoded
    profile = mode_of(await known_sandbox(runtime, connector.sandbox_id), connector.province).profile
    life = timedelta(minutes=profile.session_minutes)
    await runtime.database.pool.execute(BEGIN_SQL, token, connector.sandbox_id, connector.province, life)
    return token, connector


async def named(runtime: Runtime, name: object) -> Connector | None:
    """The connector over this door that logs in with this name; None if there is none."""
    match = LOGINS.fullmatch(name) if isinstance(name, str) else None
    connector = Connector(match[1] or DEFAULT, match[2]) if match else None
    return connector if connector and await _is_connected(runtime, connector) else None


async def connector_of(runtime: Runtime, token: object) -> Connector | None:
    """Whose session it is; None if it is none, or has ended, or its connector has."""
    if not isinstance(token, str):
        return None
    rows = await runtime.database.fetch(OF_SQL, token) if KEYS.fullmatch(token) else []
    connector = Connector(rows[0]["sandbox"], rows[0]["province"]) if rows else None
    return connector if connector and await _is_connected(runtime, connector) else None


async def connector_with(runtime: Runtime, key: str) -> Connector | None:
    """The connector whose password stands in the address: the wrappers of provinces know no login."""
    rows = await runtime.database.fetch(OF_KEY_SQL, key) if PRINTABLE.fullmatch(key) else []
    connector = Connector(rows[0]["sandbox"], rows[0]["province"]) if len(rows) == 1 else None
    return connector if connector and await _knows(runtime, connector, key) else None


async def _is_connected(runtime: Runtime, connector: Connector) -> bool:
    try:
        sandbox = await known_sandbox(runtime, connector.sandbox_id)
    except Refusal:
        return False
    return mode_of(sandbox, connector.province).via == LEGACY


async def _knows(runtime: Runtime, connector: Connector, password: str) -> bool:
    if not await _is_connected(runtime, connector):
        return False
    rows = await runtime.database.fetch(SECRETS_SQL, connector.sandbox_id, connector.province)
    return any(
        rows[0][name] and secrets.compare_digest(rows[0][name].encode(), password.encode("utf-8", "replace"))
        for name in ("secret", "previous_secret")
        if rows
    )
