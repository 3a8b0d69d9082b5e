"""The law under chance: 2,000 steps of citizen, officials, payment platform and clock, in any order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from contracts import lifecycle as law
from services.province_gateway.moves import VERBS
from tests.support.chance import Chance
from tests.support.country import Country
from tests.support.factories import COPY, FREE

STEPS, STORIES = 50, int(os.environ.get("LAW_STORIES", "40"))  # 40 stories of 50 steps are 2,000
LAND = "1.013978"  # no fee is known: only the tax office's notice asks for money
PROCEDURES = st.sampled_from((COPY, FREE, LAND))
FEE = [{"kind": "tax", "name": "Tiền sử dụng đất", "amount_dong": 500_000}]
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


async def test_both_copies_agree_and_money_balances_whatever_happens(country: Country) -> None:
    loop, steps = asyncio.get_running_loop(), 0
    reached: set[str] = set()

    def run(what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, loop).result(120)

    class Law(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.chance: Chance = asyncio.run_coroutine_threadsafe(Chance.begin(country), loop).result(60)

        def code(self, data: st.DataObject) -> str:
            return data.draw(st.sampled_from(self.chance.codes))

        @invariant()
        def counts(self) -> None:
            nonlocal steps
            steps += 1

        @rule(procedure=PROCEDURES)
        def submit(self, procedure: str) -> None:
            run(self.chance.submit(procedure))

        @rule(procedure=PROCEDURES, channel=st.sampled_from(("direct", "public_postal")))
        def register(self, procedure: str, channel: str) -> None:
            run(self.chance.register(procedure, channel))

        @precondition(lambda self: self.chance.codes)
        @rule(data=st.data(), does=st.sampled_from(VERBS))
        def move(self, data: st.DataObject, does: str) -> None:
            run(self.chance.move(self.code(data), does, data.draw(LAWFUL.get(does, st.just({})))))

        @precondition(lambda self: self.chance.codes)
        @rule(data=st.data(), does=st.sampled_from(("withdraw", "answer", "rate", "begin_payment", "begin_payment")))
        def citizen(self, data: st.DataObject, does: str) -> None:
            run(getattr(self.chance, does)(self.code(data)))

        @precondition(lambda self: self.chance.checkouts)
        @rule(data=st.data(), outcome=st.sampled_from(("success", "success", "failed")))
        def check_out(self, data: st.DataObject, outcome: str) -> None:
            run(self.chance.check_out(data.draw(st.sampled_from(self.chance.checkouts)), outcome))

        @rule()
        def carry(self) -> None:
            run(self.chance.carry())

        @rule(hours=st.sampled_from((1, 3, 24, 24, 100)))
        def advance(self, hours: int) -> None:
            run(self.chance.advance(hours))

        @rule()
        def settle(self) -> None:
            run(self.chance.settle())
            run(self.chance.must_agree())

        def teardown(self) -> None:
            run(self.chance.settle())
            run(self.chance.must_agree())
            reached.update(self.chance.states)

    profile = settings(
        max_examples=STORIES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    await asyncio.to_thread(run_state_machine_as_test, Law, settings=profile)
    assert steps >= STEPS * STORIES / 2, steps
    assert reached == {state.slug for state in law.LIFECYCLE.states}, "chance met every state"
    print(f"{steps} steps, both copies agree, money balances; states met: {len(reached)}")
