"""The proof's own checks: what they take as evidence, and what they find wrong in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tools.prove import checks, connector_checks, copies, rules
from tools.prove.connectors import Judged, Said
from tools.prove.evidence import Check, Evidence
from tools.prove.ledger import Key, Ledger, Submission
from tools.prove.tables import DEFAULTS, DeadLetter, Event, PaymentTables, ServiceTables

AT = datetime(2026, 6, 8, tzinfo=UTC)
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
        awaited=set(),
        reported={},
    )


def evidence(portal_state: int, province_state: int, **more: Any) -> Evidence:
    """One dossier, with its state in both copies."""
    ledger = Ledger({"k": Submission("s1", "lan", "k", "37", [KEY[1]])})
    portal = tables("portal", {KEY: {"state_code": portal_state, "province": "37", **more}})
    gateway = tables("gateway", {KEY: {"state_code": province_state, "province": "37"}})
    return Evidence(ledger, portal, gateway, PaymentTables({}, {}, 0))


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


def test_a_dossier_that_was_lost_with_a_database_must_be_explained_as_lost() -> None:
    e = evidence(4, 2)
    e.deleted.append(tables("gateway", {KEY: {"state_code": 4, "province": "37"}}))
    del e.gateway.dossiers[KEY]
    e.causes[KEY] = ["no-copy"]
    assert not violations(checks.liveness, e)
    e.causes[KEY] = ["nothing-due"]
    assert violations(checks.liveness, e)


def event(version: int, type: str, /, **body: Any) -> Event:
    return Event(version, type, AT, json.dumps(body))


def test_the_name_of_another_applicant_is_found() -> None:
    submitted = event(1, "dossier.submitted.v1", dossier_code=KEY[1], applicant={"id": "1", "name": "Lan"}, level=2)
    copy = {"code": KEY[1], "applicant": "Lan"}
    assert copies.differing([submitted], {**copy, "channel": "online"}, "gateway") == []
    (wrong,) = copies.differing([submitted], {**copy, "applicant": "Minh"}, "gateway")
    assert wrong == "applicant is Minh, should be Lan"


def test_the_last_event_that_has_a_field_counts_and_times_are_compared_as_times() -> None:
    events = [
        event(1, "dossier.received.v1", due_at="2026-06-10T17:00:00.000+07:00"),
        event(2, "dossier.processing_resumed.v1", due_at="2026-06-12T17:00:00.000+07:00"),
    ]
    assert copies.differing(events, {"due_at": "2026-06-12T10:00:00Z"}, "portal") == []
    assert copies.differing(events, {"due_at": "2026-06-10T10:00:00Z"}, "portal")


def test_each_demand_is_compared_by_its_number() -> None:
    demands = [{"number": 1, "pay_by": "2026-06-10T10:00:00Z"}, {"number": 2, "pay_by": "2026-06-11T10:00:00Z"}]
    first = event(1, "dossier.fee_demanded.v1", demand=1, pay_by="2026-06-10T10:00:00Z")
    second = event(2, "dossier.fee_demanded.v1", demand=2, replaces=1, pay_by="2026-06-11T10:00:00Z")
    (missing,) = copies.differing([first, second], {"demands": demands}, "portal")
    assert missing.startswith("demands[=1].superseded")
    demands[0]["superseded"] = True
    assert copies.differing([first, second], {"demands": demands}, "portal") == []


def test_papers_of_a_supplement_are_added_to_those_of_the_submission() -> None:
    events = [
        event(1, "dossier.submitted.v1", papers=[{"component": "a"}]),
        event(2, "dossier.supplement_answered.v1", request=1, papers=[{"component": "b"}]),
    ]
    members = {"channel": "online"}
    assert copies.differing(events, {**members, "papers": [{"component": "a"}, {"component": "b"}]}, "portal") == []
    assert copies.differing(events, {**members, "papers": [{"component": "a"}]}, "portal")


def test_papers_that_may_have_come_too_late_are_not_compared_in_a_dossier_that_was_stopped() -> None:
    paper = {"component": "other", "form": "electronic"}
    events = [
        event(1, "dossier.submitted.v1", papers=[paper]),
        event(2, "dossier.supplement_answered.v1", request=1, papers=[paper], answered_at=AT.isoformat()),
    ]
    ended = {"channel": "online", "state_code": rules.STOPPED_EARLY, "supplements": [{"number": 1}]}
    for papers in (1, 2):
        wrong = copies.differing(events, {**ended, "papers": papers}, "gateway", {"payments": []})
        assert not [line for line in wrong if line.startswith("papers")]


def test_a_gap_in_the_numbers_of_receipts_is_found() -> None:
    e = evidence(10, 10)
    receipts = [{"series": "BL-1", "number": 1}, {"series": "BL-1", "number": 3}]
    e.portal.events[KEY] = [event(1, "payment.confirmed.v1", receipts=receipts)]
    (gap,) = violations(checks.receipts, e)
    assert "BL-1" in gap and "[1, 3]" in gap


def test_an_event_that_a_timeline_does_not_show_is_found() -> None:
    e = evidence(10, 10)
    e.gateway.events[KEY] = [event(1, "dossier.received.v1")]
    e.timelines[KEY] = [("gateway", 1, "dossier.received.v1", {})]
    assert not violations(checks.timelines, e)
    e.timelines[KEY] = []
    assert violations(checks.timelines, e)


def test_a_record_of_a_connector_that_is_judged_twice_is_found() -> None:
    e, place = evidence(10, 10), ("s1", "37")
    accepted = Judged(1, 0, "accepted", "a")
    e.said = Said({place: [0]}, {place: [accepted]}, {place: {(0, "accepted")}})
    assert not violations(connector_checks.one_verdict, e) and not violations(connector_checks.kept, e)
    e.said.verdicts[place].append(Judged(3, 0, "duplicate", "a"))
    assert violations(connector_checks.one_verdict, e) and violations(connector_checks.kept, e)


def paid(number: int, amount: int = 8000, status: str = "paid") -> dict[str, Any]:
    return {"reference": f"r{number}", "amount_dong": amount, "demand": 1, "confirmed": number, "status": status}


def test_what_must_be_kept_of_the_money_that_was_paid_online() -> None:
    demand: dict[str, Any] = {"number": 1, "amount_dong": 8000}
    once = {"demands": [demand], "payments": [paid(1)]}
    assert rules.kept_dong(once, None) == 8000
    assert rules.kept_dong({**once, "payments": [paid(1), paid(2)]}, None) == 8000, "the second is given back"
    assert rules.kept_dong({**once, "demands": [{**demand, "taken": "counter"}]}, None) == 0
    assert rules.kept_dong(once, {"reason": "all of it"}) == 0
    assert rules.kept_dong(once, {"refund_dong": 3000, "paid_dong": 8000}) == 5000
    assert rules.kept_dong(once, {"refund_dong": 0, "paid_dong": 0}) == 0, "the office did not know of the payment"


def test_a_request_that_was_acknowledged_and_is_not_published_is_found() -> None:
    e = evidence(10, 10)
    assert not violations(checks.acknowledged_once, e)
    e.ledger.requests[KEY, "dossier.rated.v1"] += 1
    assert violations(checks.acknowledged_once, e)


def test_a_dossier_that_a_list_lacks_or_has_twice_is_found() -> None:
    e = evidence(10, 10, applicant_id="037190000001")
    e.people["s1", "lan"] = "037190000001"
    e.listed["s1", "lan"] = e.inboxes["s1", "37"] = [KEY[1]]
    assert not violations(checks.lists, e)
    for codes in ([], [KEY[1], KEY[1]], ["H42.14464-20260608-0000002", KEY[1]]):
        e.listed["s1", "lan"] = e.inboxes["s1", "37"] = codes
        assert len(violations(checks.lists, e)) == 2


def test_an_event_that_was_not_seen_fails_the_proof() -> None:
    e = evidence(10, 10)
    assert "no province has published dossier.handed_over.v1" in violations(checks.breadth, e)
