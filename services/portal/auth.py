"""Access tokens of citizens: the signature is checked with the provider's keys, the times with the sandbox clock.

A token with real times (`sandbox_exp`) also ends by real time. A revoked one is refused at most REVOKED_SECONDS later.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from shared.errors import NotReady, Refusal, SandboxMismatch, SandboxNotFound
from shared.observability import logs
from shared.runtime import Runtime
from shared.sandbox.clock import wire
from shared.sandbox.names import DEFAULT
from shared.sandbox.validity import Validity

CACHE = 10_000  # tokens with a checked signature; the times are checked at every use
REVOKED_SECONDS = 2.0  # between two looks at the revoked tokens; so long a token can be accepted after its end
PAUSE_SECONDS = 30.0  # after a look at an issuer's keys in vain; so invented key ids cost one look each half minute
ISSUERS = 1_000  # number of issuers in memory whose keys were looked at in vain


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
    token       claim `jti`
    valid       when the token is valid
    represents  for whom the person may act by law, confirmed by the identity provider
    """

    id: str
    name: str
    level: int
    sandbox: str
    valid: Validity
    token: str = ""
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
        self._in_vain: OrderedDict[str, float] = OrderedDict()  # issuer → when, monotonic
        self._looks: dict[
            str, tuple[asyncio.Task[None], set[str]]
        ] = {}  # issuer → look under way, and for which key ids
        self._checked: OrderedDict[str, Citizen] = OrderedDict()
        self._revoked: frozenset[str] = frozenset()

    async def learn_revoked(self) -> None:
        """Ask the identity provider which tokens are revoked. Without a reply, what is known stays."""
        with contextlib.suppress(http.Unreachable):
            response = await http.call(self._runtime.internal, "GET", f"{self._issuer}/_lab/revoked-tokens")
            if response.status_code == 200:
                self._revoked = frozenset(msgspec.json.decode(response.content)["tokens"])

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
        if citizen.token in self._revoked:
            raise TokenNotValid(
                "Log in again: the token is revoked, because its code was used twice.", reason="revoked"
            )
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
        """The key that a token names; fetched from its issuer if unknown.

        raises  KeyError, JoseError; NotReady if the issuer does not reply
        """
        parts = jws.extract_compact(token.encode())
        key_id, claims = str(parts.headers()["kid"]), msgspec.json.decode(parts.payload)
        if key_id not in self._keys:
            await self._look_for(key_id, claims.get("sandbox") if isinstance(claims, dict) else None)
        return self._keys[key_id]

    async def _look_for(self, key_id: str, sandbox: object) -> None:
        """Fetch the keys of the issuer that the unchecked claim `sandbox` names, for a key id that is not known.

        Concurrent requests share one look. After a look in vain the issuer is left alone for PAUSE_SECONDS, whatever key
        ids are named: a new key is then accepted that much later. An issuer that does not exist is not looked at.
        """
        try:
            await self._runtime.sandbox(str(sandbox))
        except SandboxNotFound:
            return
        issuer = self._issuer if sandbox == DEFAULT else f"{self._issuer}/s/{sandbox}"
        if issuer in self._in_vain and time.monotonic() - self._in_vain[issuer] < PAUSE_SECONDS:
            return
        if issuer not in self._looks:
            wanted = set[str]()
            self._looks[issuer] = asyncio.create_task(self._look(issuer, wanted)), wanted
        look, wanted = self._looks[issuer]
        wanted.add(key_id)
        await asyncio.shield(look)

    async def _look(self, issuer: str, wanted: set[str]) -> None:
        """One look at an issuer's keys. That it was in vain is known as soon as it is over, before anybody else can begin one."""
        try:
            await self._fetch(issuer)
            if not wanted <= self._keys.keys():
                self._in_vain[issuer] = time.monotonic()
                self._in_vain.move_to_end(issuer)
                if len(self._in_vain) > ISSUERS:
                    self._in_vain.popitem(last=False)
        finally:
            del self._looks[issuer]

    async def _fetch(self, issuer: str) -> None:
        try:
            response = await http.call(self._runtime.http, "GET", f"{issuer}/jwks")
        except http.Unreachable as error:
            raise NotReady("The identity provider does not reply; try again.", waits_for=["identity"]) from error
        if response.status_code == 200:
            keys = KeySet.import_key_set(msgspec.json.decode(response.content))
            self._keys |= {str(key.kid): key for key in keys}

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
                token=str(claims.get("jti", "")),
                represents=tuple(Represented(**item) for item in claims.get("represents", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TokenNotValid(f"The token lacks a claim: {error}.", reason="claims") from error


def _validity(claims: dict[str, Any]) -> Validity:
    """Raises KeyError, TypeError, ValueError."""
    end = claims.get(END_CLAIM)
    return Validity(int(claims.get("nbf", claims["iat"])), int(claims["exp"]), int(end) if end is not None else None)
