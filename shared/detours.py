"""Neighbours that are not reached where everybody else sees them, as between containers.

A role has one address: it stands in tokens, links and logs, and it is what our code calls. Only the last step, the
connection, goes elsewhere, so no caller has to choose between two addresses.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from shared.http import LIMITS


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
