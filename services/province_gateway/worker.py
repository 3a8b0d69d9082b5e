"""The worker process: reads the portal's events, publishes ours, and fires timers."""

from __future__ import annotations

from services.province_gateway.runtime import Gateway
from services.province_gateway.settings import Settings
from shared.messaging import worker
from shared.observability import logs
from shared.web import app as web
from shared.web import server


def main() -> None:
    settings = Settings()
    logs.configure_logs("gateway-worker")
    gateway = Gateway(settings)
    jobs = (*worker.jobs(gateway), gateway.finish_replanning, gateway.bell.send, gateway.conductor.run)
    app = web.create_app(gateway, "Liên Thông: gateway worker", {}, *jobs)
    server.serve(app, settings.province_gateway_worker_url)


if __name__ == "__main__":
    main()
