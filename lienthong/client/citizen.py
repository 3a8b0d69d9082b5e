"""A citizen as user of the public APIs: signs in, submits, supplements, pays, rates, withdraws."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import anyio

from lienthong.client.http import Problem, Response, Scope, every_row
from lienthong.client.payments import Payments
from lienthong.client.types import Dossier

CLIENT_ID = "lienthong-demo"
REDIRECT_URI = "http://127.0.0.1/signed-in"  # never requested: the code is read from the redirect's Location header


class Citizen:
    """One persona as user of the public APIs. Signs in again automatically when the token has expired in sandbox time."""

    def __init__(self, sandbox: Scope, persona: str) -> None:
        self.sandbox, self.persona = sandbox, persona
        self.token = ""
        self.endpoints: dict[str, Any] = {}
        self._signing_in = anyio.Lock()

    async def sign_in(self) -> str:
        """Run the OIDC authorization code flow with PKCE; returns the access token."""
        identity = self.sandbox.country.identity
        issuer = identity.url if self.sandbox.id == "default" else f"{identity.url}/s/{self.sandbox.id}"
        self.endpoints = await identity.json("GET", f"{issuer}/.well-known/openid-configuration")
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "scope": "openid profile",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": self.persona,
        }
        answer = await identity.send("GET", self.endpoints["authorization_endpoint"], params=query)
        returned = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        if "code" not in returned or returned.get("state") != [query["state"]]:
            (reason,) = returned.get("error_description", ["the identity provider gives no reason."])
            raise Problem("sign-in-failed", answer.status_code, f"{self.persona} is not signed in: {reason}", {})
        form = {
            "grant_type": "authorization_code",
            "code": returned["code"][0],
            "redirect_uri": REDIRECT_URI,
            "client_id": CLIENT_ID,
            "code_verifier": verifier,
        }
        self.token = str((await identity.json("POST", self.endpoints["token_endpoint"], data=form))["access_token"])
        return self.token

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
        return (await self._send(method, path, **options)).json()

    async def _send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        more_headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Response:
        portal, token = self.sandbox.country.portal, self.token
        if token:
            try:
                return await portal.send(method, path, headers=self._headers(key, more_headers), **options)
            except Problem as problem:
                if problem.status != 401:
                    raise
        async with self._signing_in:
            if self.token == token:  # no parallel request has renewed it
                await self.sign_in()
        return await portal.send(method, path, headers=self._headers(key, more_headers), **options)

    def _headers(self, key: str | None, more: dict[str, str] | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {}) | (more or {})

    async def ask(
        self, /, method: str, path: str, *, key: str | None = None, media_type: str | None = None, **options: Any
    ) -> Any:
        """Any request to the portal's API as this person; returns the JSON of the response."""
        more = {"Content-Type": media_type} if media_type else None
        return (await self._send(method, path, key=key, more_headers=more, **options)).json()

    async def who_am_i(self) -> dict[str, Any]:
        """This person's claims, with the people and organisations that it `represents`."""
        token = self.token or await self.sign_in()
        headers = {"Authorization": f"Bearer {token}"}
        identity = self.sandbox.country.identity
        return cast(dict[str, Any], await identity.json("GET", self.endpoints["userinfo_endpoint"], headers=headers))

    async def submit(
        self, /, procedure: str, province: str, commune: str | None = None, *, key: str | None = None, **more: Any
    ) -> Dossier:
        """Submit a dossier. `more`: other members of the request, such as note, papers, owner; the portal's OpenAPI lists them.

        key  Idempotency-Key: a repeated request with the same key has no further effect; random if left out
        """
        body = {"procedure": procedure, "authority": {"province": province, "commune": commune}}
        body |= {name: value for name, value in more.items() if value is not None}
        return cast(Dossier, await self._ask("POST", "/api/v1/dossiers", key=key or str(uuid.uuid4()), json=body))

    async def upload(self, name: str, content: bytes, media_type: str = "application/pdf") -> dict[str, Any]:
        """Upload a paper to the citizen's store. Submissions and supplements refer to its `id`."""
        digest = hashlib.sha256(content).hexdigest()
        options: dict[str, Any] = {"params": {"name": name, "sha256": digest}, "content": content}
        path, headers = "/api/v1/papers", {"Content-Type": media_type}
        return cast(dict[str, Any], await self._ask("POST", path, more_headers=headers, **options))

    async def supplement(self, code: str, papers: Sequence[dict[str, str]] = (), note: str | None = None) -> Dossier:
        """Supply the papers that the office asked for."""
        body = {"papers": list(papers), "note": note}
        path, key = f"/api/v1/dossiers/{code}/supplement", str(uuid.uuid4())
        return cast(Dossier, await self._ask("POST", path, key=key, json=body))

    async def rate(self, code: str, scores: dict[str, int], comment: str | None = None) -> Dossier:
        """Rate an ended dossier, once: nine indicators, 0 to 2 each."""
        body = {"scores": scores, "comment": comment}
        path, key = f"/api/v1/dossiers/{code}/rating", str(uuid.uuid4())
        return cast(Dossier, await self._ask("POST", path, key=key, json=body))

    async def dossiers(self) -> list[Dossier]:
        """All dossiers of this person, newest first."""
        return await every_row(self._send, "/api/v1/dossiers")

    async def dossier(self, code: str) -> Dossier:
        """One dossier of this person."""
        return cast(Dossier, await self._ask("GET", f"/api/v1/dossiers/{code}"))

    async def start_payment(self, code: str, *, key: str | None = None) -> dict[str, Any]:
        """Start the payment of the fee that is due; returns `reference` and `checkout_url`."""
        dossier = await self.dossier(code)
        body = {"amount_dong": dossier["fee"]["amount_dong"] if dossier["fee"] else 0}
        path, key = f"/api/v1/dossiers/{code}/payments", key or str(uuid.uuid4())
        return cast(dict[str, Any], await self._ask("POST", path, key=key, json=body))

    async def pay(self, code: str, *, outcome: str = "success", key: str | None = None) -> dict[str, Any]:
        """Start the payment at the portal, open the platform's checkout and pay; with `outcome="failed"` the payment fails."""
        payment = await self.start_payment(code, key=key)
        platform = Payments(self.sandbox)
        await (platform.pay if outcome == "success" else platform.fail)(payment["checkout_url"])
        return payment

    async def withdraw(self, code: str, reason: str, *, key: str | None = None) -> Dossier:
        """Request the withdrawal; the province decides."""
        path, body = f"/api/v1/dossiers/{code}/withdrawal", {"reason": reason}
        return cast(Dossier, await self._ask("POST", path, key=key or str(uuid.uuid4()), json=body))
