"""What people do in a quarter: citizens submit and act online, provincial systems push what came to their counters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from contracts import lifecycle as law
from lienthong.client import Sandbox
from lienthong.journeys.travel import ENDS, INDICATORS, LEVEL_2, PAPER
from tools.prove.citizens import withdraws_at_once
from tools.prove.load import PAPER as COUNTER_PAPER
from tools.prove.mix import has_fee
from tools.quarter.journal import PAYMENT, Intent, Journal
from tools.quarter.shape import Planned
from tools.quarter.wire import Refused, Wire

CLIENTS = 12  # at the portal
BATCH = 200  # registrations in one request
PUSHING = 2  # provinces that push at the same moment
LONGEST_PAUSE = 8  # slots between two looks of a citizen, doubling


class People:
    """Everybody in one sandbox.

    surprises  refusals that no path explains
    latencies  of the submissions since they were last taken, in seconds
    """

    def __init__(self, sandbox: Sandbox, journal: Journal, procedures: Mapping[str, Mapping[str, Any]]) -> None:
        country = sandbox.country
        self._sandbox, self._journal, self._procedures = sandbox, journal, procedures
        self.portal, self.gateway = Wire(country.portal.url, CLIENTS), Wire(country.gateway.url, CLIENTS)
        self.payment = Wire(country.payment.url, CLIENTS)
        self._citizens = {persona: sandbox.citizen(persona) for persona in LEVEL_2}
        self._applicants: dict[str, dict[str, str]] = {}
        self._papers: dict[str, str] = {}
        self._looks: dict[int, tuple[int, int]] = {}  # number → slot of the next look, pause after it
        self._planned: dict[int, Planned] = {}
        self.surprises: list[str] = []
        self.latencies: list[float] = []

    async def get_ready(self, planned: Iterable[Planned], slot: int) -> None:
        """Sign in, upload a paper for each, and take up what is planned and was acknowledged before `slot`."""
        people = {each["persona"]: each for each in await self._sandbox.people()}
        self._applicants = {name: {"id": people[name]["number"], "name": people[name]["name"]} for name in LEVEL_2}
        for persona, citizen in self._citizens.items():
            self._papers[persona] = (await citizen.upload(f"giay-to-{persona}.pdf", PAPER))["id"]
        for each in planned:
            self._planned[each.number] = each
            if each.number in self._journal.codes:
                self._expect(each, slot)
        for intent in [*self._journal.unfinished.values()]:
            await self._do(intent)

    async def sign_in(self) -> None:
        """For the next hour of sandbox time."""
        await asyncio.gather(*(citizen.sign_in() for citizen in self._citizens.values()))

    @property
    def repeated(self) -> int:
        return self.portal.repeated + self.gateway.repeated + self.payment.repeated

    def close(self) -> None:
        for wire in (self.portal, self.gateway, self.payment):
            wire.close()

    # --- handing in ---
    async def hand_in(self, dossiers: Iterable[Planned], slot: int) -> None:
        """Submit and push them all; returns when all are acknowledged."""
        online, counters = [each for each in dossiers if each.is_online], dict[str, list[Planned]]()
        for each in dossiers:
            if not each.is_online:
                counters.setdefault(each.choice.province, []).append(each)
        pushing = asyncio.Semaphore(PUSHING)

        async def push(province: str, pushed: list[Planned]) -> None:
            async with pushing:
                for begin in range(0, len(pushed), BATCH):
                    await self._push(province, pushed[begin : begin + BATCH])

        await asyncio.gather(
            *(self._submit(each, slot) for each in online), *(push(*each) for each in counters.items())
        )

    async def _submit(self, planned: Planned, slot: int) -> None:
        choice, persona = planned.choice, planned.persona
        body: dict[str, Any] = {
            "procedure": choice.procedure,
            "authority": {"province": choice.province, "commune": choice.commune},
            **elsewhere(planned),
        }
        if planned.has_paper:
            body["papers"] = [{"id": self._papers[persona], "component": "other"}]
        reply = await self._as(persona, "POST", "/api/v1/dossiers", body, key=planned.key, took=self.latencies)
        code = str(reply["code"])
        self._journal.write("code", planned.number, code)
        await self._script(planned, code)
        if withdraws_at_once(planned.journey):
            await self._request(planned, law.WITHDRAWAL_REQUESTED, "withdrawal", {"reason": planned.journey.withdraws})
        self._expect(planned, slot + 1)

    async def _push(self, province: str, pushed: list[Planned]) -> None:
        items = [
            {
                "key": each.key,
                "procedure": each.choice.procedure,
                "commune": each.choice.commune,
                "applicant": self._applicants[each.persona],
                "channel": each.journey.channel,
                "papers": [COUNTER_PAPER],
                **elsewhere(each),
                **({"receive": False} if each.decisions else {}),
            }
            for each in pushed
        ]
        path = f"/api/v1/provinces/{province}/registrations"
        batch = await self.gateway.send("POST", path, {"dossiers": items}, x_sandbox=self._sandbox.id)
        for planned, outcome in zip(pushed, batch["outcomes"], strict=True):
            if outcome["outcome"] == "refused":
                self.surprises.append(f"{planned.key} was refused: {outcome['problem']}")
            else:
                self._journal.write("code", planned.number, outcome["dossier"]["code"])
        codes = self._journal.codes
        await asyncio.gather(*(self._script(each, codes[each.number]) for each in pushed if each.number in codes))

    async def _script(self, planned: Planned, code: str) -> None:
        if decisions := planned.decisions:
            body = {"decisions": decisions}
            await self.gateway.send("PUT", f"/_lab/officers/{code}", body, x_sandbox=self._sandbox.id)

    # --- acting ---
    @property
    def waiting(self) -> int:
        """Dossiers about which a citizen still has something to do."""
        return len(self._looks)

    def _expect(self, planned: Planned, slot: int) -> None:
        """Note that the citizen looks at the dossier, if the path gives them something to do."""
        journey, procedure = planned.journey, self._procedures[planned.choice.procedure]
        owes = (procedure["fee_online_dong"] or has_fee(journey)) and journey.pays != "never"
        answers = "supplement" in journey.name and journey.answers
        withdraws = journey.withdraws and not withdraws_at_once(journey)
        acts = owes or answers or withdraws or journey.rates
        if planned.is_online and acts and planned.number not in self._journal.over:
            self._looks[planned.number] = (slot, 1)

    async def act(self, slot: int, *, on_all: bool = False) -> int:
        """Everybody who wants to look now does so, and does what is to be done; returns how many did something."""
        due = [number for number, (at, _) in self._looks.items() if on_all or at <= slot]
        return sum(await asyncio.gather(*(self._look(self._planned[number], slot) for number in due)))

    async def _look(self, planned: Planned, slot: int) -> bool:
        number, journey = planned.number, planned.journey
        path = f"/api/v1/dossiers/{self._journal.codes[number]}"
        dossier = await self._as(planned.persona, "GET", path)
        can, state = dossier["can"], dossier["status"]["slug"]
        acted, done = False, self._journal.acts
        if "pay" in can and journey.pays != "never":
            fails = journey.pays == "second-try" and done[number, "failed"] == 0
            acted = await self._pay(planned, dossier["fee"]["amount_dong"], fails=fails)
        elif "supplement" in can and journey.answers:
            body = {"papers": [{"id": self._papers[planned.persona], "component": "other"}], "note": "Tôi xin bổ sung"}
            acted = await self._request(planned, law.SUPPLEMENT_ANSWERED, "supplement", body)
        elif "rate" in can and journey.rates:
            scores = {name: (number + place) % 3 for place, name in enumerate(INDICATORS)}
            acted = await self._request(planned, law.DOSSIER_RATED, "rating", {"scores": scores, "comment": "Cảm ơn"})
        rated = done[number, law.DOSSIER_RATED] or not journey.rates
        if state in ENDS and (rated or state != ENDS[-1]):
            self._journal.write("over", number)
            self._looks.pop(number)
        else:
            _, pause = self._looks[number]
            self._looks[number] = (slot + pause, 1 if acted else min(2 * pause, LONGEST_PAUSE))
        return acted

    async def _request(self, planned: Planned, act: str, path: str, body: dict[str, Any]) -> bool:
        count = self._journal.acts[planned.number, act] + 1
        return await self._do(Intent(planned.number, act, count, path, body))

    async def _pay(self, planned: Planned, amount_dong: int, *, fails: bool) -> bool:
        number = planned.number
        count = len(self._journal.payments.get(number, ())) + self._journal.acts[number, "failed"] + 1
        body = {"amount_dong": amount_dong}
        return await self._do(Intent(number, "failed" if fails else PAYMENT, count, "payments", body))

    async def _do(self, intent: Intent) -> bool:
        """Send a request that is written down first; False if the province was faster (409)."""
        planned, code = self._planned[intent.number], self._journal.codes[intent.number]
        self._journal.write("intent", intent.number, intent.act, intent.count, intent.path, intent.body)
        await self._journal.sync()
        reference, is_accepted = "", True
        try:
            path = f"/api/v1/dossiers/{code}/{intent.path}"
            reply = await self._as(planned.persona, "POST", path, intent.body, key=intent.key)
            if intent.path == "payments":
                reference = reply["reference"]
                outcome = {"outcome": "success" if intent.act == PAYMENT else "failed"}
                await self.payment.send("POST", f"{urlsplit(reply['checkout_url']).path}/pay", outcome)
        except Refused as refused:
            is_accepted = False
            if refused.status != 409:
                self.surprises.append(f"{intent.path} of {code}: {refused}")
        self._journal.write("done", intent.number, intent.key, intent.act, reference, is_accepted)
        return is_accepted

    async def _as(
        self,
        persona: str,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str = "",
        took: list[float] | None = None,
    ) -> Any:
        headers = {"authorization": f"Bearer {self._citizens[persona].token}"}
        headers |= {"idempotency_key": key} if key else {}
        return await self.portal.send(method, path, body, took=took, **headers)


def elsewhere(planned: Planned) -> dict[str, Any]:
    """Another place of reception, if the path names one."""
    if "reception" not in planned.journey.submission:
        return {}
    return {"reception": {"province": planned.choice.province, "commune": planned.choice.elsewhere[0]}}
