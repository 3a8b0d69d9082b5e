"""Who asks: a citizen's access token, its signature checked by the provider's keys, its times by the sandbox clock."""

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

from shared import http
from shared.errors import NotReady, Refusal, SandboxMismatch
from shared.observability import logs
from shared.runtime import Runtime
from shared.sandbox.clock import wire
from shared.sandbox.names import DEFAULT, IDS

CACHE = 10_000  # tokens whose signature was checked; their times are checked at every use
ASK_AGAIN_SECONDS = 1.0  # an unknown key id makes us fetch its issuer's keys, the same one at most this often
ASKED = 1_000  # unknown key ids that are remembered


class TokenMissing(Refusal):
    """No bearer token came with the request."""


class TokenNotValid(Refusal):
    """The token is not one of this portal's identity provider, or not for this portal."""


class TokenExpired(Refusal):
    """The token was good; by the sandbox clock it is not any more, or not yet."""


@dataclass(frozen=True, slots=True)
class Represented:
    """Somebody for whom a person may act: a child of theirs, or an organisation whose legal representative they are."""

    kind: Literal["person", "organisation"]
    id: str  # personal number, or tax code
    name: str


@dataclass(frozen=True, slots=True)
class Citizen:
    """A person as the token says.

    id          12-digit personal number
    level       assurance level 1 or 2
    times       seconds since 1970
    represents  whom the person may act for by law, as the identity provider vouches
    """

    id: str
    name: str
    level: int
    sandbox: str
    not_before: int
    expires: int
    represents: tuple[Represented, ...] = ()

    def check_time(self, now: datetime) -> None:
        """Raises TokenExpired unless the token is valid at `now` (RFC 7519 section 4.1.4-5)."""
        moment = now.timestamp()
        if not self.not_before <= moment < self.expires:
            word = "expired" if moment >= self.expires else "is not valid yet"
            raise TokenExpired(f"The token {word} by the sandbox clock; log in again.", now=wire(now))


class Tokens:
    """Checks access tokens (RFC 9068) and remembers whose signature was good.

    Each sandbox is an issuer with a key set of its own, and asked for that alone: what is wrong there touches nobody else.
    """

    def __init__(self, runtime: Runtime, issuer: str, audience: str) -> None:
        self._runtime, self._issuer, self._audience = runtime, issuer.rstrip("/"), audience
        self._keys: dict[str, Key] = {}  # by key id, which is the thumbprint of the key (RFC 7638)
        self._asked: OrderedDict[tuple[str, str], float] = OrderedDict()  # (issuer, key id) → when, monotonic
        self._checked: OrderedDict[str, Citizen] = OrderedDict()

    async def citizen(self, authorization: str | None, sandbox_header: str | None) -> Citizen:
        """The citizen of a request. Raises TokenMissing, TokenNotValid, SandboxMismatch; times are checked by the caller."""
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
                "Leave X-Sandbox out, or log in at that sandbox's issuer.",
                token_sandbox=citizen.sandbox,
                header_sandbox=sandbox_header,
            )
        return citizen

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            return dict(jwt.decode(token, await self._key_of(token), algorithms=["RS256"]).claims)
        except (JoseError, msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
            raise TokenNotValid(
                "Log in again: the signature is not the identity provider's.", reason="signature"
            ) from error

    async def _key_of(self, token: str) -> Key:
        """The key that a token names; its issuer is asked for keys that are new here. Raises KeyError, JoseError, NotReady."""
        said = jws.extract_compact(token.encode())
        key_id, claims = str(said.headers()["kid"]), msgspec.json.decode(said.payload)
        if key_id not in self._keys:
            await self._fetch(self._issuer_of(claims.get("sandbox") if isinstance(claims, dict) else None), key_id)
        return self._keys[key_id]

    async def _fetch(self, issuer: str, key_id: str) -> None:
        """Learn the keys of an issuer, unless it was asked for this one a moment ago."""
        now = time.monotonic()
        if now - self._asked.get((issuer, key_id), 0.0) < ASK_AGAIN_SECONDS:
            return
        try:
            answer = await http.call(self._runtime.http, "GET", f"{issuer}/jwks")
        except http.Unreachable as error:
            raise NotReady("The identity provider does not answer; try again.", waits_for=["identity"]) from error
        if answer.status_code == 200:
            found = KeySet.import_key_set(msgspec.json.decode(answer.content))
            self._keys |= {str(key.kid): key for key in found}
        self._asked[issuer, key_id] = now
        if len(self._asked) > ASKED:
            self._asked.popitem(last=False)

    def _issuer_of(self, sandbox: object) -> str:
        """Whom to ask about a token that says so and is not believed yet: the default one, if that names no sandbox."""
        named = isinstance(sandbox, str) and sandbox != DEFAULT and IDS.fullmatch(sandbox)
        return f"{self._issuer}/s/{sandbox}" if named else self._issuer

    def _citizen(self, claims: dict[str, Any]) -> Citizen:
        sandbox = claims.get("sandbox")
        issuer = self._issuer if sandbox == DEFAULT else f"{self._issuer}/s/{sandbox}"
        if claims.get("iss") != issuer:
            raise TokenNotValid(f"Log in at {self._issuer}: the token's issuer is another.", reason="issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise TokenNotValid(f"Use the access token, whose audience is '{self._audience}'.", reason="audience")
        try:
            return Citizen(
                id=str(claims["SoDinhDanh"]),
                name=str(claims["name"]),
                level=int(claims["level"]),
                sandbox=str(sandbox),
                not_before=int(claims.get("nbf", claims["iat"])),
                expires=int(claims["exp"]),
                represents=tuple(Represented(**each) for each in claims.get("represents", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TokenNotValid(f"The token lacks a claim: {error}.", reason="claims") from error
