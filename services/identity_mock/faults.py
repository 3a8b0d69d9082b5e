"""Applies the sign-in fault rules: to the provider, the account, the consent, the code, the tokens and the signing key."""

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

OTHER_ISSUER = "https://id.example.invalid"  # RFC 2606: an issuer that cannot exist
OTHER_AUDIENCE = "another-api"


class AccountLocked(Refusal):
    """The account is locked."""


class ProviderDown(Refusal):
    """The identity provider is out of service."""


async def require_provider(runtime: Runtime, sandbox_id: str) -> None:
    """Raises ProviderDown if a fault rule takes the provider out of service."""
    if not runtime.watches(sandbox_id, named.PROVIDER):
        return
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        firing = await faults.fire(connection, sandbox, named.PROVIDER, EVERYTHING)
    if firing is not None:
        raise ProviderDown(f"Rule '{firing.rule.id}': {firing.rule.text_en}.", rule=firing.rule.id)


async def require_unlocked(runtime: Runtime, sandbox_id: str, person: Person) -> None:
    """Raises AccountLocked if the account is locked now."""
    if not runtime.watches(sandbox_id, named.ACCOUNTS):
        return
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        locked = await _is_locked(connection, sandbox, person)
    if locked:
        raise AccountLocked("Ask the owner of the sandbox to switch the fault rule off.")


async def _is_locked(connection: Connection, sandbox: Sandbox, person: Person) -> bool:
    return await faults.fire(connection, sandbox, named.ACCOUNTS, person.id, persona=person.hint) is not None


async def sign_in_denial(connection: Connection, sandbox: Sandbox, person: Person) -> str:
    """Why the person cannot sign in (the description of access_denied); empty if they can."""
    if await _is_locked(connection, sandbox, person):
        return "The account is locked."
    if await faults.fire(connection, sandbox, named.CONSENT, person.id, persona=person.hint):
        return "The person does not agree to share their identity with the portal."
    return ""


async def code_denial(connection: Connection, sandbox: Sandbox, person: Person) -> str:
    """Why a valid code is refused; empty if it is accepted."""
    if await _is_locked(connection, sandbox, person):
        return "The account is locked."
    if await faults.fire(connection, sandbox, named.CODES, person.id, persona=person.hint):
        return "The code was used before. Sign in again."
    return ""


async def token_fault(connection: Connection, sandbox: Sandbox, person: Person) -> Rule | None:
    """The rule that makes the new tokens invalid; None if they are valid."""
    firing = await faults.fire(connection, sandbox, named.TOKENS, person.id, persona=person.hint)
    return firing.rule if firing else None


async def signs_with_next_key(connection: Connection, sandbox: Sandbox, person: Person) -> bool:
    """Whether the new tokens are signed with the next key."""
    return await faults.fire(connection, sandbox, named.KEYS, person.id) is not None


def is_rotated(sandbox: Sandbox) -> bool:
    """Whether the key set of the sandbox contains only the next key."""
    return faults.active_rule(sandbox, named.KEYS) is not None


def spoil(rule: Rule, kind: str, token: str, key: RSAKey, unknown: RSAKey, now: datetime) -> str:
    """A valid token, made invalid in the way that `rule` says.

    kind     "access" or "id"
    unknown  a key that is in no key set
    """
    if rule.settings.get("token", "both") not in (kind, "both"):
        return token
    head, body, signature = token.split(".")
    header, claims = _decode(head), _decode(body)
    if rule.fault == named.SIGNATURE:
        return f"{head}.{_encode({**claims, 'name': claims['name'] + ' '})}.{signature}"
    if rule.fault == named.ALGORITHM:
        return f"{_encode({**header, 'alg': 'none'})}.{body}."
    if rule.fault == named.UNKNOWN_KEY:
        return tokens.signed(unknown, claims, header["typ"])
    return tokens.signed(key, {**claims, **_wrong_claims(rule, kind, claims, now)}, header["typ"])


def _wrong_claims(rule: Rule, kind: str, claims: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The claims that the rule changes, with their wrong values."""
    if rule.fault == named.ISSUER:
        return {"iss": OTHER_ISSUER}
    if rule.fault == named.AUDIENCE:
        return {"aud": OTHER_AUDIENCE}
    if rule.fault == named.EXPIRED:
        expired_at = int((now - timedelta(hours=1)).timestamp())
        issued_at = expired_at - 60
        return {"iat": issued_at, "exp": expired_at, **({"nbf": issued_at} if "nbf" in claims else {})}
    if rule.fault == named.TOO_EARLY:
        begins = int((now + rule.duration("by")).timestamp())
        return {"iat": begins, "nbf": begins, "exp": begins + claims["exp"] - claims["iat"]}
    if rule.fault == named.NONCE:
        return {"nonce": "another-nonce"} if kind == "id" else {}
    return {"level": 1} if rule.fault == named.LEVEL else {}


def _decode(part: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def _encode(part: Mapping[str, Any]) -> str:
    text = json.dumps(part, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
