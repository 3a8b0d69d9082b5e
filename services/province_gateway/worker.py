"""The worker process: reads the portal's events, publishes ours, fires timers, and tells and hears connectors."""

from __future__ import annotations

from services.province_gateway.doors.kafka_worker import KafkaDoors
from services.province_gateway.doors.webhook import Webhooks
from services.province_gateway.runtime import Gateway
from services.province_gateway.settings import Settings
from shared.messaging import worker
from shared.messaging.leases import Leases
from shared.observability import logs
from shared.web import app as web
from shared.web import server


def main() -> None:
    settings = Settings()
    logs.configure_logs("gateway-worker")
    gateway = Gateway(settings)
    webhooks = Webhooks(gateway, gateway.bell, gateway.allowed_hosts)
    leases = Leases(gateway.database, "doors:kafka", worker.holder(), settings.lease)
    kafka = KafkaDoors(gateway, gateway.rules, gateway.bell, leases)
    bell, conductor = gateway.bell, gateway.conductor
    doors = (bell.send, bell.listen, conductor.run, webhooks.run, kafka.keep, kafka.tell, kafka.hear)
    jobs = (*worker.jobs(gateway), gateway.finish_replanning, *doors)
    app = web.create_app(gateway, "Liên Thông: gateway worker", {}, *jobs)
    server.serve(app, settings.province_gateway_worker_url)


if __name__ == "__main__":
    main()
