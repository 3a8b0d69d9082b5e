"""What the proof compares with what was sent, and with calendar and catalogue."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.calendar.worktime import Limit, Unit
from contracts.catalogue import CALENDAR, fee_of, forward_by, procedure_at
from tests.support.factories import COPY
from tests.unit.test_prove_checks import KEY, event, evidence, violations
from tools.prove import checks, law_checks
from tools.prove.evidence import Check, Evidence
from tools.prove.tables import Event, Figures

RECEIVED_AT = datetime.fromisoformat("2026-06-08T09:00:00+07:00")
PROCEDURE = procedure_at(COPY, RECEIVED_AT.date())
SENT = {"/applicant/name": "Lan", "/papers/*/sha256": ["a"], "/channel": "online"}
SUBMITTED: dict[str, Any] = {
    "procedure": COPY,
    "province": "37",
    "authority": {"province": "37", "commune": "14464"},
    "applicant": {"name": "Lan"},
    "papers": [{"sha256": "a"}],
    "version": PROCEDURE.version,
}


def begun(**change: Any) -> Evidence:
    """A dossier whose submission was published, with these facts changed."""
    e = evidence(10, 10)
    e.ledger.submissions["k"].said = SENT
    e.portal.events[KEY] = [event(1, law.DOSSIER_SUBMITTED, **{**SUBMITTED, **change})]
    return e


def received(**change: Any) -> Event:
    limit = PROCEDURE.case().limit_for("online")
    facts = {
        "procedure": COPY,
        "province": "37",
        "version": PROCEDURE.version,
        "case": PROCEDURE.case().code,
        "received_at": RECEIVED_AT.isoformat(),
        "limit": {"value": limit.value, "unit": limit.unit},
        "count": "law",
        "due_at": CALENDAR.due(RECEIVED_AT, limit, "law").isoformat(),
        "forward_by": forward_by(RECEIVED_AT).isoformat(),
    }
    return event(1, law.DOSSIER_RECEIVED, **{**facts, **change})


def wrong(check: Check, e: Evidence) -> str:
    (violation,) = violations(check, e)
    return violation


def test_an_event_says_what_was_sent() -> None:
    assert not violations(law_checks.as_sent, begun())
    assert "/applicant/name Minh, sent was Lan" in wrong(law_checks.as_sent, begun(applicant={"name": "Minh"}))
    assert "/papers/*/sha256 ['b'], sent was ['a']" in wrong(law_checks.as_sent, begun(papers=[{"sha256": "b"}]))


def test_a_request_that_was_sent_twice_says_what_one_of_them_said() -> None:
    e = begun()
    e.ledger.said[KEY, law.WITHDRAWAL_REQUESTED] = [{"/reason": "Đổi ý"}, {"/reason": "Sai tên"}]
    e.portal.events[KEY].append(event(2, law.WITHDRAWAL_REQUESTED, reason="Sai tên"))
    assert not violations(law_checks.as_sent, e)
    e.portal.events[KEY][-1] = event(2, law.WITHDRAWAL_REQUESTED, reason="Đổi tên")
    assert "Đổi tên" in wrong(law_checks.as_sent, e)


def test_a_limit_and_a_due_date_are_those_of_procedure_and_calendar() -> None:
    e = begun()
    e.gateway.events[KEY] = [received()]
    assert not violations(law_checks.limits, e)
    other = Limit(7, Unit.WORKING_DAY)
    late = CALENDAR.due(RECEIVED_AT, other, "law").isoformat()
    for change in ({"due_at": late}, {"limit": {"value": 7, "unit": "working_day"}}, {"forward_by": late}):
        e.gateway.events[KEY] = [received(**change)]
        assert "should be" in wrong(law_checks.limits, e), change


@pytest.mark.parametrize(("on_time", "timeliness"), [(True, "on_time"), (False, "on_time"), (True, "overdue")])
def test_what_was_late_is_said_to_be_late(on_time: bool, timeliness: str) -> None:
    e, said = begun(), {"on_time": on_time, "timeliness": timeliness}
    ready = replace(event(2, law.DOSSIER_RESULT_READY, **said), at=RECEIVED_AT.replace(year=2027))
    e.gateway.events[KEY] = [received(), ready]
    assert "ready at" in wrong(law_checks.limits, e)
    e.gateway.events[KEY][1] = replace(ready, body=json.dumps({"on_time": False, "timeliness": "overdue"}))
    assert not violations(law_checks.limits, e)


def test_a_fee_is_that_of_the_catalogue_unless_the_office_names_it() -> None:
    e = begun()
    fee = fee_of(PROCEDURE, PROCEDURE.case(), province="37", channel="online", on=RECEIVED_AT.date())
    items = [{"kind": each.kind, "name": each.name_vi, "amount_dong": each.amount_dong} for each in fee.items]
    assert items and items[0]["amount_dong"]
    e.gateway.events[KEY] = [received(), event(2, law.FEE_DEMANDED, items=items)]
    assert not violations(law_checks.fees, e)
    e.gateway.events[KEY][1] = event(2, law.FEE_DEMANDED, items=[{**items[0], "amount_dong": 1}])
    assert "the fee is" in wrong(law_checks.fees, e)
    e.ledger.submissions["k"].names_fee = True
    assert not violations(law_checks.fees, e)


def test_a_file_has_its_content_and_a_paper_its_file() -> None:
    e = evidence(10, 10, papers=[{"sha256": "a"}])
    assert "no file a" in wrong(law_checks.files, e)
    e.portal.files.add((KEY[0], "a"))
    assert not violations(law_checks.files, e)
    e.gateway.spoilt_files.append((KEY[0], "b"))
    assert "is another" in wrong(law_checks.files, e)


def test_the_statistics_count_every_figure_of_a_dossier() -> None:
    e = begun()
    e.gateway.events[KEY] = [received()]
    e.portal.reported[KEY] = ("37", 10)
    due = datetime.fromisoformat(received().facts["due_at"])
    e.portal.figures[KEY] = Figures("14464", True, due, None)
    assert not violations(checks.statistics, e)
    for change in ({"commune": "14465"}, {"is_online": False}, {"due_at": RECEIVED_AT}, {"is_overdue": True}):
        e.portal.figures[KEY] = replace(Figures("14464", True, due, None), **change)
        assert "figures" in wrong(checks.statistics, e), change
