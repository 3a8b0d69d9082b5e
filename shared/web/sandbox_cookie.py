"""A browser sends no headers of ours: it chooses a sandbox by an address that begins with `/s/ID`, and keeps it in a cookie.

X-Sandbox, a key or a token goes first. Cookies know no ports: what the portal sets, the provinces' doors read too.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime import known_sandbox
from shared.sandbox.names import IDS
from shared.web.dependencies import SandboxPath, runtime_of
from shared.web.problems import problem_responses

COOKIE = "lienthong-sandbox"
LANDING = "/docs"  # of every door, as FastAPI makes it
ADDRESS = re.compile(rf"/s/({IDS.pattern})(/.*)")
KEPT = re.compile(rf"(?:^|;\s*){COOKIE}=({IDS.pattern})(?:;|$)")
CHOOSING = (b"x-sandbox", b"x-api-key", b"authorization")

router = APIRouter(tags=["lab"])


@router.get(
    "/s/{sandbox}",
    summary="Choose a sandbox for this browser; `/s/default` goes back.",
    status_code=303,
    response_class=RedirectResponse,
    responses=problem_responses(404, 422),
)
async def enter(sandbox: SandboxPath, request: Request) -> RedirectResponse:
    await known_sandbox(runtime_of(request), sandbox)
    response = RedirectResponse(LANDING, 303)
    response.headers["set-cookie"] = _cookie(sandbox)
    return response


class Browsing:
    """Outside of the frame, which then sees a request that names its sandbox by header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        named, answer = "", send
        if found := ADDRESS.fullmatch(scope["path"]):
            named, path = found[1], found[2]
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
            answer = _remembering(named, send)
        elif b"cookie" in headers and not any(name in headers for name in CHOOSING):
            kept = KEPT.search(headers[b"cookie"].decode("latin-1"))
            named = kept[1] if kept else ""
        if named and b"x-sandbox" not in headers:
            scope = {**scope, "headers": [*scope["headers"], (b"x-sandbox", named.encode())]}
        await self.app(scope, receive, answer)


def _remembering(sandbox: str, send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            message["headers"] = [*message["headers"], (b"set-cookie", _cookie(sandbox).encode())]
        await send(message)

    return answer


def _cookie(sandbox: str) -> str:
    return f"{COOKIE}={sandbox}; Path=/; HttpOnly; SameSite=Lax"
