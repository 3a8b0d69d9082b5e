"""A small typed client: sandboxes, citizens, provinces and the clock, through the public APIs and the test APIs.

async with Country() as country, country.sandbox(seed="spring") as sandbox:
    lan = sandbox.citizen("lan")
    dossier = await lan.submit("2.000635", province="37", commune="14464")
    await sandbox.clock.advance("1d")

`lienthong.sync` has the same classes for programs without an event loop.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast
from urllib.parse import quote

from lienthong.client.arguments import code_first
from lienthong.client.citizen import Citizen
from lienthong.client.clock import Clock
from lienthong.client.concurrency import gather
from lienthong.client.connectors import Connectors
from lienthong.client.faults import Faults
from lienthong.client.http import Http, NotRunning, Problem, ServiceClient, Services, every_row, rows_in
from lienthong.client.payments import Payments
from lienthong.client.province import Province
from lienthong.client.timeline import SERVICES, merged
from lienthong.client.types import Entry, RedrivenLetter, SandboxRow, Verdict, Wish
from lienthong.client.waits import Waiting

if TYPE_CHECKING:  # a verb of one request sends it without httpx
    pass

DEFAULT_URL = "http://127.0.0.1:8000"
EVENT_SOURCES = ("portal", "gateway")
REDRIVE_SECONDS = 120  # for a hundred dead letters with all the events that wait behind them


class Country(Services):
    """The running country. Only the portal's address is needed; `doors` then has the addresses of all services.

    url  address of the portal; default: LIENTHONG_URL, else the address that `lienthong up` uses
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = (url or os.environ.get("LIENTHONG_URL") or DEFAULT_URL).rstrip("/")
        self.doors: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        from lienthong.client.transport import http_client

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
        """Read all addresses from the portal, and send all requests through `http` from now on."""
        self.portal = ServiceClient(http, self.url)
        try:
            self.doors = await self.portal.json("GET", "/_lab/doors")
        except (Problem, ValueError) as error:
            raise NotRunning(await self._not_a_portal()) from error
        self.gateway = ServiceClient(http, self.doors["province_gateway"])
        self.identity = ServiceClient(http, self.doors["identity"])
        self.payment = ServiceClient(http, self.doors["payment"])

    async def _not_a_portal(self) -> str:
        """What answers at the address of the portal."""
        try:
            service = (await self.portal.json("GET", "/healthz"))["service"]
        except (Problem, ValueError, LookupError, TypeError):
            return f"What answers at {self.url} is no portal of Liên Thông: name the portal's address, such as {DEFAULT_URL}."
        return f"{self.url} is the address of {service}: name that of the portal, such as {DEFAULT_URL}."

    async def provinces(self) -> list[dict[str, Any]]:
        """The 34 provinces."""
        return await every_row(self.portal.send, "/api/v1/provinces")

    async def communes(self, province: str) -> list[dict[str, Any]]:
        """The communes of a province."""
        return await every_row(self.portal.send, f"/api/v1/provinces/{province}/communes")

    async def procedures(self) -> list[dict[str, Any]]:
        """Procedures that can be submitted online."""
        return await every_row(self.portal.send, "/api/v1/procedures", offered=True, channel="online")

    async def faults(self, family: str = "") -> list[dict[str, Any]]:
        """Every named fault, or those of one `family`, such as http: each fault names its own."""
        return await every_row(self.portal.send, "/_lab/faults", **({"family": family} if family else {}))

    async def create_sandbox(self, **wish: Unpack[Wish]) -> SandboxRow:
        """What is left out or None is left to the portal; docs/faults.md and docs/modes.md say more of `faults`, `modes`."""
        body = {name: value for name, value in wish.items() if value is not None}
        return cast(SandboxRow, await self.portal.json("POST", "/_lab/sandboxes", json=body))

    async def show_sandbox(self, sandbox_id: str) -> SandboxRow:
        """A sandbox by its id."""
        return cast(SandboxRow, await self.portal.json("GET", f"/_lab/sandboxes/{sandbox_id}"))

    async def list_sandboxes(self) -> list[SandboxRow]:
        """All sandboxes, the oldest first."""
        return await every_row(self.portal.send, "/_lab/sandboxes")

    async def change_sandbox(self, /, sandbox_id: str, **change: Any) -> SandboxRow:
        """Change `name` or `time_to_live` (None: no end) of a sandbox."""
        return cast(SandboxRow, await self.portal.json("PATCH", f"/_lab/sandboxes/{sandbox_id}", json=change))

    async def projections(self) -> list[dict[str, Any]]:
        """What the portal computes from events: `name`, `sources`, `generation`, `behind`, `lanes_cut`."""
        return await every_row(self.portal.send, "/_lab/projections")

    async def rebuild_projection(self, name: str) -> dict[str, Any]:
        """Compute a projection again from the first event; it is complete once `behind` is 0."""
        return cast(dict[str, Any], await self.portal.json("POST", f"/_lab/projections/{quote(name, safe='')}/rebuild"))

    async def delete_sandbox(self, sandbox_id: str) -> None:
        """Delete a sandbox in all services."""
        await self.portal.send("DELETE", f"/_lab/sandboxes/{sandbox_id}")

    def enter(self, sandbox_id: str) -> Sandbox:
        """An existing sandbox; it is not deleted when this program ends."""
        return Sandbox(self, sandbox_id)

    async def new_sandbox(self, **wish: Unpack[Wish]) -> Sandbox:
        """A new sandbox that all services know. If a service does not answer, raises NotRunning and leaves no sandbox."""
        row = await self.create_sandbox(**wish)
        if row["lagging"]:
            await self.delete_sandbox(row["id"])
            raise NotRunning(
                f"{', '.join(row['lagging'])} did not open the new sandbox; `lienthong status` shows which service is down."
            )
        return Sandbox(self, row["id"])

    @asynccontextmanager
    async def sandbox(self, *, keep: bool = False, **wish: Unpack[Wish]) -> AsyncIterator[Sandbox]:
        """A new sandbox for one block, frozen unless it has a rate; deleted at the end unless `keep`."""
        sandbox = await self.new_sandbox(**wish)
        try:
            yield sandbox
        finally:
            if not keep:
                await self.delete_sandbox(sandbox.id)


