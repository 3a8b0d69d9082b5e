"""The requests of one verb, one after the other, with the standard library's client.

To import httpx takes as long as everything else that a short verb does.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from json import dumps, loads
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT = 30.0  # s
READABLE = "/:?&=%!$'()*+,;@~-._[]"  # the characters of an address that are not percent-encoded


class BlockingResponse:
    """The response to one request, read to its end; the names of its headers in lower case."""

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes, method: str, url: str) -> None:
        self.status_code, self.headers, self.content = status_code, headers, content
        self.request = SimpleNamespace(method=method, url=url)

    def json(self) -> Any:
        return loads(self.content)


class BlockingHttp:
    """Keeps a connection to each service. Used as an async client, but it never waits in an event loop."""

    def __init__(self) -> None:
        self._connections: dict[tuple[str, str], HTTPConnection] = {}

    async def request(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = TIMEOUT,
    ) -> BlockingResponse:
        """The options are those of httpx that verbs use. Raises OSError or HTTPException if nothing answers."""
        connection, target = self._connection(address)
        if params:
            target += ("&" if "?" in target else "?") + _form(params)
        body, kind = content, {}
        if json is not None:
            body, kind = dumps(json, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
        elif data is not None:
            body, kind = _form(data).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        connection.timeout = timeout
        if connection.sock:
            connection.sock.settimeout(timeout)
        try:
            connection.request(method, target, body, {**kind, **(headers or {})})
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return BlockingResponse(answer.status, named, answer.read(), method, address)
        except BaseException:
            connection.close()  # what is left of this response would be read as the next one
            raise

    def _connection(self, address: str) -> tuple[HTTPConnection, str]:
        """The connection for an address that the client has checked, and its path and query."""
        parts = urlsplit(address)
        key = (parts.scheme, parts.netloc)
        if key not in self._connections:
            self._connections[key] = _connection_to(parts.hostname or "", parts.port, parts.scheme == "https")
        query = f"?{quote(parts.query, READABLE)}" if parts.query else ""
        return self._connections[key], (quote(parts.path, READABLE) or "/") + query

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def _connection_to(host: str, port: int | None, is_tls: bool) -> HTTPConnection:
    if not is_tls:
        return HTTPConnection(host, port, timeout=TIMEOUT)
    import certifi  # most countries have no TLS

    return HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context(cafile=certifi.where()))


def _form(fields: Mapping[str, Any]) -> str:
    """The fields as httpx writes them: true and false, and nothing for None."""
    return urlencode({name: _word(value) for name, value in fields.items()}, doseq=True)


def _word(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
