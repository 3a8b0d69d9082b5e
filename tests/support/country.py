"""The whole country in one process: the four real services, called over their HTTP endpoints.

There is no broker: a test carries the events itself (`carry`), or sends them in place of a peer (`factories.hear`).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI

from services.identity_mock import app as identity
from services.identity_mock.settings import Settings as IdentitySettings
from services.payment_mock import app as payment
from services.payment_mock.settings import Settings as PaymentSettings
from services.portal import app as portal
from services.portal.runtime import Portal
from services.portal.settings import Settings as PortalSettings
from services.province_gateway import app as gateway
from services.province_gateway.settings import Settings as GatewaySettings
from shared.http import SECRET_HEADER
from shared.messaging.runtime import MessagingRuntime
from tests.support.databases import Databases
from tests.support.factories import COMMUNE, COPY, PROVINCE, SECRET, hear, take_queue

HEADERS = {SECRET_HEADER: SECRET}  # of a call to an internal endpoint
URLS = {name: f"http://{name}.test" for name in ("portal", "gateway", "identity", "payment")}
ADDRESSES: dict[str, Any] = {
    "PORTAL_URL": URLS["portal"],
    "PROVINCE_GATEWAY_URL": URLS["gateway"],
    "IDENTITY_URL": URLS["identity"],
    "PAYMENT_URL": URLS["payment"],
    "PAYMENT_PARTNER_SECRET": SECRET,
    "SERVICE_SECRET": SECRET,
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody listens there
    "lease": timedelta(seconds=60),  # transactions end after two thirds of it: a busy machine must not fail a test
}
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
Fault = Callable[[httpx.Request], Awaitable[httpx.Response | None]]


class Street(httpx.AsyncBaseTransport):
    """The transport to one service. `faults` get every request first: they reply, raise, wait, or pass it on (None)."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.faults: list[Fault] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for fault in self.faults:
            if (answer := await fault(request)) is not None:
                return answer
        return await self._transport.handle_async_request(request)


class Country:
    def __init__(self, apps: dict[str, FastAPI]) -> None:
        self.apps = apps
        self.streets = {name: Street(app) for name, app in apps.items()}
        mounts = {URLS[name]: street for name, street in self.streets.items()}
        for app in apps.values():
            app.state.runtime.mounts = mounts
        self.http = httpx.AsyncClient(mounts=mounts, timeout=30, headers=HEADERS)
        self.portal: Portal = apps["portal"].state.runtime
        self.gateway: MessagingRuntime[Any] = apps["gateway"].state.runtime

    async def ask(self, service: str, method: str, path: str, **options: Any) -> httpx.Response:
        self.http.cookies.clear()  # programs keep none; one that chose a sandbox would choose it for the next test, too
        return await self.http.request(method, URLS[service] + path, **options)

    async def sandbox(self, **wish: Any) -> Sandbox:
        answer = await self.ask("portal", "POST", "/_lab/sandboxes", json=wish)
        assert answer.status_code == 201 and answer.json()["lagging"] == [], answer.text
        return Sandbox(self, answer.json())

    @asynccontextmanager
    async def fault(self, service: str, fault: Fault) -> AsyncIterator[None]:
        self.streets[service].faults.append(fault)
        try:
            yield
        finally:
            self.streets[service].faults.remove(fault)

    def silent(self, service: str, path: str = "") -> Any:
        """Refuse connections to the service, as if its process had ended."""

        async def refuse(request: httpx.Request) -> httpx.Response | None:
            if path in request.url.path:
                raise httpx.ConnectError("nobody is there", request=request)
            return None

        return self.fault(service, refuse)


