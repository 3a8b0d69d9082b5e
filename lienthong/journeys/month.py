"""A month in a sandbox of one's own: handed in, supplemented, put off with an apology, overdue all the same, returned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from lienthong.client.citizen import Citizen
from lienthong.client.country import Sandbox
from lienthong.client.types import Fired
from lienthong.journeys import catalogue
from lienthong.journeys.travel import LEVEL_2, Journeyed, act, begin

START = "2026-06-08T08:00:00+07:00"  # a Monday; no public holiday for 30 days
DAYS = 30
ASKED = timedelta(days=1)  # by then the desk has asked for what is missing
JOURNEY = next(each for each in catalogue.ALL_MOVES if each.name == "put-off-and-overdue")


@dataclass(frozen=True)
class Month:
    """What became of it.

    reached  every dossier, as its citizen sees it at the end
    fired    what fell due on the way, in order
    seconds  real time, from the first submission until the clock stood at the end
    """

    reached: list[Journeyed]
    fired: list[Fired]
    seconds: float


async def pass_in(sandbox: Sandbox, count: int = 1) -> Month:
    """`count` dossiers all go the same way; the clock is turned once until their citizens must answer, and once more."""
    begun, end = time.monotonic(), await sandbox.clock.now() + timedelta(days=DAYS)
    citizens = [sandbox.citizen(persona) for persona in LEVEL_2[:count]]
    shares = [len(range(place, count, len(citizens))) for place in range(len(citizens))]
    await asyncio.gather(*(_hand_in(sandbox, *each) for each in zip(citizens, shares, strict=True)))
    first = await sandbox.clock.advance(ASKED)
    await asyncio.gather(*(_answer(sandbox, citizen) for citizen in citizens))
    then = await sandbox.clock.advance(to=end)
    seconds = time.monotonic() - begun
    return Month(await _reached(citizens), first["fired"] + then["fired"], seconds)


async def _hand_in(sandbox: Sandbox, citizen: Citizen, count: int) -> None:
    for _ in range(count):
        await begin(sandbox, citizen, JOURNEY)


async def _answer(sandbox: Sandbox, citizen: Citizen) -> None:
    for dossier in await citizen.dossiers():
        await act(sandbox, citizen, JOURNEY, dossier)


async def _reached(citizens: Iterable[Citizen]) -> list[Journeyed]:
    lists = await asyncio.gather(*(citizen.dossiers() for citizen in citizens))
    return [Journeyed(JOURNEY, dossier) for dossiers in lists for dossier in dossiers]
