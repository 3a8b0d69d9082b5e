"""Why nothing happened: every cause from facts alone, with sentences in both languages."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import lifecycle as law
from services.portal.domain import FAILED, PAID, REFUND_PENDING, Payment, Supplement
from services.portal.explain import KINDS, explain
from services.portal.explain.facts import Call, Facts, Foreign, mode_of, officers_faults, province_of
from services.portal.explain.timing import nothing_due
from shared.messaging.pending import Outlook, Outsider, Timer
from tests.support.facts import (
    CODE,
    DEMAND,
    EARLIER,
    FEE,
    HELD,
    LATER,
    NOW,
    REFERENCE,
    RULE,
    attempt,
    facts,
    order,
    owing,
    parked,
    portal_copy,
    province_copy,
    published,
    waits,
)

SENT = published(law.DOSSIER_SUBMITTED, numbered=False)
READ = published(law.DOSSIER_SUBMITTED, unread=False)
STRANGE = Foreign("portal", "gateway", "dossier.to-province.v1", 24, 2, "2026-06-09T08:00:00.000+00:00", 7)
ASKED = portal_copy(law.SUPPLEMENT, supplements=(Supplement(1, "Thiếu", ("Ảnh",), LATER, False),))
IDLE = facts(law.IN_PROCESSING, gateway=Outlook(known=True))
WITHDRAWING = Outlook(known=True, timers=(Timer("answer_withdrawal", LATER),))

# cause → facts that bring it about, and a word of its English sentence or of what mends it
CASES: dict[str, tuple[Facts, str]] = {
    "service-down": (facts(waiting=waits("service-down"), gateway=None, province_copy=None), "gateway does not answer"),
    "clock-behind": (facts(waiting=waits("clock-behind", "payment")), "payment has an older row"),
    "broker-down": (facts(portal=SENT, broker="127.0.0.1:9092"), "Kafka does not answer at 127.0.0.1:9092"),
    "worker-dead": (facts(portal=SENT, unworked={"portal": ("relay",)}), "the work of relay"),
    "sandbox-unknown-there": (facts(gateway=parked(letter=None)), "gateway does not know this sandbox"),
    "parked": (facts(portal=parked()), "lienthong dead redrive portal 7 --sandbox s1"),
    "waits-behind-parked": (facts(portal=parked(behind=3)), "3 later event(s)"),
    "no-copy": (facts(portal=READ, gateway=Outlook(), province_copy=None), "gateway has no copy of this dossier"),
    "foreign-record": (
        facts(law.RECEIVED, mode="manual", province_copy=None, gateway=Outlook(True), foreign=(STRANGE,)),
        "2 foreign record(s) were found in partition 24 of dossier.to-province.v1",
    ),
    "on-its-way": (facts(portal=SENT), "dossier.submitted.v1: published by portal"),
    "unknown-dossier": (facts(None), f"knows a dossier {CODE}."),
    "confirmation-held-by-fault": (owing(attempt(), orders=(order("paid", confirm=HELD),)), "rule no-news holds"),
    "confirmation-refused": (
        owing(attempt(), orders=(order("paid", confirm_answer="99", refused="SoTien is 9000"),)),
        "SoTien is 9000",
    ),
    "confirmation-on-its-way": (
        owing(attempt(), orders=(order("paid", confirm=Call("GD1", 4, "Unreachable: status 500")),)),
        "tried 4 time(s): Unreachable: status 500",
    ),
    "refund-held-by-fault": (facts(law.STOPPED, refunds=(HELD,)), "lienthong fault off no-news --sandbox s1"),
    "refund-refused": (facts(law.STOPPED, refunds=(Call(REFERENCE, 2, "PlatformRefused: no", True),)), "refuses it"),
    "refund-on-its-way": (facts(law.STOPPED, refunds=(Call(REFERENCE),)), "tried 0 time(s)."),
    "payment-not-opened": (owing(attempt()), "no order for it"),
    "payment-failed": (owing(attempt(), orders=(order("failed"),)), "tried again until 09/06/2026 10:00"),
    "payment-expired": (owing(attempt(), orders=(order(expires_at=EARLIER),)), "expired at 09/06/2026 07:00"),
    "payment-begun": (owing(attempt(), orders=(order(),)), "open until 09/06/2026 10:00"),
    "paid-another-amount": (
        owing(
            province_copy=province_copy(
                law.FINANCIAL_OBLIGATION, prepaid=[{"transaction": "GD9", "amount_dong": FEE + 1000}]
            )
        ),
        "9,000 đ were paid to the province as a partner of the platform (GD9), but 8,000 đ are demanded",
    ),
    "payment-awaited": (owing(), "pay 8,000 đ, until 09/06/2026 10:00"),
    "ended": (facts(law.REFUSED, portal_copy=portal_copy(law.REFUSED, reason="Sai")), "refused at reception (Sai)"),
    "withdrawal-asked": (
        facts(law.RECEIVED, portal_copy=portal_copy(law.RECEIVED, withdrawal="asked"), gateway=WITHDRAWING),
        "answers at 09/06/2026 10:00",
    ),
    "supplement-awaited": (facts(law.SUPPLEMENT, portal_copy=ASKED), "hand in what is missing: Ảnh"),
    "officers-held-by-fault": (facts(officers=(RULE,)), "lienthong fault off quiet --sandbox s1"),
    "province-manual": (
        facts(mode="manual", province_copy=province_copy(law.SUBMITTED, "receive", "refuse")),
        "lienthong mode set 37 simulated --sandbox s1",
    ),
    "due-not-fired": (facts(gateway=Outlook(True, (Timer("start", EARLIER),))), "due at 09/06/2026 07:00"),
    "clock-frozen": (facts(), "lienthong clock advance --to 2026-06-09T10:00:00.000+07:00 --sandbox s1"),
    "clock-runs": (facts(), "in 0:02:00 of real time"),
    "calendar-ended": (
        dataclasses.replace(IDLE, now=datetime(2027, 12, 20, tzinfo=UTC)),
        "ends with 31/12/2027",
    ),
    "step-lost": (IDLE, "it was lost"),
    "connector-silent": (
        facts(
            mode="external",
            province_copy=province_copy(law.SUBMITTED, "receive"),
            gateway=Outlook(
                True, outsider=Outsider(waiting=2, since=NOW, apart=1, told="dossier.submitted.v1", told_at=NOW)
            ),
        ),
        "; reverse calls that wait until it listens over the adapter API: 1",
    ),
    "nothing-due": (facts(law.RECEIVED, mode="manual", province_copy=None, gateway=Outlook(True)), "has happened"),
}
RUNS = {"clock-runs": 60}  # rate


@pytest.mark.parametrize("name", CASES)
def test_a_cause_is_named_first_where_its_facts_are(name: str) -> None:
    found, words = CASES[name]
    if name in RUNS:
        found = Facts(**{**vars(found), "rate": RUNS[name]})
    causes = explain(found)
    wanted = 1 if name in ("waits-behind-parked",) else 0
    cause = causes[wanted]
    assert cause.name == name, [each.name for each in causes]
    assert words in f"{cause.sentence_en} {cause.mend_en}"
    assert cause.sentence_en != cause.sentence_vi
    for text in (cause.sentence_en, cause.sentence_vi, cause.mend_en, cause.mend_vi):
        assert text and not re.search(r"None|datetime|\{[a-z_]+\}", text), text


def test_every_cause_there_is_has_its_case() -> None:
    assert {*CASES} == {kind.name for kind in (*KINDS, nothing_due)}
    assert len(CASES) >= 12


def test_every_cause_says_when_it_is_named() -> None:
    assert all(kind.when and "\n" not in kind.when for kind in (*KINDS, nothing_due))
    assert len({kind.when for kind in KINDS}) == len(KINDS)


def test_a_province_that_has_lost_what_it_registered_is_named() -> None:
    registered = portal_copy(law.RECEIVED, channel="direct")
    lost = facts(portal=Outlook(known=True), gateway=Outlook(), portal_copy=registered, province_copy=None)
    (cause,) = [each for each in explain(lost) if each.name == "no-copy"]
    assert "although it has registered it" in cause.sentence_en and "đã đăng ký" in cause.sentence_vi


def names(of: Facts) -> list[str]:
    return [cause.name for cause in explain(of)]


def test_what_is_broken_comes_before_what_holds_and_that_before_who_is_waited_for_and_the_clock() -> None:
    found = owing(
        attempt(),
        orders=(order(),),
        portal=published(law.PAYMENT_CONFIRMED),
        waiting=waits("service-down", "identity"),
        mode="manual",
    )
    ranked = ["service-down", "on-its-way", "payment-begun", "payment-awaited", "province-manual", "clock-frozen"]
    assert names(found) == ranked


def test_an_ended_dossier_waits_for_nobody() -> None:
    copy = portal_copy(law.STOPPED, demands=(DEMAND,), payments=(attempt(FAILED),), withdrawal="asked")
    assert names(facts(law.STOPPED, portal_copy=copy, officers=(RULE,), mode="manual")) == ["ended"]


def test_foreign_records_are_nothing_to_a_dossier_that_has_ended() -> None:
    copy = portal_copy(law.STOPPED)
    assert names(facts(law.STOPPED, portal_copy=copy, mode="manual", foreign=(STRANGE,))) == ["ended"]


def test_a_returned_result_can_still_be_rated_once() -> None:
    rate = [
        explain(facts(law.RESULT_RETURNED, portal_copy=portal_copy(law.RESULT_RETURNED, rating=rating)))[0]
        for rating in (None, {})
    ]
    assert ["rate" in cause.mend_en for cause in rate] == [True, False]


def test_money_that_came_is_not_waited_for_and_a_confirmed_one_was_not_refused() -> None:
    assert names(owing(attempt(PAID), orders=(order("paid", confirm_answer="00"),))) == ["clock-frozen"]
    paid = Payment(REFERENCE, FEE, REFUND_PENDING, NOW, confirmed=1)
    assert names(owing(paid, orders=(order("paid", confirm_answer="99"),))) == ["payment-awaited", "clock-frozen"]


def test_a_fault_rule_says_what_it_does_in_both_languages() -> None:
    held_back = owing(attempt(), orders=(order("paid", confirm=HELD),), rules_vi={"no-news": "Không có xác nhận"})
    cause = explain(held_back)[0]
    assert cause.sentence_en.endswith(": Confirmations never come.") and cause.sentence_vi.endswith(
        ": Không có xác nhận."
    )
    assert cause.facts == {"rule": "no-news", "reference": REFERENCE, "amount_dong": FEE}


def test_a_silent_platform_makes_no_payment_unknown() -> None:
    assert "payment-not-opened" not in names(owing(attempt(), orders=None))


def test_a_silent_province_makes_no_dossier_unknown() -> None:
    assert names(facts(None, gateway=None, waiting=waits("service-down"))) == ["service-down"]
    assert names(facts(None, gateway=published(law.DOSSIER_REGISTERED))) == ["on-its-way"]


def test_what_is_no_code_is_shown_one() -> None:
    (cause,) = explain(Facts("12345", "default", NOW, 1))
    assert "code looks like H42.14464-" in cause.sentence_en and "có dạng H42" in cause.sentence_vi


def test_a_dead_worker_is_named_only_where_something_waits_for_it() -> None:
    idle = {"portal": ("relay", "reader"), "gateway": ("relay", "reader")}
    assert names(facts(unworked=idle)) == ["clock-frozen"]
    assert names(facts(unworked=idle, portal=SENT)) == ["worker-dead", "worker-dead", "on-its-way", "clock-frozen"]
    overdue = facts(unworked=idle, gateway=Outlook(True, (Timer("start", EARLIER),)))
    assert names(Facts(**{**vars(overdue), "rate": 1})) == ["worker-dead"]
    assert names(facts(unworked=idle, portal=SENT, broker="b:9092"))[:2] == ["broker-down", "on-its-way"]


def test_the_default_sandbox_needs_no_flag() -> None:
    (cause,) = explain(Facts(**{**vars(facts()), "sandbox": "default"}))
    assert cause.mend_en.endswith("+07:00`")


@pytest.mark.parametrize(
    ("modes", "mode"),
    [
        ("{}", "simulated"),
        ('{"37": {"mode": "manual"}}', "manual"),
        ('{"*": {"mode": "manual"}}', "manual"),
        ('{"*": {"mode": "manual"}, "37": {"mode": "simulated"}}', "simulated"),
        ('{"01": {"mode": "manual"}}', "simulated"),
        ('{"37": "manual"}', "manual"),
    ],
)
def test_the_mode_of_a_province(modes: str, mode: str) -> None:
    assert mode_of(modes, "37") == mode


@pytest.mark.parametrize(
    ("rule", "concerned"),
    [
        ({"match": {}}, True),
        ({"match": {"province": "3?"}}, True),
        ({"match": {"province": "01"}}, False),
        ({"match": {"dossier": CODE}}, True),
        ({"since": "2026-06-09T10:00:00+07:00"}, False),
        ({"until": "2026-06-09T08:00:00+07:00"}, False),
        ({"edge": "payment.confirm"}, False),
    ],
    ids=str,
)
def test_the_officers_faults_that_concern_a_dossier(rule: dict[str, Any], concerned: bool) -> None:
    text = json.dumps([{"id": "r", "edge": "officers.look", "fault": "x", "born": 1, **rule}])
    assert bool(officers_faults(text, NOW, {"province": "37", "dossier": CODE})) == concerned


def test_a_code_says_whose_it_is() -> None:
    assert [getattr(province_of(code), "code", None) for code in (CODE, "H42-20260609-0000001", "X", "")] == [
        *("37", "37", None, None)
    ]


def test_what_a_partner_was_paid_is_named_only_if_it_does_not_meet_the_demand() -> None:
    prepaid = [{"transaction": "GD1", "amount_dong": FEE}, {"transaction": "GD9", "amount_dong": FEE + 1000}]
    copy = province_copy(law.FINANCIAL_OBLIGATION, prepaid=prepaid)
    first, *others = explain(owing(province_copy=copy))
    assert (first.name, [each.name for each in others]) == ("paid-another-amount", ["payment-awaited", "clock-frozen"])
    assert first.facts == {"transaction": "GD9", "amount_dong": FEE + 1000, "owing_dong": FEE}
    assert "9.000 đ" in first.sentence_vi and "Demand 9,000 đ" in first.mend_en
    assert "paid-another-amount" not in names(facts(law.RECEIVED, province_copy=copy)), "nothing is demanded"
