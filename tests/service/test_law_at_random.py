"""The law under chance: 2,000 steps of citizen, officials, payment platform and clock, in any order."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from contracts import lifecycle as law
from services.province_gateway import arrival
from services.province_gateway.moves.official import VERBS
from tests.support.chance import Chance
from tests.support.country import Country
from tests.support.factories import COPY, FREE

STEPS, STORIES = 75, int(os.environ.get("LAW_STORIES", "40"))  # long stories come far; 40 are some 2,300 steps
STRAIGHT = (law.RECEIVE, law.START, law.RESUME, law.FINISH, law.RETURN)
ENDING = (law.REFUSE, law.REJECT, law.STOP, law.GRANT_WITHDRAWAL)
FEW = 6  # dossiers of a story: chance has to meet each of them often
LAND = "1.013978"  # no fee is known: only the tax office's notice asks for money
PROCEDURES = st.sampled_from((COPY, COPY, COPY, FREE, LAND))
FEE = [{"kind": "tax", "name": "Tiền sử dụng đất", "amount_dong": 500_000}]
DOES = {"pay": "begin_payment", "supplement": "answer", "withdraw": "withdraw", "rate": "rate"}
MODES = st.sampled_from(
    (
        *({"mode": "manual"}, {"mode": "simulated"}, {"mode": "simulated", "tempo": "at_once"}),
        {"mode": "simulated", "tempo": "scripted", "decisions": {"withdrawal": "decline", "fee_moment": "at_result"}},
    )
)
LAWFUL = {
    law.REQUEST_SUPPLEMENT: st.sampled_from(({}, {"fee": FEE}, {"items": ["Tờ khai"], "answer_days": 2})),
    law.DEMAND_FEE: st.sampled_from(({}, {"fee": FEE}, {"fee": FEE, "notice_number": "TB-1"})),
    law.TAKE_PAYMENT: st.sampled_from(({}, {"method": "transfer"}, {"amount_dong": 1})),
    law.RECEIVE: st.sampled_from(({}, {"at_desk": True})),
    law.RESUME: st.sampled_from(({}, {"at_desk": True})),
    law.RESCHEDULE: st.sampled_from(({}, {"days": 5})),
    law.REJECT: st.sampled_from(({}, {"refund_dong": 3000}, {"refund_dong": 10**9})),
    law.STOP: st.sampled_from(({}, {"refund_dong": 8000})),
    law.REFUSE: st.sampled_from(({}, {"refund_dong": 0})),
    law.GRANT_WITHDRAWAL: st.sampled_from(({}, {"refund_dong": 5000})),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on its way while a request waits: events are carried between two steps."""
    monkeypatch.setattr(arrival, "PATIENCE", 0.0)


async def test_both_copies_agree_and_money_balances_whatever_happens(country: Country) -> None:
    steps, reached, given_back = await told(country, STORIES, modes_change=False)
    assert steps >= STEPS * STORIES / 2, steps
    assert given_back["unwaited"] and given_back["with its end"], "chance gave money back for both reasons"
    assert reached == {state.slug for state in law.LIFECYCLE.states}, "chance met every state"
    print(f"{steps} steps, both copies agree, money balances; given back: {dict(given_back)}")


async def test_so_they_do_when_the_mode_of_the_province_changes_at_any_time(country: Country) -> None:
    stories = STORIES // 2
    steps, reached, _ = await told(country, stories, modes_change=True)
    assert steps >= STEPS * stories / 2, steps
    assert len(reached) >= len(law.LIFECYCLE.states) - 2, "chance met nearly every state"


