"""HTTP/1.1 requests over connections that are kept open: a tenth of the processor time of httpx, and its errors."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import cast

import httptools
import httpx

CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0  # between two pieces of a response; peers run on this machine and reply in milliseconds
IDLE_SECONDS = 60.0  # shorter than a server keeps an idle connection (75 s), so that it seldom ends under a request
MOST = 200  # requests at once


class Connections:
    """Connections of one process to any hosts."""

    def __init__(self) -> None:
        self._idle: defaultdict[tuple[str, int], list[_Connection]] = defaultdict(list)
        self._places = asyncio.Semaphore(MOST)

    async def exchange(self, host: str, port: int, request: bytes) -> httpx.Response:
        """Send a whole request, other than HEAD; returns the whole response. Raises httpx.TransportError."""
        async with self._places:
            connection = self._take_idle(host, port) or await _open(host, port)
            try:
                response = await connection.exchange(request)
            except BaseException:
                connection.close()
                raise
            if connection.is_open:
                self._idle[host, port].append(connection)
            return response

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _take_idle(self, host: str, port: int) -> _Connection | None:
        """The connection that was used last, if it is still open."""
        connections, now = self._idle[host, port], asyncio.get_running_loop().time()
        while connections:
            connection = connections.pop()
            if connection.is_open and now - connection.used_at < IDLE_SECONDS:
                return connection
            connection.close()
        return None


async def _open(host: str, port: int) -> _Connection:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return (await asyncio.get_running_loop().create_connection(_Connection, host, port))[1]
    except TimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error


class _Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self) -> None:
        self.is_open, self.used_at = True, 0.0
        self._loop = asyncio.get_running_loop()
        self._response: asyncio.Future[httpx.Response] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not declare this type

    async def exchange(self, request: bytes) -> httpx.Response:
        self._parser = httptools.HttpResponseParser(self)
        self._head_is_whole, self._response = False, self._loop.create_future()
        if not self.is_open:  # since it was taken or made
            self._fail(httpx.RemoteProtocolError("The server closed the connection before the request was sent."))
        self._transport.write(request)
        try:
            async with asyncio.timeout(READ_SECONDS) as self._limit:
                return await self._response
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        finally:
            self._response, self.used_at = None, self._loop.time()

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    # what the event loop calls

    def data_received(self, data: bytes) -> None:
        if self._response is None or self._response.done():  # nothing was asked
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(str(error)))
        if not self._response.done():
            self._limit.reschedule(self._loop.time() + READ_SECONDS)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if error is not None:
            self._fail(httpx.ReadError(str(error)))
        elif self._response is not None and self._head_is_whole and self._has_no_length():
            self._complete()
        else:
            self._fail(httpx.RemoteProtocolError("The server closed the connection before its response was whole."))

    # what the parser calls

    def on_message_begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head_is_whole = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._head_is_whole:  # of an interim response (1xx): the next one is the response
            return
        if not self._parser.should_keep_alive():
            self.close()
        self._complete()

    def _has_no_length(self) -> bool:
        """Whether the response ends with the connection (RFC 9112 section 6.3)."""
        return not {name.lower() for name, _ in self._headers} & {b"content-length", b"transfer-encoding"}

    def _complete(self) -> None:
        if self._response is not None and not self._response.done():
            status, body = self._parser.get_status_code(), b"".join(self._body)
            try:
                self._response.set_result(httpx.Response(status, headers=self._headers, content=body))
            except httpx.DecodingError as error:
                self._fail(httpx.RemoteProtocolError(f"The body is not encoded as its header says: {error}."))

    def _fail(self, error: httpx.TransportError) -> None:
        self.is_open = False
        if self._response is not None and not self._response.done():
            self._response.set_exception(error)
