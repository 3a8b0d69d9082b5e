"""Taking a dossier back: asked in every state that allows it, answered by the desk at its next look, told to both houses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, State
from tests.support.country import Citizen, Sandbox, pointers, problem
from tests.support.factories import COPY, FREE
from tests.support.office import Office

PROCESSING = (law.RECEIVE, law.START)
WAYS: dict[State, tuple[str, ...]] = {
    law.SUBMITTED: (),
    law.RECEIVED: (law.RECEIVE,),
    law.IN_PROCESSING: PROCESSING,
    law.SUPPLEMENT: (*PROCESSING, law.REQUEST_SUPPLEMENT),
    law.FINANCIAL_OBLIGATION: (law.RECEIVE,),
    law.RESULT_READY: (*PROCESSING, law.FINISH),
    law.RESULT_RETURNED: (*PROCESSING, law.FINISH, law.RETURN),
    law.REFUSED: (law.REFUSE,),
    law.STOPPED: (*PROCESSING, law.STOP),
}


async def brought_to(state: State, sandbox: Sandbox, citizen: Citizen, **script: Any) -> str:
    """The code of a dossier in this state, in both houses; its officers follow the script."""
    code = await citizen.submitted(procedure=COPY if state == law.FINANCIAL_OBLIGATION else FREE)
    await sandbox.carry()
    answer = await sandbox.country.ask(
        "gateway", "PUT", f"/_lab/officers/{code}", json={"decisions": script}, headers=sandbox.header
    )
    assert answer.status_code == 200, answer.text
    for verb in WAYS[state]:
        await Office(sandbox).made(code, verb)
    await sandbox.carry()
    assert (await citizen.dossier(code))["status"]["slug"] == state.slug
    return code


async def ask(citizen: Citizen, code: str, reason: str = "Tôi đổi ý") -> httpx.Response:
    return await citizen.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": reason})


def test_a_way_into_every_state_from_which_one_can_ask_is_known() -> None:
    assert set(law.ASKABLE) <= set(WAYS)
    assert set(WAYS) == set(LIFECYCLE.states) - {law.WITHDRAWN}


@pytest.mark.parametrize("decision", ["grant", "decline"])
@pytest.mark.parametrize("state", law.ASKABLE, ids=lambda state: state.slug)
async def test_it_is_answered_at_the_next_look(sandbox: Sandbox, lan: Citizen, state: State, decision: str) -> None:
    code = await brought_to(state, sandbox, lan, withdrawal=decision)
    asked = await ask(lan, code)
    assert (asked.status_code, asked.json()["withdrawal"]) == (202, "asked")
    assert asked.json()["status"]["slug"] == state.slug and "withdraw" not in asked.json()["can"]
    await sandbox.carry()
    assert (await Office(sandbox).shown(code))["withdrawal_asked"] is True
    await sandbox.move(hours=2)
    assert (await sandbox.fire())[0] == "answer_withdrawal"
    lan = await sandbox.sign_in("lan")
    here, there = await lan.dossier(code), await Office(sandbox).shown(code)
    granted = decision == "grant" and state in law.UNDECIDED
    assert here["withdrawal"] == ("granted" if granted else "declined")
    assert here["status"] == there["status"] and (here["status"]["slug"] == "withdrawn") == granted
    assert there["withdrawal_asked"] is False
    types = [event["type"] for event in await Office(sandbox).told(code)]
    assert (law.DOSSIER_WITHDRAWN if granted else law.WITHDRAWAL_DECLINED) in types
    if granted:
        assert (
            types[-1] == law.DOSSIER_WITHDRAWN and (await sandbox.country.gateway.pending(sandbox.id))["parked"] == []
        )


@pytest.mark.parametrize("verb", [law.GRANT_WITHDRAWAL, law.DECLINE_WITHDRAWAL])
async def test_an_official_may_answer_at_the_door_and_the_look_is_dropped(
    sandbox: Sandbox, lan: Citizen, verb: str
) -> None:
    code = await brought_to(law.IN_PROCESSING, sandbox, lan)
    await ask(lan, code, "Nộp nhầm")
    await sandbox.carry()
    await Office(sandbox).made(code, verb, reason="Theo quy định")
    told = (await Office(sandbox).told(code))[-1]
    words = "Nộp nhầm" if verb == law.GRANT_WITHDRAWAL else "Theo quy định"
    assert told["reason"] == words, "granted in the citizen's own words, declined in the office's"
    await sandbox.move(hours=2)
    assert "answer_withdrawal" not in await sandbox.fire()


async def test_after_the_result_is_returned_it_is_too_late(sandbox: Sandbox, lan: Citizen) -> None:
    code = await brought_to(law.RESULT_RETURNED, sandbox, lan)
    problem(await ask(lan, code), 409, "withdrawal-too-late")


@pytest.mark.parametrize("state", [law.REFUSED, law.STOPPED], ids=lambda state: state.slug)
async def test_after_another_end_there_is_nothing_to_take_back(sandbox: Sandbox, lan: Citizen, state: State) -> None:
    code = await brought_to(state, sandbox, lan)
    assert problem(await ask(lan, code), 409, "move-not-allowed")["state"] == state.slug


async def test_a_withdrawn_dossier_is_withdrawn_once(sandbox: Sandbox, lan: Citizen) -> None:
    code = await brought_to(law.SUBMITTED, sandbox, lan)
    await ask(lan, code)
    await sandbox.carry()
    await Office(sandbox).made(code, law.GRANT_WITHDRAWAL)
    await sandbox.carry()
    problem(await ask(lan, code), 409, "move-not-allowed")


async def test_after_it_was_declined_one_may_ask_again(sandbox: Sandbox, lan: Citizen) -> None:
    code = await brought_to(law.IN_PROCESSING, sandbox, lan)
    for _ in range(2):
        assert (await ask(lan, code)).status_code == 202
        problem(await ask(lan, code), 409, "withdrawal-already-asked")
        await sandbox.carry()
        await Office(sandbox).made(code, law.DECLINE_WITHDRAWAL)
        await sandbox.carry()
        assert (await lan.dossier(code))["withdrawal"] == "declined"


async def test_a_request_that_crosses_with_the_result_is_declined(sandbox: Sandbox, lan: Citizen) -> None:
    code = await brought_to(law.RESULT_READY, sandbox, lan)
    await Office(sandbox).made(code, law.RETURN)
    assert (await ask(lan, code)).status_code == 202
    await sandbox.carry()
    await sandbox.move(hours=2)
    assert await sandbox.fire() == ["answer_withdrawal"]
    shown = await (await sandbox.sign_in("lan")).dossier(code)
    assert (shown["withdrawal"], shown["status"]["slug"]) == ("declined", "result_returned")


async def test_a_request_that_crosses_with_another_end_changes_nothing(sandbox: Sandbox, lan: Citizen) -> None:
    code = await brought_to(law.IN_PROCESSING, sandbox, lan)
    await Office(sandbox).made(code, law.REJECT, reason="Không đủ điều kiện")
    assert (await ask(lan, code)).status_code == 202
    await sandbox.carry()
    await sandbox.move(hours=2)
    assert await sandbox.fire() == []
    here, there = await (await sandbox.sign_in("lan")).dossier(code), await Office(sandbox).shown(code)
    assert here["status"] == there["status"] and here["reason"] == there["reason"] == "Không đủ điều kiện"


async def test_the_reason_is_needed_and_kept_as_nfc(sandbox: Sandbox, lan: Citizen) -> None:
    code = await brought_to(law.SUBMITTED, sandbox, lan)
    for reason in ("", "x" * 501, "a\x00b", "\u0958" * 251):
        assert pointers(await ask(lan, code, reason)) == ["/reason"]
    assert (await ask(lan, code, "e\u0302\u0323" * 500)).status_code == 202
    await sandbox.carry()
    await Office(sandbox).made(code, law.GRANT_WITHDRAWAL)
    assert (await Office(sandbox).told(code))[-1]["reason"] == "ệ" * 500
