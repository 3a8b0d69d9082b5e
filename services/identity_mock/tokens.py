"""Signs and reads tokens. Their times are a parameter, because each client has its clock (`clients.token_times`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from contracts.identity import END_CLAIM, NUMBER_CLAIM
from services.identity_mock.people import Person
from services.identity_mock.register import Represented
from shared.errors import Refusal
from shared.sandbox.validity import Validity

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
    token_id: str,
    scope: str,
    valid: Validity,
    represents: Sequence[Represented],
) -> str:
    """RFC 9068, with our own claims `sandbox`, `level` (1 or 2), `name`, `SoDinhDanh` (12 digits), `represents`, and
    `sandbox_exp` if the other times are real.

    source  facts: integration.md 3.1 for `SoDinhDanh`
    """
    claims = {
        "iss": issuer,
        "sub": person.id,
        "aud": AUDIENCE,
        "client_id": client_id,
        "iat": valid.begins,
        "nbf": valid.begins,
        "exp": valid.ends,
        **({END_CLAIM: valid.sandbox_end} if valid.sandbox_end is not None else {}),
        "jti": token_id,
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
    valid: Validity,
) -> str:
    """OpenID Connect Core 1.0 section 2."""
    claims = {
        "iss": issuer,
        "sub": person.id,
        "aud": client_id,
        "iat": valid.begins,
        "exp": valid.ends,
        "auth_time": int(signed_in_at.timestamp()),
        **({"nonce": nonce} if nonce is not None else {}),
        "sandbox": sandbox_id,
        "level": person.level,
        "name": person.name,
    }
    return signed(key, claims, "JWT")


@dataclass(frozen=True)
class AccessToken:
    """What userinfo reads of an access token. `id` is its claim `jti`."""

    id: str
    subject: str
    sandbox: str
    valid: Validity


def read_access_token(keys: Sequence[RSAKey], token: str, *, issuer: str) -> AccessToken:
    """An access token that this issuer signed. Its times are not checked. Raises TokenRefused."""
    header, claims = _read(keys, token)
    if header.get("typ") != ACCESS_TYPE:
        raise TokenRefused("This is an id_token; send the access_token.")
    if claims["iss"] != issuer:
        raise TokenRefused(f"The access token belongs to sandbox '{claims['sandbox']}': use {claims['iss']}/userinfo.")
    valid = Validity(claims["nbf"], claims["exp"], claims.get(END_CLAIM))
    return AccessToken(claims["jti"], claims["sub"], claims["sandbox"], valid)


def subject_of(keys: Sequence[RSAKey], id_token: str, *, issuer: str) -> str:
    """The person of an id_token that this issuer signed; it may have expired (Core section 3.1.2.1, id_token_hint).

    raises  TokenRefused
    """
    header, claims = _read(keys, id_token)
    if header.get("typ") == ACCESS_TYPE or claims["iss"] != issuer:
        raise TokenRefused("This is not an id_token of this issuer.")
    return str(claims["sub"])


def _read(keys: Sequence[RSAKey], token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, if one of `keys` signed them. Raises TokenRefused."""
    try:
        decoded = jwt.decode(token, KeySet(list(keys)), algorithms=[ALGORITHM])
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise TokenRefused("This issuer did not sign the token; sign in again.") from error
    return dict(decoded.header), dict(decoded.claims)


def signed(key: RSAKey, claims: dict[str, Any], kind: str) -> str:
    """A compact JWS; `kind` is the header's `typ`."""
    header = {"alg": ALGORITHM, "typ": kind, "kid": key.thumbprint()}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])
