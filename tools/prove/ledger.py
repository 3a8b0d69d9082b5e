"""What the load remembers: every request that was acknowledged, and the answers nobody should have given."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

Key = tuple[str, str]  # (sandbox, dossier code)


@dataclass
class Submission:
    """One wish to submit, under one Idempotency-Key; `codes` are all the dossier codes it was ever answered with."""

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
    surprises     refusals that no race explains, and answers that a door should not have given
    """

    submissions: dict[str, Submission] = field(default_factory=dict)
    withdrawals: Counter[Key] = field(default_factory=Counter)
    payments: dict[Key, list[str]] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    unacknowledged: int = 0  # answers that never came, and 5xx: each was repeated with its key

    @property
    def dossiers(self) -> dict[Key, Submission]:
        """Every dossier that was acknowledged, by its first code."""
        return {(each.sandbox, each.codes[0]): each for each in self.submissions.values() if each.codes}
