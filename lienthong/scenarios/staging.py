"""Stages a scenario: creates a sandbox and makes the scenario happen in it, through the public APIs and test APIs only.

All requests are recorded, so a staged sandbox can be exported and replayed like any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from lienthong.client.concurrency import gather
from lienthong.client.country import Country, Sandbox
from lienthong.client.http import NotRunning, Problem
from lienthong.client.types import Dossier, Verdict
from lienthong.journeys.travel import STEPS_AT_MOST, Journey, JourneyResult, act, begin
from lienthong.scenarios.files import ScenarioFault, ScenarioFile

BEHAVIOUR = (  # fields that a Journey has under the same name
    "name",
    "persona",
    "procedure",
    "province",
    "channel",
    "pays",
    "answers",
    "rates",
    "expects",
    "papers",
)
STORY = (
    "at",
    "commune",
    "decisions",
    "withdraws",
    "state",
)  # fields that it has under another name; all others are sent unchanged
AT_CREATION = ("people", "organisations", "modes", "faults")  # set when the sandbox is created
PATIENCE = 4  # rounds of `settle`, half a minute each
Notify = Callable[[str], None]


@dataclass(frozen=True)
class Staged:
    """The result of staging a scenario.

    sandbox  the new sandbox; its `codes` has the dossier codes by name
    now      its time
    states   state of each dossier, by name
    """

    sandbox: Sandbox
    now: str
    states: dict[str, str]


async def plan(country: Country, file: ScenarioFile, seed: str | None = None) -> dict[str, Any]:
    """Check a scenario: returns its `seed`, `start`, `until`, `handed_in`. Creates nothing. Raises ScenarioFault."""
    document = {**file.document, **({"seed": seed} if seed is not None else {})}
    times = await file.checked("", country.portal.json("POST", "/_lab/scenarios/plan", json=document))
    return cast(dict[str, Any], times)


async def stage(
    country: Country,
    file: ScenarioFile,
    *,
    seed: str | None = None,
    name: str | None = None,
    time_to_live: str | None = None,
    notify: Notify = lambda line: None,
) -> Staged:
    """Create a sandbox and make the scenario happen in it. If it fails, the sandbox is deleted.

    seed    replaces the scenario's seed
    notify  called with the progress
    raises  ScenarioFault that lists all errors, NotRunning
    """
    begins = await plan(country, file, seed)
    label = name or str(file.document["title_en"])[:100]
    sandbox = await country.new_sandbox(
        seed=begins["seed"],
        start=begins["start"],
        name=label,
        time_to_live=time_to_live,
        **{name: file.document[name] for name in AT_CREATION if name in file.document},
    )
    try:
        return await _Staging(sandbox, file, begins, notify).run()
    except BaseException as trouble:
        await country.delete_sandbox(sandbox.id)
        if isinstance(trouble, NotRunning | Problem) and file.document.get("faults"):
            sentence = f"one of these faults breaks a request of the scenario: start it later with `from`. The error: {trouble}"
            raise ScenarioFault(file.error("/faults", sentence)) from trouble
        raise


class _Staging:
    """The dossiers by their position in the file: behaviour, time of submission, and code once submitted."""

    def __init__(self, sandbox: Sandbox, file: ScenarioFile, plan: Mapping[str, Any], notify: Notify) -> None:
        self._sandbox, self._file, self._notify = sandbox, file, notify
        self._until = datetime.fromisoformat(plan["until"]) if plan["until"] else None
        self._journeys = [_journey(each) for each in file.document.get("dossiers", [])]
        self._handed_in = [datetime.fromisoformat(each) for each in plan["handed_in"]]
        self._codes: dict[int, str] = {}
        self._paid: dict[int, int] = {}  # number of the demand paid last, by position

    async def run(self) -> Staged:
        for _ in range(STEPS_AT_MOST):
            now = await self._sandbox.clock.now()
            due = [place for place, at in enumerate(self._handed_in) if at <= now and place not in self._codes]
            for place in due:
                citizen = self._sandbox.citizen(self._journeys[place].persona)
                work = begin(self._sandbox, citizen, self._journeys[place])
                self._codes[place] = await self._file.checked(f"/dossiers/{place}", work)
            verdict = await self._still(self._sandbox.settle())
            results = await self._results()
            if await self._act(results):
                continue
            target = self._next(verdict["next_due"], now, results)
            if target is None:
                break
            await self._still(self._advanced(target))
            self._notify(
                f"{target.isoformat()[:16].replace('T', ' ')}, {len(results)} of {len(self._journeys)} submitted"
            )
        return await self._staged()

    async def _advanced(self, target: datetime) -> Verdict:
        return (await self._sandbox.clock.advance(to=target))["verdict"]

    async def _still(self, verdict: Awaitable[Verdict]) -> Verdict:
        """The verdict once the sandbox no longer waits. A busy machine needs time, and that is not the author's mistake.

        raises  NotRunning if it still waits after PATIENCE rounds of `settle`
        """
        current = await verdict
        for _ in range(PATIENCE):
            if current["verdict"] != "waiting":
                return current
            current = await self._sandbox.settle()
        waits = "; ".join(f"{each['service']}: {each['detail']}" for each in current["waiting_for"])
        raise NotRunning(f"The country makes no progress: {waits}. `lienthong status` shows which process is stuck.")

    async def _set(self, then: Mapping[str, Any]) -> None:
        for province, mode in then.get("modes", {}).items():
            await self._file.checked(f"/then/modes/{province}", self._sandbox.set_mode(province, **mode))
        for place, rule in enumerate(then.get("faults", [])):
            path = f"{self._sandbox.lab}/faults"
            request = self._sandbox.country.portal.json("POST", path, json=rule)
            await self._file.checked(f"/then/faults/{place}", request)

    async def _results(self) -> dict[int, JourneyResult]:
        """The current state of each submitted dossier, by position."""
        personas = sorted({self._journeys[place].persona for place in self._codes})
        lists = await gather(*(self._sandbox.citizen(persona).dossiers() for persona in personas))
        dossiers: dict[str, Dossier] = {each["code"]: each for dossiers in lists for each in dossiers}
        return {place: JourneyResult(self._journeys[place], dossiers[code]) for place, code in self._codes.items()}

    async def _act(self, results: Mapping[int, JourneyResult]) -> bool:
        """Let the citizens act. A journey that waits for an order to expire advances the clock, so it comes last."""
        acted = False
        for place, each in sorted(results.items(), key=lambda item: item[1].journey.pays == "after-expiry"):
            citizen = self._sandbox.citizen(each.journey.persona)
            work = act(self._sandbox, citizen, each.journey, self._unpaid(place, each.dossier))
            done = await self._file.checked(f"/dossiers/{place}", work)
            acted = acted or done != ""
            if done == "pay" and each.dossier["fee"] is not None:
                self._paid[place] = each.dossier["fee"]["demand"]
        return acted

    def _unpaid(self, place: int, dossier: Dossier) -> Dossier:
        """The dossier without the action `pay` if its demand is already paid but not yet confirmed."""
        if dossier["fee"] is None or self._paid.get(place, 0) < dossier["fee"]["demand"]:
            return dossier
        return {**dossier, "can": [each for each in dossier["can"] if each != "pay"]}

    def _next(self, next_due: str | None, now: datetime, results: Mapping[int, JourneyResult]) -> datetime | None:
        """The instant to which to advance the clock next; None at the end of the scenario."""
        later = [at for place, at in enumerate(self._handed_in) if place not in self._codes]
        if self._until is None and not later and all(each.ended for each in results.values()):
            return None
        moments = [*later, *([datetime.fromisoformat(next_due)] if next_due else [])]
        if self._until is not None:
            moments.append(self._until)
        target = min(moments, default=now)
        return target if target > now else None

    async def _staged(self) -> Staged:
        """The result. Raises ScenarioFault that lists every dossier in an unexpected state."""
        results, now = await self._results(), (await self._sandbox.clock.read())["now"]
        wrong = [
            self._file.error(f"/dossiers/{place}/{at}", f"{text} at {now}") for place, at, text in _mismatches(results)
        ]
        if wrong:
            raise ScenarioFault("\n".join(wrong))
        await self._set(self._file.document.get("then", {}))
        dossiers = {self._journeys[place].name: each.dossier for place, each in results.items()}
        self._sandbox.codes = {name: dossier["code"] for name, dossier in dossiers.items()}
        return Staged(self._sandbox, now, {name: dossier["status"]["slug"] for name, dossier in dossiers.items()})


def _journey(part: Mapping[str, Any]) -> Journey:
    fields = {name: part[name] for name in BEHAVIOUR if name in part}
    if withdrawal := part.get("withdraws"):
        fields["withdraws"] = withdrawal["reason"]
        fields |= {"withdraws_in": withdrawal["when"]} if "when" in withdrawal else {}
    submission = {name: value for name, value in part.items() if name not in (*BEHAVIOUR, *STORY)}
    return Journey(
        **fields,
        commune=part.get("commune"),
        ends=part["state"],
        decisions=part.get("decisions", {}),
        submission=submission,
    )


def _mismatches(results: Mapping[int, JourneyResult]) -> list[tuple[int, str, str]]:
    """Differences from the scenario: position of the dossier, member, and a sentence."""
    mismatches = []
    for place, each in results.items():
        state = each.dossier["status"]["slug"]
        if state != each.journey.ends:
            mismatches.append((place, "state", f"expected {each.journey.ends}, but {each.dossier['code']} is {state}"))
        elif not each.ended:
            mismatches.append((place, "state", f"a refund of {each.dossier['code']} is still pending"))
        wrong = each.mismatches.items()
        mismatches += [
            (place, f"expects/{name}", f"it is {value!r} in {each.dossier['code']}") for name, value in wrong
        ]
    return mismatches
