"""Selects the sandbox of a browser, which does not send our headers: by an address that begins with `/s/ID`, then by a cookie.

X-Sandbox, an API key or a token takes precedence over the cookie. Cookies are shared between ports: the province gateway
also receives the cookie that the portal sets.
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
LANDING = "/docs"  # every service has this page
PATH = re.compile(rf"/s/({IDS.pattern})(/.*)")
IN_COOKIE = re.compile(rf"(?:^|;\s*){COOKIE}=({IDS.pattern})(?:;|$)")
OTHER_SELECTORS = (b"x-sandbox", b"x-api-key", b"authorization")

router = APIRouter(tags=["lab"])


@router.get(
    "/s/{sandbox}",
    summary="Choose a sandbox for this browser; `/s/default` returns to the default sandbox",
    status_code=303,
    response_class=RedirectResponse,
    responses=problem_responses(404, 422),
)
async def enter(sandbox: SandboxPath, request: Request) -> RedirectResponse:
    await known_sandbox(runtime_of(request), sandbox)
    response = RedirectResponse(LANDING, 303)
    response.headers["set-cookie"] = _cookie(sandbox)
    return response


class SandboxCookieMiddleware:
    """Outermost middleware: turns the path prefix or the cookie into the header X-Sandbox, which the inner layers read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        sandbox_id, respond = "", send
        if match := PATH.fullmatch(scope["path"]):
            sandbox_id, path = match[1], match[2]
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
            respond = _setting_cookie(sandbox_id, send)
        elif b"cookie" in headers and not any(name in headers for name in OTHER_SELECTORS):
            cookie = IN_COOKIE.search(headers[b"cookie"].decode("latin-1"))
            sandbox_id = cookie[1] if cookie else ""
        if sandbox_id and b"x-sandbox" not in headers:
            scope = {**scope, "headers": [*scope["headers"], (b"x-sandbox", sandbox_id.encode())]}
        await self.app(scope, receive, respond)


def _setting_cookie(sandbox_id: str, send: Send) -> Send:
    async def respond(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            message["headers"] = [*message["headers"], (b"set-cookie", _cookie(sandbox_id).encode())]
        await send(message)

    return respond


def _cookie(sandbox_id: str) -> str:
    return f"{COOKIE}={sandbox_id}; Path=/; HttpOnly; SameSite=Lax"