async def told(country: Country, stories: int, *, modes_change: bool) -> tuple[int, set[str], Counter[str]]:
    """So many stories; gives their steps, the states that were met, and how often money was given back for what reason."""
    loop, steps = asyncio.get_running_loop(), 0
    reached: set[str] = set()

    given_back: Counter[str] = Counter()

    def run(what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, loop).result(120)

    class Law(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.chance: Chance = run(Chance.begin(country))

        def code(self, data: st.DataObject) -> str:
            return data.draw(st.sampled_from(self.chance.codes))

        @invariant()
        def counts(self) -> None:
            nonlocal steps
            steps += 1

        @precondition(lambda self: len(self.chance.codes) < FEW)
        @rule(procedure=PROCEDURES)
        def submit(self, procedure: str) -> None:
            run(self.chance.submit(procedure))

        @precondition(lambda self: len(self.chance.codes) < FEW)
        @rule(procedure=PROCEDURES, channel=st.sampled_from(("direct", "public_postal")))
        def register(self, procedure: str, channel: str) -> None:
            run(self.chance.register(procedure, channel))

        @precondition(lambda self: self.chance.codes)
        @rule(data=st.data(), does=st.sampled_from(VERBS))
        def move(self, data: st.DataObject, does: str) -> None:
            run(self.chance.move(self.code(data), does, data.draw(LAWFUL.get(does, st.just({})))))

        @precondition(lambda self: self.chance.codes)
        @rule(data=st.data())
        def lawful_move(self, data: st.DataObject) -> None:
            code = self.code(data)
            if can := run(self.chance.can(code)):
                mild = [does for does in can if does not in ENDING] or can
                does = data.draw(st.sampled_from([*can, *mild * 3]))  # three in four let it live on
                run(self.chance.move(code, does, data.draw(LAWFUL.get(does, st.just({})))))

        @precondition(lambda self: self.chance.codes)
        @rule(data=st.data())
        def straight_on(self, data: st.DataObject) -> None:
            code = self.code(data)
            if does := [does for does in run(self.chance.can(code)) if does in STRAIGHT]:
                run(self.chance.move(code, does[0], {}))

        @precondition(lambda self: self.chance.codes)
        @rule(data=st.data(), does=st.sampled_from(("withdraw", "answer", "rate", "begin_payment", "begin_payment")))
        def citizen(self, data: st.DataObject, does: str) -> None:
            run(getattr(self.chance, does)(self.code(data)))

        @precondition(lambda self: self.chance.codes)
        @rule(data=st.data())
        def citizen_as_shown(self, data: st.DataObject) -> None:
            code = self.code(data)
            if can := run(self.chance.citizen_can(code)):
                run(getattr(self.chance, DOES[data.draw(st.sampled_from(can))])(code))

        @precondition(lambda self: self.chance.codes)
        @rule(at_once=st.booleans())
        def pay_what_is_due(self, at_once: bool) -> None:
            for code in self.chance.codes:
                if "pay" in run(self.chance.citizen_can(code)):
                    run(self.chance.begin_payment(code))
                    if at_once and self.chance.checkouts:
                        run(self.chance.check_out(self.chance.checkouts[-1], "success"))

        @precondition(lambda self: self.chance.checkouts)
        @rule(data=st.data(), outcome=st.sampled_from(("success", "success", "failed")))
        def check_out(self, data: st.DataObject, outcome: str) -> None:
            run(self.chance.check_out(data.draw(st.sampled_from(self.chance.checkouts)), outcome))

        @rule()
        def carry(self) -> None:
            run(self.chance.carry())

        @rule(minutes=st.sampled_from((5, 5, 60, 60, 180, 180, 1440)))
        def advance(self, minutes: int) -> None:
            run(self.chance.advance(minutes))

        @rule()
        def settle(self) -> None:
            run(self.chance.settle())
            run(self.chance.must_agree())

        def teardown(self) -> None:
            run(self.chance.settle())
            run(self.chance.must_agree())
            reached.update(self.chance.states)
            given_back.update(self.chance.given_back)

    class LawAndModes(Law):
        @rule(document=MODES)
        def change_mode(self, document: dict[str, Any]) -> None:
            run(self.chance.change_mode(document))

    profile = settings(
        max_examples=stories,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # a story is told in full by its log; shrinking it would take minutes
    )
    machine = LawAndModes if modes_change else Law
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=profile)
    return steps, reached, given_back
