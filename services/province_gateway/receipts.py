"""Receipts of money that the office takes itself: numbered without gaps, phí and lệ phí apart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.catalogue import agency_code
from services.province_gateway.domain import Dossier, FeeItem
from shared.calendar import BUSINESS_ZONE
from shared.work import Work

RECEIPT_LETTERS = {"service_fee": "P", "registration_fee": "LP", "tax": "T"}


def receipts(work: Work[Dossier], dossier: Dossier, items: tuple[FeeItem, ...], at: datetime) -> list[dict[str, Any]]:
    """One receipt for each kind of item, numbered without gaps within agency, kind and year."""
    made = []
    for kind, letters in RECEIPT_LETTERS.items():
        amount = sum(item.amount_dong for item in items if item.kind == kind)
        if amount:
            series = f"BL-{agency_code(dossier.province, dossier.commune)}-{letters}-{at.year}"
            made.append({"kind": kind, "series": series, "number": work.number(series), "amount_dong": amount})
    return made


def receipt_series(agency: str, at: datetime) -> list[str]:
    """The counters that `receipts` may draw from."""
    return [f"BL-{agency}-{letters}-{at.astimezone(BUSINESS_ZONE).year}" for letters in RECEIPT_LETTERS.values()]
