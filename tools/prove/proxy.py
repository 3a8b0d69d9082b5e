"""A TCP proxy between the services and one of their servers: it delays, cuts, holds back, or shuts one process out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

PIECE = 1 << 16  # bytes that are passed on at once


class Proxy:
    """Passes connections on to a port of this machine, in a thread and an event loop of its own.

    port     where it listens, on loopback
    delay    seconds that every piece waits, in both directions
    is_mute  half-open: connections stay, new ones are accepted, and nothing arrives
    shut_out pid of a process whose connections are closed, now and later
    refused  number of connections that were closed for that reason
    """

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self.delay, self.is_mute, self.shut_out, self.refused = 0.0, False, 0, 0
        self._loop = asyncio.new_event_loop()
        self._open: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}  # of the client → of the server
        self._muted: set[asyncio.StreamWriter] = set()  # something of these connections was held back

    def __enter__(self) -> Self:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.port = self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def cut(self, pid: int = 0) -> int:
        """Close every connection, or every one of a process, at once; returns how many they were."""
        return self._do(self._cut(pid))

    def go_mute(self) -> None:
        """From now on nothing arrives."""
        self.is_mute = True

    def speak_again(self) -> int:
        """Close what was held back, as a firewall that has forgotten it, and pass on what is new; returns how many."""
        self.is_mute = False
        held = self._do(self._drop_muted())
        return held

    def _do(self, work: Coroutine[Any, Any, int]) -> int:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _cut(self, pid: int) -> int:
        ports = ports_of(pid) if pid else None
        closed = [each for each in self._open if ports is None or each.get_extra_info("peername")[1] in ports]
        for client in closed:
            self._close(client)
        return len(closed)

    async def _drop_muted(self) -> int:
        muted = [client for client in self._muted if client in self._open]
        for client in muted:
            self._close(client)
        self._muted.clear()
        return len(muted)

    def _close(self, client: asyncio.StreamWriter) -> None:
        for writer in (client, self._open.pop(client, client)):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.shut_out and client.get_extra_info("peername")[1] in ports_of(self.shut_out):
            self.refused += 1
            client.transport.abort()
            return
        try:
            from_server, server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            client.transport.abort()
            return
        self._open[client] = server
        await asyncio.gather(self._pass_on(reader, server, client), self._pass_on(from_server, client, client))
        self._close(client)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        """Until one end closes: then both are closed."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.is_mute:
                    self._muted.add(client)
                    continue
                writer.write(piece)
                await writer.drain()
        self._close(client)


def ports_of(pid: int) -> set[int]:
    """The local TCP ports of a process; none if it has ended."""
    try:
        links = [os.readlink(each.path) for each in os.scandir(f"/proc/{pid}/fd")]
        rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    except OSError:
        return set()
    sockets = {link[8:-1] for link in links if link.startswith("socket:[")}
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in sockets}
