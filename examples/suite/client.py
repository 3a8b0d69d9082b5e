"""A small client of the citizen API and the officer API, written with plain httpx, as for a connected system.

It needs only addresses and credentials, not the tests; a client for a real portal would look the same.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

BACK = "http://127.0.0.1:8400/signed-in"  # our address; the browser returns to it after signing in
Json = dict[str, Any]


class Refused(Exception):
    """The server refused the request (RFC 9457). `problem`: last part of its type; the text says what to do."""

    def __init__(self, response: httpx.Response) -> None:
        body = response.json()
        errors = [f"{error['pointer']} {error['detail']}" for error in body.get("errors", [])]
        super().__init__(" ".join([body["detail"], *errors]))
        self.problem = body["type"].rpartition("/")[2]


class Citizen:
    """One citizen at the national portal.

    portal, issuer  addresses of the portal and of the identity provider (OpenID Connect)
    client_id       our id at the identity provider
    who             `login_hint`: the person whom a user would choose in the browser
    """

    def __init__(self, portal: str, issuer: str, client_id: str, who: str) -> None:
        self._http = httpx.Client(base_url=portal)
        self._issuer, self._client_id, self._who = issuer, client_id, who
        self._token = ""

    def submit(self, procedure: str, province: str, commune: str) -> Json:
        body = {"procedure": procedure, "authority": {"province": province, "commune": commune}}
        return self._ask("POST", "/api/v1/dossiers", body)

    def dossier(self, code: str) -> Json:
        return self._ask("GET", f"/api/v1/dossiers/{code}")

    def supplement(self, code: str, name: str, document: bytes) -> Json:
        """Send the paper that the office requested."""
        digest = hashlib.sha256(document).hexdigest()
        paper = self._ask("POST", "/api/v1/papers", document, params={"name": name, "sha256": digest})
        return self._ask("POST", f"/api/v1/dossiers/{code}/supplement", {"papers": [{"id": paper["id"]}]})

    def begin_payment(self, code: str) -> str:
        """Address of the checkout at which the browser pays the fee that is due."""
        amount = self.dossier(code)["fee"]["amount_dong"]
        return str(self._ask("POST", f"/api/v1/dossiers/{code}/payments", {"amount_dong": amount})["checkout_url"])

    def withdraw(self, code: str, reason: str) -> Json:
        return self._ask("POST", f"/api/v1/dossiers/{code}/withdrawal", {"reason": reason})

    def _ask(self, method: str, path: str, body: Json | bytes | None = None, **options: Any) -> Json:
        """Sign in if there is no valid token, then send again; the same key makes a repetition harmless."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        if isinstance(body, bytes):
            options["content"], headers["Content-Type"] = body, "application/pdf"
        elif body is not None:
            options["json"] = body
        request = self._http.build_request(method, path, headers=headers, **options)
        response = self._send(request) if self._token else None
        if response is None or response.status_code == 401:
            self._sign_in()
            response = self._send(request)
        return _of(response)

    def _send(self, request: httpx.Request) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return self._http.send(request)

    def _sign_in(self) -> None:
        """Authorization code with PKCE; a browser would follow the redirect, we read the code from it."""
        configuration = self._http.get(f"{self._issuer}/.well-known/openid-configuration").json()
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": BACK,
            "scope": "openid profile",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": self._who,
        }
        location = self._http.get(configuration["authorization_endpoint"], params=query).headers["location"]
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(location).query)["code"][0],
            "redirect_uri": BACK,
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        self._token = _of(self._http.post(configuration["token_endpoint"], data=form))["access_token"]


class Officer:
    """The officers of one province; `key` is the API key of the sandbox."""

    def __init__(self, gateway: str, key: str, province: str) -> None:
        self._http = httpx.Client(base_url=gateway, headers={"X-Api-Key": key})
        self._dossiers = f"/api/v1/provinces/{province}/dossiers"

    def dossier(self, code: str) -> Json:
        return _of(self._http.get(f"{self._dossiers}/{code}"))

    def receive(self, code: str) -> Json:
        return self._move(code, "receive")

    def refuse(self, code: str, reason: str) -> Json:
        return self._move(code, "refuse", reason=reason)

    def request_supplement(self, code: str, reason: str, items: Sequence[str]) -> Json:
        return self._move(code, "request_supplement", reason=reason, items=list(items))

    def _move(self, code: str, does: str, **facts: Any) -> Json:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return _of(self._http.post(f"{self._dossiers}/{code}/moves", json={"does": does, **facts}, headers=headers))


def _of(response: httpx.Response) -> Json:
    if response.status_code >= 400:
        raise Refused(response)
    return dict(response.json())
