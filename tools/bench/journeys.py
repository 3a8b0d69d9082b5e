"""Whole journeys, generator included: submit, reception, fee, payment, processing, result returned.

In a process of its own: `python -m tools.bench.journeys PORTAL_URL COUNT`, one JSON object on stdout. The clock of
a frozen sandbox is turned day by day, so nothing waits but for the machine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import uvloop

from lienthong.client import Country, Sandbox
from tools.bench import citizens
from tools.bench.load import KEY, Line, lines, request

CLIENTS = 16
DAYS_AT_MOST = 40
REFUSED, RETURNED = 3, 10
Paid = tuple[bytes, int]  # a request for payment, and whose it is


def per_second(portal: str, count: int) -> float:
    """Returned results per second, from the first submission until the last result is seen."""
    words = [sys.executable, "-m", "tools.bench.journeys", portal, str(count)]
    found: dict[str, float] = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return found["per_second"]


async def travel(portal: str, count: int) -> dict[str, float]:
    async with Country(portal) as country, country.sandbox(seed="bench") as sandbox:
        where = await citizens.places(country)
        at_portal, at_payment = await _open(country.portal.url), await _open(country.payment.url)
        began = time.perf_counter()
        prepared = citizens.submissions(await citizens.tokens(sandbox), where)
        asked = [prepared[n % len(prepared)].replace(KEY.encode(), f"journey-{n:08d}".encode()) for n in range(count)]
        await _each(at_portal, asked)
        await sandbox.settle()
        ended, days = 0, 0
        while ended < count and days < DAYS_AT_MOST:
            await sandbox.clock.advance("1d")
            days += 1
            bearers = await citizens.tokens(sandbox)  # an hour of validity: gone with the day
            owing, states = await _look(sandbox, bearers, country)
            if owing:
                await _pay(owing, at_portal, at_payment)
                await sandbox.settle()
            ended = sum(state in (REFUSED, RETURNED) for state in states)
        seconds = time.perf_counter() - began
        returned = states.count(RETURNED)
        return {"per_second": returned / seconds, "returned": returned, "seconds": seconds, "days": days}


async def _open(url: str) -> list[Line]:
    at = urlsplit(url)
    return await lines(str(at.hostname), int(at.port or 80), CLIENTS)


async def _each(over: list[Line], requests: Iterable[bytes]) -> list[bytes]:
    """Send every request over some line; the bodies of the answers, in no order. Raises RuntimeError at a refusal."""
    turns: Iterator[bytes] = iter(requests)
    bodies: list[bytes] = []

    async def client(line: Line) -> None:
        for ready in turns:
            status, body = await line.ask(ready)
            if status >= 400:
                raise RuntimeError(f"A journey ends here: {body.decode(errors='replace')}")
            bodies.append(body)

    await asyncio.gather(*map(client, over))
    return bodies


async def _look(sandbox: Sandbox, bearers: list[str], country: Country) -> tuple[list[bytes], list[int]]:
    """Every citizen looks at their dossiers: what is owed, as requests to pay, and in which states they are."""
    owing, states = [], []
    for bearer in bearers:
        headers = {"authorization": f"Bearer {bearer}"}
        found: list[dict[str, Any]] = await country.portal.json(
            "GET", "/api/v1/dossiers?page_size=500", headers=headers
        )
        for dossier in found:
            states.append(dossier["status"]["code"])
            if "pay" in dossier["can"]:
                path, code = f"/api/v1/dossiers/{dossier['code']}/payments", dossier["code"]
                body = {"amount_dong": dossier["fee"]["amount_dong"]}
                owing.append(request("POST", path, body, {**headers, "idempotency-key": f"pay-{code}"}))
    return owing, states


async def _pay(owing: list[bytes], at_portal: list[Line], at_payment: list[Line]) -> None:
    """Begin each payment at the portal, open the checkout, pay; the confirmation travels by itself."""
    begun = [urlsplit(json.loads(body)["checkout_url"]).path for body in await _each(at_portal, owing)]
    await _each(at_payment, [request("GET", path, None, {}) for path in begun])
    await _each(at_payment, [request("POST", f"{path}/pay", {"outcome": "success"}, {}) for path in begun])


if __name__ == "__main__":
    print(json.dumps(uvloop.run(travel(sys.argv[1], int(sys.argv[2])))))
