"""Signs and reads tokens. The time is a parameter, because tokens are valid in sandbox time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from contracts.identity import NUMBER_CLAIM
from services.identity_mock.people import Person
from services.identity_mock.register import Represented
from shared.errors import Refusal

ALGORITHM = "RS256"
AUDIENCE = "portal"  # of access tokens: the API that accepts them
ACCESS_TYPE = "at+jwt"  # header `typ`, RFC 9068 section 2.1; it distinguishes an access token from an id_token


class TokenRefused(Refusal):
    """The access token is missing, changed, expired, or belongs to another sandbox."""


def public_keys(*keys: RSAKey) -> dict[str, Any]:
    """The JSON Web Key Set (RFC 7517), with which clients check signatures."""
    usage = {"use": "sig", "alg": ALGORITHM}
    return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint(), **usage} for key in keys]}


def access_token(
    key: RSAKey,
    person: Person,
    *,
    issuer: str,
    sandbox_id: str,
    client_id: str,
    scope: str,
    now: datetime,
    lifetime: timedelta,
    represents: Sequence[Represented],
) -> str:
    """RFC 9068, with our own claims `sandbox`, `level` (1 or 2), `name`, `SoDinhDanh` (12 digits) and `represents`.

    source  facts: integration.md 3.1 for `SoDinhDanh`
    """
    claims = {
        "iss": issuer,
        "sub": person.id,
        "aud": AUDIENCE,
        "client_id": client_id,
        "iat": _seconds(now),
        "nbf": _seconds(now),
        "exp": _seconds(now + lifetime),
        "jti": secrets.token_urlsafe(16),
        "scope": scope,
        "sandbox": sandbox_id,
        "level": person.level,
        "name": person.name,
        NUMBER_CLAIM: person.number,
        "represents": list(represents),
    }
    return signed(key, claims, ACCESS_TYPE)


def id_token(
    key: RSAKey,
    person: Person,
    *,
    issuer: str,
    sandbox_id: str,
    client_id: str,
    nonce: str | None,
    signed_in_at: datetime,
    now: datetime,
    lifetime: timedelta,
) -> str:
    """OpenID Connect Core 1.0 section 2."""
    claims = {
        "iss": issuer,
        "sub": person.id,
        "aud": client_id,
        "iat": _seconds(now),
        "exp": _seconds(now + lifetime),
        "auth_time": _seconds(signed_in_at),
        **({"nonce": nonce} if nonce is not None else {}),
        "sandbox": sandbox_id,
        "level": person.level,
        "name": person.name,
    }
    return signed(key, claims, "JWT")


def read_access_token(
    keys: Sequence[RSAKey], token: str, *, issuer: str, sandbox_id: str, now: datetime
) -> dict[str, Any]:
    """The claims of an access token, if this issuer signed it and it is valid now. Raises TokenRefused."""
    try:
        decoded = jwt.decode(token, KeySet(list(keys)), algorithms=[ALGORITHM])
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise TokenRefused("This issuer did not sign the access token; sign in again.") from error
    claims = decoded.claims
    if decoded.header.get("typ") != ACCESS_TYPE:
        raise TokenRefused("This is an id_token; send the access_token.")
    if claims["iss"] != issuer or claims["sandbox"] != sandbox_id:
        raise TokenRefused(f"The access token belongs to sandbox '{claims['sandbox']}': use {claims['iss']}/userinfo.")
    if not claims["nbf"] <= _seconds(now) < claims["exp"]:
        raise TokenRefused("The access token has expired in sandbox time; sign in again.")
    return dict(claims)


def signed(key: RSAKey, claims: dict[str, Any], kind: str) -> str:
    """A compact JWS; `kind` is the header's `typ`."""
    header = {"alg": ALGORITHM, "typ": kind, "kid": key.thumbprint()}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
