"""The load's records: every acknowledged request, and every unexpected reply."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

Key = tuple[str, str]  # (sandbox, dossier code)


@dataclass
class Submission:
    """One submission under one Idempotency-Key; `codes` has the dossier code of every reply to it.

    service  portal, or gateway if it was handed in at a counter or by post
    """

    sandbox: str
    persona: str
    key: str
    province: str
    codes: list[str] = field(default_factory=list)
    service: str = "portal"


@dataclass
class Ledger:
    """
    submissions   acknowledged, by Idempotency-Key
    requests      acknowledged requests of citizens, by dossier and the type of the event that each publishes
    payments      references of acknowledged payments, by dossier
    surprises     unexpected replies: refusals that no race explains
    """

    submissions: dict[str, Submission] = field(default_factory=dict)
    requests: Counter[tuple[Key, str]] = field(default_factory=Counter)
    payments: dict[Key, list[str]] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    unacknowledged: int = 0  # missing replies and 5xx: each request was repeated with its key

    @property
    def dossiers(self) -> dict[Key, Submission]:
        """Every acknowledged dossier, by each code that a reply named."""
        return {(each.sandbox, code): each for each in self.submissions.values() for code in each.codes}

    def count(self, event_type: str) -> int:
        """How many requests that publish this event were acknowledged."""
        return sum(times for (_, type), times in self.requests.items() if type == event_type)
