"""Throughput of whole journeys, including the load generator: submit, reception, fee, payment, processing, result returned.

Runs in a separate process: `python -m tools.bench.journeys PORTAL_URL COUNT`, one JSON object on stdout. The clock of a
frozen sandbox is advanced day by day, so only the machine limits the speed.
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

from lienthong.client import Country
from tools.bench import citizens
from tools.bench.load import KEY, Connection, open_connections, request

CLIENTS = 16
DAYS_AT_MOST = 40
REFUSED, RETURNED = 3, 10


def per_second(portal: str, count: int) -> float:
    """Returned results per second, from the first submission until the last result is returned."""
    words = [sys.executable, "-m", "tools.bench.journeys", portal, str(count)]
    result: dict[str, float] = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return result["per_second"]


async def travel(portal: str, count: int) -> dict[str, float]:
    async with Country(portal) as country, country.sandbox(seed="bench") as sandbox:
        places = await citizens.places(country)
        began = time.perf_counter()
        prepared = citizens.submissions(await citizens.tokens(sandbox), places)
        requests = [
            prepared[n % len(prepared)].replace(KEY.encode(), f"journey-{n:08d}".encode()) for n in range(count)
        ]
        await _send_all(country.portal.url, requests)
        await sandbox.settle()
        ended, days = 0, 0
        while ended < count and days < DAYS_AT_MOST:
            await sandbox.clock.advance("1d")
            days += 1
            bearers = await citizens.tokens(sandbox)  # tokens are valid for an hour of sandbox time
            owing, states = await _read(bearers, country)
            if owing:
                await _pay(owing, country)
                await sandbox.settle()
            ended = sum(state in (REFUSED, RETURNED) for state in states)
        seconds = time.perf_counter() - began
        returned = states.count(RETURNED)
        return {"per_second": returned / seconds, "returned": returned, "seconds": seconds, "days": days}


async def _connect(url: str) -> list[Connection]:
    parts = urlsplit(url)
    return await open_connections(str(parts.hostname), int(parts.port or 80), CLIENTS)


async def _send_all(url: str, requests: Iterable[bytes]) -> list[bytes]:
    """Send all requests in parallel; returns the response bodies in any order. Raises RuntimeError if one is refused.

    Over new connections: a service closes those that send nothing for some seconds.
    """
    turns: Iterator[bytes] = iter(requests)
    bodies: list[bytes] = []

    async def client(connection: Connection) -> None:
        for message in turns:
            status, body = await connection.send(message)
            if status >= 400:
                raise RuntimeError(f"A request of a journey was refused: {body.decode(errors='replace')}")
            bodies.append(body)

    connections = await _connect(url)
    try:
        await asyncio.gather(*map(client, connections))
    finally:
        for connection in connections:
            connection.close()
    return bodies


async def _read(bearers: list[str], country: Country) -> tuple[list[bytes], list[int]]:
    """Read all dossiers of all citizens: payment requests for what is due, and the states of the dossiers."""
    owing, states = [], []
    for bearer in bearers:
        headers = {"authorization": f"Bearer {bearer}"}
        dossiers: list[dict[str, Any]] = await country.portal.json(
            "GET", "/api/v1/dossiers?page_size=500", headers=headers
        )
        for dossier in dossiers:
            states.append(dossier["status"]["code"])
            if "pay" in dossier["can"]:
                path, code = f"/api/v1/dossiers/{dossier['code']}/payments", dossier["code"]
                body = {"amount_dong": dossier["fee"]["amount_dong"]}
                owing.append(request("POST", path, body, {**headers, "idempotency-key": f"pay-{code}"}))
    return owing, states


async def _pay(owing: list[bytes], country: Country) -> None:
    """Start each payment at the portal, open the checkout and pay; the platform sends the confirmation asynchronously."""
    paths = [urlsplit(json.loads(body)["checkout_url"]).path for body in await _send_all(country.portal.url, owing)]
    await _send_all(country.payment.url, [request("GET", path, None, {}) for path in paths])
    await _send_all(country.payment.url, [request("POST", f"{path}/pay", {"outcome": "success"}, {}) for path in paths])


if __name__ == "__main__":
    print(json.dumps(uvloop.run(travel(sys.argv[1], int(sys.argv[2])))))
