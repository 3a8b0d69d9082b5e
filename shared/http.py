"""HTTP calls to peer services: timeouts, the current trace context, and connections that are kept open."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import httpx

from shared.http_connections import CONNECT_SECONDS, IDLE_SECONDS, MOST, READ_SECONDS, Connections
from shared.observability import spans, trace_context

SECRET_HEADER = "X-Service-Secret"  # noqa: S105 - the name of a header, for internal endpoints
NO_HEADERS: Mapping[str, str] = {}
TOO_MANY = 429  # RFC 6585: like a 5xx, it does not mean that the request is wrong
TIMEOUT = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
# Every request of httpx compares all idle connections in pairs: eight cost half as much as sixteen (measured).
# httpcore can close a connection that has just expired while a new request uses it, so this should happen rarely.
LIMITS = httpx.Limits(max_connections=MOST, max_keepalive_connections=8, keepalive_expiry=IDLE_SECONDS)
# httpcore tries to import this package at every lock. If missing, the search of sys.path takes a quarter of a request.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


class Unreachable(OSError):
    """A peer did not reply, failed (5xx) or is overloaded (429). A retry may succeed."""


class Direct(httpx.AsyncBaseTransport):
    """Connections for `Client.exchange`, and a transport of httpx for the rest, made when it is needed.

    target  every request goes to its scheme, host and port; the Host header does not change. None: as the URL says
    """

    def __init__(self, target: str | None = None) -> None:
        self.target = httpx.URL(target) if target else None
        self.connections = Connections()
        self._rest: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if target := self.target:
            request.url = request.url.copy_with(scheme=target.scheme, host=target.host, port=target.port)
        self._rest = self._rest or httpx.AsyncHTTPTransport(trust_env=False, limits=LIMITS)
        return await self._rest.handle_async_request(request)

    async def aclose(self) -> None:
        self.connections.close()
        if self._rest is not None:
            await self._rest.aclose()


def transports(detours: Mapping[str, str]) -> dict[str, httpx.AsyncBaseTransport]:
    """The `mounts` of a client, from public address → internal address."""
    return {public: Direct(internal) for public, internal in detours.items()}


class Client(httpx.AsyncClient):
    """A client for calls to other services.

    mounts   address → transport, for addresses that this process reaches in a special way
    headers  for every request
    """

    def __init__(self, mounts: Mapping[str, httpx.AsyncBaseTransport], headers: Mapping[str, str] = NO_HEADERS) -> None:
        super().__init__(timeout=TIMEOUT, trust_env=False, transport=Direct(), mounts=mounts, headers=headers)
        self._own_headers = headers

    async def exchange(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> httpx.Response:
        """One request with a JSON body, or with none: a shorter way than `request`, except over TLS.

        raises  httpx.TransportError
        """
        address = _parsed(url)
        transport = self._transport_for_url(address)
        if isinstance(transport, Direct) and (target := transport.target or address).scheme == "http":
            request = _request(method, address, {**self._own_headers, **headers}, body)
            return await transport.connections.exchange(target.host, target.port or 80, request)
        return await self.request(method, url, json=body, headers=headers)


_parsed = lru_cache(maxsize=256)(httpx.URL)


def _request(method: str, url: httpx.URL, headers: Mapping[str, str], body: Any) -> bytes:
    """As httpx would write it. Raises httpx.LocalProtocolError for a header of several lines."""
    content = b""
    if body is not None:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        headers = {**headers, "Content-Type": "application/json"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if lines.count("\n") != len(headers):
        raise httpx.LocalProtocolError("a header has more than one line")
    head = b"%b %b HTTP/1.1\r\nHost: %b\r\n%bContent-Length: %d\r\n\r\n"
    return head % (method.encode(), url.raw_path, url.netloc, lines.encode("ascii"), len(content)) + content


async def call(http: Client, method: str, url: str, *, sandbox_id: str = "", body: Any = None) -> httpx.Response:
    """Make one call. Returns refusals (4xx) as responses; raises Unreachable for no reply, 5xx and 429."""
    if spans.on:
        return await _traced(http, method, url, sandbox_id, body)
    return await _call(http, method, url, sandbox_id, body, trace_context.traceparent())


async def _traced(http: Client, method: str, url: str, sandbox_id: str, body: Any) -> httpx.Response:
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


async def _call(http: Client, method: str, url: str, sandbox_id: str, body: Any, traceparent: str) -> httpx.Response:
    headers: Mapping[str, str] = {"traceparent": traceparent, **({"X-Sandbox": sandbox_id} if sandbox_id else {})}
    try:
        response = await http.exchange(method, url, headers, body)
    except httpx.HTTPError as error:
        raise Unreachable(f"{method} {url}: {type(error).__name__}") from error
    if response.status_code >= 500 or response.status_code == TOO_MANY:
        raise Unreachable(f"{method} {url}: status {response.status_code}")
    return response
