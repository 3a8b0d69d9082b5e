"""The verdict on a sandbox, from what every service says is pending."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.topics import ROUTES, TO_PROVINCE
from services.portal.sandboxes.settle import Verdict, verdict

QUIET: dict[str, Any] = {
    "unsent": 0,
    "timers_due": 0,
    "under_way": [],
    "next_due": None,
    "parked": [],
    "calls": [],
    "written": {},
    "read": {},
    "unworked": [],
}
CALL = {"kind": "refund", "key": "R1", "attempts": 3, "last_error": "nobody is there"}


def found(portal: dict[str, Any] | None = None, gateway: dict[str, Any] | None = None, **others: Any) -> Verdict:
    """The verdict where only these things differ from quiet."""
    return verdict({"portal": {**QUIET, **(portal or {})}, "gateway": {**QUIET, **(gateway or {})}, **others}, ROUTES)


def names(of: Verdict) -> list[tuple[str, str]]:
    return [(waiting.name, waiting.service) for waiting in of.waiting_for]


def test_nothing_pending_is_still() -> None:
    still = found(identity={}, payment={"calls": [], "timers_due": 0, "next_due": None})
    assert (still.verdict, still.waiting_for, still.next_due, still.quiet) == ("still", (), None, True)


def test_what_is_due_first_anywhere_is_named() -> None:
    still = found({"next_due": "2026-06-10T08:00:00.000+07:00"}, {"next_due": "2026-06-09T14:00:00.000+07:00"})
    assert (still.verdict, still.next_due) == ("still", "2026-06-09T14:00:00.000+07:00")


@pytest.mark.parametrize(
    ("pending", "name"),
    [
        ({"unsent": 2}, "unsent-events"),
        ({"timers_due": 1}, "timers-due"),
        ({"under_way": ["1 timers fire by themselves"]}, "under-way"),
        ({"calls": [CALL]}, "calls-in-flight"),
    ],
    ids=lambda value: str(value),
)
def test_what_is_under_way_is_waited_for(pending: dict[str, Any], name: str) -> None:
    waiting = found(gateway=pending)
    assert (waiting.verdict, waiting.quiet, names(waiting)) == ("waiting", False, [(name, "gateway")])


def test_a_call_says_what_it_met() -> None:
    (call,) = found({"calls": [CALL]}).waiting_for
    assert call.detail == "refund R1, tried 3 times: nobody is there"


def test_a_service_that_does_not_answer_is_down() -> None:
    assert names(found(identity=None)) == [("service-down", "identity")]


def test_without_its_reader_a_source_cannot_be_judged() -> None:
    down = verdict({"portal": {**QUIET, "written": {TO_PROVINCE: {1: [1, 5]}}}, "gateway": None}, ROUTES)
    assert names(down) == [("service-down", "gateway")]


@pytest.mark.parametrize(
    ("written", "read", "unread"),
    [
        ([1, 5], [1, 6], False),
        ([1, 5], [1, 5], True),
        ([1, 5], [1, 99], False),
        ([1, 5], [2, 1], False),
        ([2, 1], [1, 99], True),
        ([1, 1], None, True),
        ([1, 1], [-1, 1], True),
    ],
)
def test_an_event_is_unread_until_its_reader_expects_a_later_one(
    written: list[int], read: list[int] | None, unread: bool
) -> None:
    judged = found({"written": {TO_PROVINCE: {"7": written}}}, {"read": {"portal": {"7": read} if read else {}}})
    assert names(judged) == ([("unread-events", "gateway")] if unread else [])


def test_lanes_are_compared_whatever_json_made_of_their_numbers() -> None:
    assert found({"written": {TO_PROVINCE: {7: [1, 5]}}}, {"read": {"portal": {"7": [1, 6]}}}).verdict == "still"


def test_a_dead_worker_is_named_only_where_something_waits_for_it() -> None:
    dead = {"unworked": ["reader", "relay"]}
    assert found(gateway=dead).verdict == "still"
    waiting = found({"unsent": 1}, dead)
    assert names(waiting) == [("unsent-events", "portal"), ("dead-worker", "gateway"), ("dead-worker", "gateway")]
    assert (
        "no running reader" in waiting.waiting_for[1].detail and "`lienthong status`" in waiting.waiting_for[1].detail
    )
    assert (
        names(found(gateway={**dead, "under_way": ["1 timers fire by themselves"]}))[1:]
        == [("dead-worker", "gateway")] * 2
    )


def test_what_is_parked_holds_but_does_not_keep_waiting() -> None:
    held = found(gateway={"parked": ["A: dead letter: NotToday"]})
    assert (held.verdict, held.quiet, names(held)) == ("held", True, [("parked", "gateway")])
    both = found({"unsent": 1}, {"parked": ["A: dead letter: NotToday"]})
    assert both.verdict == "waiting" and names(both)[-1] == ("parked", "gateway")


def test_what_a_neighbour_refused_is_held_and_does_not_stop_the_clock() -> None:
    held = found({"calls": [{**CALL, "refused": True, "last_error": "PlatformRefused: no such order"}]})
    assert (held.verdict, held.quiet, names(held)) == ("held", True, [("call-refused", "portal")])
    assert held.only_timers


def test_a_service_with_an_older_sandbox_row_is_behind() -> None:
    waiting = found({"version": 7}, {"version": 3}, identity={"version": 7})
    assert (waiting.verdict, waiting.behind) == ("waiting", ("gateway",))
    assert names(waiting) == [("clock-behind", "gateway")]


def test_only_timers_says_so() -> None:
    assert found(gateway={"timers_due": 2, "parked": ["H42: dead letter"]}).only_timers
    assert not found(gateway={"timers_due": 2, "unsent": 1}).only_timers
    assert not found(gateway={"timers_due": 2, "under_way": ["1 timers fire by themselves"]}).only_timers
