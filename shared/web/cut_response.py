"""A response that breaks in the middle: half of its body is sent, then the connection is closed."""

from __future__ import annotations

from fastapi import Response
from starlette.types import Receive, Scope, Send

from shared.web.faults import CUT


class CutResponse(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = self.body[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        scope[CUT] = True
