"""A small typed client for the country: sandboxes, citizens, provinces, the clock. Speaks to public doors and test doors only.

async with Country() as country, country.sandbox(seed="spring") as sandbox:
    lan = sandbox.citizen("lan")
    dossier = await lan.submit("2.000635", province="37", commune="14464")
    await sandbox.clock.advance("1d")

`lienthong.sync` is the same for programs without a loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self, Unpack, cast
from urllib.parse import quote

import httpx

from lienthong.client.citizen import Citizen
from lienthong.client.clock import Clock
from lienthong.client.faults import Faults
from lienthong.client.http import Door, Http, NotRunning, Services, every_row, rows_in
from lienthong.client.modes import ActingProvinces
from lienthong.client.payments import Payments
from lienthong.client.province import Province
from lienthong.client.timeline import SERVICES, merged
from lienthong.client.types import Entry, SandboxRow, Verdict, Wish
from lienthong.client.waits import Waiting

DEFAULT_URL = "http://127.0.0.1:8000"
LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=60)
SPEAKERS = ("portal", "gateway")  # who tells events


class Country(Services):
    """The running country, found by the portal's address alone; `doors` names all the others.

    url  default: LIENTHONG_URL, else where `lienthong up` listens
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = (url or os.environ.get("LIENTHONG_URL") or DEFAULT_URL).rstrip("/")
        self.doors: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        self._http = http_client()
        try:
            await self.open(self._http)
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def open(self, http: Http) -> None:
        """Learn all addresses, and speak to them through `http` from now on."""
        self.portal = Door(http, self.url)
        self.doors = await self.portal.json("GET", "/_lab/doors")
        self.gateway = Door(http, self.doors["province_gateway"])
        self.identity = Door(http, self.doors["identity"])
        self.payment = Door(http, self.doors["payment"])

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

    async def create_sandbox(self, **wish: Unpack[Wish]) -> SandboxRow:
        """What is left out or None is left to the portal; docs/faults.md and docs/modes.md say more of `faults`, `modes`."""
        body = {name: value for name, value in wish.items() if value is not None}
        return cast(SandboxRow, await self.portal.json("POST", "/_lab/sandboxes", json=body))

    async def show_sandbox(self, sandbox: str) -> SandboxRow:
        return cast(SandboxRow, await self.portal.json("GET", f"/_lab/sandboxes/{sandbox}"))

    async def list_sandboxes(self) -> list[SandboxRow]:
        """Every sandbox that lives, in the order of their making."""
        return await every_row(self.portal.send, "/_lab/sandboxes")

    async def change_sandbox(self, /, sandbox: str, **change: Any) -> SandboxRow:
        """`change` may hold name and time_to_live (None: until it is deleted)."""
        return cast(SandboxRow, await self.portal.json("PATCH", f"/_lab/sandboxes/{sandbox}", json=change))

    async def projections(self) -> list[dict[str, Any]]:
        """What the portal computes from events: `name`, `sources`, `generation`, `behind`."""
        return await every_row(self.portal.send, "/_lab/projections")

    async def rebuild_projection(self, name: str) -> dict[str, Any]:
        """Compute a projection again from the first event; it is complete once `behind` is 0."""
        return cast(dict[str, Any], await self.portal.json("POST", f"/_lab/projections/{quote(name, safe='')}/rebuild"))

    async def delete_sandbox(self, sandbox: str) -> None:
        await self.portal.send("DELETE", f"/_lab/sandboxes/{sandbox}")

    def enter(self, sandbox: str) -> Sandbox:
        """A sandbox that exists already; it outlives this program."""
        return Sandbox(self, sandbox)

    async def new_sandbox(self, **wish: Unpack[Wish]) -> Sandbox:
        """One that everybody knows. Raises NotRunning while some service does not answer, and leaves none behind."""
        row = await self.create_sandbox(**wish)
        if row["lagging"]:
            await self.delete_sandbox(row["id"])
            raise NotRunning(
                f"{', '.join(row['lagging'])} heard of no new sandbox; `lienthong status` shows who is down."
            )
        return Sandbox(self, row["id"])

    @asynccontextmanager
    async def sandbox(self, *, keep: bool = False, **wish: Unpack[Wish]) -> AsyncIterator[Sandbox]:
        """A sandbox of one's own, frozen unless it has a rate; deleted at the end unless `keep`."""
        sandbox = await self.new_sandbox(**wish)
        try:
            yield sandbox
        finally:
            if not keep:
                await self.delete_sandbox(sandbox.id)


