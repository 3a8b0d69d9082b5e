"""The unit of work of a dossier at a province: what every decision here loads, saves and says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.province_gateway.domain import Dossier
from shared.messaging.unit_of_work import Work as AnyWork
from shared.sandbox.clock import BUSINESS_ZONE

Work = AnyWork[Dossier]


def here(work: Work, code: str) -> datetime:
    return work.at(code).astimezone(BUSINESS_ZONE)


def tell(work: Work, dossier: Dossier, event: str, **facts: Any) -> None:
    """Save the dossier and say what happened to it; facts that are None are left out."""
    work.save(dossier.code, dossier)
    body = {"dossier_code": dossier.code, "province": dossier.province, "procedure": dossier.procedure, **facts}
    work.publish(event, dossier.code, {name: fact for name, fact in body.items() if fact is not None})
