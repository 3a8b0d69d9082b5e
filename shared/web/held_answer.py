"""An answer held back for a moment: taken from an app, said later, or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from starlette.types import Message, Send


@dataclass
class Answer:
    """What the app wanted to say."""

    start: Message = field(default_factory=dict)
    body: bytes = b""
    at: float = field(default_factory=time.monotonic)

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    async def say(self, send: Send, *headers: tuple[bytes, bytes]) -> None:
        await send({**self.start, "headers": [*self.start["headers"], *headers]})
        await send({"type": "http.response.body", "body": self.body})
