"""What the load applies for, and where: procedures, provinces and communes, read through the public API."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lienthong.client import Country
from lienthong.journeys.travel import Journey
from tools.prove.mix import has_fee

QUICK_DAYS = 2  # most dossiers apply for a procedure with this limit, so that they end within a run


@dataclass(frozen=True)
class Choice:
    """A procedure at its competent agency. `elsewhere`: two other communes of the province."""

    procedure: str
    province: str
    commune: str | None
    elsewhere: tuple[str, ...] = ()


@dataclass
class Catalogue:
    """Procedures and communes to choose from."""

    procedures: dict[str, dict[str, Any]]
    communes: dict[str, list[str]]

    @classmethod
    async def read(cls, country: Country) -> Catalogue:
        provinces = [province["code"] for province in await country.provinces()]
        lists = await asyncio.gather(*(country.communes(code) for code in provinces))
        communes = {code: [each["code"] for each in rows] for code, rows in zip(provinces, lists, strict=True)}
        return cls({str(each["code"]): each for each in await country.procedures()}, communes)

    def deal_provinces(self, rng: random.Random) -> Iterator[str]:
        """Provinces without end; every 34 of them are all."""
        while True:
            yield from rng.sample(sorted(self.communes), len(self.communes))

    def draw(self, rng: random.Random, journey: Journey, province: str) -> Choice:
        """The procedure of the journey if its path depends on it, otherwise any quick one."""
        bound = has_fee(journey) or journey.submission or journey.procedure not in self._quick
        procedure = journey.procedure if bound else rng.choice(self._quick)
        is_communal = self.procedures[procedure]["level"] == "commune"
        commune, *elsewhere = rng.sample(self.communes[province], 3)
        return Choice(procedure, province, commune if is_communal else None, tuple(elsewhere))

    @property
    def _quick(self) -> list[str]:
        return sorted(code for code, each in self.procedures.items() if each["working_days"] <= QUICK_DAYS)
