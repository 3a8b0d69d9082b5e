"""A connection of uvicorn that mends three things.

It ends when no whole request head arrives in time (RFC 9110 section 15.5.9). uvicorn itself limits only the idle time
after a response: a connection that sends half a head would stay for ever.

It ends when a request head is too large (RFC 6585 section 5): uvicorn would read one of any size.

It ignores an offer to change the protocol (section 7.8). Java's HTTP client offers HTTP/2 with every request
(`Upgrade: h2c`), and uvicorn then loses the body.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.problem_types import ProblemType
from shared.web import problems

HEAD_BYTES = 64 * 1024  # address and headers; the longest of ours have about 8 KB; then 431
LINGER_SECONDS = 1.0  # between a last response and the end of the connection
HEAD_SECONDS = 10.0  # from the first byte, or from the connection, until the end of the head; then 408


class Connection(HttpToolsProtocol):
    """As uvicorn's; the timer runs only while a head is incomplete, which is never so for a head in one piece."""

    _deadline: asyncio.TimerHandle | None = None
    _is_reading_head = False
    _head_bytes = 0  # of the head, without its first piece, which is small
    _is_ended = False
    _data = b""  # what is being read
    _again = b""  # what is to be read after it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin_waiting()

    def data_received(self, data: bytes) -> None:
        if self._is_ended:
            return
        if self._is_reading_head:
            self._head_bytes += len(data)
        while data:
            self._data, self._again = data, b""
            super().data_received(data)
            data = self._again
        if self._is_reading_head and self._head_bytes > HEAD_BYTES:
            self._end(HEAD_TOO_LARGE)
        elif self._is_reading_head and self._deadline is None:
            self._begin_waiting()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_reading_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        self._stop_waiting()
        if not self._is_offer():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._is_offer():
            super().on_message_complete()

    def _is_offer(self) -> bool:
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def _unsupported_upgrade_warning(self) -> None:
        """Read the request again without the offer. uvicorn calls this after the head, while it handles HttpParserUpgrade."""
        error = sys.exc_info()[1]
        if not self._is_offer() or not isinstance(error, httptools.HttpParserUpgrade):
            super()._unsupported_upgrade_warning()
            return
        rest = self._data[error.args[0] :]
        line = b" ".join((self.parser.get_method(), self.url, b"HTTP/" + self.parser.get_http_version().encode()))
        headers = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        self._again = b"\r\n".join((line, *headers, b"", rest))

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _begin_waiting(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._begin_waiting()  # a pipelined request behind one that is still being answered
            return
        self._end(HEAD_TOO_SLOW)

    def _end(self, response: bytes) -> None:
        """Send a last response; what still comes is thrown away for a while, or the client would lose the response."""
        self._is_reading_head, self._is_ended = False, True
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(response)
            self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _response(status: bytes, problem: ProblemType, detail: str) -> bytes:
    response = problems.render(problem, detail, {})
    lines: list[Any] = [b"HTTP/1.1 " + status, *(b": ".join(header) for header in response.raw_headers)]
    return b"\r\n".join([*lines, b"", bytes(response.body)])


HEAD_TOO_SLOW = _response(
    b"408 Request Timeout", problems.TOO_SLOW, f"Send the whole head of a request within {HEAD_SECONDS:.0f} seconds."
)
HEAD_TOO_LARGE = _response(
    b"431 Request Header Fields Too Large",
    problems.HEAD_TOO_LARGE,
    f"Send at most {HEAD_BYTES:,} bytes of address and headers together.",
)
