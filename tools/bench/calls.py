"""Processor time of a call between services: `python -m tools.bench.calls URL COUNT`, one JSON object on stdout."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys

import uvloop

from lienthong.embedded import ports
from shared import http
from tools.bench import ceilings
from tools.bench.rows import Aim, Row

PARALLEL_CALLS = 16
WARM = 200  # calls before the measurement: connections are open then
BODY = {"procedure": "2.000635", "authority": {"province": "37", "commune": "00001"}, "note": "x" * 900}


def measure(count: int) -> list[Row]:
    """Rows for the caller, and for an empty FastAPI endpoint that is called; the body has 1 KB."""
    with ceilings.empty_endpoint(ports.free_base()) as (url, _):
        words = [sys.executable, "-m", "tools.bench.calls", f"{url}/api/v1/dossiers", str(count)]
        caller: float = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)["µs"]
    return [
        Row(
            f"a call between services, {PARALLEL_CALLS} at once: processor time of the caller",
            caller,
            "µs",
            Aim(most=500),
        )
    ]


async def _calls(url: str, count: int) -> float:
    """Processor time of this process per call, in µs."""
    client = http.Client({})

    async def make(count: int) -> None:
        turns = iter(range(count))

        async def one_after_the_other() -> None:
            for _ in turns:
                response = await http.call(client, "POST", url, sandbox_id="default", body=BODY)
                assert response.json()["procedure"]

        await asyncio.gather(*(one_after_the_other() for _ in range(PARALLEL_CALLS)))

    await make(WARM)
    before = _used()
    await make(count)
    used = _used() - before
    await client.aclose()
    return used / count * 1e6


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(json.dumps({"µs": uvloop.run(_calls(sys.argv[1], int(sys.argv[2])))}))
