"""Receipts for money that the office itself takes, numbered separately for phí and lệ phí."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.catalogue import agency_code
from contracts.dossier import FeeItem
from contracts.receipts import series
from services.province_gateway.domain import Dossier
from shared.messaging.unit_of_work import Work


def receipts(work: Work[Dossier], dossier: Dossier, items: tuple[FeeItem, ...], at: datetime) -> list[dict[str, Any]]:
    """One receipt for each kind of item, numbered without gaps within agency, kind and year."""
    rows: list[dict[str, Any]] = []
    for kind, name in series(agency_code(dossier.province, dossier.commune), at).items():
        amount = sum(item.amount_dong for item in items if item.kind == kind)
        if amount:
            rows.append({"kind": kind, "series": name, "number": work.number(name), "amount_dong": amount})
    return rows


def receipt_series(agency: str, at: datetime) -> list[str]:
    """The counters that `receipts` uses."""
    return list(series(agency, at).values())
