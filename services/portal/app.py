"""The FastAPI application of the portal."""

from __future__ import annotations

from fastapi import FastAPI

from services.portal import lab as portal_lab
from services.portal.api import catalogue, contracts, dossiers, papers, payments, statistics
from services.portal.console import boards, letters, now
from services.portal.console import dossiers as stories
from services.portal.console import events as contract_views
from services.portal.pages import application, login, visits
from services.portal.pages import catalogue as catalogue_pages
from services.portal.pages import dossiers as dossier_pages
from services.portal.problems import PROBLEMS
from services.portal.runtime import Portal
from services.portal.settings import Settings
from shared.lab import dead_letters, events, lanes, projections, sandbox
from shared.observability import logs
from shared.web import app as web
from shared.web import server


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    portal = Portal(settings)
    # The most used routes first: a request is matched against one route after another.
    public = (dossiers.router, payments.router, catalogue.router, papers.router, statistics.router, contracts.router)
    console = (now.router, stories.router, letters.router, contract_views.router, boards.router, boards.calls)
    own_pages = (catalogue_pages.router, login.router, application.router, dossier_pages.router)
    lab = (*portal_lab.routers, sandbox.router, lanes.router, events.router, dead_letters.router, projections.router)
    return web.create_app(
        portal,
        "Liên Thông: national portal",
        PROBLEMS,
        portal.waker.run,
        portal.watch_revoked,
        routers=(*public, *own_pages, *console, *lab),
        summary="Catalogue, online submission, the national copy of every dossier, payments; and the sandboxes.",
        body_limits={papers.PATH: settings.paper_limit_bytes},
        raw_bodies=(visits.RAW_BODIES,),
        has_cookie=True,
        templates=visits.templates_of(settings),
    )


def main() -> None:
    settings = Settings()
    logs.configure_logs("portal-api")
    server.serve(create_app(settings), settings.portal_url)


if __name__ == "__main__":
    main()
