"""A small country in which something goes wrong on purpose: one sandbox, its dossiers, and the proof that nothing is lost."""

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
    """Told to a story: `lan` hands in dossiers, `on` lets something go wrong, `whole` shows that all is well in the end."""

    def __init__(self, country: Country, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.country, self.sandbox, self.http = country, sandbox, http
        self.lan = sandbox.citizen("lan")
        self.codes: list[str] = []

    # --- what there is ----------------------------------------------------------------------------------------------------
    async def submitted(self) -> str:
        """The code of a new dossier, whose officers will be quick and kind."""
        return await self.noted(await self.lan.submit(COPY, PROVINCE, COMMUNE))

    async def noted(self, dossier: Dossier) -> str:
        """Its code; from now on it has to reach its end."""
        await self.sandbox.settle()  # it is on its way
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
        """Lines of one kind in a timeline."""
        story = await self.sandbox.timeline(subject)
        return [line for line in story if line["kind"] == kind and service in ("", line["service"])]

    async def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        """A request of our own to the portal or to a whole address, with Lan's token and no second try."""
        token = self.lan.token or await self.lan.sign_in()
        headers = {"Authorization": f"Bearer {token}", "X-Sandbox": self.sandbox.id, **options.pop("headers", {})}
        address = url if "://" in url else self.country.portal.url + url
        return await self.http.request(method, address, headers=headers, **options)

    async def submit(self, key: str) -> httpx.Response:
        return await self.ask("POST", "/api/v1/dossiers", json=SUBMISSION, headers={"Idempotency-Key": key})

    def key(self) -> str:
        return uuid.uuid4().hex

    # --- what goes wrong --------------------------------------------------------------------------------------------------
    @asynccontextmanager
    async def on(self, fault: str, told_to: str, **wish: Any) -> AsyncIterator[dict[str, Any]]:
        """A fault that is on inside the block; at its end it has bitten, was told in that timeline, and is off."""
        rule = await self.sandbox.faults.on(fault, **wish)
        yield rule
        (shown,) = [each for each in await self.sandbox.faults.rules() if each["id"] == rule["id"]]
        assert shown["seen"] >= shown["fired"] >= 1, shown
        told = [line for line in await self.lines(told_to, "fault") if line["data"]["rule"] == rule["id"]]
        assert told and all(line["data"]["fault"] == fault for line in told), f"{fault} is not told of {told_to}"
        assert all(rule["title_en"] in line["text_en"] and rule["title_vi"] in line["text_vi"] for line in told)
        await self.sandbox.faults.off(rule["id"])
        assert await self.sandbox.faults.rules() == []

    async def held(self, fault: str) -> None:
        """Nothing moves but what this fault holds, and that is said by its name."""
        verdict = await self.sandbox.settle()
        assert verdict["verdict"] == "held", verdict
        assert {(each["name"], fault in each["detail"]) for each in verdict["waiting_for"]} == {("held-by-fault", True)}

    async def still(self) -> None:
        verdict = await self.sandbox.settle()
        assert verdict["verdict"] == "still" and verdict["waiting_for"] == [], verdict

    # --- what is left of it -----------------------------------------------------------------------------------------------
    async def whole(self) -> None:
        """Every dossier reaches its end, both copies agree, the money balances, nothing waits."""
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
        """What the platform took and gave back for a dossier, by its own journal."""
        return FEE * len(await self.lines(code, "paid")), FEE * len(await self.lines(code, "refunded", "payment"))


@asynccontextmanager
async def trouble(portal: str) -> AsyncIterator[Trouble]:
    """A sandbox of its own, deleted at the end."""
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False) as http,
        Country(portal) as country,
        country.sandbox(seed="trouble", start="2026-06-09T08:00:00+07:00") as sandbox,
    ):
        yield Trouble(country, sandbox, http)
