"""The edges at which faults of signing in bite: the provider, the account, the consent, the code, the tokens and their key."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import RSAKey

from contracts.faults import identity as named
from services.identity_mock import tokens
from services.identity_mock.people import Person
from shared.errors import Refusal
from shared.runtime import EVERYTHING, Runtime, in_sandbox
from shared.sandbox import faults
from shared.sandbox.faults import Rule
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection

ELSEWHERE = "https://id.example.invalid"  # RFC 2606: an issuer that nobody is
SOMEBODY_ELSE = "another-api"


class AccountLocked(Refusal):
    """The account is locked."""


class ProviderDown(Refusal):
    """The identity provider does not serve now."""


async def at_the_provider(runtime: Runtime, sandbox: str) -> None:
    """Raises ProviderDown where the provider does not serve now."""
    if not runtime.watches(sandbox, named.PROVIDER):
        return
    async with in_sandbox(runtime, sandbox) as (connection, here):
        bite = await faults.fire(connection, here, named.PROVIDER, EVERYTHING)
    if bite is not None:
        raise ProviderDown(f"Rule '{bite.rule.id}': {bite.rule.text_en}.", rule=bite.rule.id)


async def at_userinfo(runtime: Runtime, sandbox: str, person: Person) -> None:
    """Raises AccountLocked where the account is locked by now."""
    if not runtime.watches(sandbox, named.ACCOUNTS):
        return
    async with in_sandbox(runtime, sandbox) as (connection, here):
        locked = await _is_locked(connection, here, person)
    if locked:
        raise AccountLocked("Ask whoever runs the account to open it again.")


async def _is_locked(connection: Connection, here: Sandbox, person: Person) -> bool:
    return await faults.fire(connection, here, named.ACCOUNTS, person.id, persona=person.hint) is not None


async def at_sign_in(connection: Connection, here: Sandbox, person: Person) -> str:
    """Why nobody is signed in (the description of access_denied); empty if nothing is in the way."""
    if await _is_locked(connection, here, person):
        return "The account is locked."
    if await faults.fire(connection, here, named.CONSENT, person.id, persona=person.hint):
        return "The person does not agree that the portal learns who they are."
    return ""


async def at_the_code(connection: Connection, here: Sandbox, person: Person) -> str:
    """Why a good code opens nothing; empty if it does."""
    if await _is_locked(connection, here, person):
        return "The account is locked."
    if await faults.fire(connection, here, named.CODES, person.id, persona=person.hint):
        return "The code was used before. Sign in again."
    return ""


async def at_the_tokens(connection: Connection, here: Sandbox, person: Person) -> Rule | None:
    """What is wrong with the tokens that are made now."""
    bite = await faults.fire(connection, here, named.TOKENS, person.id, persona=person.hint)
    return bite.rule if bite else None


async def at_the_key(connection: Connection, here: Sandbox, person: Person) -> bool:
    """Whether tokens are signed with the new key now."""
    return await faults.fire(connection, here, named.KEYS, person.id) is not None


def is_rotated(here: Sandbox) -> bool:
    """Whether the sandbox's key set shows the new key alone."""
    return faults.active_rule(here, named.KEYS) is not None


def spoil(rule: Rule, kind: str, token: str, key: RSAKey, unknown: RSAKey, now: datetime) -> str:
    """A good token made bad in the way of a rule.

    kind     "access" or "id"
    unknown  a key that no key set holds
    """
    if rule.settings.get("token", "both") not in (kind, "both"):
        return token
    head, body, signature = token.split(".")
    header, claims = _read(head), _read(body)
    if rule.fault == named.SIGNATURE:
        return f"{head}.{_write({**claims, 'name': claims['name'] + ' '})}.{signature}"
    if rule.fault == named.ALGORITHM:
        return f"{_write({**header, 'alg': 'none'})}.{body}."
    if rule.fault == named.UNKNOWN_KEY:
        return tokens.signed(unknown, claims, header["typ"])
    return tokens.signed(key, {**claims, **_lies(rule, kind, claims, now)}, header["typ"])


def _lies(rule: Rule, kind: str, claims: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The claims that are not as they should be."""
    if rule.fault == named.ISSUER:
        return {"iss": ELSEWHERE}
    if rule.fault == named.AUDIENCE:
        return {"aud": SOMEBODY_ELSE}
    if rule.fault == named.EXPIRED:
        over = int((now - timedelta(hours=1)).timestamp())
        return {"iat": over - 60, "exp": over, **({"nbf": over - 60} if "nbf" in claims else {})}
    if rule.fault == named.TOO_EARLY:
        begins = int((now + rule.duration("by")).timestamp())
        return {"iat": begins, "nbf": begins, "exp": begins + claims["exp"] - claims["iat"]}
    if rule.fault == named.NONCE:
        return {"nonce": "another-nonce"} if kind == "id" else {}
    return {"level": 1} if rule.fault == named.LEVEL else {}


def _read(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _write(part: Mapping[str, Any]) -> str:
    text = json.dumps(part, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
