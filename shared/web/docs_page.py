"""`/docs`: the OpenAPI document as a page, with everything it needs from this process (Swagger UI from a package)."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from shared.errors import NotReady
from shared.runtime import known_sandbox
from shared.web.dependencies import runtime_of
from shared.web.sandbox_cookie import IN_SCOPE

# Scripts and styles come from files alone, so text of the document cannot become one.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="page"></div>
<noscript>This page needs JavaScript; the document itself is <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});\n'
PACKAGE = "fastapi_swagger.resources"
FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


router = APIRouter(prefix="/docs", include_in_schema=False)


@router.get("")
async def page(request: Request) -> HTMLResponse:
    if chosen := request.scope.get(IN_SCOPE):
        with suppress(NotReady):
            await known_sandbox(runtime_of(request), chosen)  # gone: a page says so, and leads back
    return HTMLResponse(PAGE.format(title=escape(request.app.title)), headers={"Content-Security-Policy": POLICY})


@router.get("/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript")


@router.get("/{name}")
async def file(name: str) -> Response:
    if name not in FILES:
        return Response(status_code=404)
    content = files(PACKAGE).joinpath(name).read_bytes()
    return Response(content, media_type=FILES[name], headers={"Cache-Control": "private, max-age=3600"})
