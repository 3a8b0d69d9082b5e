"""A response of the application that is buffered first and sent later, or never."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from starlette.types import Message, Send


@dataclass
class BufferedResponse:
    """One whole response. `created_at` is the monotonic clock, in seconds."""

    start: Message = field(default_factory=dict)
    body: bytes = b""
    created_at: float = field(default_factory=time.monotonic)

    async def collect(self, message: Message) -> None:
        """An ASGI `send` that stores the messages instead of sending them."""
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    async def send(self, send: Send, *headers: tuple[bytes, bytes]) -> None:
        await send({**self.start, "headers": [*self.start["headers"], *headers]})
        await send({"type": "http.response.body", "body": self.body})
