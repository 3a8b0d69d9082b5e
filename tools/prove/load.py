"""The load: citizens who submit, pay what is due and sometimes change their minds, over public doors only."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lienthong.client import Country, Sandbox
from lienthong.client.http import Problem
from tools.prove.clocks import Clocks
from tools.prove.insisting import Insisting
from tools.prove.ledger import Key, Ledger, Submission

PERSONAS = ("lan", "minh", "huong")  # level 2: every procedure accepts them
QUICK_DAYS = 2  # only procedures whose limit is this short: dossiers must reach their end within a run
LOOK_SECONDS = 1.5  # how often each citizen looks through their dossiers for what is due
LIST_LIMIT = 500
BURST = 10  # submissions that begin at the same moment, at most: transactions side by side are where order gets lost
PAYERS = 4  # payments one citizen makes at a time
ENDED = (3, 7, 10)  # refused, withdrawn, returned


@dataclass(frozen=True)
class Choice:
    procedure: str
    province: str
    commune: str | None

    def body(self) -> dict[str, Any]:
        """What is sent to submit it."""
        return {"procedure": self.procedure, "authority": {"province": self.province, "commune": self.commune}}


@dataclass
class Catalogue:
    """What can be chosen, read once over the public doors."""

    procedures: list[dict[str, Any]]
    communes: dict[str, list[str]]

    @classmethod
    async def read(cls, country: Country) -> Catalogue:
        provinces = [province["code"] for province in await country.provinces()]
        lists = await asyncio.gather(*(country.communes(code) for code in provinces))
        communes = {code: [each["code"] for each in found] for code, found in zip(provinces, lists, strict=True)}
        offered = [each for each in await country.procedures() if each["working_days"] <= QUICK_DAYS]
        return cls(sorted(offered, key=lambda each: str(each["code"])), communes)

    def draw(self, rng: random.Random) -> Choice:
        procedure = rng.choice(self.procedures)
        province = rng.choice(sorted(self.communes))
        commune = rng.choice(self.communes[province]) if procedure["level"] == "commune" else None
        return Choice(procedure["code"], province, commune)


@dataclass
class Load:
    """Many citizens in several sandboxes, at `rate` submissions a second over all; what they do is drawn from the seed."""

    country: Country
    sandboxes: Sequence[Sandbox]
    catalogue: Catalogue
    clocks: Clocks
    seed: str
    rate: float
    ledger: Ledger = field(default_factory=Ledger)
    stopping: bool = False
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._citizens = {
            (sandbox.id, persona): Insisting(sandbox.citizen(persona), self.ledger)
            for sandbox in self.sandboxes
            for persona in PERSONAS
        }
        self._rng = random.Random(f"{self.seed}/load")
        self._paying: set[Key] = set()
        self.over: set[Key] = set()  # dossiers at their end, as their citizens saw it

    async def run(self) -> None:
        """Until `stopping` is set; returns when every request under way is acknowledged."""
        payers = [asyncio.create_task(self._keep_paying(*who)) for who in self._citizens]
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.stopping:
            together = self._rng.randint(1, BURST)
            for _ in range(together):
                self._begin(self._submit_one(*self._drawn()))
            due = max(due + together / self.rate, loop.time() - 1.0)
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.gather(*payers)
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _drawn(self) -> tuple[tuple[str, str], Choice, str, float, float]:
        """Who submits what under which key, and two lots: for sending it twice, and for changing one's mind."""
        rng = self._rng
        lots = rng.sample([sandbox.id for sandbox in self.sandboxes], len(self.sandboxes))
        who = (next(id for id in lots if id != self.clocks.turning), rng.choice(PERSONAS))
        key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        return who, self.catalogue.draw(rng), key, rng.random(), rng.random()

    async def _submit_one(self, who: tuple[str, str], choice: Choice, key: str, twice: float, mind: float) -> None:
        citizen = self._citizens[who]
        kept = Submission(*who, key, choice.province)
        self.ledger.submissions[key] = kept

        async def send() -> None:
            try:
                answer = await citizen.ask("POST", "/api/v1/dossiers", key=key, body=choice.body())
                kept.codes.append(answer.json()["code"])
            except Problem as problem:
                self.ledger.surprises.append(f"submission {key}: {problem.status} {problem.type}: {problem}")

        await asyncio.gather(*(send() for _ in range(2 if twice < 0.05 else 1)))
        if kept.codes and mind < 0.08:
            await asyncio.sleep(
                mind * 100
            )  # changes its mind at once, or while the province is at work, up to 8 s later
            await self._withdraw(citizen, (who[0], kept.codes[0]))

    async def submit_now(self, sandbox: str) -> Submission:
        """One more dossier, outside the load's own rhythm: for whoever needs a fresh one."""
        _, choice, key, _, _ = self._drawn()
        await self._submit_one((sandbox, PERSONAS[0]), choice, key, 1.0, 1.0)
        return self.ledger.submissions[key]

    async def _withdraw(self, citizen: Insisting, dossier: Key) -> None:
        path = f"/api/v1/dossiers/{dossier[1]}/withdrawal"
        try:
            await citizen.ask("POST", path, key=str(uuid.uuid4()), body={"reason": "Tôi đổi ý"})
        except Problem as problem:
            if problem.status != 409:  # 409: it ended meanwhile
                self.ledger.surprises.append(f"withdrawal {dossier}: {problem.status} {problem.type}: {problem}")
            return
        self.ledger.withdrawals[dossier] += 1

    async def _keep_paying(self, sandbox: str, persona: str) -> None:
        while not self.stopping:
            if sandbox != self.clocks.turning:
                await self.pay_what_is_due(sandbox, persona)
            await asyncio.sleep(LOOK_SECONDS)

    async def pay_what_is_due(self, sandbox: str, persona: str, codes: Sequence[str] | None = None) -> int:
        """Look through a citizen's dossiers (the newest, or those named) and pay; gives how many were due."""
        citizen = self._citizens[(sandbox, persona)]
        if codes is None:
            found = (await citizen.ask("GET", f"/api/v1/dossiers?page_size={LIST_LIMIT}")).json()
        else:
            found = [(await citizen.ask("GET", f"/api/v1/dossiers/{code}")).json() for code in codes]
        self.over |= {(sandbox, each["code"]) for each in found if each["status"]["code"] in ENDED}
        due = [each for each in found if "pay" in each["can"] and (sandbox, each["code"]) not in self._paying]
        gate = asyncio.Semaphore(PAYERS)

        async def pay(dossier: dict[str, Any]) -> None:
            async with gate:
                await self._pay(citizen, (sandbox, dossier["code"]), dossier["fee"]["amount_dong"])

        await asyncio.gather(*(pay(each) for each in due))
        return len(due)

    async def _pay(self, citizen: Insisting, dossier: Key, amount_dong: int) -> None:
        self._paying.add(dossier)
        try:
            begun = await citizen.ask(
                "POST",
                f"/api/v1/dossiers/{dossier[1]}/payments",
                key=str(uuid.uuid4()),
                body={"amount_dong": amount_dong},
            )
            payment = begun.json()
            await citizen.at_checkout(payment["checkout_url"], "success")
            self.ledger.payments.setdefault(dossier, []).append(payment["reference"])
        except Problem as problem:
            if problem.status != 409:  # 409: withdrawn meanwhile, or the order ran out: the next look tries again
                self.ledger.surprises.append(f"payment {dossier}: {problem.status} {problem.type}: {problem}")
        finally:
            self._paying.discard(dossier)

    async def pay_the_rest(self, lost: set[Key]) -> int:
        """For the end of a run: every dossier that is not at its end is looked at by itself, those of `lost` aside."""
        open_codes: dict[tuple[str, str], list[str]] = {}
        for key, kept in self.ledger.dossiers.items():
            if key not in self.over and key not in lost:
                open_codes.setdefault((kept.sandbox, kept.persona), []).append(key[1])
        due = await asyncio.gather(*(self.pay_what_is_due(*who, codes) for who, codes in open_codes.items()))
        return sum(due)

    async def look(self, kept: Submission, code: str) -> int:
        """The status its citizen sees."""
        answer = await self._citizens[(kept.sandbox, kept.persona)].ask("GET", f"/api/v1/dossiers/{code}")
        return int(answer.json()["status"]["code"])
