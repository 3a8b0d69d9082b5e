"""Which of the deliveries that fault rules keep back are released, and in which order. Plain Python, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from contracts.faults import connectors as named
from services.province_gateway.doors.deliveries import Delivery

BLOCKING = (named.LATE, named.STOPPED, named.ACROSS)  # what follows in the same dossier waits, too


class Kept(Struct, kw_only=True):
    """A delivery without a number.

    place  its order among the kept ones
    fault  that fired for it; "": none, or it is over; None: the rules are not evaluated yet
    rule   Rule.key
    due    sandbox time until which it waits; None: unknown
    """

    delivery: Delivery
    place: int
    fault: str | None
    rule: str = ""
    due: datetime | None = None

    def is_over(self, live: Sequence[str], now: datetime) -> bool:
        """Whether its wait is over: its rule (`live`: keys) was switched off, or its time has come."""
        return self.rule not in live or (self.due is not None and self.due <= now)

    def overtaken_by(self, other: Kept) -> bool:
        """Whether it waited for `other`, which is delivered now."""
        same = self.delivery.dossier == other.delivery.dossier
        waits = (self.fault == named.WITHIN and same) or (self.fault == named.ACROSS and not same)
        return waits and self.place < other.place

    def joins(self, other: Kept) -> bool:
        """Whether it need not wait, because `other` waits already to be overtaken by such a one."""
        return self.fault == other.fault and other.overtaken_by(self)


def release(kept: list[Kept], is_over: Callable[[Kept], bool]) -> list[Kept]:
    """Take those that are delivered now out of `kept`, in their order; those that were overtaken wait no more."""
    released: list[Kept] = []
    while (next_one := _first(kept, is_over)) is not None:
        kept.remove(next_one)
        released.append(next_one)
        for each in kept:
            if each.overtaken_by(next_one):
                each.fault = ""
    return released


def _first(kept: Sequence[Kept], is_over: Callable[[Kept], bool]) -> Kept | None:
    blocked: set[str] = set()
    for each in kept:
        if each.fault is None:
            return None  # nothing behind it is decided
        dossier = each.delivery.dossier
        if dossier in blocked:
            continue
        if each.fault not in named.HOLDING or is_over(each):
            return each
        if each.fault in BLOCKING:
            blocked.add(dossier)
    return None
