"""The national copy follows what the province says: every move by the same table, whatever comes late changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, Reaction, State
from tests.support.country import Citizen, Country
from tests.support.factories import FREE, an_event, hear, told

# A way from birth into every state, as the province tells it.
WAYS: dict[State, list[str]] = {
    law.SUBMITTED: [],
    law.RECEIVED: [law.DOSSIER_RECEIVED],
    law.REFUSED: [law.DOSSIER_REFUSED],
    law.FINANCIAL_OBLIGATION: [law.DOSSIER_RECEIVED, law.FEE_DEMANDED],
    law.IN_PROCESSING: [law.DOSSIER_RECEIVED, law.PROCESSING_STARTED],
    law.RESULT_READY: [law.DOSSIER_RECEIVED, law.PROCESSING_STARTED, law.DOSSIER_RESULT_READY],
    law.RESULT_RETURNED: [
        law.DOSSIER_RECEIVED,
        law.PROCESSING_STARTED,
        law.DOSSIER_RESULT_READY,
        law.DOSSIER_RESULT_RETURNED,
    ],
    law.WITHDRAWN: [law.DOSSIER_WITHDRAWN],
    law.SUPPLEMENT: [law.SUPPLEMENT_REQUESTED],
    law.STOPPED: [law.DOSSIER_RECEIVED, law.DOSSIER_STOPPED],
}
FROM_PROVINCE = (*law.FOLLOWED, *law.NOTED)


class Copy:
    """The portal's copy of one dossier, and the province's voice."""

    def __init__(self, country: Country, citizen: Citizen, code: str) -> None:
        self.country, self.portal = country, country.portal
        self.citizen, self.sandbox, self.code = citizen, citizen.sandbox.id, code

    async def hears(self, *types: str, **facts: Any) -> None:
        await hear(self.portal, *(an_event(type, self.sandbox, self.code, **facts) for type in types))

    async def state(self) -> str:
        return str((await self.citizen.dossier(self.code))["status"]["slug"])

    async def dead(self) -> list[str]:
        sql = "SELECT reason FROM dead_letters WHERE sandbox = $1 AND subject = $2"
        return [row["reason"] for row in await self.portal.database.fetch(sql, self.sandbox, self.code)]


@pytest.fixture
async def copy(country: Country, lan: Citizen) -> Copy:
    return Copy(country, lan, await lan.submitted(procedure=FREE))


def test_a_way_into_every_state_is_known() -> None:
    assert set(WAYS) == set(LIFECYCLE.states)


async def test_the_copy_follows_every_step_to_the_result(copy: Copy) -> None:
    steps = [
        (law.DOSSIER_RECEIVED, "received", {"due_at": "2026-06-23T17:00:00.000+07:00"}),
        (law.FEE_DEMANDED, "financial_obligation", {"fee_dong": 8000}),
        (law.PROCESSING_STARTED, "in_processing", {}),
        (law.DOSSIER_RESULT_READY, "result_ready", {"result_number": "KQ-1", "on_time": True}),
        (law.DOSSIER_RESULT_RETURNED, "result_returned", {}),
    ]
    for event, slug, facts in steps:
        await copy.hears(event, **facts)
        assert await copy.state() == slug
    shown = await copy.citizen.dossier(copy.code)
    assert shown["due_at"] == "2026-06-23T17:00:00.000+07:00"
    assert shown["result"]["number"] == "KQ-1" and shown["result"]["on_time"] and shown["result"]["returned_at"]
    assert shown["can"] == ["rate"]
    assert await told(copy.portal, copy.sandbox, copy.code) != []


async def test_a_refusal_ends_the_dossier_with_its_reason(copy: Copy) -> None:
    await copy.hears(law.DOSSIER_REFUSED, reason="Không thuộc thẩm quyền")
    shown = await copy.citizen.dossier(copy.code)
    assert (shown["status"]["code"], shown["reason"], shown["can"]) == (3, "Không thuộc thẩm quyền", ["rate"])


async def test_a_withdrawal_is_granted_or_declined_by_the_province(copy: Copy) -> None:
    await copy.citizen.ask("POST", f"/dossiers/{copy.code}/withdrawal", {"reason": "Đổi ý"})
    await copy.hears(law.WITHDRAWAL_DECLINED, reason="Đã có kết quả")
    shown = await copy.citizen.dossier(copy.code)
    assert (shown["status"]["code"], shown["withdrawal"], shown["reason"]) == (1, "declined", "Đã có kết quả")
    await copy.citizen.ask("POST", f"/dossiers/{copy.code}/withdrawal", {"reason": "Đổi ý"})
    await copy.hears(law.DOSSIER_WITHDRAWN)
    shown = await copy.citizen.dossier(copy.code)
    assert (shown["status"]["code"], shown["withdrawal"]) == (7, "granted")


@pytest.mark.parametrize("state", WAYS, ids=lambda state: state.slug)
async def test_every_event_meets_the_reaction_that_the_table_names(copy: Copy, state: State) -> None:
    for event in FROM_PROVINCE:
        one = Copy(copy.country, copy.citizen, await copy.citizen.submitted(procedure=FREE))
        await one.hears(*WAYS[state])
        assert await one.state() == state.slug
        await one.hears(event)
        reaction = LIFECYCLE.reaction(state, event)
        if reaction is Reaction.REFUSE:
            assert await one.dead() == ["MoveNotAllowed"], (state.slug, event)
            continue
        move = LIFECYCLE.move_for_event(state, event)
        moved = move.then if move and reaction is Reaction.APPLY else state
        assert (await one.dead(), await one.state()) == ([], moved.slug), event


async def test_what_comes_late_is_heard_and_changes_nothing(copy: Copy) -> None:
    await copy.hears(law.DOSSIER_WITHDRAWN, reason="Đổi ý")
    before = await copy.citizen.dossier(copy.code)
    await copy.hears(law.DOSSIER_RESULT_RETURNED)
    await copy.hears(law.DOSSIER_REFUSED, reason="Quá muộn")
    assert await copy.citizen.dossier(copy.code) == before


async def test_a_province_that_counts_its_events_anew_is_not_heard_twice(copy: Copy) -> None:
    event = an_event(law.DOSSIER_RECEIVED, copy.sandbox, copy.code)
    await hear(copy.portal, event)
    await hear(copy.portal, event)  # a new number in the lane, the same dossierversion
    assert (await copy.state(), await copy.dead()) == ("received", [])


async def test_a_withdrawn_dossier_cannot_be_withdrawn_again(copy: Copy) -> None:
    await copy.hears(law.DOSSIER_WITHDRAWN)
    answer = await copy.citizen.ask("POST", f"/dossiers/{copy.code}/withdrawal", {"reason": "Nữa"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/move-not-allowed")
