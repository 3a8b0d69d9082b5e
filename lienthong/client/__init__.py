"""A small typed client: sandboxes, citizens, provinces and the clock, through the public APIs and the test APIs.

async with Country() as country, country.sandbox(seed="spring") as sandbox:
    lan = sandbox.citizen("lan")
    dossier = await lan.submit("2.000635", province="37", commune="14464")
    await sandbox.clock.advance("1d")

Any event loop of asyncio or trio will do. `lienthong.sync` has the same classes for programs without an event loop.
"""

from __future__ import annotations

from pathlib import Path

from lienthong.client import country
from lienthong.client.citizen import Citizen
from lienthong.client.clock import Clock
from lienthong.client.connectors import Connector
from lienthong.client.country import Sandbox
from lienthong.client.http import NotRunning, Problem
from lienthong.client.payments import Order, Payments
from lienthong.client.province import Province
from lienthong.client.types import (
    Advance,
    Arrival,
    Batch,
    BatchOutcome,
    Cause,
    ConnectorRow,
    Credentials,
    Dossier,
    Entry,
    Event,
    FaultName,
    Move,
    News,
    ProvinceDossier,
    ProvinceMode,
    Reading,
    SandboxRow,
    State,
    Verdict,
    Wish,
)

__all__ = [
    "Advance",
    "Arrival",
    "Batch",
    "BatchOutcome",
    "Cause",
    "Citizen",
    "Clock",
    "Connector",
    "ConnectorRow",
    "Country",
    "Credentials",
    "Dossier",
    "Entry",
    "Event",
    "FaultName",
    "Move",
    "News",
    "NotRunning",
    "Order",
    "Payments",
    "Problem",
    "Province",
    "ProvinceDossier",
    "ProvinceMode",
    "Reading",
    "Sandbox",
    "SandboxRow",
    "State",
    "Verdict",
    "Wish",
]


class Country(country.Country):
    __doc__ = country.Country.__doc__

    async def stage(
        self, scenario: str | Path, *, seed: str | None = None, name: str | None = None, time_to_live: str | None = None
    ) -> Sandbox:
        """A new sandbox in the state that a scenario describes, with the `codes` of its dossiers. See docs/scenarios.md.

        scenario  a file, or the name of a scenario of the package
        raises    ScenarioFault that lists all errors
        """
        from lienthong.scenarios import files, staging

        staged = await staging.stage(self, files.read(scenario), seed=seed, name=name, time_to_live=time_to_live)
        return staged.sandbox
