"""Creates the FastAPI application of identity_mock, and runs it."""

from __future__ import annotations

import re

from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts

from services.identity_mock import authorize, discovery, login_page, problems, realm, token_endpoint, userinfo
from services.identity_mock import lab as people_lab
from services.identity_mock.runtime import IdentityRuntime
from services.identity_mock.settings import Settings
from shared.lab import sandbox
from shared.observability import logs
from shared.sandbox.names import IDS
from shared.web import app as web
from shared.web import server
from shared.web.guard import Pages
from shared.web.router import Router

ISSUER_PATH = rf"(?:/s/{IDS.pattern})?"
PAGES = Pages(  # a browser application reads the first by script, and may post a form to the second (Core 3.1.2.1)
    scripts=re.compile(
        rf"{ISSUER_PATH}/(?:token|userinfo|jwks|\.well-known/openid-configuration)|{discovery.OAUTH_METADATA}{ISSUER_PATH}"
    ),
    forms=re.compile(rf"{ISSUER_PATH}/authorize"),
)
ISSUER, OF_SANDBOX = Router(), Router(prefix="/s/{sandbox}", dependencies=[Depends(realm.named_sandbox)])
for router in (discovery.router, authorize.router, token_endpoint.router, userinfo.router):
    ISSUER.include_router(router)
    OF_SANDBOX.include_router(router)
list(iter_route_contexts([*ISSUER.routes, *OF_SANDBOX.routes]))  # made here, and not when a request first passes them


def create_app(settings: Settings | None = None) -> FastAPI:
    lab = (people_lab.router, sandbox.replica_router, sandbox.router)
    settings = settings or Settings()
    app = web.create_app(
        IdentityRuntime(settings),
        "Liên Thông: identity_mock",
        problems.PROBLEMS,
        routers=(ISSUER, OF_SANDBOX, discovery.root_router, *lab),
        summary="A stand-in for the national sign-on: OpenID Connect for invented people.",
        pages=PAGES,
        templates=login_page.templates_of(settings),
    )
    problems.install(app)
    return app


def main() -> None:
    logs.configure_logs("identity")
    settings = Settings()
    server.serve(create_app(settings), settings.identity_url)


if __name__ == "__main__":
    main()
