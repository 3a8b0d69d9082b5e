"""HTTP calls to peer services: one client per process, with timeouts and the current trace context."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import httpx

from shared.observability import spans, trace_context

SECRET_HEADER = "X-Service-Secret"  # noqa: S105 - the name of a header, for internal endpoints
NO_HEADERS: Mapping[str, str] = {}
TOO_MANY = 429  # RFC 6585: like a 5xx, it does not mean that the request is wrong
TIMEOUT = httpx.Timeout(5.0, connect=1.0)  # s; peers run on this machine and reply in milliseconds
# Every call compares all idle connections in pairs: eight cost half as much as sixteen (measured).
# An idle connection expires after 60 s, before the server closes it (75 s). httpcore can close a connection that has
# just expired while a new request uses it, so this should happen rarely.
LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=8, keepalive_expiry=60)
# httpcore tries to import this package at every lock. If missing, the search of sys.path takes a quarter of a call.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]
# Made at import, so once before the roles are forked: to load the authorities takes longer than the rest of a client.
AUTHORITIES = httpx.create_ssl_context(trust_env=False)


class Unreachable(OSError):
    """A peer did not reply, failed (5xx) or is overloaded (429). A retry may succeed."""


def client(
    mounts: Mapping[str, httpx.AsyncBaseTransport], headers: Mapping[str, str] = NO_HEADERS
) -> httpx.AsyncClient:
    """A client for calls to other services.

    mounts   address → transport, for addresses that this process reaches in a special way
    headers  for every request
    """
    return httpx.AsyncClient(
        verify=AUTHORITIES, timeout=TIMEOUT, trust_env=False, limits=LIMITS, mounts=mounts, headers=headers
    )


async def call(
    http: httpx.AsyncClient, method: str, url: str, *, sandbox_id: str = "", body: Any = None
) -> httpx.Response:
    """Make one call. Returns refusals (4xx) as responses; raises Unreachable for no reply, 5xx and 429."""
    if spans.on:
        return await _traced(http, method, url, sandbox_id, body)
    return await _call(http, method, url, sandbox_id, body, trace_context.traceparent())


async def _traced(http: httpx.AsyncClient, method: str, url: str, sandbox_id: str, body: Any) -> httpx.Response:
    """Make the call as a child span of the current one."""
    parent, begun, status, failure = trace_context.current(), time.perf_counter(), 0, ""
    own = trace_context.child_of(parent) if parent else trace_context.new_trace()
    try:
        response = await _call(http, method, url, sandbox_id, body, own)
        status = response.status_code
    except Unreachable as error:
        failure = str(error).rpartition(" ")[2]  # the error class of httpx, or the status
        raise
    finally:
        spans.call(method, url, own, parent, time.perf_counter() - begun, sandbox_id, status, failure)
    return response


async def _call(
    http: httpx.AsyncClient, method: str, url: str, sandbox_id: str, body: Any, traceparent: str
) -> httpx.Response:
    headers: Mapping[str, str] = {"traceparent": traceparent, **({"X-Sandbox": sandbox_id} if sandbox_id else {})}
    try:
        response = await http.request(method, url, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise Unreachable(f"{method} {url}: {type(error).__name__}") from error
    if response.status_code >= 500 or response.status_code == TOO_MANY:
        raise Unreachable(f"{method} {url}: status {response.status_code}")
    return response


class Detour(httpx.AsyncHTTPTransport):
    """Sends every request to the scheme, host and port of `url`. The Host header of the request does not change."""

    def __init__(self, url: str) -> None:
        super().__init__(verify=AUTHORITIES, trust_env=False, limits=LIMITS)
        self._target = httpx.URL(url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = self._target
        request.url = request.url.copy_with(scheme=target.scheme, host=target.host, port=target.port)
        return await super().handle_async_request(request)


def transports(detours: Mapping[str, str]) -> dict[str, httpx.AsyncBaseTransport]:
    """The `mounts` of an HTTP client, from public address → internal address."""
    return {public: Detour(internal) for public, internal in detours.items()}
