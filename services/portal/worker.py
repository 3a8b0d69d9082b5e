"""Worker process: reads and publishes events, requests refunds. `python -m services.portal.worker`"""

from __future__ import annotations

from services.portal.runtime import Portal
from services.portal.settings import Settings
from shared.messaging import worker
from shared.observability import logs
from shared.web import app as web
from shared.web import server


def main() -> None:
    settings = Settings()
    logs.configure_logs("portal-worker")
    portal = Portal(settings)
    app = web.create_app(portal, "Liên Thông: portal worker", {}, *worker.jobs(portal), portal.ownership.reap)
    server.serve(app, settings.portal_worker_url)


if __name__ == "__main__":
    main()
