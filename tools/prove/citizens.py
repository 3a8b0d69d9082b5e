"""The citizens of the load: each reads their dossiers and does what the path of each says, until it has ended."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from contracts import lifecycle as law
from lienthong.client import Sandbox
from lienthong.client.http import Problem, every_row
from lienthong.journeys.travel import ENDS, INDICATORS, LEVEL_2, PAPER, PROCESSING_STOPPED, SUBMITTED, Journey
from tools.prove.ledger import Key, Ledger
from tools.prove.mix import STRAIGHT
from tools.prove.retrying import RetryingCitizen, RetryingDesk

NEWEST = 100  # dossiers that a citizen reads during the load
PARALLEL_REQUESTS = 4  # of one citizen
DESK_SECONDS = 5.0  # that a citizen waits at a counter
OWNER = {"kind": "person", "id": "037190912345", "name": "Phạm Thị Hư Cấu"}  # who authorises
Who = tuple[str, str]  # sandbox, persona


class Citizens:
    """Every persona in every sandbox."""

    def __init__(self, sandboxes: Sequence[Sandbox], ledger: Ledger) -> None:
        self._sandboxes, self._ledger = sandboxes, ledger
        self._citizens = {
            (sandbox.id, persona): RetryingCitizen(sandbox.citizen(persona), ledger)
            for sandbox in sandboxes
            for persona in LEVEL_2
        }
        self._desks = {sandbox.id: RetryingDesk(sandbox, ledger) for sandbox in sandboxes}
        self._people: dict[Who, dict[str, Any]] = {}
        self._paper: dict[Who, str] = {}  # id of the paper in the store of each
        self._journeys: dict[Key, Journey] = {}
        self._busy: set[Key] = set()

    def __getitem__(self, who: Who) -> RetryingCitizen:
        return self._citizens[who]

    @property
    def everybody(self) -> Collection[Who]:
        return self._citizens.keys()

    async def get_ready(self) -> None:
        """Read who people are and whom they represent, and upload a paper for each."""
        for sandbox in self._sandboxes:
            self._people |= {(sandbox.id, each["persona"]): each for each in await sandbox.people()}
        await asyncio.gather(*(self._upload(who) for who in self._citizens))

    async def _upload(self, who: Who) -> None:
        query = {"name": "giay-to.pdf", "sha256": hashlib.sha256(PAPER).hexdigest()}
        options: dict[str, Any] = {"params": query, "content": PAPER, "media_type": "application/pdf"}
        self._paper[who] = (await self[who].send("POST", "/api/v1/papers", **options)).json()["id"]

    def note(self, dossier: Key, journey: Journey) -> None:
        self._journeys[dossier] = journey

    def representing(self, sandbox_id: str, journey: Journey) -> str | None:
        """A persona who represents what the path needs; None if anybody can go it."""
        kind = {"organisation": "organisation", "representative": "person"}.get(journey.submission.get("capacity", ""))
        able = (name for name in LEVEL_2 if any(each["kind"] == kind for each in self._represented((sandbox_id, name))))
        return next(able) if kind else None

    def _represented(self, who: Who) -> list[dict[str, Any]]:
        return list(self._people[who]["represents"])

    def owner(self, who: Who, journey: Journey) -> dict[str, Any]:
        """Capacity and owner of the submission, if it is for somebody else."""
        capacity = journey.submission.get("capacity", "self")
        if capacity == "self":
            return {}
        kind = "organisation" if capacity == "organisation" else "person"
        represented = [each for each in self._represented(who) if each["kind"] == kind]
        owner = OWNER if capacity == "authorised_person" else represented[0]
        return {"capacity": capacity, "owner": {name: owner[name] for name in ("kind", "id", "name")}}

    def papers(self, who: Who, journey: Journey) -> list[dict[str, str]]:
        authorised = journey.submission.get("capacity") == "authorised_person"
        return [{"id": self._paper[who], "component": "authorisation" if authorised else "other"}]

    @property
    def numbers(self) -> dict[Who, str]:
        """Personal number of each."""
        return {who: person["number"] for who, person in self._people.items() if who in self._citizens}

    def applicant(self, who: Who) -> dict[str, str]:
        person = self._people[who]
        return {"id": person["number"], "name": person["name"]}

    async def act(self, sandbox_id: str, persona: str) -> int:
        """Do what is to be done about the newest dossiers; returns about how many there was something to do."""
        who, query = (sandbox_id, persona), {"page_size": NEWEST}
        try:
            dossiers = (await self[who].send("GET", "/api/v1/dossiers", params=query)).json()
        except Problem as problem:
            return self._no_list(who, problem)
        return await self._act_on(who, dossiers)

    def _no_list(self, who: Who, problem: Problem) -> int:
        self._ledger.surprises.append(f"the list of {who}: {problem.status} {problem.type}: {problem}")
        return 0

    async def act_on_all(self, lost: set[Key]) -> int:
        """For the end of a run: the same about all dossiers that have not ended, except those in `lost`."""

        async def act(who: Who) -> int:
            try:
                dossiers = await every_row(self[who].send, "/api/v1/dossiers")
            except Problem as problem:
                return self._no_list(who, problem)
            return await self._act_on(who, [each for each in dossiers if (who[0], each["code"]) not in lost])

        return sum(await asyncio.gather(*map(act, self._citizens)))

    async def _act_on(self, who: Who, dossiers: Sequence[dict[str, Any]]) -> int:
        gate = asyncio.Semaphore(PARALLEL_REQUESTS)

        async def act(dossier: dict[str, Any]) -> bool:
            key = (who[0], dossier["code"])
            if key in self._ledger.ended or key in self._busy:
                return False
            async with gate:
                self._busy.add(key)
                try:
                    return await self._act(who, key, dossier)
                finally:
                    self._busy.discard(key)

        return sum(await asyncio.gather(*map(act, dossiers)))

    async def _act(self, who: Who, key: Key, dossier: dict[str, Any]) -> bool:
        """Whether the citizen had something to do, and it was accepted."""
        journey, can, state = self._journeys.get(key, STRAIGHT), dossier["can"], dossier["status"]["slug"]
        if (
            "withdraw" in can
            and journey.withdraws
            and state == journey.withdraws_in
            and dossier["withdrawal"] == "none"
        ):
            return await self.withdraw(who, key, journey)
        if "pay" in can and self._pays(journey, dossier):
            return await self._pay(who, key, journey, dossier)
        if "supplement" in can and journey.answers:
            return await self._answer(who, key)
        if "rate" in can and journey.rates:
            scores = {name: (ord(key[1][-1]) + place) % 3 for place, name in enumerate(INDICATORS)}
            return await self._request(who, key, law.DOSSIER_RATED, "rating", {"scores": scores, "comment": "Cảm ơn"})
        is_late = state == PROCESSING_STOPPED and not journey.answers and journey.channel == "online"
        if is_late and await self._answer(who, key):
            self._ledger.surprises.append(f"{key} was stopped, and an answer to its supplement request accepted")
        if state in ENDS:
            self._ledger.ended.add(key)
        return False

    async def withdraw(self, who: Who, key: Key, journey: Journey) -> bool:
        return await self._request(who, key, law.WITHDRAWAL_REQUESTED, "withdrawal", {"reason": journey.withdraws})

    async def _answer(self, who: Who, key: Key) -> bool:
        body = {"papers": [{"id": self._paper[who], "component": "other"}], "note": "Tôi xin bổ sung"}
        return await self._request(who, key, law.SUPPLEMENT_ANSWERED, "supplement", body)

    async def _request(self, who: Who, key: Key, event_type: str, path: str, body: dict[str, Any]) -> bool:
        """A request that publishes an event; False if it is refused with 409: the province was faster."""
        age = self._ledger.age
        self._ledger.said.setdefault((key, event_type), []).append(_said(body))
        try:
            await self[who].send("POST", f"/api/v1/dossiers/{key[1]}/{path}", key=str(uuid.uuid4()), json=body)
        except Problem as problem:
            if problem.status != 409 and not self._was_undone(key, age):
                self._ledger.surprises.append(f"{path} {key}: {problem.status} {problem.type}: {problem}")
            return False
        self._ledger.requests[key, event_type] += 1
        return True

    def _was_undone(self, key: Key, age: int) -> bool:
        """Whether a backup was restored that does not have the dossier, or since `age`."""
        return key in self._ledger.undone or age != self._ledger.age

    def _pays(self, journey: Journey, dossier: dict[str, Any]) -> bool:
        """Whether the citizen pays the current demand online."""
        is_first = dossier["fee"]["demand"] == 1
        return journey.pays != "never" and not (journey.pays == "after-correction" and is_first)

    async def _pay(self, who: Who, key: Key, journey: Journey, dossier: dict[str, Any]) -> bool:
        citizen, path = self[who], f"/api/v1/dossiers/{key[1]}"
        fails, age = journey.pays == "second-try" and key not in self._ledger.failed, self._ledger.age
        try:
            body = {"amount_dong": dossier["fee"]["amount_dong"]}
            payment = (await citizen.send("POST", f"{path}/payments", key=str(uuid.uuid4()), json=body)).json()
            if journey.pays == "twice":  # the counter takes the money while the platform's page is open
                await self._take_at_desk(key, dossier)
            await citizen.pay(payment["checkout_url"], "failed" if fails else "success")
        except Problem as problem:
            # 409: withdrawn meanwhile, or the order expired: paid in the next round. 503: its province has lost it.
            if problem.status not in (409, 503) and not self._was_undone(key, age):
                self._ledger.surprises.append(f"payment {key}: {problem.status} {problem.type}: {problem}")
            return False
        if fails:
            self._ledger.failed.add(key)
        else:
            self._ledger.payments.setdefault(key, []).append(payment["reference"])
        return True

    async def _take_at_desk(self, key: Key, dossier: dict[str, Any]) -> None:
        path = f"/api/v1/provinces/{dossier['authority']['province']}/dossiers/{key[1]}/moves"
        with suppress(
            TimeoutError
        ):  # a province whose database was deleted waits long for a dossier that does not come
            async with asyncio.timeout(DESK_SECONDS):
                await self._desks[key[0]].send("POST", path, key=str(uuid.uuid4()), body={"does": law.TAKE_PAYMENT})


def _said(body: dict[str, Any]) -> dict[str, Any]:
    """What the event of such a request must say."""
    said = {f"/{name}": value for name, value in body.items() if isinstance(value, str)}
    said |= {f"/scores/{name}": score for name, score in body.get("scores", {}).items()}
    return said | ({"/papers/*/sha256": [paper["id"] for paper in body["papers"]]} if "papers" in body else {})


def withdraws_at_once(journey: Journey) -> bool:
    """Whether the citizen asks at any moment after the submission, without a look at the dossier."""
    return bool(journey.withdraws) and journey.withdraws_in == SUBMITTED and journey.channel == "online"
