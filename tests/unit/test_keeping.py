"""Deliveries that fault rules keep back: whatever fires, each is released once, and only named faults change an order."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import connectors as named
from services.province_gateway.doors import keeping
from services.province_gateway.doors.deliveries import UNNUMBERED, Delivery
from services.province_gateway.doors.keeping import BLOCKING, Kept

AT = datetime(2026, 6, 9, 1, tzinfo=UTC)
FAULTS = st.sampled_from(["", named.DOUBLED, *named.HOLDING])


def a_kept(place: int, dossier: str, fault: str | None) -> Kept:
    delivery = Delivery(UNNUMBERED, dossier, f"id-{place}", "/portal/s", "x.v1", AT, place, "", "{}")
    return Kept(delivery=delivery, place=place, fault=fault, rule="r@1")


def all_released(rows: list[Kept]) -> list[Kept]:
    """What is released while the rules are on, and then when they are off."""
    kept, released = [], []
    for row in rows:
        kept.append(row)
        released += keeping.release(kept, lambda each: False)
    return released + keeping.release(kept, lambda each: True)


@given(st.lists(st.tuples(st.sampled_from("ABC"), FAULTS), max_size=12))
def test_each_is_released_once(drawn: list[tuple[str, str]]) -> None:
    rows = [a_kept(place, dossier, fault) for place, (dossier, fault) in enumerate(drawn)]
    assert sorted(each.place for each in all_released(rows)) == list(range(len(rows)))


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["", *BLOCKING])), max_size=12))
def test_the_order_of_a_dossier_is_kept_by_the_faults_that_hold_it_whole(drawn: list[tuple[str, str]]) -> None:
    rows = [a_kept(place, dossier, fault) for place, (dossier, fault) in enumerate(drawn)]
    released = all_released(rows)
    for dossier in "ABC":
        places = [each.place for each in released if each.delivery.dossier == dossier]
        assert places == sorted(places)


def test_nothing_is_released_past_one_that_is_not_evaluated() -> None:
    kept = [a_kept(1, "A", None), a_kept(2, "B", "")]
    assert keeping.release(kept, lambda each: True) == [] and len(kept) == 2
