"""The unit of work of the gateway, and how its commands read the time and publish events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.province_gateway.domain import Dossier
from shared.messaging.unit_of_work import Work as AnyWork
from shared.sandbox.clock import BUSINESS_ZONE

Work = AnyWork[Dossier]


def local_time(work: Work, code: str) -> datetime:
    return work.at(code).astimezone(BUSINESS_ZONE)


def save_and_publish(work: Work, dossier: Dossier, event: str, /, **facts: Any) -> None:
    """Save the dossier and publish an event about it, without the facts that are None."""
    work.save(dossier.code, dossier)
    body = {"dossier_code": dossier.code, "province": dossier.province, "procedure": dossier.procedure, **facts}
    work.publish(event, dossier.code, {name: fact for name, fact in body.items() if fact is not None})