def http_client() -> httpx.AsyncClient:
    """One that fits a country on this machine.

    Its idle connections live nearly as long as at the server (75 s): httpcore closes several that expire at once one after
    the other, and by then a request may be under way in the second.
    """
    return httpx.AsyncClient(timeout=30.0, limits=LIMITS, trust_env=False)


def lagging(row: SandboxRow) -> str:
    """Who has not heard of a new sandbox yet; empty if everybody has."""
    if not row["lagging"]:
        return ""
    return f"Sandbox {row['id']} opens as soon as it is known to {', '.join(row['lagging'])}."


class Sandbox(ActingProvinces, Waiting):
    """One small country: its clock, its people, its provinces, its dossiers.

    codes    of a scenario's dossiers, by their names; empty where none was staged
    """

    country: Country

    def __init__(self, country: Country, id: str) -> None:
        super().__init__(country, id)
        self.codes: dict[str, str] = {}
        self.clock = Clock(country, id)
        self.payments = Payments(self)
        self.faults = Faults(country, id)

    def citizen(self, persona: str) -> Citizen:
        """Signs in at the first call: lan, minh, huong, duc (level 2), hoa, tuan (level 1), or one of the sandbox's own."""
        return Citizen(self, persona)

    def province(self, code: str) -> Province:
        """The officials of one province: its desk and its handlers."""
        return Province(self, code)

    async def show(self) -> SandboxRow:
        """Its seed, its key, its OpenID Connect client and issuer: what a program under test is told."""
        return await self.country.show_sandbox(self.id)

    async def settle(self, timeout_seconds: float = 30) -> Verdict:
        """Wait until nothing more can happen at this instant, or say what it waits for."""
        path, body = f"{self.lab}/settle", {"timeout_seconds": timeout_seconds}
        patience = timeout_seconds + 30
        return cast(Verdict, await self.country.portal.json("POST", path, json=body, timeout=patience))

    async def script(self, /, code: str, **decisions: Any) -> None:
        """What the officers will decide on one dossier, such as reception="refuse"; may precede the dossier."""
        body = {"decisions": decisions}
        await self.country.gateway.send("PUT", f"/_lab/officers/{code}", json=body, headers=self.headers)

    async def timeline(self, code: str) -> list[Entry]:
        """The story of one dossier, merged from all services."""
        return merged(await asyncio.gather(*(self.told_by(name, code) for name in SERVICES)))

    async def told_by(self, service: str, code: str) -> list[Entry]:
        """One service's part of a story: identity, portal, payment or gateway."""
        return await rows_in(self, service, f"/_lab/timeline/{code}")

    async def people(self) -> list[dict[str, Any]]:
        """Who can sign in here: persona, name, number (12 digits), level, and whom each represents (kind, id, name)."""
        return await rows_in(self, "identity", "/_lab/people")

    async def events(self, code: str) -> list[Entry]:
        """What portal and province told each other of a dossier: that part of its story that went over Kafka."""
        return [entry for entry in await self.timeline(code) if entry["kind"] == "event"]

    async def dossiers(self) -> list[str]:
        """The code of every dossier of which anything was told, in the order of their beginning."""
        parts = await asyncio.gather(*(rows_in(self, name, f"{self.lab}/events") for name in SPEAKERS))
        told = [(datetime.fromisoformat(row["real_at"]), str(row["subject"])) for part in parts for row in part]
        return list(dict.fromkeys(code for _, code in sorted(told)))

    async def statistics(self, province: str | None = None) -> dict[str, Any]:
        """How many dossiers stand in which state, by province: `dossiers`, `states`, `provinces`, `behind`."""
        query = {"province": province} if province else {}
        path = "/api/v1/statistics"
        return cast(dict[str, Any], await self.country.portal.json("GET", path, params=query, headers=self.headers))

    async def dead_letters(self, service: str) -> list[dict[str, Any]]:
        """All of them, oldest first; `service` is portal or gateway."""
        return await rows_in(self, service, "/_lab/dead-letters")

    async def dead_letter(self, service: str, id: str) -> dict[str, Any]:
        return cast(dict[str, Any], await self._dead(service, "GET", f"/{id}"))

    async def redrive(self, service: str, id: str) -> Any:
        return await self._dead(service, "POST", f"/{id}/redrive")

    async def _dead(self, service: str, method: str, path: str) -> Any:
        return await self.country.service(service).json(method, "/_lab/dead-letters" + path, headers=self.headers)
