"""The verdict on an event that is not there, from facts alone; and what the law can still bring from where a dossier stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, State
from services.portal.explain.collect import Outlooks
from services.portal.explain.facts import Call, Facts
from services.portal.explain.waiting import Answer, AwaitedEvent, arrived, events_from, judge, may_come
from shared.messaging.pending import Outlook, PublishedEvent, Timer
from tests.support.facts import (
    CODE,
    HELD,
    LATER,
    NOW,
    RULE,
    attempt,
    facts,
    order,
    owing,
    parked,
    portal_copy,
    province_copy,
    waits,
)

RECEIVED = AwaitedEvent(law.DOSSIER_RECEIVED, CODE)
QUIET = Outlook(known=True)


def verdict(of: Facts, wanted: AwaitedEvent = RECEIVED, **how: Any) -> Answer | None:
    """Judged while nothing is under way, with ten seconds left, unless told otherwise."""
    return judge(of, wanted, **{"still": True, "over": False, "left": 10, **how})


def word(of: Facts, event: str = law.DOSSIER_RECEIVED, **how: Any) -> str | None:
    answer = verdict(of, AwaitedEvent(event, CODE), **how)
    return answer.verdict if answer else None


def test_what_is_due_later_is_not_before_then() -> None:
    answer = verdict(facts())
    assert answer and (answer.verdict, answer.not_before) == ("not-before", LATER)
    assert "nothing happens to the dossier by itself before 09/06/2026 10:00" in answer.sentence_en
    assert "không có gì tự xảy ra trước 09/06/2026 10:00" in answer.sentence_vi
    assert answer.cause and answer.cause.name == "clock-frozen" and answer.cause.sentence_en in answer.sentence_en


def test_a_frozen_clock_with_nothing_due_proves_absence() -> None:
    answer = verdict(facts(mode="manual", gateway=QUIET, province_copy=province_copy(law.SUBMITTED, "receive")))
    assert answer and answer.verdict == "absent" and "the clock is frozen" in answer.sentence_en
    assert answer.cause and answer.cause.name == "province-manual"


def test_of_a_dossier_that_nobody_knows_nothing_is_said_to_be_absent() -> None:
    """The code may be misspelt, or the sandbox another one."""
    answer = verdict(facts(None))
    assert answer and (answer.verdict, answer.cause and answer.cause.name) == ("unknown", "unknown-dossier")
    running = replace(facts(None), rate=1)
    assert word(running) is None, "it may be submitted at any time"
    assert word(running, still=False, over=True) == word(running, over=True) == "unknown"
    assert word(replace(facts(None), gateway=None), still=False, over=True) == "waiting", "the province may know it"


@pytest.mark.parametrize("event", [law.DOSSIER_RECEIVED, law.DOSSIER_REFUSED, law.DOSSIER_SUBMITTED])
@pytest.mark.parametrize("rate", [0, 1])
def test_what_the_law_cannot_bring_any_more_is_absent_at_any_time(event: str, rate: float) -> None:
    processing = facts(
        law.IN_PROCESSING, province_copy=province_copy(law.IN_PROCESSING, received_at="2026-06-08T08:00:00+07:00")
    )
    for still in (True, False):
        answer = verdict(replace(processing, rate=rate), AwaitedEvent(event, CODE), still=still)
        assert answer and answer.verdict == "absent" and "cannot come any more" in answer.sentence_en


def test_while_something_is_under_way_nothing_is_certain() -> None:
    assert word(facts(), still=False) is None
    answer = verdict(facts(waiting=waits("unread-events")), still=False, over=True)
    assert answer and answer.verdict == "waiting" and [each.name for each in answer.waiting_for] == ["unread-events"]
    turned = verdict(facts(), still=False, over=True)
    assert turned and [each.name for each in turned.waiting_for] == ["clock-turning"]


def test_what_is_parked_is_held_with_who_holds_it_since_when() -> None:
    answer = verdict(facts(portal=parked()))
    assert answer and answer.verdict == "held"
    assert "portal could not apply dossier.received.v1" in answer.sentence_en
    assert "parked the dossier at 09/06/2026 07:00" in answer.sentence_en


def test_a_confirmation_that_a_fault_holds_is_held_by_its_name() -> None:
    answer = verdict(owing(attempt(), orders=(order("paid", confirm=HELD),)), AwaitedEvent(law.PAYMENT_CONFIRMED, CODE))
    assert answer and answer.verdict == "held" and "fault rule no-news holds" in answer.sentence_en


def test_a_refund_holds_up_nothing_but_itself() -> None:
    stopped = facts(law.STOPPED, refunds=(Call("DVC1", 2, "PlatformRefused: no", True),))
    assert word(stopped, law.PAYMENT_REFUNDED) == "held"
    assert word(stopped, law.DOSSIER_RATED) == "absent", "nothing is due, and the clock is frozen"


def test_officers_who_are_silent_hold_it_and_slow_ones_only_delay_it() -> None:
    rule = facts(officers=(RULE,))
    assert word(rule) == "not-before"
    assert word(replace(rule, gateway=QUIET)) == "held"


def test_a_running_clock_is_waited_for_as_long_as_there_is_time() -> None:
    soon = facts(gateway=Outlook(True, (Timer("reception", NOW + timedelta(seconds=60)),)))
    assert word(replace(soon, rate=60)) is None, "one second from now"
    assert word(replace(soon, rate=60), left=0.5) == "not-before"
    assert word(replace(soon, rate=60), over=True, left=0) == "not-before"
    assert word(replace(facts(gateway=QUIET), rate=1)) is None, "somebody outside may act"
    assert word(replace(facts(gateway=QUIET), rate=1), over=True) == "waiting"


def seen(*events: PublishedEvent, **gateway: Any) -> Outlooks:
    """The portal told these; the gateway reads them."""
    return Outlooks(Outlook(True, events=events), Outlook(True, **gateway))


SUBMITTED = PublishedEvent(law.DOSSIER_SUBMITTED, 1, True, False)
ANSWERS: dict[str, Any] = {"portal": {}, "gateway": {}}


def test_an_event_is_there_once_the_other_side_has_taken_it() -> None:
    wanted = AwaitedEvent(law.DOSSIER_SUBMITTED, CODE)
    assert arrived(seen(SUBMITTED), ANSWERS, wanted) == ("portal", SUBMITTED)
    assert arrived(seen(), ANSWERS, wanted) is None
    assert arrived(seen(PublishedEvent(law.DOSSIER_SUBMITTED, 1, True, True)), ANSWERS, wanted) is None, "not read"
    assert arrived(seen(SUBMITTED, stuck=(1,)), ANSWERS, wanted) is None, "read, and a dead letter"
    assert arrived(seen(SUBMITTED, stuck=(2,)), ANSWERS, wanted) == ("portal", SUBMITTED)
    assert arrived(seen(SUBMITTED), {**ANSWERS, "gateway": None}, wanted) is None, "nobody knows how far it was read"
    assert arrived(Outlooks(Outlook(True, events=(SUBMITTED,)), None), ANSWERS, wanted) is None


def test_the_second_of_a_type_is_another_event() -> None:
    second = PublishedEvent(law.DOSSIER_SUBMITTED, 4, True, False)
    wanted = AwaitedEvent(law.DOSSIER_SUBMITTED, CODE, count=2)
    assert arrived(seen(SUBMITTED), ANSWERS, wanted) is None
    assert arrived(seen(SUBMITTED, second), ANSWERS, wanted) == ("portal", second)


def test_from_the_beginning_everything_can_come_and_from_an_end_only_a_rating() -> None:
    every = {move.event for move in LIFECYCLE.moves}
    assert events_from(law.SUBMITTED) == every
    ends: dict[State, set[str]] = {
        law.WITHDRAWN: set(),
        law.REFUSED: {law.DOSSIER_RATED},
        law.STOPPED: {law.DOSSIER_RATED},
        law.RESULT_RETURNED: {law.DOSSIER_RATED, law.WITHDRAWAL_DECLINED},
    }
    assert {state: events_from(state) for state in ends} == ends


@pytest.mark.parametrize(
    ("event", "of", "comes"),
    [
        (law.DOSSIER_RATED, facts(law.REFUSED), True),
        (law.DOSSIER_RATED, facts(law.REFUSED, portal_copy=portal_copy(law.REFUSED, rating={})), False),
        (law.WITHDRAWAL_DECLINED, facts(law.RESULT_RETURNED), False),
        (
            law.WITHDRAWAL_DECLINED,
            facts(law.RESULT_RETURNED, portal_copy=portal_copy(law.RESULT_RETURNED, withdrawal="asked")),
            True,
        ),
        (law.PAYMENT_CONFIRMED, facts(law.STOPPED), False),
        (law.PAYMENT_CONFIRMED, facts(law.STOPPED, orders=(order(),)), True),
        (law.PAYMENT_CONFIRMED, facts(law.STOPPED, orders=(order("paid"),)), False),
        (law.PAYMENT_CONFIRMED, facts(law.STOPPED, orders=(order("paid", confirm=HELD),)), True),
        (law.PAYMENT_CONFIRMED, facts(law.STOPPED, orders=None), True),
        (law.PAYMENT_REFUNDED, facts(law.STOPPED), False),
        (law.PAYMENT_REFUNDED, facts(law.STOPPED, refunds=(Call("DVC1"),)), True),
        (law.PAYMENT_REFUNDED, facts(law.RECEIVED), True),
        (law.DOSSIER_RECEIVED, facts(law.REFUSED, portal_copy=portal_copy(law.SUBMITTED)), True),
    ],
)
def test_what_can_still_come(event: str, of: Facts, comes: bool) -> None:
    assert may_come(of, AwaitedEvent(event, CODE)) is comes


@pytest.mark.parametrize("rate", [0, 1])
def test_what_is_told_is_never_called_absent_before_the_other_side_has_taken_it(rate: float) -> None:
    events = Outlook(True, (Timer("start", LATER),), events=(PublishedEvent(law.DOSSIER_RECEIVED, 1, True, True),))
    received = facts(
        law.RECEIVED, gateway=events, province_copy=province_copy(law.RECEIVED, received_at="2026-06-09T08:00:00+07:00")
    )
    for still in (True, False):
        assert word(replace(received, rate=rate), still=still) is None
        assert word(replace(received, rate=rate), still=still, over=True) == "waiting"
    assert word(replace(received, rate=rate, portal=parked())) == "held"
