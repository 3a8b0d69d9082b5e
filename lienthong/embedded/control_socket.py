"""The supervisor's control socket: a Unix socket in the data folder; one JSON object per request and per reply."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lienthong.embedded import Trouble

if TYPE_CHECKING:
    import asyncio

NAME = "control.sock"
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@contextlib.contextmanager
def _short_path(data: Path) -> Iterator[str]:
    """A short path of the socket, through an open folder: a Unix address has at most 107 bytes, test paths are longer."""
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)


async def listen(data: Path, handle: Handler) -> asyncio.Server:
    """Listen in `data`, for its owner only. A `Trouble` raised by `handle` is sent to the caller, where `ask` raises it."""
    import asyncio

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                reply = await handle(json.loads(await reader.readline()))
            except Trouble as trouble:
                reply = {"trouble": str(trouble)}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()

    (data / NAME).unlink(missing_ok=True)
    with _short_path(data) as path:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
    (data / NAME).chmod(0o600)
    return await asyncio.start_unix_server(serve, sock=listener)


def ask(data: Path, do: str, *, seconds: float = 60.0, **facts: Any) -> dict[str, Any]:
    """Send a request to the supervisor of `data`. Raises ConnectionError if none runs, Trouble if it refuses."""
    try:
        with _short_path(data) as path, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(json.dumps({"do": do, **facts}).encode() + b"\n")
            with connection.makefile() as replies:
                line = replies.readline()
    except OSError as error:
        raise ConnectionError(f"No stack is running in {data}.") from error
    if not line:
        raise ConnectionError(f"The stack in {data} ended before it answered.")
    reply: dict[str, Any] = json.loads(line)
    if "trouble" in reply and len(reply) == 1:
        raise Trouble(reply["trouble"])
    return reply
