"""Access tokens of citizens: the signature is checked with the provider's keys, the times with the sandbox clock.

A token with real times (`sandbox_exp`) also ends by real time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from contracts.identity import END_CLAIM, own_client
from shared import http
from shared.errors import NotReady, Refusal, SandboxMismatch
from shared.observability import logs
from shared.runtime import Runtime
from shared.sandbox.clock import wire
from shared.sandbox.names import DEFAULT, IDS
from shared.sandbox.validity import Validity

CACHE = 10_000  # tokens with a checked signature; the times are checked at every use
REFETCH_SECONDS = 1.0  # an unknown key id makes us fetch the issuer's keys; at most once in this time per key id
UNKNOWN_KEYS = 1_000  # number of unknown key ids in memory


class TokenMissing(Refusal):
    """The request has no bearer token."""


class TokenNotValid(Refusal):
    """The token is not from this portal's identity provider, or not for this portal."""


class TokenExpired(Refusal):
    """The token has expired, or is not valid yet."""


@dataclass(frozen=True, slots=True)
class Represented:
    """A child or an organisation for which a person may act as parent or legal representative."""

    kind: Literal["person", "organisation"]
    id: str  # personal number, or tax code
    name: str


@dataclass(frozen=True, slots=True)
class Citizen:
    """A person, from the claims of the token.

    id          12-digit personal number
    level       assurance level 1 or 2
    valid       when the token is valid
    represents  for whom the person may act by law, confirmed by the identity provider
    """

    id: str
    name: str
    level: int
    sandbox: str
    valid: Validity
    represents: tuple[Represented, ...] = ()

    def check_time(self, now: datetime) -> None:
        """Raises TokenExpired unless the token is valid at `now` (RFC 7519 section 4.1.4-5)."""
        if fault := self.valid.fault(now):
            raise TokenExpired(f"The token {fault}; log in again.", now=wire(now))


class Tokens:
    """Checks access tokens (RFC 9068) and caches those with a valid signature.

    Each sandbox is an issuer with its own key set, fetched separately, so a wrong key set affects only its sandbox.
    """

    def __init__(self, runtime: Runtime, issuer: str, audience: str) -> None:
        self._runtime, self._issuer, self._audience = runtime, issuer.rstrip("/"), audience
        self._keys: dict[str, Key] = {}  # by key id, the thumbprint of the key (RFC 7638)
        self._fetched: OrderedDict[tuple[str, str], float] = OrderedDict()  # (issuer, key id) → when, monotonic
        self._checked: OrderedDict[str, Citizen] = OrderedDict()

    async def citizen(self, authorization: str | None, sandbox_header: str | None) -> Citizen:
        """The citizen of a request; times are not checked here. Raises TokenMissing, TokenNotValid, SandboxMismatch."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenMissing("Send `Authorization: Bearer <access token>` from the identity provider.")
        citizen = self._checked.get(token)
        if citizen is None:
            citizen = self._citizen(await self._claims(token))
            self._checked[token] = citizen
            if len(self._checked) > CACHE:
                self._checked.popitem(last=False)
        logs.concerns(citizen.sandbox)
        if sandbox_header is not None and sandbox_header != citizen.sandbox:
            raise SandboxMismatch(
                "Leave X-Sandbox out, or log in at the issuer of that sandbox.",
                token_sandbox=citizen.sandbox,
                header_sandbox=sandbox_header,
            )
        return citizen

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            return dict(jwt.decode(token, await self._key_of(token), algorithms=["RS256"]).claims)
        except (JoseError, msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
            raise TokenNotValid(
                "Log in again: the signature is not that of the identity provider.", reason="signature"
            ) from error

    async def _key_of(self, token: str) -> Key:
        """The key that a token names; fetched from its issuer if unknown. Raises KeyError, JoseError, NotReady."""
        parts = jws.extract_compact(token.encode())
        key_id, claims = str(parts.headers()["kid"]), msgspec.json.decode(parts.payload)
        if key_id not in self._keys:
            await self._fetch(self._issuer_of(claims.get("sandbox") if isinstance(claims, dict) else None), key_id)
        return self._keys[key_id]

    async def _fetch(self, issuer: str, key_id: str) -> None:
        """Fetch the keys of an issuer, unless they were just fetched for this key id."""
        now = time.monotonic()
        if now - self._fetched.get((issuer, key_id), 0.0) < REFETCH_SECONDS:
            return
        try:
            response = await http.call(self._runtime.http, "GET", f"{issuer}/jwks")
        except http.Unreachable as error:
            raise NotReady("The identity provider does not reply; try again.", waits_for=["identity"]) from error
        if response.status_code == 200:
            keys = KeySet.import_key_set(msgspec.json.decode(response.content))
            self._keys |= {str(key.kid): key for key in keys}
        self._fetched[issuer, key_id] = now
        if len(self._fetched) > UNKNOWN_KEYS:
            self._fetched.popitem(last=False)

    def _issuer_of(self, sandbox: object) -> str:
        """The issuer for the unchecked claim `sandbox`: the default issuer if it is not the id of another sandbox."""
        is_id = isinstance(sandbox, str) and sandbox != DEFAULT and IDS.fullmatch(sandbox)
        return f"{self._issuer}/s/{sandbox}" if is_id else self._issuer

    def _citizen(self, claims: dict[str, Any]) -> Citizen:
        sandbox = claims.get("sandbox")
        issuers = {self._issuer if sandbox == DEFAULT else f"{self._issuer}/s/{sandbox}"}
        if claims.get("client_id") == own_client(str(sandbox)):
            issuers.add(self._issuer)  # a sandbox's own client may sign people in there, too
        if claims.get("iss") not in issuers:
            raise TokenNotValid(f"Log in at {self._issuer}: the token is from another issuer.", reason="issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise TokenNotValid(f"Use the access token, whose audience is '{self._audience}'.", reason="audience")
        try:
            return Citizen(
                id=str(claims["SoDinhDanh"]),
                name=str(claims["name"]),
                level=int(claims["level"]),
                sandbox=str(sandbox),
                valid=_validity(claims),
                represents=tuple(Represented(**item) for item in claims.get("represents", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TokenNotValid(f"The token lacks a claim: {error}.", reason="claims") from error


def _validity(claims: dict[str, Any]) -> Validity:
    """Raises KeyError, TypeError, ValueError."""
    end = claims.get(END_CLAIM)
    return Validity(int(claims.get("nbf", claims["iat"])), int(claims["exp"]), int(end) if end is not None else None)
