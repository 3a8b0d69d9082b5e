"""The verdict on a message: what became of it, or everything that is wrong with it and how to mend it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from contracts.gate.rules import Finding
from shared.sandbox.clock import wire
from shared.storage.value import Value

Outcome = Literal["accepted", "accepted_with_deviations", "rejected", "duplicate"]
Leniency = Literal["strict", "lenient"]


class Became(Value, frozen=True):
    """What an accepted message became: its event, and the slug of the state in which the dossier is then."""

    event: str
    state: str


class Verdict(Value, frozen=True):
    """The judgement on one message.

    at          sandbox time of the judgement
    errors      everything that is wrong; for accepted_with_deviations what was taken nevertheless
    lawful_now  event types that the province may say of this dossier now; empty if the message was accepted
    example     one complete message, in its structured form, that would be accepted now; None: there is none
    data        the body as it was accepted, mended where lenient mode mended it; no part of the document
    """

    outcome: Outcome
    at: datetime
    province: str
    sandbox: str
    leniency: Leniency
    id: str | None = None
    type: str | None = None
    dossier: str | None = None
    became: Became | None = None
    errors: tuple[Finding, ...] = ()
    lawful_now: tuple[str, ...] = ()
    example: dict[str, Any] | None = None
    data: dict[str, Any] | None = None

    @property
    def is_accepted(self) -> bool:
        return self.outcome in ("accepted", "accepted_with_deviations")

    def document(self) -> dict[str, Any]:
        """The verdict as JSON, as `contracts/verdict.v1.json` describes it: for topic, reply and timeline."""
        document: dict[str, Any] = {
            "outcome": self.outcome,
            "at": wire(self.at),
            "province": self.province,
            "sandbox": self.sandbox,
            "leniency": self.leniency,
            "id": self.id,
            "type": self.type,
            "dossier": self.dossier,
            "became": msgspec.to_builtins(self.became),
            "errors": [_error(finding) for finding in self.errors],
        }
        if not self.is_accepted and self.outcome != "duplicate":
            document |= {"lawful_now": list(self.lawful_now), "example": self.example}
        return document


def _error(finding: Finding) -> dict[str, Any]:
    patch = {} if finding.patch is None else {"patch": list(finding.patch)}
    return {
        "rule": finding.rule,
        "stage": finding.stage,
        "pointer": finding.pointer,
        "title": finding.title,
        "title_vi": finding.title_vi,
        "expected": finding.expected,
        "expected_vi": finding.expected_vi or finding.expected,
        "got": finding.got,
        "source": finding.source,
        **patch,
    }
