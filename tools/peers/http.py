"""A cheap HTTP client, the same for every program: figures then differ by the programs alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import httptools


@dataclass(frozen=True)
class Request:
    """`target`: path and query."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def get(target: str, headers: Mapping[str, str] | None = None) -> Request:
    return Request("GET", target, headers or {})


def post_json(target: str, body: object, headers: Mapping[str, str] | None = None) -> Request:
    content = json.dumps(body, ensure_ascii=False).encode()
    return Request("POST", target, {**(headers or {}), "content-type": "application/json"}, content)


def post_form(target: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Request:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return Request("POST", target, {**(headers or {}), **kind}, urlencode(fields).encode())


@dataclass
class Answer:
    """A response; names of `headers` in lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return json.loads(self.body)


class Connection(asyncio.Protocol):
    """One keep-alive connection to `url`, opened when it is used; one request at a time."""

    def __init__(self, url: str) -> None:
        self.url, parts = url, urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._transport: asyncio.WriteTransport | None = None

    async def send(self, request: Request) -> Answer:
        """Raises ConnectionError if the server closes the connection before its answer is complete."""
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            await loop.create_connection(lambda: self, self._host, self._port)
        self._answer, self._whole = Answer(), loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        headers = {"host": f"{self._host}:{self._port}", "content-length": str(len(request.body)), **request.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        assert self._transport is not None
        self._transport.write(f"{request.method} {request.target} HTTP/1.1\r\n{head}\r\n".encode() + request.body)
        await self._whole
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's transports do not declare this type

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self._whole.done():
            self._whole.set_exception(ConnectionError(f"{self.url} closed the connection before its answer."))

    # -- what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._answer.body += body

    def on_message_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.close()
        self._whole.set_result(None)
