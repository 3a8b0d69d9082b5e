"""Browser sessions: who is signed in, kept here under the hash of a cookie. The identity provider confirms the person once."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict
from datetime import timedelta

import msgspec

from services.portal.auth import Citizen, Represented
from services.portal.runtime import Portal
from shared.sandbox.validity import Validity, real_now

LIFETIME = timedelta(hours=8)  # real time: of a working day; the clock of the sandbox may jump meanwhile
NO_END = 1 << 40  # seconds: the sandbox clock does not end a session


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """What every form of a session repeats: other origins cannot read it, and it does not reveal the cookie."""
    return hashlib.sha256(f"csrf {token}".encode()).hexdigest() if token else ""


async def begin(portal: Portal, citizen: Citizen) -> str:
    """A new session; returns the value of its cookie. Sessions that have ended are deleted."""
    token, until = secrets.token_urlsafe(32), real_now() + LIFETIME
    facts = {"id": citizen.id, "name": citizen.name, "level": citizen.level}
    document = msgspec.json.encode({**facts, "represents": [asdict(each) for each in citizen.represents]}).decode()
    async with portal.database.transaction() as connection:
        await connection.execute("DELETE FROM browser_sessions WHERE until < $1", real_now())
        await connection.execute(
            "INSERT INTO browser_sessions (sandbox, id, citizen, until) SELECT id, $2, $3, $4 FROM sandboxes "
            "WHERE id = $1 AND NOT deleted FOR KEY SHARE",
            *(citizen.sandbox, hash_of(token), document, until),
        )
    return token


async def citizen_of(portal: Portal, sandbox_id: str, token: str) -> Citizen | None:
    """Who is signed in with this cookie in this sandbox; None if nobody is."""
    rows = await portal.database.fetch(
        "SELECT citizen, until FROM browser_sessions WHERE sandbox = $1 AND id = $2 AND until > $3",
        *(sandbox_id, hash_of(token), real_now()),
    )
    if not rows:
        return None
    facts = msgspec.json.decode(rows[0]["citizen"])
    return Citizen(
        id=facts["id"],
        name=facts["name"],
        level=facts["level"],
        sandbox=sandbox_id,
        valid=Validity(0, int(rows[0]["until"].timestamp()), NO_END),
        represents=tuple(Represented(**each) for each in facts["represents"]),
    )


async def end(portal: Portal, sandbox_id: str, token: str) -> None:
    await portal.database.pool.execute(
        "DELETE FROM browser_sessions WHERE sandbox = $1 AND id = $2", sandbox_id, hash_of(token)
    )
