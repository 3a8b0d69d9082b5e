"""The lab endpoints that only the portal has, one file per subject, and the list of all addresses."""

from __future__ import annotations

from typing import Any

from contracts import published, topics
from services.portal.api.views import PortalDep
from services.portal.lab import clocks, connectors, faults, modes, sandboxes, scenarios, waits
from services.portal.lab.router import lab_router

router = lab_router()


@router.get("/doors", summary="The address of every service and of Kafka; version and hash of the contracts")
async def doors(portal: PortalDep) -> dict[str, Any]:
    settings = portal.settings
    return {
        "portal": settings.portal_url,
        "province_gateway": settings.province_gateway_url,
        "identity": settings.identity_url,
        "payment": settings.payment_url,
        "portal_worker": settings.portal_worker_url,
        "province_gateway_worker": settings.province_gateway_worker_url,
        "kafka": settings.kafka_bootstrap_servers,
        "kafka_outside": settings.kafka_outside_bootstrap,
        "topics": list(topics.TOPICS),
        "issuer": settings.identity_url,
        "contracts": published.identification(),
    }


routers = (
    router,
    *(sandboxes.router, clocks.router, modes.router, faults.router, scenarios.router, waits.router, connectors.router),
)