class Sandbox:
    def __init__(self, country: Country, row: dict[str, Any]) -> None:
        self.country, self.id, self.start = country, str(row["id"]), str(row["now"])

    @property
    def header(self) -> dict[str, str]:
        return {"X-Sandbox": self.id}

    async def lab(self, path: str, body: Any = None) -> httpx.Response:
        return await self.country.ask("portal", "POST", f"/_lab/sandboxes/{self.id}{path}", json=body)

    async def move(self, **by: float) -> None:
        """Move the clock in all services at once, firing nothing; `by` as for timedelta."""
        now = datetime.fromisoformat((await self.clock())["now"])
        await self.country.portal.ownership.set_clock(self.id, now + timedelta(**by))

    async def clock(self) -> dict[str, Any]:
        return dict((await self.country.ask("portal", "GET", f"/_lab/sandboxes/{self.id}/clock")).json())

    async def carry(self) -> None:
        """Carry every event of this sandbox to its reader, until no event is left."""
        portal, gateway = self.country.portal, self.country.gateway
        while True:
            out, back = await take_queue(portal, self.id), await take_queue(gateway, self.id)
            if not out and not back:
                return
            await hear(gateway, *out)
            await hear(portal, *back)

    async def fire(self) -> list[str]:
        """Fire the timers that are due now; returns their kinds, in order."""
        fired = [timer["kind"] for timer in await self.country.gateway.fire(self.id)]
        await self.carry()
        return fired

    async def sign_in(self, persona: str = "lan", client_id: str = "lienthong-demo") -> Citizen:
        tokens = await self.tokens(persona, client_id)
        return Citizen(self, tokens["access_token"])

    async def tokens(self, persona: str = "lan", client_id: str = "lienthong-demo") -> dict[str, Any]:
        http, issuer = self.country.http, f"{URLS['identity']}/s/{self.id}"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        who = {"client_id": client_id, "redirect_uri": "http://127.0.0.1/back"}
        asked = {"response_type": "code", "scope": "openid", "login_hint": persona, **who}
        answer = await http.get(
            f"{issuer}/authorize", params={**asked, "code_challenge": challenge, "code_challenge_method": "S256"}
        )
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, **who}
        answer = await http.post(f"{issuer}/token", data=form)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


class Citizen:
    """A citizen with an access token, as a client of the portal."""

    def __init__(self, sandbox: Sandbox, token: str) -> None:
        self.sandbox, self.token = sandbox, token

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        """A request to the portal; a POST gets a new Idempotency-Key unless one is given ("": none)."""
        key = uuid.uuid4().hex if key is None and method == "POST" else key
        headers = {"Authorization": f"Bearer {self.token}", **({"Idempotency-Key": key} if key else {})}
        headers |= options.pop("headers", {})
        if body is not None:
            options["content"] = json.dumps(body).encode()  # with \u escapes: a lone surrogate can travel
            headers.setdefault("Content-Type", "application/json")
        return await self.sandbox.country.ask("portal", method, f"/api/v1{path}", headers=headers, **options)

    async def submit(self, *, key: str | None = None, **change: Any) -> httpx.Response:
        return await self.ask("POST", "/dossiers", submission(**change), key=key)

    async def submitted(self, **change: Any) -> str:
        """The code of a new dossier."""
        answer = await self.submit(**change)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])

    async def dossier(self, code: str) -> dict[str, Any]:
        answer = await self.ask("GET", f"/dossiers/{code}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def submission(province: str = PROVINCE, commune: str | None = COMMUNE, **change: Any) -> dict[str, Any]:
    return {"procedure": COPY, "authority": {"province": province, "commune": commune}, **change}


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem in a response, also in the message of a wrapper; fails unless it has this status and slug."""
    body: dict[str, Any] = answer.json()
    if is_wrapped := "error_code" in body:
        body = json.loads(body["message"])
    form = "application/json" if is_wrapped else "application/problem+json"
    assert (answer.status_code, answer.headers["content-type"]) == (status, form), answer.text
    assert body["type"] == f"/problems/{slug}", body
    assert body["title"] and body["title_vi"] and body["detail"] and body["status"] == status
    return body


def pointers(answer: httpx.Response) -> list[str]:
    """The pointers to the parts of a body that do not fit."""
    return [error["pointer"] for error in problem(answer, 422, "body-does-not-fit")["errors"]]


@asynccontextmanager
async def a_country(databases: Databases) -> AsyncIterator[Country]:
    """All four services, ready, each on its own new database."""
    apps = {
        "portal": portal.create_app(PortalSettings(PORTAL_DATABASE_URL=databases(), **ADDRESSES)),
        "gateway": gateway.create_app(GatewaySettings(PROVINCE_GATEWAY_DATABASE_URL=databases(), **ADDRESSES)),
        "identity": identity.create_app(IdentitySettings(database_url=databases(), **ADDRESSES)),
        "payment": payment.create_app(PaymentSettings(database_url=databases(), **ADDRESSES)),
    }
    country = Country(apps)
    async with AsyncExitStack() as stack:
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        await asyncio.gather(*(app.state.runtime.when_ready() for app in apps.values()))
        yield country
        await country.http.aclose()
