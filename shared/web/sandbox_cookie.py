"""Selects the sandbox of a browser, which does not send our headers: by an address that begins with `/s/ID`, then by a cookie.

X-Sandbox, an API key or a token takes precedence over the cookie. Cookies know no ports (RFC 6265 8.5): the province
gateway also receives the cookie that the portal sets. So its name has the portal's port, and two countries on one machine
do not overwrite each other's.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Refusal, SandboxNotFound
from shared.runtime import known_sandbox
from shared.sandbox.names import DEFAULT, IDS
from shared.settings import Settings
from shared.web.dependencies import SandboxPath, runtime_of
from shared.web.pages import Templates, Visit, language_of
from shared.web.problems import problem_responses
from shared.web.router import Router

LANDING = "/"  # its pages
PATH = re.compile(rf"/s/({IDS.pattern})(/.*)")
IN_SCOPE = "lienthong.sandbox_of_cookie"  # of a request whose sandbox the cookie has chosen: the id of the sandbox
WAY_BACK = f"/s/{DEFAULT}"
OTHER_SELECTORS = (b"x-sandbox", b"x-api-key", b"authorization")

router = Router(tags=["lab"])


def add_to(app: FastAPI, settings: Settings) -> None:
    """Let `/s/ID` and the cookie choose the sandbox. Call it after the refusals have their handler."""
    app.add_middleware(SandboxCookieMiddleware, name=name_of(settings))
    refused = cast(Callable[..., Awaitable[Response]], app.exception_handlers[Refusal])

    @app.exception_handler(SandboxNotFound)
    async def gone(request: Request, refusal: SandboxNotFound) -> Response:
        chosen = request.scope.get(IN_SCOPE)
        if chosen is None or refusal.facts.get("sandbox") != chosen:
            return await refused(request, refusal)
        if "text/html" in request.headers.get("accept", ""):
            templates: Templates = request.app.state.templates
            return templates.render(Visit(language_of(request), None, chosen, WAY_BACK), "gone.html", 404)
        detail = (
            f"{refusal.detail} A cookie of this browser has chosen it: {WAY_BACK} leads back to the default sandbox."
        )
        return await refused(request, SandboxNotFound(detail, **refusal.facts))


def name_of(settings: Settings) -> str:
    """The name of the cookie; all services of a country know the public address of the portal."""
    portal = urlsplit(settings.portal_url)
    return f"lienthong-sandbox-{portal.port or (443 if portal.scheme == 'https' else 80)}"


@router.get(
    "/s/{sandbox}",
    summary="Choose a sandbox for this browser; `/s/default` returns to the default sandbox",
    status_code=303,
    response_class=RedirectResponse,
    responses=problem_responses(404, 422),
)
async def enter(sandbox: SandboxPath, request: Request) -> RedirectResponse:
    runtime = runtime_of(request)
    await known_sandbox(runtime, sandbox)
    response = RedirectResponse(LANDING, 303)
    response.headers["set-cookie"] = _cookie(name_of(runtime.settings), sandbox)
    return response


class SandboxCookieMiddleware:
    """Outermost middleware: turns the path prefix or the cookie into the header X-Sandbox, which the inner layers read."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self.app, self._name = app, name
        self._value = re.compile(rf"(?:^|;\s*){re.escape(name)}=({IDS.pattern})(?:;|$)")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        sandbox_id, respond = "", send
        if match := PATH.fullmatch(scope["path"]):
            sandbox_id, path = match[1], match[2]
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
            respond = _setting_cookie(_cookie(self._name, sandbox_id), send)
        elif b"cookie" in headers and not any(name in headers for name in OTHER_SELECTORS):
            cookie = self._value.search(headers[b"cookie"].decode("latin-1"))
            sandbox_id = cookie[1] if cookie else ""
            scope = {**scope, IN_SCOPE: sandbox_id or None}
        if sandbox_id and b"x-sandbox" not in headers:
            scope = {**scope, "headers": [*scope["headers"], (b"x-sandbox", sandbox_id.encode())]}
        await self.app(scope, receive, respond)


def _setting_cookie(cookie: str, send: Send) -> Send:
    async def respond(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            message["headers"] = [*message["headers"], (b"set-cookie", cookie.encode())]
        await send(message)

    return respond


def _cookie(name: str, sandbox_id: str) -> str:
    return f"{name}={sandbox_id}; Path=/; HttpOnly; SameSite=Lax"
