"""The load: citizens who submit, pay and sometimes withdraw, through the public APIs only."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from lienthong.client import Country, Sandbox
from lienthong.client.http import Problem
from tools.prove.clocks import Clocks
from tools.prove.ledger import Key, Ledger, Submission
from tools.prove.retrying import RetryingCitizen

PERSONAS = ("lan", "minh", "huong")  # level 2: accepted by every procedure
QUICK_DAYS = 2  # only procedures with this limit, so that dossiers end within a run
PAY_SECONDS = 1.5  # interval at which each citizen reads their dossiers and pays what is due
LIST_LIMIT = 500
BURST = 10  # most submissions started at the same moment: parallel transactions are where order can get lost
PAYERS = 4  # parallel payments of one citizen
ENDED = (3, 7, 10)  # refused, withdrawn, returned


@dataclass(frozen=True)
class Choice:
    procedure: str
    province: str
    commune: str | None

    def body(self) -> dict[str, Any]:
        """Request body of the submission."""
        return {"procedure": self.procedure, "authority": {"province": self.province, "commune": self.commune}}


@dataclass
class Catalogue:
    """Procedures and communes to choose from, read once through the public API."""

    procedures: list[dict[str, Any]]
    communes: dict[str, list[str]]

    @classmethod
    async def read(cls, country: Country) -> Catalogue:
        provinces = [province["code"] for province in await country.provinces()]
        lists = await asyncio.gather(*(country.communes(code) for code in provinces))
        communes = {code: [each["code"] for each in rows] for code, rows in zip(provinces, lists, strict=True)}
        offered = [each for each in await country.procedures() if each["working_days"] <= QUICK_DAYS]
        return cls(sorted(offered, key=lambda each: str(each["code"])), communes)

    def only(self, procedure: str, provinces: Collection[str]) -> Catalogue:
        """One procedure in some provinces."""
        procedures = [each for each in self.procedures if each["code"] == procedure]
        return Catalogue(procedures, {code: self.communes[code] for code in provinces})

    def draw(self, rng: random.Random) -> Choice:
        procedure = rng.choice(self.procedures)
        province = rng.choice(sorted(self.communes))
        commune = rng.choice(self.communes[province]) if procedure["level"] == "commune" else None
        return Choice(procedure["code"], province, commune)


@dataclass
class Load:
    """Citizens in several sandboxes, with `rate` submissions per second in total; the seed determines what they do."""

    country: Country
    sandboxes: Sequence[Sandbox]
    catalogue: Catalogue
    clocks: Clocks
    seed: str
    rate: float
    ledger: Ledger = field(default_factory=Ledger)
    connected: frozenset[tuple[str, str]] = frozenset()  # sandbox, province: there nobody withdraws
    stopping: bool = False
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._citizens = {
            (sandbox.id, persona): RetryingCitizen(sandbox.citizen(persona), self.ledger)
            for sandbox in self.sandboxes
            for persona in PERSONAS
        }
        self._rng = random.Random(f"{self.seed}/load")
        self._paying: set[Key] = set()
        self.ended: set[Key] = set()  # dossiers whose citizens have seen their final state

    async def run(self) -> None:
        """Run until `stopping` is set; returns when every started request is acknowledged."""
        payers = [asyncio.create_task(self._keep_paying(*who)) for who in self._citizens]
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.stopping:
            burst = self._rng.randint(1, BURST)
            for _ in range(burst):
                self._begin(self._submit_one(*self._draw()))
            due = max(due + burst / self.rate, loop.time() - 1.0)
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.gather(*payers)
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _draw(self) -> tuple[tuple[str, str], Choice, str, float, float]:
        """Random choice: citizen, submission, key, and two numbers that decide whether to send it twice and to withdraw it."""
        rng = self._rng
        order = rng.sample([sandbox.id for sandbox in self.sandboxes], len(self.sandboxes))
        who = (next(id for id in order if id != self.clocks.turning), rng.choice(PERSONAS))
        key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        return who, self.catalogue.draw(rng), key, rng.random(), rng.random()

    async def _submit_one(
        self, who: tuple[str, str], choice: Choice, key: str, duplicate: float, withdrawal: float
    ) -> None:
        citizen = self._citizens[who]
        submission = Submission(*who, key, choice.province)
        self.ledger.submissions[key] = submission

        async def send() -> None:
            try:
                response = await citizen.send("POST", "/api/v1/dossiers", key=key, body=choice.body())
                submission.codes.append(response.json()["code"])
            except Problem as problem:
                self.ledger.surprises.append(f"submission {key}: {problem.status} {problem.type}: {problem}")

        await asyncio.gather(*(send() for _ in range(2 if duplicate < 0.05 else 1)))
        if submission.codes and withdrawal < 0.08 and (who[0], choice.province) not in self.connected:
            await asyncio.sleep(withdrawal * 100)  # withdraws up to 8 s later, while the province may be processing
            await self._withdraw(citizen, (who[0], submission.codes[0]))

    async def submit_now(self, sandbox_id: str) -> Submission:
        """Submit one dossier immediately, in addition to the load."""
        _, choice, key, _, _ = self._draw()
        await self._submit_one((sandbox_id, PERSONAS[0]), choice, key, 1.0, 1.0)
        return self.ledger.submissions[key]

    async def _withdraw(self, citizen: RetryingCitizen, dossier: Key) -> None:
        path = f"/api/v1/dossiers/{dossier[1]}/withdrawal"
        try:
            await citizen.send("POST", path, key=str(uuid.uuid4()), body={"reason": "Tôi đổi ý"})
        except Problem as problem:
            if problem.status != 409:  # 409: the dossier ended meanwhile
                self.ledger.surprises.append(f"withdrawal {dossier}: {problem.status} {problem.type}: {problem}")
            return
        self.ledger.withdrawals[dossier] += 1

    async def _keep_paying(self, sandbox_id: str, persona: str) -> None:
        while not self.stopping:
            if sandbox_id != self.clocks.turning:
                await self.pay_what_is_due(sandbox_id, persona)
            await asyncio.sleep(PAY_SECONDS)

    async def pay_what_is_due(self, sandbox_id: str, persona: str, codes: Sequence[str] | None = None) -> int:
        """Read a citizen's newest dossiers (or `codes`) and pay what is due; returns how many payments were due."""
        citizen = self._citizens[(sandbox_id, persona)]
        if codes is None:
            dossiers = (await citizen.send("GET", f"/api/v1/dossiers?page_size={LIST_LIMIT}")).json()
        else:
            dossiers = [(await citizen.send("GET", f"/api/v1/dossiers/{code}")).json() for code in codes]
        self.ended |= {(sandbox_id, each["code"]) for each in dossiers if each["status"]["code"] in ENDED}
        due = [each for each in dossiers if "pay" in each["can"] and (sandbox_id, each["code"]) not in self._paying]
        gate = asyncio.Semaphore(PAYERS)

        async def pay(dossier: dict[str, Any]) -> None:
            async with gate:
                await self._pay(citizen, (sandbox_id, dossier["code"]), dossier["fee"]["amount_dong"])

        await asyncio.gather(*(pay(each) for each in due))
        return len(due)

    async def _pay(self, citizen: RetryingCitizen, dossier: Key, amount_dong: int) -> None:
        self._paying.add(dossier)
        try:
            response = await citizen.send(
                "POST",
                f"/api/v1/dossiers/{dossier[1]}/payments",
                key=str(uuid.uuid4()),
                body={"amount_dong": amount_dong},
            )
            payment = response.json()
            await citizen.pay(payment["checkout_url"], "success")
            self.ledger.payments.setdefault(dossier, []).append(payment["reference"])
        except Problem as problem:
            if problem.status != 409:  # 409: withdrawn meanwhile, or the order expired: paid in the next round
                self.ledger.surprises.append(f"payment {dossier}: {problem.status} {problem.type}: {problem}")
        finally:
            self._paying.discard(dossier)

    async def pay_the_rest(self, lost: set[Key]) -> int:
        """For the end of a run: pay what is due for every dossier that has not ended, except those in `lost`."""
        open_codes: dict[tuple[str, str], list[str]] = {}
        for key, submission in self.ledger.dossiers.items():
            if key not in self.ended and key not in lost:
                open_codes.setdefault((submission.sandbox, submission.persona), []).append(key[1])
        due = await asyncio.gather(*(self.pay_what_is_due(*who, codes) for who, codes in open_codes.items()))
        return sum(due)

    async def status(self, submission: Submission, code: str) -> int:
        """The status that the citizen sees."""
        response = await self._citizens[(submission.sandbox, submission.persona)].send(
            "GET", f"/api/v1/dossiers/{code}"
        )
        return int(response.json()["status"]["code"])
