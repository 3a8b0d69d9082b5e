"""Signing in with OpenID Connect: the authorization code flow with PKCE, by the same code at every provider."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from lienthong.embedded import Trouble
from tools.peers.http import Answer, Connection, get, post_form

REDIRECT_URI = "http://127.0.0.1/signed-in"


@dataclass(frozen=True)
class Provider:
    """Where and as whom to sign in.

    issuer  path of the issuer
    query   what names the person to a provider that then asks nobody
    form    what a person would type into the provider's page, if it has nothing but a page
    """

    url: str
    issuer: str = ""
    client: str = "bench"
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Sent:
    """What the client keeps of an authorization request."""

    code: str
    verifier: str
    nonce: str


class Client:
    """A relying party with one connection. `metadata` is the discovery document."""

    def __init__(self, provider: Provider, connection: Connection, metadata: Mapping[str, Any]) -> None:
        self._provider, self._connection, self._metadata = provider, connection, metadata

    async def authorize(self) -> Sent:
        """Raises Trouble if the provider does not redirect with a code and the same state."""
        verifier, nonce, state = secrets.token_urlsafe(48), secrets.token_urlsafe(8), secrets.token_urlsafe(8)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._provider.client,
            "redirect_uri": REDIRECT_URI,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **self._provider.query,
        }
        target = f"{_target(self._metadata['authorization_endpoint'])}?{urlencode(query)}"
        form = self._provider.form
        answer = await self._connection.send(get(target) if form is None else post_form(target, form))
        returned = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        if "code" not in returned or returned.get("state") != [state]:
            raise Trouble(f"{self._provider.url} did not sign anybody in: {answer.status} {_words(answer)}")
        return Sent(returned["code"][0], verifier, nonce)

    async def redeem(self, sent: Sent, verifier: str | None = None) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": sent.code,
            "redirect_uri": REDIRECT_URI,
            "client_id": self._provider.client,
            "client_secret": "any",  # of a client without a secret it means nothing, but some providers know no other
            "code_verifier": verifier or sent.verifier,
        }
        return await self._connection.send(post_form(_target(self._metadata["token_endpoint"]), form))

    async def sign_in(self) -> None:
        """The whole flow. Raises Trouble if there are no tokens at its end."""
        answer = await self.redeem(await self.authorize())
        if not answer.ok or b'"id_token"' not in answer.body or b'"access_token"' not in answer.body:
            raise Trouble(f"{self._provider.url} gave no tokens: {answer.status} {_words(answer)}")


async def metadata_of(provider: Provider) -> Mapping[str, Any]:
    """The discovery document."""
    connection = Connection(provider.url)
    try:
        answer = await connection.send(get(f"{provider.issuer}/.well-known/openid-configuration"))
        found: dict[str, Any] = answer.json()
        return found
    finally:
        connection.close()


async def check(provider: Provider) -> dict[str, bool]:
    """What the provider refuses. Raises Trouble if its id_token is not signed with its keys, or is not an answer to us."""
    metadata, connection = await metadata_of(provider), Connection(provider.url)
    try:
        client = Client(provider, connection, metadata)
        sent = await client.authorize()
        keys = KeySet.import_key_set((await connection.send(get(_target(metadata["jwks_uri"])))).json())
        answer = await client.redeem(sent)
        try:
            claims = jwt.decode(answer.json()["id_token"], keys, algorithms=["RS256"]).claims
        except (JoseError, KeyError, ValueError) as error:
            raise Trouble(f"{provider.url} gave no valid id_token: {error}. {_words(answer)}") from error
        if claims["iss"] != metadata["issuer"] or claims.get("nonce") != sent.nonce:
            raise Trouble(f"The id_token of {provider.url} is not an answer to the request: {claims}")
        again = await client.redeem(sent)
        other = await client.redeem(await client.authorize(), verifier=secrets.token_urlsafe(48))
        return {"verifier_checked": not other.ok, "code_once": not again.ok}
    finally:
        connection.close()


def _target(url: str) -> str:
    return urlsplit(url).path


def _words(answer: Answer) -> str:
    return " ".join(answer.body.decode(errors="replace").split())[:200]
