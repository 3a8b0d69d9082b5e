"""A scenario made to happen, through public doors and test doors only: whoever could not do it by hand cannot do it here.

Everything is a recorded call, so a staged sandbox can be exported and replayed like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from lienthong.client.country import Country, Sandbox
from lienthong.client.http import NotRunning
from lienthong.client.types import Dossier
from lienthong.journeys.travel import STEPS_AT_MOST, Journey, Journeyed, act, begin
from lienthong.scenarios.files import ScenarioFault, ScenarioFile

BEHAVIOUR = (  # and those that a journey has by the same name
    *("name", "persona", "procedure", "province"),
    *("channel", "pays", "answers", "rates", "expects", "papers"),
)
STORY = (
    "at",
    "commune",
    "decisions",
    "withdraws",
    "state",
)  # and those that it has otherwise; all others are sent as they are
AT_FIRST = ("people", "organisations", "modes", "faults")  # of a sandbox, from its making on
Say = Callable[[str], None]


@dataclass(frozen=True)
class Staged:
    """A sandbox in which a scenario has happened.

    sandbox  knows the `codes` of its dossiers, by their names
    now      what its clock shows
    states   where each dossier stands, by its name
    """

    sandbox: Sandbox
    now: str
    states: dict[str, str]


async def plan(country: Country, file: ScenarioFile, seed: str | None = None) -> dict[str, Any]:
    """When it plays, and that it can: `seed`, `start`, `until`, `handed_in`. Makes nothing. Raises ScenarioFault."""
    document = {**file.document, **({"seed": seed} if seed is not None else {})}
    told = await file.told("", country.portal.json("POST", "/_lab/scenarios/plan", json=document))
    return cast(dict[str, Any], told)


async def stage(
    country: Country,
    file: ScenarioFile,
    *,
    seed: str | None = None,
    name: str | None = None,
    time_to_live: str | None = None,
    say: Say = lambda line: None,
) -> Staged:
    """A new sandbox in which the scenario happens. Nothing is left behind of one that fails.

    seed    another one than the scenario's
    say     is told how far it has come
    raises  ScenarioFault with everything that is wrong, NotRunning
    """
    begins = await plan(country, file, seed)
    label = name or str(file.document["title_en"])[:100]
    sandbox = await country.new_sandbox(
        seed=begins["seed"],
        start=begins["start"],
        name=label,
        time_to_live=time_to_live,
        **{name: file.document[name] for name in AT_FIRST if name in file.document},
    )
    try:
        return await _Stage(sandbox, file, begins, say).play()
    except BaseException as trouble:
        await country.delete_sandbox(sandbox.id)
        if isinstance(trouble, NotRunning) and file.document.get("faults"):
            said = f"one of these breaks a door, so begin it later with `from`; or else: {trouble}"
            raise ScenarioFault(file.says("/faults", said)) from trouble
        raise


class _Stage:
    """The dossiers by their places in the file: what each is to do, when it is handed in, its code from then on."""

    def __init__(self, sandbox: Sandbox, file: ScenarioFile, plan: Mapping[str, Any], say: Say) -> None:
        self._sandbox, self._file, self._say = sandbox, file, say
        self._until = datetime.fromisoformat(plan["until"]) if plan["until"] else None
        self._journeys = [_journey(each) for each in file.document.get("dossiers", [])]
        self._handed_in = [datetime.fromisoformat(each) for each in plan["handed_in"]]
        self._codes: dict[int, str] = {}
        self._paid: dict[int, int] = {}  # the demand that was paid last

    async def play(self) -> Staged:
        for _ in range(STEPS_AT_MOST):
            now = await self._sandbox.clock.now()
            ripe = [place for place, at in enumerate(self._handed_in) if at <= now and place not in self._codes]
            for place in ripe:
                citizen = self._sandbox.citizen(self._journeys[place].persona)
                work = begin(self._sandbox, citizen, self._journeys[place])
                self._codes[place] = await self._file.told(f"/dossiers/{place}", work)
            verdict = await self._sandbox.settle()
            found = await self._look()
            if await self._act(found):
                continue
            target = self._next(verdict["next_due"], now, found)
            if target is None:
                break
            turned = await self._sandbox.clock.advance(to=target)
            if turned["verdict"]["verdict"] == "waiting":
                raise ScenarioFault(self._file.says("", f"it stands still: {turned['verdict']['waiting_for']}"))
            self._say(f"{turned['now'][:16].replace('T', ' ')}, {len(found)} of {len(self._journeys)} handed in")
        return await self._staged()

    async def _set(self, then: Mapping[str, Any]) -> None:
        for province, mode in then.get("modes", {}).items():
            await self._file.told(f"/then/modes/{province}", self._sandbox.set_mode(province, **mode))
        for place, rule in enumerate(then.get("faults", [])):
            door = f"{self._sandbox.lab}/faults"
            on = self._sandbox.country.portal.json("POST", door, json=rule)
            await self._file.told(f"/then/faults/{place}", on)

    async def _look(self) -> dict[int, Journeyed]:
        """Where each stands that was handed in, by its place."""
        personas = sorted({self._journeys[place].persona for place in self._codes})
        lists = await asyncio.gather(*(self._sandbox.citizen(persona).dossiers() for persona in personas))
        dossiers: dict[str, Dossier] = {each["code"]: each for dossiers in lists for each in dossiers}
        return {place: Journeyed(self._journeys[place], dossiers[code]) for place, code in self._codes.items()}

    async def _act(self, found: Mapping[int, Journeyed]) -> bool:
        """What citizens do now; who waits for an order to expire turns the clock, so whatever was read is old then."""
        acted = False
        for place, each in sorted(found.items(), key=lambda item: item[1].journey.pays == "after-expiry"):
            citizen = self._sandbox.citizen(each.journey.persona)
            work = act(self._sandbox, citizen, each.journey, self._unpaid(place, each.dossier))
            done = await self._file.told(f"/dossiers/{place}", work)
            acted = acted or done != ""
            if done == "pay" and each.dossier["fee"] is not None:
                self._paid[place] = each.dossier["fee"]["demand"]
        return acted

    def _unpaid(self, place: int, dossier: Dossier) -> Dossier:
        """The dossier; nobody pays a demand twice, though its confirmation may be long in coming."""
        if dossier["fee"] is None or self._paid.get(place, 0) < dossier["fee"]["demand"]:
            return dossier
        return {**dossier, "can": [each for each in dossier["can"] if each != "pay"]}

    def _next(self, next_due: str | None, now: datetime, found: Mapping[int, Journeyed]) -> datetime | None:
        """The moment to which the clock is turned now; None when it is where it shall stand."""
        to_come = [at for place, at in enumerate(self._handed_in) if place not in self._codes]
        if self._until is None and not to_come and all(each.ended for each in found.values()):
            return None
        moments = [*to_come, *([datetime.fromisoformat(next_due)] if next_due else [])]
        if self._until is not None:
            moments.append(self._until)
        target = min(moments, default=now)
        return target if target > now else None

    async def _staged(self) -> Staged:
        """What came of it. Raises ScenarioFault for every dossier that does not stand where it should."""
        found, now = await self._look(), (await self._sandbox.clock.read())["now"]
        wrong = [self._file.says(f"/dossiers/{place}/{at}", f"{said} at {now}") for place, at, said in _astray(found)]
        if wrong:
            raise ScenarioFault("\n".join(wrong))
        await self._set(self._file.document.get("then", {}))
        named = {self._journeys[place].name: each.dossier for place, each in found.items()}
        self._sandbox.codes = {name: dossier["code"] for name, dossier in named.items()}
        return Staged(self._sandbox, now, {name: dossier["status"]["slug"] for name, dossier in named.items()})


def _journey(part: Mapping[str, Any]) -> Journey:
    told = {name: part[name] for name in BEHAVIOUR if name in part}
    if withdrawal := part.get("withdraws"):
        told["withdraws"] = withdrawal["reason"]
        told |= {"withdraws_in": withdrawal["when"]} if "when" in withdrawal else {}
    submission = {name: fact for name, fact in part.items() if name not in (*BEHAVIOUR, *STORY)}
    return Journey(
        **told,
        commune=part.get("commune"),
        ends=part["state"],
        decisions=part.get("decisions", {}),
        submission=submission,
    )


def _astray(found: Mapping[int, Journeyed]) -> list[tuple[int, str, str]]:
    """What is otherwise than the scenario says: the dossier's place, the member, a sentence."""
    astray = []
    for place, each in found.items():
        state = each.dossier["status"]["slug"]
        if state != each.journey.ends:
            astray.append((place, "state", f"it is {each.journey.ends} here, and {each.dossier['code']} is {state}"))
        elif not each.ended:
            astray.append((place, "state", f"money of {each.dossier['code']} is still on its way back"))
        wrong = each.amiss.items()
        astray += [(place, f"expects/{name}", f"it is {value!r} in {each.dossier['code']}") for name, value in wrong]
    return astray
