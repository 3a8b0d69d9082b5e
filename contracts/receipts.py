"""The series in which receipts are numbered: phí, lệ phí and taxes apart, per agency and year. A form of ours, unverified."""

from __future__ import annotations

from datetime import datetime

from shared.sandbox.clock import BUSINESS_ZONE

LETTERS = {"service_fee": "P", "registration_fee": "LP", "tax": "T"}  # phí, lệ phí, thuế


def series(agency: str, at: datetime, suffix: str = "") -> dict[str, str]:
    """Kind of fee → series, which is also the name of the counter that numbers it: `BL-H42.14464-P-2026`.

    suffix  keeps apart who issues: an office and the portal each number their own without gaps
    """
    year = at.astimezone(BUSINESS_ZONE).year
    return {kind: f"BL-{agency}-{letters}-{year}{suffix}" for kind, letters in LETTERS.items()}
