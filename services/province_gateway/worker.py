"""The gateway's other process: hears the portal, speaks to it, lets officers act. `python -m services.province_gateway.worker`"""

from __future__ import annotations

from services.province_gateway.app import HEARS, SPEAKS, build_house
from services.province_gateway.settings import Settings
from shared import telemetry, web, worker


def main() -> None:
    settings = Settings()
    telemetry.configure_logs("gateway-worker")
    house = build_house(settings)
    app = web.create_app(house, "Liên Thông: gateway worker", {}, *worker.jobs(house, HEARS, SPEAKS))
    web.serve(app, settings.province_gateway_worker_url)


if __name__ == "__main__":
    main()
