"""create_app(): settings in, FastAPI out; nothing else."""

from __future__ import annotations

from fastapi import FastAPI

from contracts import story
from services.province_gateway import api, consumers
from services.province_gateway.domain import Dossier
from services.province_gateway.problems import PROBLEMS
from services.province_gateway.settings import Settings
from services.province_gateway.store import DOSSIERS
from shared import lab, lanes_lab, telemetry, web
from shared.house import House
from shared.timers import Timers

SERVICE = "gateway"
HEARS, SPEAKS = "dossier.to-province.v1", "dossier.to-portal.v1"


def build_house(settings: Settings) -> House[Dossier]:
    house = House(
        *(SERVICE, settings, settings.database_url, DOSSIERS, consumers.handlers),
        hears="portal",
        neighbour_url=settings.portal_url,
    )
    house.timers = Timers(SERVICE, house.database, DOSSIERS, consumers.timers)
    house.words = story.words
    return house


def create_app(settings: Settings | None = None) -> FastAPI:
    house = build_house(settings or Settings())
    app = web.create_app(
        *(house, "Liên Thông: provincial procedure systems", PROBLEMS, house.waker.run),
        summary="34 provincial procedure systems: receive, demand the fee, process, return.",
    )
    for router in (api.router, api.lab, lab.told, lab.router, lanes_lab.router):
        app.include_router(router)
    return app


def main() -> None:
    settings = Settings()
    telemetry.configure_logs("gateway-api")
    web.serve(create_app(settings), settings.province_gateway_url)


if __name__ == "__main__":
    main()
