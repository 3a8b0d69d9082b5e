"""The proof's own idea of a dossier: what a province's events make of it. Its rules are its own, so that they can disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts import lifecycle as law
from tools.prove.books import Told

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

# event → the states in which it may happen, and the state it leads to
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
ASKED, CONFIRMED, REFUNDED = law.WITHDRAWAL_REQUESTED, law.PAYMENT_CONFIRMED, law.PAYMENT_REFUNDED
SUBMISSION = law.DOSSIER_SUBMITTED
PAID_STATES = ("paid", "refund_pending", "refunded")  # of a payment at the portal, once the platform confirmed it


class OutOfOrder(Exception):
    """An event that cannot follow the ones before it."""


@dataclass
class Fold:
    """A dossier as its province's events, in order, make it."""

    status: int = SUBMITTED
    fee_dong: int | None = None
    due_at: str | None = None
    result_number: str | None = None
    granted: bool = False
    declined: int = 0


def fold(events: Sequence[Told]) -> Fold:
    """Raises OutOfOrder."""
    made = Fold()
    for event in events:
        facts = event.facts
        if event.type == DECLINED:
            made.declined += 1
            continue
        when, then = MOVES.get(event.type, ((), 0))
        if made.status not in when:
            raise OutOfOrder(f"{event.type} (version {event.version}) in status {made.status}")
        made.status = then
        made.fee_dong = facts.get("fee_dong", made.fee_dong)
        made.due_at = facts.get("due_at", made.due_at)
        made.result_number = facts.get("result_number", made.result_number)
        made.granted = made.granted or then == WITHDRAWN
    return made


def withdrawal(asked: int, made: Fold) -> str:
    """What the citizen must see of `asked` requests to withdraw."""
    if made.granted:
        return "granted"
    if asked > made.declined:
        return "lapsed" if made.status in STOPPED else "asked"
    return "declined" if asked else "none"


def sum_of(events: Sequence[Told], type: str) -> int:
    """Money in all events of one type, in đồng."""
    return sum(int(event.facts["amount_dong"]) for event in events if event.type == type)


def confirmed_dong(dossier: dict[str, Any]) -> int:
    return sum(payment["amount_dong"] for payment in dossier["payments"] if payment["status"] in PAID_STATES)


def refunded_dong(dossier: dict[str, Any]) -> int:
    return sum(payment["refund_dong"] for payment in dossier["payments"] if payment["status"] == "refunded")


def fee_dong(dossier: dict[str, Any]) -> int | None:
    """What the last demand asks for, in either copy; None before there is one."""
    if not dossier["demands"]:
        return None
    return sum(int(item["amount_dong"]) for item in dossier["demands"][-1].get("items", ()))
