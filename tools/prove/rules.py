"""The proof's own model of a dossier, built from the province's events. Independent of the services' code on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts import lifecycle as law
from tools.prove.tables import Event

SUBMITTED, RECEIVED, REFUSED, IN_PROCESSING, OWING, WITHDRAWN, STOPPED_UNPAID, READY, RETURNED = (
    1,
    2,
    3,
    4,
    6,
    7,
    8,
    9,
    10,
)
STOPPED = (REFUSED, WITHDRAWN, STOPPED_UNPAID)
FINAL = (*STOPPED, RETURNED)

# event → the states in which it is allowed, and the next state
MOVES: dict[str, tuple[tuple[int, ...], int]] = {
    law.DOSSIER_RECEIVED: ((SUBMITTED,), RECEIVED),
    law.DOSSIER_REFUSED: ((SUBMITTED,), REFUSED),
    law.FEE_DEMANDED: ((RECEIVED,), OWING),
    law.PROCESSING_STARTED: ((RECEIVED, OWING), IN_PROCESSING),
    law.DOSSIER_RESULT_READY: ((IN_PROCESSING,), READY),
    law.DOSSIER_RESULT_RETURNED: ((READY,), RETURNED),
    law.DOSSIER_STOPPED: ((OWING,), STOPPED_UNPAID),
    law.DOSSIER_WITHDRAWN: ((SUBMITTED, RECEIVED, OWING, IN_PROCESSING), WITHDRAWN),
}
DECLINED = law.WITHDRAWAL_DECLINED
WITHDRAWAL_REQUESTED, CONFIRMED, REFUNDED = law.WITHDRAWAL_REQUESTED, law.PAYMENT_CONFIRMED, law.PAYMENT_REFUNDED
FEE_PAID = law.FEE_PAID
SUBMISSION = law.DOSSIER_SUBMITTED
PAID_STATES = ("paid", "refund_pending", "refunded")  # of a payment at the portal, after the platform's confirmation


class OutOfOrder(Exception):
    """An event that is not allowed after the events before it."""


@dataclass
class Fold:
    """The state of a dossier after its province's events."""

    status: int = SUBMITTED
    fee_dong: int | None = None
    due_at: str | None = None
    result_number: str | None = None
    granted: bool = False
    declined: int = 0


def fold(events: Sequence[Event]) -> Fold:
    """Apply all events to a new dossier. Raises OutOfOrder."""
    dossier = Fold()
    for event in events:
        facts = event.facts
        if event.type == DECLINED:
            dossier.declined += 1
            continue
        when, then = MOVES.get(event.type, ((), 0))
        if dossier.status not in when:
            raise OutOfOrder(f"{event.type} (version {event.version}) in status {dossier.status}")
        dossier.status = then
        dossier.fee_dong = facts.get("fee_dong", dossier.fee_dong)
        dossier.due_at = facts.get("due_at", dossier.due_at)
        dossier.result_number = facts.get("result_number", dossier.result_number)
        dossier.granted = dossier.granted or then == WITHDRAWN
    return dossier


def withdrawal(requests: int, dossier: Fold) -> str:
    """The withdrawal state that the citizen must see after `requests` requests."""
    if dossier.granted:
        return "granted"
    if requests > dossier.declined:
        return "lapsed" if dossier.status in STOPPED else "asked"
    return "declined" if requests else "none"


def sum_of(events: Sequence[Event], type: str) -> int:
    """Sum of the amounts in all events of one type, in đồng."""
    return sum(int(event.facts["amount_dong"]) for event in events if event.type == type)


def confirmed_dong(dossier: dict[str, Any]) -> int:
    return sum(payment["amount_dong"] for payment in dossier["payments"] if payment["status"] in PAID_STATES)


def refunded_dong(dossier: dict[str, Any]) -> int:
    return sum(payment["refund_dong"] for payment in dossier["payments"] if payment["status"] == "refunded")


def fee_dong(dossier: dict[str, Any]) -> int | None:
    """Amount of the last demand, in either copy; None if there is none."""
    if not dossier["demands"]:
        return None
    return sum(int(item["amount_dong"]) for item in dossier["demands"][-1].get("items", ()))
