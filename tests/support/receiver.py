"""The receiver of a connector's webhooks: a small HTTP server, which answers as the test says.

It listens on loopback, and on the bridge of the containers where the country lives in those (`make compose-proof`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

ADDRESS = os.environ.get("RECEIVER_ADDRESS", "127.0.0.1")  # where receivers listen
NAME = os.environ.get("RECEIVER_NAME", ADDRESS)  # what the country calls this machine

Writer = asyncio.StreamWriter
Answer = Callable[["Received", Writer], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(msgspec.json.decode(self.body))


def status(code: int, body: bytes = b"", *headers: str) -> Answer:
    """Answers with a status."""
    lines = (f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *headers)

    async def answer(received: Received, writer: Writer) -> None:
        writer.write("\r\n".join((*lines, "", "")).encode() + body)
        await writer.drain()

    return answer


async def hang(received: Received, writer: Writer) -> None:
    """Never answers, until the client hangs up."""
    await writer.wait_closed()


async def cut(received: Received, writer: Writer) -> None:
    """Closes the connection in the middle of the answer."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()


class Receiver:
    """`answers` are used one by one, the last one for all further requests; `received` has every request, in order."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [status(204)]
        self.received: list[Received] = []
        self.asked = asyncio.Event()  # set by every request
        self.url = ""

    @property
    def told(self) -> list[tuple[str, str]]:
        """Dossier and type of every event, in order."""
        return [(each.event["subject"], each.event["type"]) for each in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            received = Received(first.split()[1], headers, body)
            self.received.append(received)
            self.asked.set()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            await answer(received, writer)
        writer.close()


@contextlib.asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port; with `tls` it speaks https, and is called by the name localhost."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, ADDRESS, 0, ssl=tls)
    origin = "https://localhost" if tls else f"http://{NAME}"
    receiver.url = f"{origin}:{server.sockets[0].getsockname()[1]}/events"
    try:
        yield receiver
    finally:
        server.close()
