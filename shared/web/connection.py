"""A connection of uvicorn that ends when no whole request head arrives in time (RFC 9110 section 15.5.9).

uvicorn itself limits only the idle time after a response: a connection that sends half a head would stay for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.web import problems

HEAD_SECONDS = 10.0  # from the first byte, or from the connection, until the end of the head; then 408


class Connection(HttpToolsProtocol):
    """As uvicorn's; the timer runs only while a head is incomplete, which is never so for a head in one piece."""

    _deadline: asyncio.TimerHandle | None = None
    _is_reading_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin_waiting()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_reading_head and self._deadline is None:
            self._begin_waiting()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_reading_head = True

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        self._stop_waiting()
        super().on_headers_complete()

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
        self.transport.write(_response())
        self.transport.close()


def _response() -> bytes:
    detail = f"Send the whole head of a request within {HEAD_SECONDS:.0f} seconds."
    response = problems.render(problems.TOO_SLOW, detail, {})
    lines: list[Any] = [b"HTTP/1.1 408 Request Timeout", *(b": ".join(header) for header in response.raw_headers)]
    return b"\r\n".join([*lines, b"", bytes(response.body)])
