"""The load: dossiers of the mix are handed in online, at counters and by post, through the public APIs only."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lienthong.client import Country, Sandbox
from lienthong.client.http import Problem
from lienthong.journeys.travel import LEVEL_2, Journey
from tools.prove.catalogue import Catalogue, Choice
from tools.prove.citizens import Citizens, withdraws_at_once
from tools.prove.clocks import Clocks
from tools.prove.ledger import Key, Ledger, Submission
from tools.prove.mix import STRAIGHT, Mix
from tools.prove.retrying import RetryingDesk

ACT_SECONDS = 2.0  # interval at which each citizen reads their dossiers and does what they must
BURST = 10  # most submissions started at the same moment: parallel transactions are where order can get lost
MOST_UNDER_WAY = 150  # submissions without an answer
TWINS = 20  # every so many submissions, one is sent twice at the same moment
HELP_SECONDS = 8.0  # a citizen who changes their mind withdraws within this time
CONNECTED_SHARE = 0.5  # of the dossiers of a sandbox with connectors, those for a connected province
PAPER = {"component": "other", "form": "original", "digitised": True}  # as a desk notes it


@dataclass(frozen=True)
class Case:
    """One dossier to hand in: where, by whom, on which path. `twin`: sent twice at the same moment."""

    sandbox: str
    persona: str
    journey: Journey
    choice: Choice
    key: str
    twin: bool = False
    patience: float = 0.0  # seconds until the citizen withdraws, if the path says so at once


@dataclass
class Load:
    """Citizens and desks in several sandboxes, with `rate` dossiers per second in total; the seed determines what they do.

    connected  sandbox → provinces that connectors decide for, and the procedure that they know
    """

    country: Country
    sandboxes: Sequence[Sandbox]
    catalogue: Catalogue
    clocks: Clocks
    seed: str
    rate: float
    mix: Mix = field(default_factory=Mix.read)
    ledger: Ledger = field(default_factory=Ledger)
    connected: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    stopping: bool = False
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.citizens = Citizens(self.sandboxes, self.ledger)
        self._desks = {sandbox.id: RetryingDesk(sandbox, self.ledger) for sandbox in self.sandboxes}
        self._rng = random.Random(f"{self.seed}/load")
        self._journeys, self._provinces = self.mix.deal(self._rng), self.catalogue.deal_provinces(self._rng)
        self._dealt = self._drawn = 0  # dossiers of the mix; all

    async def run(self) -> None:
        """Run until `stopping` is set and one pack is dealt; returns when every started request is acknowledged."""
        acting = [asyncio.create_task(self._keep_acting(*who)) for who in self.citizens.everybody]
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.stopping or self._dealt < len(self.mix.journeys):
            while len(self._under_way) >= MOST_UNDER_WAY:  # something is away: citizens wait, and do not become more
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            burst = self._rng.randint(1, BURST)
            for _ in range(burst):
                self._begin(self._hand_in(self._draw()))
            due = max(due + burst / self.rate, loop.time() - 1.0)
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.gather(*acting)
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _draw(self) -> Case:
        rng = self._rng
        order = rng.sample([sandbox.id for sandbox in self.sandboxes], len(self.sandboxes))
        sandbox = next(id for id in order if id != self.clocks.turning)
        provinces, procedure = self.connected.get(sandbox, ((), ""))
        province = rng.choice(provinces) if provinces and rng.random() < CONNECTED_SHARE else next(self._provinces)
        is_connected = province in provinces
        journey = STRAIGHT if is_connected else next(self._journeys)
        self._dealt += not is_connected
        persona = self.citizens.representing(sandbox, journey) or rng.choice(LEVEL_2)
        choice = self.catalogue.draw(rng, journey, province)
        if is_connected:
            choice = replace(choice, procedure=procedure, commune=choice.elsewhere[0])
        key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self._drawn += 1
        return Case(sandbox, persona, journey, choice, key, self._drawn % TWINS == 0, rng.random() * HELP_SECONDS)

    async def _hand_in(self, case: Case) -> None:
        journey = case.journey
        service = "portal" if journey.channel == "online" else "gateway"
        said, names_fee = self._said(case), any("fee" in step for step in journey.decisions.get("steps", ()))
        submission = Submission(
            case.sandbox, case.persona, case.key, case.choice.province, [], service, said, names_fee
        )
        self.ledger.submissions[case.key] = submission

        async def send() -> None:
            try:
                submission.codes.append(await (self._submit(case) if service == "portal" else self._register(case)))
                self.ledger.submissions[case.key] = submission  # once more, if a restored backup has undone a twin
            except Problem as problem:
                self.ledger.surprises.append(
                    f"{journey.channel} {case.key}: {problem.status} {problem.type}: {problem}"
                )

        await asyncio.gather(*(send() for _ in range(2 if case.twin else 1)))
        if not submission.codes:
            return
        dossier = (case.sandbox, submission.codes[-1])
        self.citizens.note(dossier, journey)
        if journey.decisions:
            await self._script(dossier, journey)
        if withdraws_at_once(journey):
            await asyncio.sleep(case.patience)  # while the province may be processing
            await self.citizens.withdraw((case.sandbox, case.persona), dossier, journey)

    def _said(self, case: Case) -> dict[str, Any]:
        """What the event that begins the dossier must say."""
        choice, who, journey = case.choice, (case.sandbox, case.persona), case.journey
        papers = self.citizens.papers(who, journey) if journey.channel == "online" else [PAPER]
        owner = self.citizens.owner(who, journey)
        return {
            "/procedure": choice.procedure,
            "/authority/province": choice.province,
            "/authority/commune": choice.commune,
            "/channel": journey.channel,
            "/capacity": owner.get("capacity", "self"),
            **{f"/applicant/{name}": value for name, value in self.citizens.applicant(who).items()},
            **{f"/owner/{name}": value for name, value in owner.get("owner", {}).items()},
            **{f"/{of}/{name}": value for of, place in _places(case).items() for name, value in place.items()},
            "/papers/*/component": [paper["component"] for paper in papers],
            "/papers/*/sha256": [paper.get("id") for paper in papers],
        }

    async def _submit(self, case: Case) -> str:
        choice, who = case.choice, (case.sandbox, case.persona)
        body = {
            "procedure": choice.procedure,
            "authority": {"province": choice.province, "commune": choice.commune},
            **_places(case),
            **self.citizens.owner(who, case.journey),
            "papers": self.citizens.papers(who, case.journey),
        }
        response = await self.citizens[who].send("POST", "/api/v1/dossiers", key=case.key, json=body)
        return str(response.json()["code"])

    async def _register(self, case: Case) -> str:
        """At a counter or by post. What has a script waits for its officers, anything else is received at once or not."""
        choice, who = case.choice, (case.sandbox, case.persona)
        body = {
            "procedure": choice.procedure,
            "commune": choice.commune,
            "applicant": self.citizens.applicant(who),
            "channel": case.journey.channel,
            "papers": [PAPER],
            **_places(case),
            **self.citizens.owner(who, case.journey),
            **({"receive": False} if case.journey.decisions else {}),
        }
        path = f"/api/v1/provinces/{choice.province}/dossiers"
        return str((await self._desks[case.sandbox].send("POST", path, key=case.key, body=body)).json()["code"])

    async def _script(self, dossier: Key, journey: Journey) -> None:
        """What the officers decide; the dossier may not have arrived there yet."""
        age = self.ledger.age
        try:
            body = {"decisions": journey.decisions}
            await self._desks[dossier[0]].send("PUT", f"/_lab/officers/{dossier[1]}", body=body)
        except Problem as problem:
            if dossier in self.ledger.undone or age != self.ledger.age:
                return
            self.ledger.surprises.append(f"script of {dossier}: {problem.status} {problem.type}: {problem}")

    async def submit_now(self, sandbox_id: str) -> Submission:
        """Submit one dossier immediately, in addition to the load."""
        choice = self.catalogue.draw(self._rng, STRAIGHT, next(self._provinces))
        key = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        await self._hand_in(Case(sandbox_id, LEVEL_2[0], STRAIGHT, choice, key))
        return self.ledger.submissions[key]

    async def _keep_acting(self, sandbox_id: str, persona: str) -> None:
        while not self.stopping:
            if sandbox_id != self.clocks.turning:
                await self.citizens.act(sandbox_id, persona)
            await asyncio.sleep(ACT_SECONDS)

    async def status(self, submission: Submission, code: str) -> int:
        """The status that the citizen sees."""
        citizen = self.citizens[submission.sandbox, submission.persona]
        return int((await citizen.send("GET", f"/api/v1/dossiers/{code}")).json()["status"]["code"])


def _places(case: Case) -> dict[str, Any]:
    """Other places than the competent agency, if the path names some."""
    names = [name for name in ("reception", "help_at") if name in case.journey.submission]
    province = case.choice.province
    return {
        name: {"province": province, "commune": commune}
        for name, commune in zip(names, case.choice.elsewhere, strict=False)
    }
