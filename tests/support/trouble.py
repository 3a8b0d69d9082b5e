"""Faults on purpose in one sandbox: its dossiers, the fault, and the check that nothing is lost."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from lienthong.client import Country, Dossier, Entry, Sandbox
from lienthong.journeys.travel import ENDS

COPY, PROVINCE, COMMUNE = "2.000635", "37", "14464"  # a copy within the day, for a fee
FEE = 8_000  # dong
SUBMISSION = {"procedure": COPY, "authority": {"province": PROVINCE, "commune": COMMUNE}}


class Trouble:
    """`lan` submits dossiers, `on` switches a fault on, `whole` checks that everything is correct at the end."""

    def __init__(self, country: Country, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.country, self.sandbox, self.http = country, sandbox, http
        self.lan = sandbox.citizen("lan")
        self.codes: list[str] = []

    # --- dossiers and requests
    async def submitted(self) -> str:
        """The code of a new dossier that its officers will receive and finish at once."""
        return await self.noted(await self.lan.submit(COPY, PROVINCE, COMMUNE))

    async def noted(self, dossier: Dossier) -> str:
        """Its code; `whole` will check that it reaches its end."""
        await self.sandbox.settle()  # until the province has it
        await self.sandbox.script(dossier["code"], reception="receive", processing_days=0)
        self.codes.append(dossier["code"])
        return dossier["code"]

    async def owing(self) -> str:
        """The code of a new dossier whose fee is due."""
        code = await self.submitted()
        await self.sandbox.clock.advance("1d")
        assert await self.fee(code) == "due"
        return code

    async def fee(self, code: str) -> str:
        fee = (await self.lan.dossier(code))["fee"]
        return "none" if fee is None else fee["status"]

    async def lines(self, subject: str, kind: str, service: str = "") -> list[Entry]:
        """The lines of one kind in a timeline."""
        story = await self.sandbox.timeline(subject)
        return [line for line in story if line["kind"] == kind and service in ("", line["service"])]

    async def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        """A request of our own to the portal or to a whole address, with Lan's token and without a retry."""
        token = self.lan.token or await self.lan.sign_in()
        headers = {"Authorization": f"Bearer {token}", "X-Sandbox": self.sandbox.id, **options.pop("headers", {})}
        address = url if "://" in url else self.country.portal.url + url
        return await self.http.request(method, address, headers=headers, **options)

    async def submit(self, key: str) -> httpx.Response:
        return await self.ask("POST", "/api/v1/dossiers", json=SUBMISSION, headers={"Idempotency-Key": key})

    def key(self) -> str:
        return uuid.uuid4().hex

    # --- faults
    @asynccontextmanager
    async def on(self, fault: str, subject: str, **wish: Any) -> AsyncIterator[dict[str, Any]]:
        """A fault that is on inside the block; at the end it must have fired and be in the timeline of `subject`."""
        rule = await self.sandbox.faults.on(fault, **wish)
        yield rule
        (shown,) = [each for each in await self.sandbox.faults.rules() if each["id"] == rule["id"]]
        assert shown["seen"] >= shown["fired"] >= 1, shown
        lines = [line for line in await self.lines(subject, "fault") if line["data"]["rule"] == rule["id"]]
        assert lines and all(line["data"]["fault"] == fault for line in lines), (fault, subject)
        assert all(rule["title_en"] in line["text_en"] and rule["title_vi"] in line["text_vi"] for line in lines)
        await self.sandbox.faults.off(rule["id"])
        assert await self.sandbox.faults.rules() == []

    async def held(self, fault: str) -> None:
        """Settle must return `held`, with only this fault as the reason."""
        verdict = await self.sandbox.settle()
        assert verdict["verdict"] == "held", verdict
        assert {(each["name"], fault in each["detail"]) for each in verdict["waiting_for"]} == {("held-by-fault", True)}

    async def still(self) -> None:
        verdict = await self.sandbox.settle()
        assert verdict["verdict"] == "still" and verdict["waiting_for"] == [], verdict

    # --- checks
    async def whole(self) -> None:
        """Every dossier reaches its end, both copies agree, the money adds up, and nothing waits."""
        assert self.codes
        await self.still()
        for _ in ("received", "returned"):
            for dossier in await self.lan.dossiers():
                if "pay" in dossier["can"]:
                    await self.lan.pay(dossier["code"])
            await self.sandbox.clock.advance("1d")
        await self.still()
        for code in self.codes:
            here, there = await self.lan.dossier(code), await self.sandbox.province(PROVINCE).dossier(code)
            assert here["status"] == there["status"] and here["status"]["slug"] in ENDS, here
            money = here["paid_dong"], here["refunded_dong"]
            assert money == (there["paid_dong"], there["refunded_dong"]) == await self._at_the_platform(code)
            assert money in ((FEE, 0), (FEE, FEE)), money
            assert here["fee"] is not None and here["fee"]["status"] == ("refunded" if money[1] else "paid")

    async def _at_the_platform(self, code: str) -> tuple[int, int]:
        """The amounts that the platform took and refunded for a dossier, by its own journal."""
        return FEE * len(await self.lines(code, "paid")), FEE * len(await self.lines(code, "refunded", "payment"))


@asynccontextmanager
async def trouble(portal: str) -> AsyncIterator[Trouble]:
    """A new sandbox, deleted at the end."""
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False) as http,
        Country(portal) as country,
        country.sandbox(seed="trouble", start="2026-06-09T08:00:00+07:00") as sandbox,
    ):
        yield Trouble(country, sandbox, http)
