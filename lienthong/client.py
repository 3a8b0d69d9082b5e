"""A small typed client for the country: sandboxes, citizens, the clock. Speaks to public doors and test doors only.

async with Country() as country, country.sandbox(seed="spring") as sandbox:
    lan = sandbox.citizen("lan")
    dossier = await lan.submit("2.000635", province="37", commune="14464")
    await sandbox.advance(by="P1D")
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from lienthong.doors import Door, NotRunning, Problem
from lienthong.officer import Officer
from lienthong.shapes import Advance, Clock, Dossier, ProvinceDossier, Verdict
from lienthong.timeline import SERVICES, Entry, merged

__all__ = [
    "Advance",
    "Citizen",
    "Clock",
    "Country",
    "Dossier",
    "NotRunning",
    "Officer",
    "Problem",
    "ProvinceDossier",
    "Sandbox",
    "Verdict",
]

DEFAULT_URL = "http://127.0.0.1:8000"
CLIENT_ID = "lienthong-demo"
REDIRECT_URI = "http://127.0.0.1/signed-in"  # never opened: the code is read from the redirect's Location
LARGEST_PAGE = 500  # rows; what the doors give at most
ADVANCE_TIMEOUT = 120.0  # s; a month of a busy sandbox is seconds, a stuck service answers with a verdict long before


class Country:
    """The running country, found by the portal's address alone; `doors` names all the others."""

    def __init__(self, url: str | None = None) -> None:
        self.url = (url or os.environ.get("LIENTHONG_URL") or DEFAULT_URL).rstrip("/")
        self.doors: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self._http = httpx.AsyncClient(timeout=30.0, limits=limits, trust_env=False)
        try:
            self.portal = Door(self._http, self.url)
            self.doors = await self.portal.json("GET", "/_lab/doors")
            self.gateway = Door(self._http, self.doors["province_gateway"])
            self.identity = Door(self._http, self.doors["identity"])
            self.payment = Door(self._http, self.doors["payment"])
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def service(self, name: str) -> Door:
        """By its name in timelines and verdicts: portal, gateway, identity, payment."""
        return cast(Door, getattr(self, name))

    async def provinces(self) -> list[dict[str, Any]]:
        return await every_row(self.portal.send, "/api/v1/provinces")

    async def communes(self, province: str) -> list[dict[str, Any]]:
        return await every_row(self.portal.send, f"/api/v1/provinces/{province}/communes")

    async def procedures(self) -> list[dict[str, Any]]:
        """Those that can be submitted here."""
        return await every_row(self.portal.send, "/api/v1/procedures", offered=True, channel="online")

    async def faults(self, family: str = "") -> list[dict[str, Any]]:
        """Every named fault, or those of http, identity, payment or officers."""
        return await every_row(self.portal.send, "/_lab/faults", **({"family": family} if family else {}))

    async def create_sandbox(self, **wish: Any) -> dict[str, Any]:
        """`wish` may hold seed, name, start, rate and time_to_live; what is None is left to the portal."""
        body = {name: value for name, value in wish.items() if value is not None}
        return cast(dict[str, Any], await self.portal.json("POST", "/_lab/sandboxes", json=body))

    async def show_sandbox(self, sandbox: str) -> dict[str, Any]:
        return cast(dict[str, Any], await self.portal.json("GET", f"/_lab/sandboxes/{sandbox}"))

    async def list_sandboxes(self) -> list[dict[str, Any]]:
        """Every sandbox that lives, in the order of their making."""
        return await every_row(self.portal.send, "/_lab/sandboxes")

    async def change_sandbox(self, sandbox: str, **change: Any) -> dict[str, Any]:
        """`change` may hold name and time_to_live (None: until it is deleted)."""
        return cast(dict[str, Any], await self.portal.json("PATCH", f"/_lab/sandboxes/{sandbox}", json=change))

    async def delete_sandbox(self, sandbox: str) -> None:
        await self.portal.send("DELETE", f"/_lab/sandboxes/{sandbox}")

    def enter(self, sandbox: str) -> Sandbox:
        """A sandbox that exists already; it outlives this program."""
        return Sandbox(self, sandbox)

    @asynccontextmanager
    async def sandbox(
        self,
        *,
        seed: str | None = None,
        rate: float = 0,
        name: str | None = None,
        start: str | None = None,
        time_to_live: str | None = None,
        keep: bool = False,
    ) -> AsyncIterator[Sandbox]:
        """A sandbox of one's own, frozen unless `rate` says otherwise; deleted at the end unless `keep`."""
        row = await self.create_sandbox(seed=seed, rate=rate, name=name, start=start, time_to_live=time_to_live)
        if row["lagging"]:
            raise NotRunning(f"{lagging(row)} `lienthong status` shows who is down.")
        try:
            yield Sandbox(self, row["id"])
        finally:
            if not keep:
                await self.delete_sandbox(row["id"])


