"""The client for programs without an event loop: the same names and arguments; every call blocks until its result.

with Country() as country, country.sandbox(seed="spring") as sandbox:
    lan = sandbox.citizen("lan")
    dossier = lan.submit("2.000635", province="37", commune="14464")
    sandbox.clock.advance("1d")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from lienthong import client
from lienthong.background import Background, BackgroundHttp
from lienthong.client.transport import http_client
from lienthong.client.types import Wish
from lienthong.sync_methods import (
    CitizenMethods,
    ClockMethods,
    ConnectorMethods,
    CountryMethods,
    FaultsMethods,
    PaymentsMethods,
    ProvinceMethods,
    SandboxMethods,
)


class Country(CountryMethods):
    """The running country; open while its `with` block runs."""

    there: client.Country

    def __init__(self, url: str | None = None) -> None:
        self.there = client.Country(url)

    @property
    def url(self) -> str:
        """Address of the portal."""
        return self.there.url

    @property
    def doors(self) -> dict[str, Any]:
        """Addresses of all services."""
        return self.there.doors

    def __enter__(self) -> Self:
        self._background = Background()
        self._http = http_client()
        try:
            self.run(self.there.open(BackgroundHttp(self._background, self._http)))
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self.run(self._http.aclose())
        self._background.close()

    def enter(self, sandbox_id: str) -> Sandbox:
        """An existing sandbox; it is not deleted when this program ends."""
        return Sandbox(self._background, self.there.enter(sandbox_id))

    def new_sandbox(self, **wish: Unpack[Wish]) -> Sandbox:
        """A new sandbox that all services know. If a service does not answer, raises NotRunning and leaves no sandbox."""
        return Sandbox(self._background, self.run(self.there.new_sandbox(**wish)))

    def stage(
        self, scenario: str | Path, *, seed: str | None = None, name: str | None = None, time_to_live: str | None = None
    ) -> Sandbox:
        """A new sandbox in the state that a scenario describes, with the `codes` of its dossiers. See docs/scenarios.md."""
        work = self.there.stage(scenario, seed=seed, name=name, time_to_live=time_to_live)
        return Sandbox(self._background, self.run(work))

    @contextmanager
    def sandbox(self, *, keep: bool = False, **wish: Unpack[Wish]) -> Iterator[Sandbox]:
        """A new sandbox for one block, frozen unless it has a rate; deleted at the end unless `keep`."""
        sandbox = self.new_sandbox(**wish)
        try:
            yield sandbox
        finally:
            if not keep:
                self.delete_sandbox(sandbox.id)


class Sandbox(SandboxMethods):
    """One sandbox: an isolated country with its own clock, people, provinces and dossiers.

    id, headers  select the sandbox in requests of your own; codes: of the dossiers of its scenario, by name
    """

    def __init__(self, background: Background, there: client.Sandbox) -> None:
        super().__init__(background, there)
        self.id, self.headers, self.codes = there.id, there.headers, there.codes
        self.clock = Clock(background, there.clock)
        self.payments = Payments(background, there.payments)
        self.faults = Faults(background, there.faults)

    def citizen(self, persona: str) -> Citizen:
        """A person who can sign in: lan, minh, huong, duc (level 2), hoa, tuan (level 1), and the sandbox's own."""
        return Citizen(self._background, self.there.citizen(persona))

    def province(self, code: str) -> Province:
        """The officials of one province: reception and case handlers."""
        return Province(self._background, self.there.province(code))

    def connect(
        self,
        province: str,
        via: str,
        *,
        url: str | None = None,
        binary: bool = False,
        gate: str | None = None,
        profile: str | None = None,
    ) -> Connector:
        """From now on a connector decides for the province; it is told what happened before, per open dossier.

        via      the door through which it is told: pull, webhook, kafka or legacy; `url` is the address of a webhook's
                 receiver, or of the reverse calls of legacy: it is checked first, and its `trouble` in the credentials says
                 why nobody answers there now
        binary   webhooks are sent in CloudEvents' binary mode, not structured
        gate     strict or lenient; by default strict, over legacy lenient
        profile  how the adapter API answers, for legacy; plain by default
        """
        connector = self.run(self.there.connect(province, via, url=url, binary=binary, gate=gate, profile=profile))
        return Connector(self._background, connector)

    def connector(self, province: str) -> Connector:
        """The connector of a connected province, played by the owner of the sandbox; no new key is drawn."""
        return Connector(self._background, self.there.connector(province))


class Connector(ConnectorMethods):
    """The connector of one province. What it says and asks here is as if its own program did."""

    @property
    def credentials(self) -> dict[str, Any]:
        """`key` and the addresses of its doors, for the program under test."""
        return self.there.credentials

    @property
    def key(self) -> str:
        """Send it as `Authorization: Bearer KEY`; empty if none was drawn here."""
        return self.there.key


class Clock(ClockMethods):
    """A sandbox's clock. Instants are aware datetimes or RFC 3339 text; durations are timedeltas or text, `3d` or `P3D`."""


class Citizen(CitizenMethods):
    """One persona as user of the public APIs. Signs in by itself."""

    @property
    def token(self) -> str:
        """The access token; empty before the first request."""
        return self.there.token


class Province(ProvinceMethods):
    """Officials of one province in one sandbox."""

    @property
    def code(self) -> str:
        """As in the catalogue, such as 37."""
        return self.there.code


class Faults(FaultsMethods):
    """The fault rules of a sandbox; docs/faults.md lists all faults."""


class Payments(PaymentsMethods):
    """Decides as the payer would. The platform confirms asynchronously: `settle` waits for it."""
