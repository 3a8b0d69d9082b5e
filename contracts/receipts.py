"""The number series of receipts: one each for phí, lệ phí and taxes, per agency and year. Our own form, unverified."""

from __future__ import annotations

from datetime import datetime

from shared.sandbox.clock import BUSINESS_ZONE

LETTERS = {"service_fee": "P", "registration_fee": "LP", "tax": "T"}  # phí, lệ phí, thuế


def series(agency: str, at: datetime, suffix: str = "") -> dict[str, str]:
    """Kind of fee → series such as `BL-H42.14464-P-2026`; a counter of this name numbers the receipts.

    suffix  separates the issuers: an office and the portal each have their own series without gaps
    """
    year = at.astimezone(BUSINESS_ZONE).year
    return {kind: f"BL-{agency}-{letters}-{year}{suffix}" for kind, letters in LETTERS.items()}
