"""Calls to our neighbours: one client per process, with timeouts and the trace of the moment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import httpx

from shared import telemetry

TIMEOUT = httpx.Timeout(5.0, connect=1.0)  # s; neighbours are on this machine and answer in milliseconds
# Every call looks through all idle connections, pair by pair: eight cost half of what sixteen do (measured).
LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=8)
# httpcore asks for this package at every lock; where it is missing, the search through sys.path is a quarter of a call.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


class Unreachable(OSError):
    """A neighbour did not answer, or failed itself (5xx): a fault of the machine, worth another try."""


def client(mounts: Mapping[str, httpx.AsyncBaseTransport]) -> httpx.AsyncClient:
    """`mounts`: addresses that are reached another way than over the network."""
    return httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, limits=LIMITS, mounts=mounts)


async def call(
    http: httpx.AsyncClient, method: str, url: str, *, sandbox: str = "", body: Any = None
) -> httpx.Response:
    """One call. Refusals (4xx) come back as responses; raises Unreachable for silence and 5xx."""
    headers: Mapping[str, str] = {"traceparent": telemetry.traceparent(), **({"X-Sandbox": sandbox} if sandbox else {})}
    try:
        response = await http.request(method, url, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise Unreachable(f"{method} {url}: {type(error).__name__}") from error
    if response.status_code >= 500:
        raise Unreachable(f"{method} {url}: status {response.status_code}")
    return response
