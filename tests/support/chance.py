"""Random actions in a country: a citizen, officials, the payment platform and the clock act in any order.

All actions use the HTTP endpoints. Every refusal must be a known problem. When everything has settled, both copies of
every dossier agree and no money is missing.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import httpx

from contracts import lifecycle as law
from contracts.dossier import WAIVED
from services.portal.commands import REFUND
from services.portal.domain import PAID, REFUND_PENDING, REFUNDED
from services.portal.problems import PROBLEMS as AT_PORTAL
from services.province_gateway.problems import PROBLEMS as AT_PROVINCE
from shared.messaging.http_outbox import Call
from shared.problem_types import COMMON
from tests.support.country import Citizen, Country, Sandbox
from tests.support.factories import PROVINCE

KNOWN = {row.slug for table in (COMMON, AT_PORTAL, AT_PROVINCE) for row in table.values()}
INDICATORS = (
    *("total_time", "time_per_agency", "contacts", "agencies_contacted", "organisation", "publication"),
    *("attitude", "feedback", "online_service"),
)


class Chance:
    """One sandbox, one citizen, and the possible actions; `log` lists the actions so far."""

    def __init__(self, country: Country, sandbox: Sandbox, citizen: Citizen, me: dict[str, str]) -> None:
        self.country, self.sandbox, self.citizen, self.me = country, sandbox, citizen, me
        self.states: set[str] = set()
        self.codes: list[str] = []
        self.checkouts: list[str] = []
        self.log: list[str] = []
        self.given_back: Counter[str] = Counter()
        self._keys = 0

    @classmethod
    async def begin(cls, country: Country) -> Chance:
        sandbox = await country.sandbox(seed="chance", start="2026-06-09T08:00:00+07:00")
        citizen = await sandbox.sign_in("lan")
        headers = {"Authorization": f"Bearer {citizen.token}"}
        claims = (await country.ask("identity", "GET", f"/s/{sandbox.id}/userinfo", headers=headers)).json()
        return cls(country, sandbox, citizen, {"id": claims["SoDinhDanh"], "name": claims["HoVaTen"]})

    async def submit(self, procedure: str) -> None:
        answer = await self._as_citizen("/dossiers", self._wish(procedure))
        if answer.status_code == 201:
            self.codes.append(answer.json()["code"])

    async def register(self, procedure: str, channel: str) -> None:
        body = {"procedure": procedure, "commune": "14464", "channel": channel, "applicant": self.me}
        answer = await self._at_desk("", body)
        if answer.status_code == 201:
            self.codes.append(answer.json()["code"])

    async def move(self, code: str, does: str, facts: dict[str, Any]) -> None:
        await self._at_desk(f"/{code}/moves", {"does": does, **facts})

    async def can(self, code: str) -> list[str]:
        """The moves that officials may make now."""
        url = f"/api/v1/provinces/{PROVINCE}/dossiers/{code}"
        answer = await self.country.ask("gateway", "GET", url, headers=self.sandbox.header)
        if answer.status_code != 200:
            return []
        self.states.add(answer.json()["status"]["slug"])
        return list(answer.json()["can"])

    async def citizen_can(self, code: str) -> list[str]:
        """The moves that the citizen may make, as the portal shows them."""
        answer = await self.citizen.ask("GET", f"/dossiers/{code}")
        return list(answer.json()["can"]) if answer.status_code == 200 else []

    async def withdraw(self, code: str) -> None:
        await self._as_citizen(f"/dossiers/{code}/withdrawal", {"reason": "Tôi đổi ý"})

    async def answer(self, code: str) -> None:
        await self._as_citizen(f"/dossiers/{code}/supplement", {"note": "Tôi xin bổ sung"})

    async def rate(self, code: str) -> None:
        await self._as_citizen(f"/dossiers/{code}/rating", {"scores": dict.fromkeys(INDICATORS, 1)})

    async def begin_payment(self, code: str) -> None:
        dossier = await self.citizen.ask("GET", f"/dossiers/{code}")
        fee = dossier.json().get("fee") if dossier.status_code == 200 else None
        answer = await self._as_citizen(f"/dossiers/{code}/payments", {"amount_dong": fee["amount_dong"] if fee else 1})
        if answer.status_code == 201 and answer.json()["checkout_url"] not in self.checkouts:
            self.checkouts.append(answer.json()["checkout_url"])

    async def check_out(self, checkout: str, outcome: str) -> None:
        answer = await self.country.http.post(f"{checkout}/pay", json={"outcome": outcome})
        if outcome == "success" or answer.status_code == 409:
            self.checkouts.remove(checkout)
        self._must_be_known("check_out", answer, known=False)
        await self._confirmed()  # otherwise the next action would depend on the speed of the machine

    async def change_mode(self, document: dict[str, Any]) -> None:
        """Set the mode of the province."""
        path = f"/_lab/sandboxes/{self.sandbox.id}/modes/{PROVINCE}"
        self._must_be_known(f"mode {document}", await self.country.ask("portal", "PUT", path, json=document))

    async def carry(self) -> None:
        """Carry published events to their readers."""
        await self.sandbox.carry()

    async def advance(self, minutes: int) -> None:
        """Advance the clock from one due time to the next, then renew the citizen's token."""
        target = datetime.fromisoformat((await self.sandbox.clock())["now"]) + timedelta(minutes=minutes)
        while True:
            due = (await self.country.gateway.pending(self.sandbox.id))["next_due"]
            if due is None or datetime.fromisoformat(due) > target:
                break
            await self._turn_to(datetime.fromisoformat(due))
            await self.sandbox.fire()
        await self._turn_to(target)
        self.citizen = await self.sandbox.sign_in("lan")
        self.log.append(f"advance {minutes} min")

    async def settle(self) -> None:
        """Deliver events, confirmations and refunds until none is left."""
        while True:
            await self.sandbox.carry()
            await self._confirmed()
            refunds = await self._rows("portal", "SELECT key, data FROM calls WHERE sandbox = $1 AND kind = $2", REFUND)
            for row in refunds:
                data = httpx.Response(200, content=row["data"]).json()
                await self.country.portal.refund(Call(self.sandbox.id, REFUND, row["key"], data, 1))
            if not refunds and not await self._unsent():
                return

    async def _confirmed(self) -> None:
        """Wait until the platform has sent all confirmations to the portal."""
        while await self._rows("payment", "SELECT 1 FROM calls WHERE sandbox = $1 AND NOT refused"):
            await self.country.ask("payment", "GET", "/healthz")  # confirmations are sent meanwhile

    async def must_agree(self) -> None:
        """Check that both copies of every dossier and the platform's orders agree. Call it after `settle`."""
        for name in ("portal", "gateway"):
            dead = await self._rows(name, "SELECT reason, subject FROM dead_letters WHERE sandbox = $1")
            assert not dead, (name, [tuple(row) for row in dead], self.log)
        for code in self.codes:
            portal, gateway = self.country.portal, self.country.gateway
            ours: Any = await portal.documents.find(portal.database, self.sandbox.id, code)
            theirs: Any = await gateway.documents.find(gateway.database, self.sandbox.id, code)
            self.states.add(ours.state.slug)
            paid = [each for each in ours.payments if each.status in (PAID, REFUND_PENDING, REFUNDED)]
            waited_for = {each.paid_by for each in theirs.demands}
            for each in paid:
                self.given_back["with its end" if each.reference in waited_for else "unwaited"] += (
                    each.status == REFUNDED
                )
            idle = [each for each in paid if each.reference not in waited_for and each.refund_dong != each.amount_dong]
            assert not idle, (code, "kept, and nothing waited for it", idle, self.log)
            taken = sum(each.amount_dong for each in ours.demands if each.taken)
            returned = sum(each.returned_dong for each in ours.demands)
            pairs = {
                "state": (ours.state.slug, theirs.state.slug),
                "due": (ours.due_at, theirs.due_at),
                "demands": ([d.amount_dong for d in ours.demands], [d.amount_dong for d in theirs.demands]),
                "owing": (_owing(ours), _owing(theirs)),
                "waived": ([d.waived is not None for d in ours.demands], [d.paid_by == WAIVED for d in theirs.demands]),
                "superseded": ([d.superseded for d in ours.demands], [d.superseded for d in theirs.demands]),
                "supplements": (len(ours.supplements), len(theirs.supplements)),
                "answered": (_answered(ours), _answered(theirs)),
                "paid": (sum(each.amount_dong for each in paid) + taken, theirs.paid_dong),
                "given back": (sum(each.refund_dong for each in paid) + returned, theirs.refunded_dong),
                "rated": (sum((ours.rating or {}).values()), theirs.rated or 0),
            }
            assert all(here == there for here, there in pairs.values()), (code, pairs, self.log)
        await self._books_must_balance()

    async def _books_must_balance(self) -> None:
        got = await self._rows(
            "payment", "SELECT reference, amount_dong FROM orders WHERE sandbox = $1 AND state = 'paid'"
        )
        back = await self._rows("payment", "SELECT reference, amount_dong FROM refunds WHERE sandbox = $1")
        platform = sum(row["amount_dong"] for row in got) - sum(row["amount_dong"] for row in back)
        portal, kept = self.country.portal, 0
        for code in self.codes:
            dossier: Any = await portal.documents.find(portal.database, self.sandbox.id, code)
            kept += sum(p.amount_dong - p.refund_dong for p in dossier.payments if p.status in (PAID, REFUNDED))
        assert platform == kept, (platform, kept, self.log)

    async def _as_citizen(self, path: str, body: dict[str, Any]) -> httpx.Response:
        answer = await self.citizen.ask("POST", path, body)
        return self._must_be_known(f"citizen {path} {body}", answer)

    async def _at_desk(self, path: str, body: dict[str, Any]) -> httpx.Response:
        self._keys += 1
        headers = {**self.sandbox.header, "Idempotency-Key": f"chance-{self._keys}"}
        url = f"/api/v1/provinces/{PROVINCE}/dossiers{path}"
        answer = await self.country.ask("gateway", "POST", url, json=body, headers=headers)
        return self._must_be_known(f"desk {path} {body}", answer)

    def _must_be_known(self, what: str, answer: httpx.Response, *, known: bool = True) -> httpx.Response:
        slug = "" if answer.status_code < 400 else str(answer.json().get("type", "")).removeprefix("/problems/")
        self.log.append(f"{what} -> {answer.status_code} {slug}")
        fault = answer.status_code >= 500 and slug != "not-ready"  # a dossier can still be on its way to the desk
        assert not fault and (not slug or slug in KNOWN or not known), (answer.text, self.log)
        return answer

    def _wish(self, procedure: str) -> dict[str, Any]:
        return {"procedure": procedure, "authority": {"province": PROVINCE, "commune": "14464"}}

    async def _turn_to(self, target: datetime) -> None:
        await self.country.portal.ownership.set_clock(self.sandbox.id, target)

    async def _rows(self, service: str, sql: str, *values: object) -> list[Any]:
        database = self.country.apps[service].state.runtime.database
        return list(await database.fetch(sql, self.sandbox.id, *values))

    async def _unsent(self) -> bool:
        sql = "SELECT 1 FROM queue WHERE sandbox = $1 LIMIT 1"
        return bool(await self._rows("portal", sql) or await self._rows("gateway", sql))


def _answered(dossier: Any) -> list[bool]:
    """Which requests are answered; none after the end, because an answer can come too late for the province."""
    if dossier.state in law.ENDED_WITHOUT_RESULT:
        return []
    return [each.answered_at is not None for each in dossier.supplements]


def _owing(dossier: Any) -> int | None:
    """The number of the open demand, in states that can have one."""
    return dossier.owing.number if dossier.owing and dossier.state in law.MAY_OWE else None
