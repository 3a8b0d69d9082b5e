"""The outermost layer of every process: under which Host it may be called, and which web pages may send it requests.

A browser sends requests of any page to loopback addresses. A page can also bind its own name to 127.0.0.1 (DNS
rebinding), and the browser then reads our responses for that page: only the Host header shows it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import metrics
from shared.problem_types import ProblemType
from shared.settings import Settings
from shared.web import problems

log = structlog.get_logger()
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)(?::(\d{1,5}))?")  # RFC 3986 3.2.2, lower case
SAFE = {"GET", "HEAD", "OPTIONS"}  # RFC 9110 9.2.1; none of our endpoints acts on them
# For responses that do not set them. `same-origin`, because with `no-referrer` a browser sends `Origin: null` from our forms.
HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
CORS_SECONDS = 600  # how long a browser may remember a preflight
HOST_MISSING = ProblemType(
    "host-not-valid", 400, "A request needs exactly one valid Host.", "Yêu cầu phải có đúng một Host hợp lệ."
)
HOST_UNKNOWN = ProblemType(
    "host-unknown", 421, "This service does not have this name.", "Dịch vụ này không có tên như vậy."
)
ORIGIN_REFUSED = ProblemType(
    "origin-refused", 403, "Another web page may not send this request.", "Trang web khác không được gửi yêu cầu này."
)


@dataclass(frozen=True)
class Pages:
    """What web pages of other origins may call; patterns match whole paths.

    scripts  endpoints that scripts of loopback pages may call and read (CORS)
    forms    endpoints to which a form of any page may post, as to an authorization endpoint
    """

    scripts: re.Pattern[str] | None = None
    forms: re.Pattern[str] | None = None


NO_PAGES = Pages()


class Guard:
    """Refuses a foreign Host and foreign pages, and completes the security headers of every response."""

    def __init__(self, app: ASGIApp, settings: Settings, pages: Pages) -> None:
        self._app, self._hosts, self._origins, self._pages = app, settings.hosts, settings.origins, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = _header(scope, b"origin")
        is_script_endpoint = _matches(self._pages.scripts, scope)
        cors = cors_headers(origin) if is_script_endpoint and _is_loopback_origin(origin) else {}

        async def respond(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in HEADERS.items() if name not in present]
                message["headers"] = [*message["headers"], *added, *cors.items()]
                if is_script_endpoint:
                    message["headers"].append((b"vary", b"Origin"))
            await send(message)

        if refusal := self._refusal(scope, origin, is_cors=bool(cors)):
            kind, detail, facts = refusal
            metrics.REFUSALS.labels(kind.slug).inc()
            log.warning("refused", problem=kind.slug, detail=detail, path=scope["path"], **facts)
            await problems.render(kind, detail, facts)(scope, receive, respond)
        elif cors and scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, respond)
        else:
            await self._app(scope, receive, respond)

    def _refusal(
        self, scope: Scope, origin: str, *, is_cors: bool
    ) -> tuple[ProblemType, str, Mapping[str, str]] | None:
        hosts = [value.decode("latin-1").strip(" \t").lower() for name, value in scope["headers"] if name == b"host"]
        match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or int(match[2] or 0) > 65_535:
            return HOST_MISSING, "Send one header `Host: name:port`.", {}
        if not is_loopback(match[1]) and match[1] not in self._hosts:
            detail = "Use a loopback address, or add the name to ALLOWED_HOSTS of this service."
            return HOST_UNKNOWN, detail, {"host": hosts[0]}
        if scope["method"] in SAFE or is_cors or _matches(self._pages.forms, scope):
            return None
        site = _header(scope, b"sec-fetch-site")
        own = {f"http://{hosts[0]}", f"https://{hosts[0]}", *self._origins}
        if (origin and origin not in own) or site == "cross-site":
            detail = "Send it from a program, or from a page of this service."
            return ORIGIN_REFUSED, detail, {"origin": origin or site}
        return None


def cors_headers(origin: str) -> dict[bytes, bytes]:
    """What lets a script of `origin` call an endpoint and read its response, without cookies (Fetch standard, CORS)."""
    return {
        b"access-control-allow-origin": origin.encode("latin-1"),
        b"access-control-allow-methods": b"GET, POST",
        b"access-control-allow-headers": b"authorization, content-type, traceparent",
        b"access-control-expose-headers": b"www-authenticate, traceparent",
        b"access-control-max-age": str(CORS_SECONDS).encode(),
    }


@lru_cache(maxsize=64)  # clients choose the text
def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in a URL, is this machine: localhost, 127.0.0.0/8 or [::1]."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_loopback_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and is_loopback(host) and not parts.path


def _header(scope: Scope, name: bytes) -> str:
    """The values of a header, joined: two origins are no origin of ours."""
    return ", ".join(value.decode("latin-1") for each, value in scope["headers"] if each == name).lower()


def _matches(pattern: re.Pattern[str] | None, scope: Scope) -> bool:
    return pattern is not None and pattern.fullmatch(scope["path"]) is not None
