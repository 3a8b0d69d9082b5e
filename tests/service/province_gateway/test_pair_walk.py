"""Every event of the portal meets, in every state, the reaction that the table names: applied, late, answered or refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict

from contracts import lifecycle as law
from contracts import topics
from contracts.lifecycle import LIFECYCLE, Reaction, State
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.moves import official
from services.province_gateway.moves.context import Rules
from tests.service.province_gateway.conftest import Desk
from tests.support.country import Country, Sandbox
from tests.support.factories import COPY, FREE

WITHDRAW = "withdraw"  # asked by the citizen, granted by the desk
# What officials do to bring a new dossier into each state; with COPY, whose fee is demanded at reception, into 6.
WAYS: dict[State, list[str]] = {
    law.SUBMITTED: [],
    law.RECEIVED: [law.RECEIVE],
    law.REFUSED: [law.REFUSE],
    law.IN_PROCESSING: [law.RECEIVE, law.START],
    law.SUPPLEMENT: [law.REQUEST_SUPPLEMENT],
    law.FINANCIAL_OBLIGATION: [law.RECEIVE],
    law.WITHDRAWN: [WITHDRAW],
    law.STOPPED: [law.RECEIVE, law.STOP],
    law.RESULT_READY: [law.RECEIVE, law.START, law.FINISH],
    law.RESULT_RETURNED: [law.RECEIVE, law.START, law.FINISH, law.RETURN],
}
HEARD = tuple(event for event in topics.FROM_PORTAL if event not in LIFECYCLE.begun_by)
SMALL: dict[str, dict[str, Any]] = {
    law.PAYMENT_CONFIRMED: {"amount_dong": 8000},
    law.SUPPLEMENT_ANSWERED: {"papers": []},
}


async def _in_state(country: Country, sandbox: Sandbox, state: State, number: int) -> Desk:
    desk = Desk(country, sandbox, f"H42.14464-20260609-{number:07d}")
    await desk.submitted(procedure=COPY if state == law.FINANCIAL_OBLIGATION else FREE)
    for does in WAYS[state]:
        if does == WITHDRAW:
            await desk.hears(law.WITHDRAWAL_REQUESTED)
            does = law.GRANT_WITHDRAWAL
        async with desk.gateway.unit_of_work(sandbox.id, codes=[desk.code]) as request:
            official.perform(request.work, desk.code, Instruction(does), Rules())
    assert (await desk.shown())["status"]["slug"] == state.slug
    return desk


async def _kept(desk: Desk) -> Dossier:
    kept: Dossier = await desk.gateway.documents.find(desk.gateway.database, desk.sandbox.id, desk.code)
    return kept


async def _dead(desk: Desk) -> list[str]:
    sql = "SELECT reason FROM dead_letters WHERE sandbox = $1 AND subject = $2"
    return [row["reason"] for row in await desk.gateway.database.fetch(sql, desk.sandbox.id, desk.code)]


def test_a_way_into_every_state_is_known() -> None:
    assert set(WAYS) == set(LIFECYCLE.states)


@pytest.mark.parametrize("state", WAYS, ids=lambda state: state.slug)
async def test_every_event_meets_the_reaction_that_the_table_names(
    country: Country, sandbox: Sandbox, state: State
) -> None:
    for number, event in enumerate(HEARD, start=1):
        desk = await _in_state(country, sandbox, state, number)
        before, said = await _kept(desk), await desk.types()
        await desk.hears(event, **SMALL.get(event, {}))
        reaction, after = LIFECYCLE.reaction(state, event), await _kept(desk)
        assert after.state == state and await desk.types() == said, f"{event}: officials move it, not what they hear"
        assert await _dead(desk) == (["MoveNotAllowed"] if reaction is Reaction.REFUSE else []), event
        asked = after.withdrawal_reason is not None
        assert asked == (reaction is Reaction.ANSWER and event == law.WITHDRAWAL_REQUESTED), event
        if reaction is Reaction.LATE:
            money = {"paid_dong": 0}  # a payment that nothing waits for is noted all the same: it will come back
            assert {**_facts(after), **money} == {**_facts(before), **money}, event


def _facts(dossier: Dossier) -> dict[str, Any]:
    return {name: fact for name, fact in asdict(dossier).items() if name != "heard"}
