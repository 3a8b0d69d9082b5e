"""The proof's own model of a dossier, built from the province's events. Independent of the services' code on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts import lifecycle as law
from tools.prove.tables import Event

SUBMITTED, RECEIVED, REFUSED, IN_PROCESSING, SUPPLEMENT, OWING, WITHDRAWN, STOPPED_EARLY, READY, RETURNED = range(1, 11)
STOPPED = (REFUSED, WITHDRAWN, STOPPED_EARLY)
FINAL = (*STOPPED, RETURNED)
UNDECIDED = (SUBMITTED, RECEIVED, IN_PROCESSING, SUPPLEMENT, OWING)
MAY_OWE = (SUPPLEMENT, OWING, READY)

# event → the states in which it is allowed, and the next state; None: it stays the same
MOVES: dict[str, tuple[tuple[int, ...], int | None]] = {
    law.DOSSIER_REGISTERED: ((SUBMITTED,), None),
    law.DOSSIER_RECEIVED: ((SUBMITTED, SUPPLEMENT, OWING), RECEIVED),
    law.DOSSIER_REFUSED: ((SUBMITTED,), REFUSED),
    law.DOSSIER_HANDED_OVER: ((RECEIVED, OWING), None),
    law.SUPPLEMENT_REQUESTED: ((SUBMITTED, RECEIVED, IN_PROCESSING, SUPPLEMENT), SUPPLEMENT),
    law.FEE_DEMANDED: ((SUBMITTED, RECEIVED, IN_PROCESSING, *MAY_OWE), OWING),
    law.FEE_PAID: (MAY_OWE, None),
    law.FEE_WAIVED: (MAY_OWE, None),
    law.PROCESSING_STARTED: ((RECEIVED, OWING), IN_PROCESSING),
    law.PROCESSING_RESUMED: ((SUPPLEMENT, OWING), IN_PROCESSING),
    law.DOSSIER_RESCHEDULED: ((RECEIVED, IN_PROCESSING), None),
    law.DOSSIER_RESULT_READY: ((IN_PROCESSING,), READY),
    law.DOSSIER_RESULT_RETURNED: ((READY,), RETURNED),
    law.DOSSIER_REJECTED: ((RECEIVED, IN_PROCESSING), STOPPED_EARLY),
    law.DOSSIER_STOPPED: ((RECEIVED, IN_PROCESSING, SUPPLEMENT, OWING), STOPPED_EARLY),
    law.DOSSIER_WITHDRAWN: (UNDECIDED, WITHDRAWN),
}
STAYS = ((law.FEE_DEMANDED, SUPPLEMENT), (law.FEE_DEMANDED, READY))  # a fee with a supplement or with the result
DECLINED = law.WITHDRAWAL_DECLINED
WITHDRAWAL_REQUESTED, CONFIRMED, REFUNDED = law.WITHDRAWAL_REQUESTED, law.PAYMENT_CONFIRMED, law.PAYMENT_REFUNDED
FEE_PAID = law.FEE_PAID
REQUESTED = (law.WITHDRAWAL_REQUESTED, law.SUPPLEMENT_ANSWERED, law.DOSSIER_RATED)  # by a citizen, at the portal
ENDS = (law.DOSSIER_REFUSED, law.DOSSIER_REJECTED, law.DOSSIER_STOPPED, law.DOSSIER_WITHDRAWN)
PAID_STATES = ("paid", "refund_pending", "refunded")  # of a payment at the portal, after the platform's confirmation


class OutOfOrder(Exception):
    """An event that is not allowed after the events before it."""


@dataclass
class Fold:
    """The state of a dossier after its province's events."""

    status: int = SUBMITTED
    granted: bool = False
    declined: int = 0


def fold(events: Sequence[Event]) -> Fold:
    """Apply all events to a new dossier. Raises OutOfOrder."""
    dossier = Fold()
    for event in events:
        if event.type == DECLINED:
            dossier.declined += 1
            continue
        when, then = MOVES.get(event.type, ((), 0))
        if dossier.status not in when:
            raise OutOfOrder(f"{event.type} (version {event.version}) in status {dossier.status}")
        if then is not None and (event.type, dossier.status) not in STAYS:
            dossier.status = then
        dossier.granted = dossier.granted or then == WITHDRAWN
    return dossier


def withdrawal(requests: int, dossier: Fold) -> str:
    """The withdrawal state that the citizen must see after `requests` requests."""
    if dossier.granted:
        return "granted"
    if requests > dossier.declined:
        return "lapsed" if dossier.status in STOPPED else "asked"
    return "declined" if requests else "none"


def sum_of(events: Sequence[Event], type: str, amount: str = "amount_dong") -> int:
    """Sum of the amounts in all events of one type, in đồng."""
    return sum(int(event.facts.get(amount) or 0) for event in events if event.type == type)


def returned_dong(events: Sequence[Event]) -> int:
    """What the office gave back of the money that it took itself."""
    return sum(sum_of(events, type, "returned_dong") for type in ENDS)


def end_of(events: Sequence[Event]) -> dict[str, Any] | None:
    """Facts of the event that ended a dossier without a result; None if none did."""
    return next((event.facts for event in events if event.type in ENDS), None)


def kept_dong(dossier: dict[str, Any], end: dict[str, Any] | None) -> int:
    """How much of what was paid online must be kept, by the portal's copy and `end_of` its province's events."""
    paid = [each for each in dossier["payments"] if each["status"] in PAID_STATES]
    if end is not None:
        refund, known = end.get("refund_dong"), end.get("paid_dong") or 0
        taken = sum(demand["amount_dong"] for demand in dossier["demands"] if demand.get("taken"))
        online = min(known - taken, sum(payment["amount_dong"] for payment in paid if _counts(dossier, payment)))
        return 0 if refund is None else max(0, online - refund)
    return sum(payment["amount_dong"] for payment in paid if _counts(dossier, payment))


def _counts(dossier: dict[str, Any], payment: dict[str, Any]) -> bool:
    """Whether a payment is the first for a demand that the office did not replace, waive or take at the desk."""
    number = payment.get("demand", 1)
    demand = next(each for each in dossier["demands"] if each["number"] == number)
    if demand.get("superseded") or demand.get("waived") or demand.get("taken"):
        return False
    same = [p for p in dossier["payments"] if p.get("demand", 1) == number and p["status"] in PAID_STATES]
    return min(same, key=lambda each: int(each["confirmed"])) is payment


def confirmed_dong(dossier: dict[str, Any]) -> int:
    return sum(payment["amount_dong"] for payment in dossier["payments"] if payment["status"] in PAID_STATES)


def refunded_dong(dossier: dict[str, Any]) -> int:
    return sum(payment["refund_dong"] for payment in dossier["payments"] if payment["status"] == "refunded")


def paid_dong(dossier: dict[str, Any]) -> int:
    """What was paid by the portal's copy, online and at the office."""
    return confirmed_dong(dossier) + sum(int(each["amount_dong"]) for each in dossier["demands"] if each.get("taken"))


def given_back_dong(dossier: dict[str, Any]) -> int:
    return refunded_dong(dossier) + sum(int(each.get("returned_dong", 0)) for each in dossier["demands"])


def fee_dong(dossier: dict[str, Any]) -> int | None:
    """Amount of the last demand, in either copy; None if there is none."""
    if not dossier["demands"]:
        return None
    return sum(int(item["amount_dong"]) for item in dossier["demands"][-1].get("items", ()))
