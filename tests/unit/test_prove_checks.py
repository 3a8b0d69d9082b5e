"""The proof's own checks: what they take as evidence, and what they find wrong in it."""

from __future__ import annotations

from typing import Any

from tools.prove import checks
from tools.prove.evidence import Check, Evidence
from tools.prove.ledger import Key, Ledger, Submission
from tools.prove.tables import DEFAULTS, DeadLetter, PaymentTables, ServiceTables

KEY: Key = ("s1", "H42.14464-20260608-0000001")


def tables(service: str, dossiers: dict[Key, dict[str, Any]]) -> ServiceTables:
    return ServiceTables(
        service=service,
        epoch=1,
        deadlocks=0,
        dossiers={key: DEFAULTS | dossier for key, dossier in dossiers.items()},
        versions={},
        events={},
        posted=[],
        queued=[],
        heads={},
        read={},
        letters=[],
        parked=set(),
        waiting=set(),
        orphans=[],
        replies={},
        reported={},
    )


def evidence(portal_state: int, province_state: int, **more: Any) -> Evidence:
    """One dossier, with its state in both copies."""
    ledger = Ledger({"k": Submission("s1", "lan", "k", "37", [KEY[1]])})
    portal = tables("portal", {KEY: {"state_code": portal_state, **more}})
    return Evidence(ledger, portal, tables("gateway", {KEY: {"state_code": province_state}}), PaymentTables({}, {}, 0))


def violations(check: Check, e: Evidence) -> list[str]:
    return [answer for answer in check(e) if answer is not None]


def test_a_dossier_that_stands_still_is_found_although_nothing_is_due() -> None:
    e = evidence(4, 4)
    e.causes[KEY] = ["nothing-due"]
    (violation,) = violations(checks.liveness, e)
    assert KEY[1] in violation and "nothing-due" in violation


def test_a_withdrawal_request_without_an_answer_holds_a_dossier_that_has_ended() -> None:
    assert violations(checks.liveness, evidence(10, 10, withdrawal="asked"))
    assert not violations(checks.liveness, evidence(10, 10, withdrawal="declined"))


def test_only_what_a_fault_has_done_may_hold_a_dossier() -> None:
    e = evidence(4, 2)
    e.causes[KEY] = ["parked"]
    assert violations(checks.liveness, e)
    e.poison.add(DeadLetter("gateway", KEY, "payment.confirmed.v1", 2, "a NUL"))
    assert not violations(checks.liveness, e)
    e.causes[KEY] = ["nothing-due", "parked"]
    assert violations(checks.liveness, e)
