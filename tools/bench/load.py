"""A cheap HTTP load: prepared requests over kept connections, in a process of its own. `python -m tools.bench.load`

One JSON object on stdin, one on stdout:
    {"host", "port", "clients", "requests": ["POST …\\r\\n\\r\\n{…}", …], "count", "per_second"}
    {"seconds", "latencies": [seconds, …], "statuses": {"201": n, …}, "sample": "the last body"}
`count` requests are sent, taking `requests` in turn, `@KEY@` in them replaced by a new key (32 characters) each time.
`per_second` (0: as fast as answers come) paces them all together; `latencies` count from the moment of sending.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

KEY = "@KEY@"


class Line(asyncio.Protocol):
    """One kept connection: a request out, its whole answer in."""

    def __init__(self) -> None:
        self._got = b""
        self._answered: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's do not say so themselves

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0 or self._answered is None:
            return
        _, _, rest = self._got[:end].lower().partition(b"\r\ncontent-length:")
        length = int(rest.partition(b"\r\n")[0] or 0)
        if len(self._got) >= end + 4 + length:
            got, self._got = self._got, b""
            answered, self._answered = self._answered, None
            answered.set_result((int(got[9:12]), got[end + 4 :]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("The server closed the connection while we waited."))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body; one request at a time."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        self._transport.close()


async def lines(host: str, port: int, many: int) -> list[Line]:
    """Open connections."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Line, host, port))[1] for _ in range(many)]


def request(method: str, path: str, body: object, headers: Mapping[str, str]) -> bytes:
    """One HTTP/1.1 request, ready to send; JSON if there is a body."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    kind = {} if body is None else {"content-type": "application/json"}
    all_headers = {"host": "127.0.0.1", **kind, "content-length": str(len(content)), **headers}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return head.encode() + b"\r\n" + content


@dataclass
class Run:
    """What a load came to; latencies in seconds, sorted."""

    seconds: float
    latencies: list[float]
    statuses: dict[str, int]
    sample: str

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """In milliseconds."""
        return percentile(self.latencies, percent) * 1000


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * percent / 100))]


def run(url: str, requests: Sequence[bytes], count: int, *, clients: int = 16, per_second: float = 0) -> Run:
    """Run a load in its own process and wait for its end. Raises RuntimeError unless every answer was a success."""
    at = urlsplit(url)
    spec = {
        "host": at.hostname,
        "port": at.port,
        "clients": clients,
        "requests": [each.decode() for each in requests],
        "count": count,
        "per_second": per_second,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench.load"],
        input=json.dumps(spec).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    result = Run(**json.loads(done.stdout))
    if any(not status.startswith("2") for status in result.statuses):
        raise RuntimeError(f"Not every request to {url} succeeded: {result.statuses}; the last said: {result.sample}")
    return result


async def _play(spec: dict[str, Any]) -> dict[str, Any]:
    count, clients, per_second = spec["count"], spec["clients"], spec["per_second"]
    prefix, key = os.urandom(12).hex(), KEY.encode()
    prepared = [each.encode() for each in spec["requests"]]
    turns = iter(range(count))
    latencies, statuses, sample = [], Counter[str](), b""
    loop = asyncio.get_running_loop()
    open_lines = await lines(spec["host"], spec["port"], clients)
    began = loop.time()

    async def client(line: Line) -> None:
        nonlocal sample
        for turn in turns:
            ready = prepared[turn % len(prepared)].replace(key, f"{prefix}{turn:08d}".encode())
            if per_second and (wait := began + turn / per_second - loop.time()) > 0:
                await asyncio.sleep(wait)
            sent = time.perf_counter()
            status, sample = await line.ask(ready)
            latencies.append(time.perf_counter() - sent)
            statuses[str(status)] += 1

    await asyncio.gather(*map(client, open_lines))
    seconds = loop.time() - began
    for line in open_lines:
        line.close()
    return {"seconds": seconds, "latencies": sorted(latencies), "statuses": statuses, "sample": sample.decode()}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_play(json.loads(sys.stdin.read())))))
