"""Creates the FastAPI application of identity_mock, and runs it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI

from services.identity_mock import lab as people_lab
from services.identity_mock import oidc, problems
from services.identity_mock.runtime import IdentityRuntime
from services.identity_mock.settings import Settings
from shared.lab import sandbox
from shared.observability import logs
from shared.web import app as web
from shared.web import server


def create_app(settings: Settings | None = None) -> FastAPI:
    summary = "A stand-in for the national sign-on: OpenID Connect for invented people."
    app = web.create_app(
        IdentityRuntime(settings or Settings()),
        "Liên Thông: identity_mock",
        problems.PROBLEMS,
        summary=summary,
        pages=oidc.PAGES,
    )
    problems.install(app)
    of_sandbox = APIRouter(prefix="/s/{sandbox}", dependencies=[Depends(oidc.named_sandbox)])
    of_sandbox.include_router(oidc.router)
    app.include_router(oidc.router)
    app.include_router(of_sandbox)
    for router in (people_lab.router, sandbox.replica_router, sandbox.router):
        app.include_router(router)
    return app


def main() -> None:
    logs.configure_logs("identity")
    settings = Settings()
    server.serve(create_app(settings), settings.identity_url)


if __name__ == "__main__":
    main()