def lagging_text(row: SandboxRow) -> str:
    """A sentence that names the services that do not know a new sandbox yet; empty if all know it."""
    if not row["lagging"]:
        return ""
    return f"Sandbox {row['id']} can be used as soon as these services know it: {', '.join(row['lagging'])}."


class Sandbox(Connectors, Waiting):
    """One sandbox: an isolated country with its own clock, people, provinces and dossiers.

    codes    dossier codes of the scenario, by name; empty without a scenario
    """

    country: Country

    def __init__(self, country: Country, id: str) -> None:
        super().__init__(country, id)
        self.codes: dict[str, str] = {}
        self.clock = Clock(country, id)
        self.payments = Payments(self)
        self.faults = Faults(country, id)

    def citizen(self, persona: str) -> Citizen:
        """Signs in at the first request. Personas: lan, minh, huong, duc (level 2), hoa, tuan (level 1), and the sandbox's own."""
        return Citizen(self, persona)

    def province(self, code: str) -> Province:
        """The officials of one province: reception and case handlers."""
        return Province(self, code)

    async def show(self) -> SandboxRow:
        """Its seed, API key, OpenID Connect client and issuer: the settings of a program under test."""
        return await self.country.show_sandbox(self.id)

    async def settle(self, timeout_seconds: float = 30) -> Verdict:
        """Wait until nothing more can happen at this instant of the clock; else the verdict names what it waits for."""
        path, body = f"{self.lab}/settle", {"timeout_seconds": timeout_seconds}
        patience = timeout_seconds + 30
        return cast(Verdict, await self.country.portal.json("POST", path, json=body, timeout=patience))

    async def script(self, /, code: str, **decisions: Any) -> None:
        """Set what the officers will decide on one dossier, such as reception="refuse"; the dossier need not exist yet."""
        body = {"decisions": decisions}
        await self.country.gateway.send("PUT", f"/_lab/officers/{code}", json=body, headers=self.headers)

    async def timeline(self, code: str) -> list[Entry]:
        """The timeline of one dossier, merged from all services."""
        return merged(await gather(*(self.timeline_of(code, name) for name in SERVICES)))

    async def timeline_of(self, code: str, service: str) -> list[Entry]:
        """One service's part of a dossier's timeline; `service` is identity, portal, payment or gateway."""
        code, service = code_first(code, service, "timeline_of(code, service)")
        return await rows_in(self, service, f"/_lab/timeline/{quote(code, safe='')}")

    async def people(self) -> list[dict[str, Any]]:
        """People who can sign in: persona, name, number (12 digits), level, and whom they represent (kind, id, name)."""
        return await rows_in(self, "identity", "/_lab/people")

    async def events(self, code: str) -> list[Entry]:
        """Timeline entries of the events that portal and province sent each other over Kafka about a dossier."""
        return [entry for entry in await self.timeline(code) if entry["kind"] == "event"]

    async def dossiers(self) -> list[str]:
        """Codes of all dossiers that have an event, in order of their first event."""
        parts = await gather(*(rows_in(self, name, f"{self.lab}/events") for name in EVENT_SOURCES))
        events = [(datetime.fromisoformat(row["real_at"]), str(row["subject"])) for part in parts for row in part]
        return list(dict.fromkeys(code for _, code in sorted(events)))

    async def statistics(self, province: str | None = None) -> dict[str, Any]:
        """How many dossiers stand in which state, by province: `dossiers`, `states`, `provinces`, `behind`."""
        query = {"province": province} if province else {}
        path = "/api/v1/statistics"
        return cast(dict[str, Any], await self.country.portal.json("GET", path, params=query, headers=self.headers))

    async def dead_letters(self, service: str) -> list[dict[str, Any]]:
        """Dead letters of a service, oldest first; `service` is portal or gateway."""
        return await rows_in(self, service, "/_lab/dead-letters")

    async def dead_letter(self, service: str, id: str) -> dict[str, Any]:
        """One dead letter: the event, and why it could not be applied."""
        return cast(dict[str, Any], await self._dead(service, "GET", f"/{id}"))

    async def edit_dead_letter(self, service: str, id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace the body of a dead letter; the first one stays as `original`, and `changes` says what differs."""
        return cast(dict[str, Any], await self._dead(service, "PUT", f"/{id}/body", json=body))

    async def redrive(self, service: str, id: str) -> RedrivenLetter:
        """Apply a dead letter again, then the events that wait behind it; `outcome` says what became of it."""
        return cast(RedrivenLetter, await self._dead(service, "POST", f"/{id}/redrive"))

    async def redrive_all(
        self, service: str, *, type: str | None = None, dossier: str | None = None
    ) -> list[RedrivenLetter]:
        """Redrive every open dead letter of a service, oldest first; returns what became of each.

        type, dossier  only those of this event type, or of this dossier
        """
        only: dict[str, Any] = {"type": type, "dossier": dossier}
        letters: list[RedrivenLetter] = []
        while True:
            reply = await self.country.service(service).json(
                "POST", "/_lab/redrives", json=only, headers=self.headers, timeout=REDRIVE_SECONDS
            )
            letters += reply["letters"]
            if reply["next"] is None:
                return letters
            only["after"] = reply["next"]

    async def republish(
        self, service: str, *, lane: int | None = None, dossier: str | None = None, since: str | None = None
    ) -> list[dict[str, Any]]:
        """Let a service publish events again from its event log; readers skip what they have applied.

        lane     only this one
        dossier  only the lane of this dossier, from its first event on
        since    an instant of real time with its offset: each lane from its first event of then or later
        returns  each lane: `topic`, `lane`, `epoch`, `number` of its first event, and how many `events` follow
        """
        given = {"lane": lane, "dossier": dossier, "since": since}
        only = {name: value for name, value in given.items() if value is not None}
        reply = await self.country.service(service).json("POST", "/_lab/republish", json=only, headers=self.headers)
        return cast(list[dict[str, Any]], reply["lanes"])

    async def _dead(self, service: str, method: str, path: str, **options: Any) -> Any:
        address = "/_lab/dead-letters" + path
        return await self.country.service(service).json(method, address, headers=self.headers, **options)
