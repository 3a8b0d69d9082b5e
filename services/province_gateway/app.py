"""The API process of the gateway."""

from __future__ import annotations

from fastapi import FastAPI

from services.province_gateway.api import (
    batches,
    connectors,
    deliveries,
    desk,
    dossiers,
    pull,
    results,
    scripts,
    speak,
)
from services.province_gateway.api.legacy import dossier_views, envelopes, payments, profiles, reverse_calls
from services.province_gateway.pages import desk as desk_pages
from services.province_gateway.pages.visits import TEMPLATES
from services.province_gateway.problems import PROBLEMS
from services.province_gateway.runtime import Gateway
from services.province_gateway.settings import Settings
from shared.lab import dead_letters, events, lanes, sandbox
from shared.observability import logs
from shared.web import app as web
from shared.web import server


def create_app(settings: Settings | None = None) -> FastAPI:
    gateway = Gateway(settings or Settings())
    public = (
        dossiers.router,
        results.router,
        desk.router,
        batches.router,
        pull.router,
        speak.router,
        connectors.router,
        deliveries.router,
        deliveries.services_router,
        scripts.router,
        envelopes.router,
        dossier_views.router,
        profiles.router,
        reverse_calls.router,
        payments.router,
    )
    lab = (sandbox.replica_router, sandbox.router, lanes.router, events.router, dead_letters.router)
    app = web.create_app(
        gateway,
        "Liên Thông: provincial procedure systems",
        PROBLEMS,
        gateway.waker.run,
        gateway.bell.send,
        gateway.bell.listen,
        routers=(*public, desk_pages.router, *lab),
        summary="34 provincial procedure systems: register, receive, demand the fee, process, return.",
        has_cookie=True,
        raw_bodies=(speak.RAW_BODIES, results.RAW_BODIES, *envelopes.RAW_BODIES),
        templates=TEMPLATES,
    )
    app.add_middleware(envelopes.PlainPaths)
    return app


def main() -> None:
    settings = Settings()
    logs.configure_logs("gateway-api")
    server.serve(create_app(settings), settings.province_gateway_url)


if __name__ == "__main__":
    main()
