"""The supervisor's control door: a Unix socket in the data folder, one JSON object asked, one answered."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from lienthong.embedded import Trouble

NAME = "control.sock"
Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@contextlib.contextmanager
def _short(data: Path) -> Iterator[str]:
    """The socket's path by way of an open folder: a Unix address holds 107 bytes, and test folders lie deep."""
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)


async def open_door(data: Path, answer: Answer) -> asyncio.Server:
    """Listen in `data`, for its owner only; a `Trouble` raised by `answer` travels to the asker."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                reply = await answer(json.loads(await reader.readline()))
            except Trouble as trouble:
                reply = {"trouble": str(trouble)}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()

    (data / NAME).unlink(missing_ok=True)
    with _short(data) as path:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
    (data / NAME).chmod(0o600)
    return await asyncio.start_unix_server(serve, sock=listener)


def ask(data: Path, do: str, *, seconds: float = 60.0, **facts: Any) -> dict[str, Any]:
    """Ask the supervisor of `data`. Raises ConnectionError if none is there, Trouble if it refuses."""
    try:
        with _short(data) as path, socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(seconds)
            caller.connect(path)
            caller.sendall(json.dumps({"do": do, **facts}).encode() + b"\n")
            with caller.makefile() as answers:
                line = answers.readline()
    except OSError as error:
        raise ConnectionError(f"No stack is running in {data}.") from error
    if not line:
        raise ConnectionError(f"The stack in {data} ended before it answered.")
    reply: dict[str, Any] = json.loads(line)
    if "trouble" in reply and len(reply) == 1:
        raise Trouble(reply["trouble"])
    return reply
