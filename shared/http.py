"""Calls to our neighbours: one client per process, with timeouts and the trace of the moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import httpx

from shared.observability import spans, trace_context

TOO_MANY = 429  # RFC 6585: says nothing about the request, as a 5xx
TIMEOUT = httpx.Timeout(5.0, connect=1.0)  # s; neighbours are on this machine and answer in milliseconds
# Every call looks through all idle connections, pair by pair: eight cost half of what sixteen do (measured).
# Idle ones live nearly as long as at the server (75 s): httpcore may close one that has just expired under a new request.
LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=8, keepalive_expiry=60)
# httpcore asks for this package at every lock; where it is missing, the search through sys.path is a quarter of a call.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


class Unreachable(OSError):
    """A neighbour did not answer, failed itself (5xx) or has too much to do (429): worth another try."""


def client(mounts: Mapping[str, httpx.AsyncBaseTransport]) -> httpx.AsyncClient:
    """`mounts`: addresses that are reached another way than over the network."""
    return httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, limits=LIMITS, mounts=mounts)


async def call(
    http: httpx.AsyncClient, method: str, url: str, *, sandbox: str = "", body: Any = None
) -> httpx.Response:
    """One call. Refusals (4xx) come back as responses; raises Unreachable for silence, 5xx and 429."""
    if spans.on:
        return await _traced(http, method, url, sandbox, body)
    return await _call(http, method, url, sandbox, body, trace_context.traceparent())


async def _traced(http: httpx.AsyncClient, method: str, url: str, sandbox: str, body: Any) -> httpx.Response:
    """The same, below a span of its own."""
    parent, begun, status, failed = trace_context.present(), time.perf_counter(), 0, ""
    own = trace_context.child_of(parent) if parent else trace_context.new_trace()
    try:
        response = await _call(http, method, url, sandbox, body, own)
        status = response.status_code
    except Unreachable as error:
        failed = str(error).rpartition(" ")[2]  # the kind of silence, or the status
        raise
    finally:
        spans.call(method, url, own, parent, time.perf_counter() - begun, sandbox, status, failed)
    return response


async def _call(
    http: httpx.AsyncClient, method: str, url: str, sandbox: str, body: Any, traceparent: str
) -> httpx.Response:
    headers: Mapping[str, str] = {"traceparent": traceparent, **({"X-Sandbox": sandbox} if sandbox else {})}
    try:
        response = await http.request(method, url, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise Unreachable(f"{method} {url}: {type(error).__name__}") from error
    if response.status_code >= 500 or response.status_code == TOO_MANY:
        raise Unreachable(f"{method} {url}: status {response.status_code}")
    return response


class Detour(httpx.AsyncHTTPTransport):
    """Connects to scheme, host and port of `url`, whatever address a request names; its Host header stays."""

    def __init__(self, url: str) -> None:
        super().__init__(trust_env=False, limits=LIMITS)
        self._there = httpx.URL(url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        there = self._there
        request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        return await super().handle_async_request(request)


def transports(detours: Mapping[str, str]) -> dict[str, httpx.AsyncBaseTransport]:
    """For an HTTP client's `mounts`: {address that is called: way to where it is reached}."""
    return {seen: Detour(inside) for seen, inside in detours.items()}
