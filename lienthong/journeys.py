"""Whole journeys of dossiers through the public doors: who asks for what, and the end it is meant to reach."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lienthong.client import Citizen, Country, Dossier, Sandbox
from lienthong.timeline import Entry

REFUSED, IN_PROCESSING, WITHDRAWN, RETURNED = 3, 4, 7, 10
ENDS = (REFUSED, WITHDRAWN, RETURNED)
STEPS_AT_MOST = 400  # moments at which something falls due: more than a hundred working days
DAYS_AT_MOST = 60  # the longest limit chosen below is ten working days; Tết may fall into it
LEVEL_2 = ("lan", "minh", "huong", "duc")  # personas whom every procedure accepts

Listener = Callable[[Entry], None]  # is told every event of the dossier, in order, as soon as it is known


@dataclass(frozen=True)
class Journey:
    """`ends` is the status it is meant to reach; `decisions` is what its officers are told to decide."""

    name: str
    persona: str
    procedure: str
    province: str
    commune: str | None
    ends: int
    decisions: dict[str, Any] = field(default_factory=lambda: {"reception": "receive"})
    withdraws: str = ""  # the reason given, once the dossier is paid and in processing


@dataclass(frozen=True)
class Journeyed:
    """A journey and where it came to."""

    journey: Journey
    dossier: Dossier

    @property
    def reached(self) -> bool:
        """Whether it ended where it was meant to, and nobody's money is left behind."""
        fee = self.dossier["fee"]
        paid_back = fee is None or fee["status"] in ("due", "refunded")
        return self.dossier["status"]["code"] == self.journey.ends and (self.journey.ends == RETURNED or paid_back)


async def travel(sandbox: Sandbox, journey: Journey, tell: Listener) -> Journeyed:
    """One dossier from submission to its end; the clock of the sandbox is turned from due moment to due moment."""
    citizen = sandbox.citizen(journey.persona)
    code = (await submit(sandbox, citizen, journey))["code"]
    verdict, told = await sandbox.settle(), 0
    for _ in range(STEPS_AT_MOST):
        events = [entry for entry in await sandbox.timeline(code) if entry["kind"] == "event"]
        for entry in events[told:]:
            tell(entry)
        dossier, told = await citizen.dossier(code), len(events)
        if "pay" in dossier["can"]:
            await citizen.pay(code)
            verdict = await sandbox.settle()
        elif journey.withdraws and dossier["status"]["code"] == IN_PROCESSING and dossier["withdrawal"] == "none":
            await citizen.withdraw(code, journey.withdraws)
            verdict = await sandbox.settle()
        elif Journeyed(journey, dossier).reached or verdict["next_due"] is None:
            break
        else:
            verdict = (await sandbox.advance(to=verdict["next_due"]))["verdict"]
    return Journeyed(journey, dossier)


async def submit(sandbox: Sandbox, citizen: Citizen, journey: Journey) -> Dossier:
    """Submit, and tell the officers what to decide before the clock moves."""
    dossier = await citizen.submit(journey.procedure, journey.province, journey.commune)
    await sandbox.script(dossier["code"], **journey.decisions)
    return dossier


async def travel_together(sandbox: Sandbox, journeys: Sequence[Journey]) -> list[Journeyed]:
    """Many dossiers at once, day by day; each citizen pays what is due."""
    citizens = {journey.persona: sandbox.citizen(journey.persona) for journey in journeys}
    await asyncio.gather(*(citizen.sign_in() for citizen in citizens.values()))
    begun = await asyncio.gather(*(submit(sandbox, citizens[each.persona], each) for each in journeys))
    travelling = {dossier["code"]: journey for dossier, journey in zip(begun, journeys, strict=True)}
    found: dict[str, Dossier] = {}
    for _ in range(DAYS_AT_MOST):
        await sandbox.advance(by="P1D")
        while True:
            lists = await asyncio.gather(*(citizen.dossiers() for citizen in citizens.values()))
            found = {dossier["code"]: dossier for some in lists for dossier in some if dossier["code"] in travelling}
            owing = [code for code, dossier in found.items() if "pay" in dossier["can"]]
            if not owing:
                break
            await asyncio.gather(*(citizens[travelling[code].persona].pay(code) for code in owing))
            await sandbox.settle()
        if all(found[code]["status"]["code"] in ENDS for code in travelling):
            break
    return [Journeyed(journey, found[code]) for code, journey in travelling.items()]


async def one_in_each_province(country: Country) -> list[Journey]:
    """34 journeys to a returned result, procedures with and without fee in turn; the same 34 at every call."""
    offered = sorted(await country.procedures(), key=lambda each: str(each["code"]))
    quick = [each for each in offered if each["working_days"] <= 10]
    with_fee = [each for each in quick if each["fee_online_dong"]]
    free = [each for each in quick if not each["fee_online_dong"]]
    journeys = []
    for lane, province in enumerate(sorted(await country.provinces(), key=lambda each: str(each["code"]))):
        choice = (with_fee, free)[lane % 2]
        procedure = choice[lane // 2 % len(choice)]
        communes = await country.communes(province["code"])
        commune = communes[7 * lane % len(communes)]["code"] if procedure["level"] == "commune" else None
        persona = LEVEL_2[lane % len(LEVEL_2)]
        journeys.append(Journey("country", persona, procedure["code"], province["code"], commune, RETURNED))
    return journeys


THREE = (
    Journey("returned", "lan", "2.000635", "37", "14464", RETURNED),
    Journey(
        name="refused",
        persona="minh",
        procedure="1.004194",
        province="01",
        commune="00004",
        ends=REFUSED,
        decisions={"reception": "refuse", "reason": "Thiếu giấy tờ chứng minh chỗ ở hợp pháp"},
    ),
    Journey(
        name="withdrawn",
        persona="huong",
        procedure="1.004222",
        province="79",
        commune="26740",
        ends=WITHDRAWN,
        decisions={"reception": "receive", "processing_days": 5},  # time enough to change one's mind
        withdraws="Tôi chuyển đi nơi khác",
    ),
)
