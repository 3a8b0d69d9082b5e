"""A cheap HTTP load: prepared requests over keep-alive connections, in a separate process: `python -m tools.bench.load`

One JSON object on stdin, one on stdout:
    {"host", "port", "clients", "requests": ["POST …\\r\\n\\r\\n{…}", …], "count", "per_second"}
    {"seconds", "latencies": [seconds, …], "statuses": {"201": n, …}, "sample": "the last body"}
Sends `count` requests, taking `requests` in turn; each time `@KEY@` is replaced by a new key of 32 characters.
`per_second` limits the total rate (0: no limit); `latencies` are measured from the sending of each request.
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


class Connection(asyncio.Protocol):
    """One keep-alive connection that sends a request and receives its complete response."""

    def __init__(self) -> None:
        self._received = b""
        self._response: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's transports do not declare this type

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._response is None:
            return
        _, _, rest = self._received[:end].lower().partition(b"\r\ncontent-length:")
        length = int(rest.partition(b"\r\n")[0] or 0)
        if len(self._received) >= end + 4 + length:
            response, self._received = self._received, b""
            waiting, self._response = self._response, None
            if not waiting.done():  # done: the request was cancelled
                waiting.set_result((int(response[9:12]), response[end + 4 :]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_exception(ConnectionError("The server closed the connection before its response."))

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send one request; returns status and body. One request at a time."""
        self._response = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._response

    def close(self) -> None:
        self._transport.close()


async def open_connections(host: str, port: int, count: int) -> list[Connection]:
    """Open `count` connections."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, host, port))[1] for _ in range(count)]


def request(method: str, path: str, body: object, headers: Mapping[str, str]) -> bytes:
    """The bytes of one HTTP/1.1 request; a body is sent as JSON."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    kind = {} if body is None else {"content-type": "application/json"}
    all_headers = {"host": "127.0.0.1", **kind, "content-length": str(len(content)), **headers}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return head.encode() + b"\r\n" + content


@dataclass
class Run:
    """The result of a load; latencies in seconds, sorted."""

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
    """Run a load in a separate process and wait for its end. Raises RuntimeError unless all responses are 2xx."""
    parts = urlsplit(url)
    spec = {
        "host": parts.hostname,
        "port": parts.port,
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
        raise RuntimeError(
            f"Not every request to {url} succeeded: {result.statuses}; the last response: {result.sample}"
        )
    return result


async def _run(spec: dict[str, Any]) -> dict[str, Any]:
    count, clients, per_second = spec["count"], spec["clients"], spec["per_second"]
    prefix, key = os.urandom(12).hex(), KEY.encode()
    prepared = [each.encode() for each in spec["requests"]]
    turns = iter(range(count))
    latencies, statuses, sample = [], Counter[str](), b""
    loop = asyncio.get_running_loop()
    connections = await open_connections(spec["host"], spec["port"], clients)
    began = loop.time()

    async def client(connection: Connection) -> None:
        nonlocal sample
        for turn in turns:
            message = prepared[turn % len(prepared)].replace(key, f"{prefix}{turn:08d}".encode())
            if per_second and (wait := began + turn / per_second - loop.time()) > 0:
                await asyncio.sleep(wait)
            sent = time.perf_counter()
            status, sample = await connection.send(message)
            latencies.append(time.perf_counter() - sent)
            statuses[str(status)] += 1

    await asyncio.gather(*map(client, connections))
    seconds = loop.time() - began
    for connection in connections:
        connection.close()
    return {"seconds": seconds, "latencies": sorted(latencies), "statuses": statuses, "sample": sample.decode()}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(json.loads(sys.stdin.read())))))
