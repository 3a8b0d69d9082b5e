"""A small OpenID Connect client, written from the RFCs and not from our code."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.service.frozen import FrozenSandbox

BASE = "http://127.0.0.1:22002"
REDIRECT_URI = "http://127.0.0.1:9999/callback?from=test"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Client:
    def __init__(self, http: httpx.AsyncClient, sandbox: FrozenSandbox, client_id: str = "lienthong-demo") -> None:
        self.http, self.sandbox, self.id = http, sandbox, client_id
        self.issuer = f"{BASE}/s/{sandbox.id}"

    def asking(self, **change: str | None) -> dict[str, str]:
        asked = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": REDIRECT_URI,
            "scope": "openid",
            "state": "a==+é b",
            "nonce": "n-0S6_WzA2Mj",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "login_hint": "lan",
            **change,
        }
        return {name: value for name, value in asked.items() if value is not None}

    async def authorize(self, **change: str | None) -> httpx.Response:
        return await self.http.get(f"{self.issuer}/authorize", params=self.asking(**change))

    async def code(self, **change: str | None) -> str:
        return returned(await self.authorize(**change))["code"]

    async def redeem(self, code: str, auth: str | None = None, **change: str | None) -> httpx.Response:
        """`auth` is the value of the header Authorization."""
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "client_id": self.id,
            "code_verifier": VERIFIER,
            **change,
        }
        form = {name: value for name, value in sent.items() if value is not None}
        headers = {"Authorization": auth} if auth is not None else {}
        return await self.http.post(f"{self.issuer}/token", data=form, headers=headers)

    async def tokens(self, **change: str | None) -> dict[str, Any]:
        answer = await self.redeem(await self.code(**change))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def userinfo(self, token: str, method: str = "GET") -> httpx.Response:
        return await self.http.request(method, f"{self.issuer}/userinfo", headers={"Authorization": f"Bearer {token}"})


def returned(answer: httpx.Response) -> dict[str, str]:
    """What the browser carries back to the client."""
    assert answer.status_code == 302, answer.text
    location = answer.headers["location"]
    assert location.startswith(REDIRECT_URI + "&")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query, keep_blank_values=True).items()}


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
