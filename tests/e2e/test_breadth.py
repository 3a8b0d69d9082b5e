"""Every procedure, in every province, through each of its channels, at one lawful authority: all come to an end.

A sample by default; `make test-all` (BREADTH=all) walks all 11,254.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from lienthong.client import Citizen, Country, Sandbox
from lienthong.journeys.travel import ENDS, LEVEL_2

START = "2026-05-11T08:00:00+07:00"  # before July 2026, when two of the procedures cease
EVERY = 1 if os.environ.get("BREADTH") == "all" else 41  # prime to the lists below, so that a sample meets all of each
AT_ONCE = 24
WEEKS = 16  # the longest limit is 30 days; two of waiting for the desk, for money and for the result


@dataclass(frozen=True)
class Way:
    procedure: str
    province: str
    commune: str | None
    channel: str
    persona: str


async def _ways(country: Country) -> list[Way]:
    procedures = await country.portal.json("GET", "/api/v1/procedures", params={"on": START[:10]})
    provinces = await country.provinces()
    communes = {each["code"]: await country.communes(each["code"]) for each in provinces}
    ways = []
    for number, procedure in enumerate(procedures):
        for place, province in enumerate(provinces):
            here = communes[province["code"]]
            commune = here[(number + place) % len(here)]["code"] if procedure["level"] == "commune" else None
            for channel in procedure["channels"]:
                persona = LEVEL_2[len(ways) % len(LEVEL_2)]
                ways.append(Way(procedure["code"], province["code"], commune, channel, persona))
    return ways


async def _file(sandbox: Sandbox, citizen: Citizen, me: dict[str, Any], way: Way) -> str:
    if way.channel == "online":
        return (await citizen.submit(way.procedure, way.province, way.commune))["code"]
    applicant = {"id": me["SoDinhDanh"], "name": me["HoVaTen"]}
    desk = sandbox.province(way.province)
    return (await desk.register(way.procedure, way.commune, applicant, channel=way.channel))["code"]


async def _all(work: Iterable[Callable[[], Awaitable[Any]]]) -> list[Any]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(each: Callable[[], Awaitable[Any]]) -> Any:
        async with gate:
            return await each()

    return list(await asyncio.gather(*(one(each) for each in work)))


@pytest.mark.lienthong(seed="breadth", start=START, time_to_live="1d")
async def test_every_procedure_ends_in_every_province_through_each_of_its_channels(
    lienthong: Country, sandbox: Sandbox
) -> None:
    ways = (await _ways(lienthong))[::EVERY]
    citizens = {persona: sandbox.citizen(persona) for persona in LEVEL_2}
    who = {persona: await citizen.who_am_i() for persona, citizen in citizens.items()}
    codes = await _all([lambda way=way: _file(sandbox, citizens[way.persona], who[way.persona], way) for way in ways])
    filed = dict(zip(codes, ways, strict=True))
    assert len(filed) == len(ways)
    ended: dict[str, str] = {}
    for _ in range(WEEKS):
        await sandbox.clock.advance("7d")
        for persona, citizen in citizens.items():
            found = [each for each in await citizen.dossiers() if each["code"] not in ended]
            ended |= {each["code"]: each["status"]["slug"] for each in found if each["status"]["slug"] in ENDS}
            await _all([lambda c=citizen, code=d["code"]: c.pay(code) for d in found if "pay" in d["can"]])
            assert {filed[each["code"]].persona for each in found} <= {persona}
        if len(ended) == len(filed):
            break
    left = {code: filed[code] for code in filed if code not in ended}
    assert not left, left
    assert await sandbox.dead_letters("gateway") == await sandbox.dead_letters("portal") == []
    print(f"{len(filed)} dossiers ended: {dict(Counter(ended.values()))}")
    reached = {(way.procedure, way.channel) for way in ways}, {(way.province, way.channel) for way in ways}
    if EVERY == 1:
        assert len(ways) == len(reached[0]) * 34 > 11_000
    assert len({province for province, _ in reached[1]}) == 34
