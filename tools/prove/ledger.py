"""The load's records: every acknowledged request, and every unexpected reply."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

Key = tuple[str, str]  # (sandbox, dossier code)


@dataclass
class Submission:
    """One submission under one Idempotency-Key; `codes` has the dossier code of every reply to it."""

    sandbox: str
    persona: str
    key: str
    province: str
    codes: list[str] = field(default_factory=list)


@dataclass
class Ledger:
    """
    submissions   acknowledged, by Idempotency-Key
    withdrawals   acknowledged requests to withdraw, by dossier
    payments      references of acknowledged payments, by dossier
    surprises     unexpected replies: refusals that no race explains
    """

    submissions: dict[str, Submission] = field(default_factory=dict)
    withdrawals: Counter[Key] = field(default_factory=Counter)
    payments: dict[Key, list[str]] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    unacknowledged: int = 0  # missing replies and 5xx: each request was repeated with its key

    @property
    def dossiers(self) -> dict[Key, Submission]:
        """Every acknowledged dossier, by its first code."""
        return {(each.sandbox, each.codes[0]): each for each in self.submissions.values() if each.codes}
