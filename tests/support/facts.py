"""Facts about a dossier as collected from every service, for tests of the decisions based on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts import lifecycle as law
from contracts.lifecycle import State
from services.portal.domain import STARTED, Demand, Dossier, Payment
from services.portal.explain.facts import Call, Facts, OfficersFault, Order
from services.portal.sandboxes.settle import Waiting
from shared.messaging.pending import Outlook, Parked, PublishedEvent, Timer

NOW = datetime(2026, 6, 9, 1, tzinfo=UTC)  # 08:00 in Viet Nam, a Tuesday
LATER, EARLIER = NOW + timedelta(hours=2), NOW - timedelta(hours=1)
CODE, REFERENCE, FEE = "H42.14464-20260609-0000001", "DVC1", 8000
DEMAND = Demand(1, FEE, "at_reception", pay_by=LATER)
LOOK = Outlook(known=True, timers=(Timer("reception", LATER),))
RULE = OfficersFault("quiet", "officers.look", "Nobody acts", "Cán bộ không xử lý")
HELD = Call("GD1", 1, "HeldByFault: no-news: Confirmations never come", refused=True)


def portal_copy(state: State, **more: Any) -> Dossier:
    """The portal's copy."""
    return Dossier(CODE, "2.000635", "37", "14464", "037190900123", "Lan", state.code, NOW, **more)


def province_copy(state: State, *can: str, **more: Any) -> dict[str, Any]:
    """The part of the province's copy that the tests need."""
    return {"status": {"code": state.code}, "can": list(can), "reason": None, **more}


def facts(state: State | None = law.SUBMITTED, **more: Any) -> Facts:
    """A dossier in `state` in both services; the desk acts in two hours, and the clock is frozen."""
    copies: dict[str, Any] = {"portal_copy": portal_copy(state), "province_copy": province_copy(state)} if state else {}
    timed = {} if state is None or state in law.FINAL else {"gateway": LOOK}
    return Facts(CODE, "s1", NOW, 0, **{"orders": (), **copies, **timed, **more})


def owing(*payments: Payment, **more: Any) -> Facts:
    """A fee is due."""
    copy = portal_copy(law.FINANCIAL_OBLIGATION, demands=(DEMAND,), payments=payments)
    return facts(law.FINANCIAL_OBLIGATION, portal_copy=copy, **more)


def attempt(status: str = STARTED) -> Payment:
    return Payment(REFERENCE, FEE, status, NOW)


def order(state: str = "created", expires_at: datetime = LATER, **more: Any) -> Order:
    return Order(REFERENCE, FEE, state, expires_at, **more)


def parked(letter: int | None = 7, behind: int = 0) -> Outlook:
    return Outlook(True, parked=Parked("dead letter: NotToday", EARLIER, letter, "dossier.received.v1", behind))


def waits(name: str, service: str = "gateway") -> tuple[Waiting, ...]:
    return (Waiting(name, service, "…"),)


def published(type: str, *, numbered: bool = True, unread: bool = True) -> Outlook:
    return Outlook(known=True, events=(PublishedEvent(type, 1, numbered, unread),))