async def every_row(send: Callable[..., Awaitable[httpx.Response]], path: str, **params: Any) -> list[Any]:
    """A whole list, page by page, however many rows it has.

    send    asks a door, as `Door.send` does
    params  of the query, such as `offered`
    """
    answer = await send("GET", path, params={"page_size": LARGEST_PAGE, **params})
    rows: list[Any] = answer.json()
    while "next" in answer.links:
        answer = await send("GET", answer.links["next"]["url"])
        rows += answer.json()
    return rows


def lagging(row: dict[str, Any]) -> str:
    """Who has not heard of a new sandbox yet; empty if everybody has."""
    if not row["lagging"]:
        return ""
    return f"Sandbox {row['id']} opens as soon as it is known to {', '.join(row['lagging'])}."


class Sandbox:
    """One small country: its clock, its people, its dossiers."""

    def __init__(self, country: Country, id: str) -> None:
        self.country, self.id = country, id
        self._headers = {"X-Sandbox": id}
        self._lab = f"/_lab/sandboxes/{id}"

    def citizen(self, persona: str) -> Citizen:
        """Signs in at the first call: lan, minh, huong, duc (level 2), hoa, tuan (level 1)."""
        return Citizen(self, persona)

    def officer(self, province: str) -> Officer:
        """The officials of one province: its desk and its handlers."""
        return Officer(self.country.gateway, self._headers, province)

    async def clock(self) -> Clock:
        return cast(Clock, await self.country.portal.json("GET", f"{self._lab}/clock"))

    async def set_clock(self, to: str) -> Clock:
        return cast(Clock, await self.country.portal.json("POST", f"{self._lab}/clock/set", json={"to": to}))

    async def advance(self, *, by: str | None = None, to: str | None = None) -> Advance:
        """Turn the clock, `by` a duration (3d, P3D) or `to` an instant; what falls due happens on the way."""
        body = {name: value for name, value in (("by", by), ("to", to)) if value is not None}
        path = f"{self._lab}/clock/advance"
        return cast(Advance, await self.country.portal.json("POST", path, json=body, timeout=ADVANCE_TIMEOUT))

    async def set_rate(self, rate: float) -> Clock:
        """Let the clock run, so many sandbox seconds per real second; 0 freezes it where it has come."""
        return cast(Clock, await self.country.portal.json("POST", f"{self._lab}/clock/rate", json={"rate": rate}))

    async def settle(self, timeout_seconds: float = 10) -> Verdict:
        """Wait until nothing more can happen at this instant, or say what it waits for."""
        body, patience = {"timeout_seconds": timeout_seconds}, timeout_seconds + 30
        return cast(Verdict, await self.country.portal.json("POST", f"{self._lab}/settle", json=body, timeout=patience))

    async def script(self, code: str, **decisions: Any) -> None:
        """What the officers will decide on one dossier, such as reception="refuse"; may precede the dossier."""
        body = {"decisions": decisions}
        await self.country.gateway.send("PUT", f"/_lab/officers/{code}", json=body, headers=self._headers)

    async def timeline(self, code: str) -> list[Entry]:
        """The story of one dossier, merged from all services."""
        return merged(await asyncio.gather(*(self._part(name, code) for name in SERVICES)))

    async def _part(self, service: str, code: str) -> list[Entry]:
        return await self._rows(service, f"/_lab/timeline/{code}")

    async def dead_letters(self, service: str) -> list[dict[str, Any]]:
        """All of them, oldest first; `service` is portal or gateway."""
        return await self._rows(service, "/_lab/dead-letters")

    async def _rows(self, service: str, path: str) -> list[Any]:
        return await every_row(partial(self.country.service(service).send, headers=self._headers), path)

    async def dead_letter(self, service: str, id: str) -> dict[str, Any]:
        return cast(dict[str, Any], await self._dead(service, "GET", f"/{id}"))

    async def redrive(self, service: str, id: str) -> Any:
        return await self._dead(service, "POST", f"/{id}/redrive")

    async def _dead(self, service: str, method: str, path: str) -> Any:
        return await self.country.service(service).json(method, "/_lab/dead-letters" + path, headers=self._headers)

    async def faults(self) -> list[dict[str, Any]]:
        """The rules that are on, each with how often it was looked at (`seen`) and how often it bit (`fired`)."""
        return await every_row(self.country.portal.send, f"{self._lab}/faults")

    async def fault_on(
        self,
        fault: str,
        *,
        id: str | None = None,
        match: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        nth: int | None = None,
        times: int | None = None,
        probability: float | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> dict[str, Any]:
        """Let something go wrong from now on; every service knows of it when this returns. docs/faults.md names them all.

        match     what must be so, such as province="37"; settings  what the fault may be told ("with"), such as by="1d"
        nth, times, probability   at most one of them; none: every time
        since, until              instants of the sandbox's clock ("from", "until")
        """
        wish: dict[str, Any] = {"id": id, "match": match, "with": settings, "from": since, "until": until}
        wish |= {"nth": nth, "times": times, "probability": probability}
        body = {"fault": fault, **{name: value for name, value in wish.items() if value is not None}}
        return cast(dict[str, Any], await self.country.portal.json("POST", f"{self._lab}/faults", json=body))

    async def fault_off(self, id: str | None = None) -> None:
        """Switch a rule off, or all of them; what they held goes on."""
        path = f"{self._lab}/faults" + (f"/{quote(id, safe='')}" if id is not None else "")
        await self.country.portal.send("DELETE", path)


class Citizen:
    """One persona at the public doors. Signs in again by itself when sandbox time has outlived the token."""

    def __init__(self, sandbox: Sandbox, persona: str) -> None:
        self.sandbox, self.persona = sandbox, persona
        self.token = ""
        self.endpoints: dict[str, Any] = {}
        self._signing_in = asyncio.Lock()

    async def sign_in(self) -> str:
        """The whole OIDC authorization code flow with PKCE; returns the access token."""
        identity = self.sandbox.country.identity
        issuer = identity.url if self.sandbox.id == "default" else f"{identity.url}/s/{self.sandbox.id}"
        self.endpoints = await identity.json("GET", f"{issuer}/.well-known/openid-configuration")
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
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
        answer = await identity.send("GET", self.endpoints["authorization_endpoint"], params=asked)
        returned = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        if "code" not in returned or returned.get("state") != [asked["state"]]:
            nobody = f"{self.persona} is nobody here: log in as lan, minh, huong, duc, hoa or tuan."
            detail = returned["error_description"][0] if returned.get("error") == ["access_denied"] else nobody
            raise Problem("sign-in-failed", answer.status_code, detail, {})
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
    ) -> httpx.Response:
        portal, used = self.sandbox.country.portal, self.token
        if used:
            try:
                return await portal.send(method, path, headers=self._headers(key, more_headers), **options)
            except Problem as problem:
                if problem.status != 401:
                    raise
        async with self._signing_in:
            if self.token == used:  # nobody else has renewed it meanwhile
                await self.sign_in()
        return await portal.send(method, path, headers=self._headers(key, more_headers), **options)

    def _headers(self, key: str | None, more: dict[str, str] | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {}) | (more or {})

    async def who_am_i(self) -> dict[str, Any]:
        token = self.token or await self.sign_in()
        headers = {"Authorization": f"Bearer {token}"}
        identity = self.sandbox.country.identity
        return cast(dict[str, Any], await identity.json("GET", self.endpoints["userinfo_endpoint"], headers=headers))

    async def submit(
        self, procedure: str, province: str, commune: str | None = None, *, key: str | None = None, **more: Any
    ) -> Dossier:
        """`more` may hold note, case, papers, capacity, owner, reception, help_at, payer_group, return_by.

        key  makes a repetition harmless; a new one is drawn when it is left out
        """
        body = {"procedure": procedure, "authority": {"province": province, "commune": commune}}
        body |= {name: value for name, value in more.items() if value is not None}
        return cast(Dossier, await self._ask("POST", "/api/v1/dossiers", key=key or str(uuid.uuid4()), json=body))

    async def upload(self, name: str, content: bytes, media_type: str = "application/pdf") -> dict[str, Any]:
        """A paper into one's store; its `id` is what a submission or a supplement names."""
        digest = hashlib.sha256(content).hexdigest()
        options: dict[str, Any] = {"params": {"name": name, "sha256": digest}, "content": content}
        path, headers = "/api/v1/papers", {"Content-Type": media_type}
        return cast(dict[str, Any], await self._ask("POST", path, more_headers=headers, **options))

    async def supplement(self, code: str, papers: Sequence[dict[str, str]] = (), note: str | None = None) -> Dossier:
        """Answer the request for what is missing."""
        body = {"papers": list(papers), "note": note}
        path, key = f"/api/v1/dossiers/{code}/supplement", str(uuid.uuid4())
        return cast(Dossier, await self._ask("POST", path, key=key, json=body))

    async def rate(self, code: str, scores: dict[str, int], comment: str | None = None) -> Dossier:
        """Nine indicators, 0 to 2 each, once, after the end."""
        body = {"scores": scores, "comment": comment}
        path, key = f"/api/v1/dossiers/{code}/rating", str(uuid.uuid4())
        return cast(Dossier, await self._ask("POST", path, key=key, json=body))

    async def dossiers(self) -> list[Dossier]:
        """All of one's own, newest first."""
        return await every_row(self._send, "/api/v1/dossiers")

    async def dossier(self, code: str) -> Dossier:
        return cast(Dossier, await self._ask("GET", f"/api/v1/dossiers/{code}"))

    async def start_payment(self, code: str, *, key: str | None = None) -> dict[str, Any]:
        """Begin to pay what is due: `reference`, and `checkout_url` where to go."""
        dossier = await self.dossier(code)
        body = {"amount_dong": dossier["fee"]["amount_dong"] if dossier["fee"] else 0}
        path, key = f"/api/v1/dossiers/{code}/payments", key or str(uuid.uuid4())
        return cast(dict[str, Any], await self._ask("POST", path, key=key, json=body))

    async def check_out(self, payment: dict[str, Any], *, outcome: str = "success") -> None:
        """Open the platform's page and pay, or fail to. The confirmation travels by itself."""
        checkout, platform = payment["checkout_url"], self.sandbox.country.payment
        await platform.send("GET", checkout)
        await platform.send("POST", f"{checkout}/pay", json={"outcome": outcome})

    async def pay(self, code: str, *, outcome: str = "success", key: str | None = None) -> dict[str, Any]:
        """Start the payment at the portal, open the platform's checkout, pay."""
        payment = await self.start_payment(code, key=key)
        await self.check_out(payment, outcome=outcome)
        return payment

    async def withdraw(self, code: str, reason: str, *, key: str | None = None) -> Dossier:
        """Ask for withdrawal; the province answers."""
        path, body = f"/api/v1/dossiers/{code}/withdrawal", {"reason": reason}
        return cast(Dossier, await self._ask("POST", path, key=key or str(uuid.uuid4()), json=body))
