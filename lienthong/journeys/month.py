"""A month in a sandbox: dossiers are submitted, supplemented, rescheduled with an apology, still overdue, and returned."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from lienthong.client.citizen import Citizen
from lienthong.client.concurrency import gather
from lienthong.client.country import Sandbox
from lienthong.client.types import Fired
from lienthong.journeys import catalogue
from lienthong.journeys.travel import LEVEL_2, JourneyResult, act, begin

START = "2026-06-08T08:00:00+07:00"  # a Monday; no public holiday for 30 days
DAYS = 30
SUPPLEMENT_REQUESTED = timedelta(days=1)  # by then the office has requested the supplement
JOURNEY = next(each for each in catalogue.ALL_MOVES if each.name == "put-off-and-overdue")


@dataclass(frozen=True)
class Month:
    """The result of a month.

    reached  all dossiers as their citizens see them at the end
    fired    the timers that fired, in order
    seconds  real time from the first submission to the end of the month
    """

    reached: list[JourneyResult]
    fired: list[Fired]
    seconds: float


async def pass_in(sandbox: Sandbox, count: int = 1) -> Month:
    """Run `count` dossiers on the same path. The clock advances twice: until citizens must supplement, and to the end."""
    begun, end = time.monotonic(), await sandbox.clock.now() + timedelta(days=DAYS)
    citizens = [sandbox.citizen(persona) for persona in LEVEL_2[:count]]
    shares = [len(range(place, count, len(citizens))) for place in range(len(citizens))]
    await gather(*(_submit(sandbox, *each) for each in zip(citizens, shares, strict=True)))
    first = await sandbox.clock.advance(SUPPLEMENT_REQUESTED)
    await gather(*(_supplement(sandbox, citizen) for citizen in citizens))
    second = await sandbox.clock.advance(to=end)
    seconds = time.monotonic() - begun
    return Month(await _reached(citizens), first["fired"] + second["fired"], seconds)


async def _submit(sandbox: Sandbox, citizen: Citizen, count: int) -> None:
    for _ in range(count):
        await begin(sandbox, citizen, JOURNEY)


async def _supplement(sandbox: Sandbox, citizen: Citizen) -> None:
    for dossier in await citizen.dossiers():
        await act(sandbox, citizen, JOURNEY, dossier)


async def _reached(citizens: Iterable[Citizen]) -> list[JourneyResult]:
    lists = await gather(*(citizen.dossiers() for citizen in citizens))
    return [JourneyResult(JOURNEY, dossier) for dossiers in lists for dossier in dossiers]
