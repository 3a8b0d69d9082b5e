"""A client that checks its tokens, written from OpenID Connect Core 1.0 section 3.1.3.7, not from our code."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

CLIENT_ID, REDIRECT_URI = "lienthong-demo", "http://127.0.0.1/signed-in"


def part_of(token: str, place: int) -> dict[str, Any]:
    """Header (0) or claims (1) of a token, without a check of the signature."""
    text = token.split(".")[place]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


class RelyingParty:
    """Signs one persona in at one issuer. `nonce` is what it sends, `keys` reads the key set."""

    def __init__(self, http: httpx.AsyncClient, issuer: str, sandbox_id: str) -> None:
        self.http, self.issuer, self._headers = http, issuer, {"X-Sandbox": sandbox_id}
        self.nonce = secrets.token_urlsafe(8)
        self._verifier = secrets.token_urlsafe(48)

    async def discover(self) -> httpx.Response:
        return await self.http.get(f"{self.issuer}/.well-known/openid-configuration", headers=self._headers)

    async def keys(self) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.issuer}/jwks", headers=self._headers)
        return list(answer.json()["keys"])

    async def authorize(self, persona: str) -> dict[str, str]:
        """The query of the redirect back to the client: `code` or `error`."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "scope": "openid",
            "nonce": self.nonce,
            "login_hint": persona,
            "code_challenge_method": "S256",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        }
        answer = await self.http.get(f"{self.issuer}/authorize", params=asked, headers=self._headers)
        assert answer.status_code == 302, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def redeem(self, code: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "client_id": CLIENT_ID,
            "code_verifier": self._verifier,
        }
        return await self.http.post(f"{self.issuer}/token", data=form, headers=self._headers)

    async def tokens(self, persona: str) -> dict[str, str]:
        answer = await self.redeem((await self.authorize(persona))["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def userinfo(self, access_token: str) -> httpx.Response:
        headers = {**self._headers, "Authorization": f"Bearer {access_token}"}
        return await self.http.get(f"{self.issuer}/userinfo", headers=headers)

    async def objection(self, id_token: str, now: datetime) -> str:
        """Why an id_token must be refused; empty if it is valid."""
        header, claims, keys = part_of(id_token, 0), part_of(id_token, 1), await self.keys()
        if header["alg"] != "RS256":
            return "algorithm"
        if header["kid"] not in [key["kid"] for key in keys]:
            return "key"
        try:
            jws.deserialize_compact(id_token, KeySet.import_key_set({"keys": keys}), algorithms=["RS256"])
        except JoseError:
            return "signature"
        moment = now.timestamp()
        wrong = {
            "issuer": claims["iss"] != self.issuer,
            "audience": claims["aud"] != CLIENT_ID,
            "expired": moment >= claims["exp"],
            "not-yet-valid": claims["iat"] > moment,
            "nonce": claims["nonce"] != self.nonce,
        }
        return next((reason for reason, is_so in wrong.items() if is_so), "")
