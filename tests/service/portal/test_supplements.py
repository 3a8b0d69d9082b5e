"""What was missing is handed in: once for each request, in time, with papers out of the citizen's store."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE
from tests.service.portal.sending import kept
from tests.service.portal.test_projection import WAYS
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import FREE, an_event, hear, told
from tests.support.office import Office

ANSWER_BY = "2026-06-23T17:00:00.000+07:00"


class Asked:
    """A citizen's dossier, and the province that asks for what is missing."""

    def __init__(self, country: Country, citizen: Citizen, code: str) -> None:
        self.country, self.citizen, self.code = country, citizen, code

    async def hears(self, *types: str, **facts: Any) -> None:
        sandbox = self.citizen.sandbox.id
        await hear(self.country.portal, *(an_event(type, sandbox, self.code, **facts) for type in types))

    async def request(self, number: int = 1, **facts: Any) -> None:
        facts = {"request": number, "answer_by": ANSWER_BY, "counts_as_overdue": number > 1, **facts}
        await self.hears(law.SUPPLEMENT_REQUESTED, **facts)

    async def answer(self, key: str | None = None, **body: Any) -> httpx.Response:
        path = f"/dossiers/{self.code}/supplement"
        return await self.citizen.ask("POST", path, body or {"note": "Tôi xin bổ sung"}, key=key)

    async def said(self) -> list[dict[str, Any]]:
        """The answers told to the province."""
        events = await told(self.country.portal, self.citizen.sandbox.id, self.code)
        return [event for event in events if event["type"] == law.SUPPLEMENT_ANSWERED]


@pytest.fixture
async def asked(country: Country, lan: Citizen) -> Asked:
    asked = Asked(country, lan, await lan.submitted(procedure=FREE))
    await asked.request(reason="Thiếu chữ ký", items=[{"text": "Tờ khai có chữ ký"}, {"text": "Ảnh"}])
    return asked


async def test_the_citizen_sees_what_is_asked_and_until_when(asked: Asked) -> None:
    shown = await asked.citizen.dossier(asked.code)
    assert shown["status"]["slug"] == "supplement_requested"
    assert shown["supplements"] == [
        {
            "number": 1,
            "reason": "Thiếu chữ ký",
            "items": ["Tờ khai có chữ ký", "Ảnh"],
            "answer_by": ANSWER_BY,
            "answered_at": None,
            "counts_as_overdue": False,
        }
    ]
    assert shown["can"] == ["supplement", "withdraw"]


async def test_an_answer_is_told_with_its_papers_and_the_office_looks_next(asked: Asked) -> None:
    paper = await kept(asked.citizen)
    answer = await asked.answer(papers=[{"id": paper["id"], "component": "1.001776.01-TP01"}], note="Đã ký")
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"]["code"], shown["can"]) == (5, ["withdraw"])
    assert shown["supplements"][0]["answered_at"] == "2026-06-09T08:00:00.000+07:00"
    assert [(each["component"], each["sha256"]) for each in shown["papers"]] == [("1.001776.01-TP01", paper["sha256"])]
    (event,) = await asked.said()
    assert (event["request"], event["note"], event["answered_at"][:16]) == (1, "Đã ký", "2026-06-09T08:00")
    assert [(each["sha256"], each["digitisation"]) for each in event["papers"]] == [(paper["sha256"], 1)]
    assert (await asked.citizen.ask("GET", f"/papers/{paper['id']}")).json()["dossier"] == asked.code


async def test_a_paper_of_another_dossier_is_a_reused_one(asked: Asked) -> None:
    paper = await kept(asked.citizen)
    await asked.citizen.submitted(procedure=FREE, papers=[{"id": paper["id"]}])
    await asked.answer(papers=[{"id": paper["id"]}])
    (event,) = await asked.said()
    assert event["papers"][0]["digitisation"] == 2


@pytest.mark.parametrize("body", [{"papers": []}, {"note": ""}, {"papers": [], "note": "x"}], ids=str)
async def test_an_answer_may_say_little_and_is_told_all_the_same(asked: Asked, body: dict[str, Any]) -> None:
    assert (await asked.answer(**body)).status_code == 202
    (event,) = await asked.said()
    assert event["papers"] == [] and event.get("note") != ""


async def test_an_answer_is_given_once(asked: Asked) -> None:
    assert (await asked.answer()).status_code == 202
    assert problem(await asked.answer(), 409, "supplement-already-answered")["request"] == 1
    assert len(await asked.said()) == 1


async def test_of_many_answers_at_the_same_moment_one_is_taken(asked: Asked) -> None:
    answers = await asyncio.gather(*(asked.answer() for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert len(await asked.said()) == 1


async def test_the_same_key_gives_the_same_reply(asked: Asked) -> None:
    first, again = await asked.answer(key="k1"), await asked.answer(key="k1")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    problem(await asked.answer(key="k1", note="khác"), 409, "idempotency-key-reused")


@pytest.mark.parametrize(("minutes", "in_time"), [(0, True), (1, False)])
async def test_an_answer_comes_in_time_or_too_late(asked: Asked, minutes: int, in_time: bool) -> None:
    sandbox = asked.citizen.sandbox
    await sandbox.move(days=14, hours=9, minutes=minutes)  # 23 June, 17:00
    asked.citizen = await sandbox.sign_in("lan")
    answer = await asked.answer()
    if in_time:
        assert answer.status_code == 202
    else:
        assert problem(answer, 409, "supplement-too-late")["answer_by"].startswith("2026-06-23T17:00:00")
        assert await asked.said() == []


@pytest.mark.parametrize("state", [each for each in LIFECYCLE.states if each != law.SUPPLEMENT], ids=lambda s: s.slug)
async def test_where_nothing_is_asked_nothing_can_be_answered(country: Country, lan: Citizen, state: Any) -> None:
    asked = Asked(country, lan, await lan.submitted(procedure=FREE))
    await asked.hears(*WAYS[state])
    assert problem(await asked.answer(), 409, "nothing-to-supplement")["state"] == state.slug


async def test_a_second_request_can_be_answered_again_and_says_that_it_counts(asked: Asked) -> None:
    await asked.answer()
    await asked.request(2)
    shown = await asked.citizen.dossier(asked.code)
    assert [each["counts_as_overdue"] for each in shown["supplements"]] == [False, True]
    assert (await asked.answer()).status_code == 202
    assert [event["request"] for event in await asked.said()] == [1, 2]


async def test_only_its_own_citizen_answers(asked: Asked) -> None:
    asked.citizen = await asked.citizen.sandbox.sign_in("minh")
    problem(await asked.answer(), 404, "dossier-not-found")


async def test_a_paper_that_is_not_in_the_store_is_named(asked: Asked) -> None:
    paper = await kept(asked.citizen)
    refused = problem(await asked.answer(papers=[{"id": paper["id"]}, {"id": "0" * 64}]), 404, "paper-not-found")
    assert [error["pointer"] for error in refused["errors"]] == ["/papers/1/id"]
    assert (await asked.citizen.dossier(asked.code))["can"] == ["supplement", "withdraw"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"papers": [{"id": "x"}]}, ["/papers/0/id"]),
        ({"papers": [{"id": "0" * 64, "component": ""}]}, ["/papers/0/component"]),
        ({"papers": [{"id": "0" * 64}] * 51}, ["/papers"]),
        ({"papers": None}, ["/papers"]),
        ({"note": "a\x00b"}, ["/note"]),
        ({"note": "\u0958" * 1001}, ["/note"]),  # 2,002 characters as kept
        ({"answer": "x"}, ["/answer"]),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_answer_that_does_not_fit_gets_a_pointer(asked: Asked, body: dict[str, Any], where: list[str]) -> None:
    assert pointers(await asked.answer(**body)) == where


async def test_fifty_papers_and_a_long_note_are_carried(asked: Asked) -> None:
    paper = await kept(asked.citizen)
    answer = await asked.answer(papers=[{"id": paper["id"], "component": "ệ" * 60}] * 50, note="e\u0302\u0323" * 2000)
    assert answer.status_code == 202, answer.text
    (event,) = await asked.said()
    assert (len(event["papers"]), event["note"]) == (50, "ệ" * 2000)


async def test_a_desk_that_goes_on_without_an_answer_had_the_papers_brought(asked: Asked) -> None:
    await asked.hears(law.DOSSIER_RECEIVED, received_at="2026-06-10T09:00:00.000+07:00")
    shown = await asked.citizen.dossier(asked.code)
    assert shown["supplements"][0]["answered_at"] == "2026-06-10T09:00:00.000+07:00"


# --- with the province ----------------------------------------------------------------------------------------------------
async def test_an_answer_that_crosses_with_the_stop_changes_nothing(sandbox: Sandbox, lan: Citizen) -> None:
    office, code = Office(sandbox), await lan.submitted(procedure=FREE)
    await sandbox.carry()
    await office.made(code, law.REQUEST_SUPPLEMENT)
    await sandbox.carry()
    await office.made(code, law.STOP)
    assert (await lan.ask("POST", f"/dossiers/{code}/supplement", {"note": "Đây"})).status_code == 202
    before = await office.shown(code)
    await sandbox.carry()
    assert await office.shown(code) == before
    shown = await lan.dossier(code)
    assert (shown["status"]["slug"], shown["can"]) == ("processing_stopped", ["rate"])
    for runtime in (sandbox.country.portal, sandbox.country.gateway):
        assert (await runtime.pending(sandbox.id))["parked"] == []


async def test_an_answer_lets_the_handler_go_on_in_both_houses(sandbox: Sandbox, lan: Citizen) -> None:
    office, code = Office(sandbox), await lan.submitted(procedure=FREE)
    await sandbox.carry()
    for verb in (law.RECEIVE, law.START, law.REQUEST_SUPPLEMENT):
        await office.made(code, verb)
    await sandbox.carry()
    await lan.ask("POST", f"/dossiers/{code}/supplement", {"note": "Đây"})
    await sandbox.carry()
    resumed = await office.made(code, law.RESUME)
    await sandbox.carry()
    shown = await lan.dossier(code)
    assert (shown["status"], shown["due_at"]) == (resumed["status"], resumed["due_at"])
    assert shown["supplements"][0]["answered_at"] == resumed["supplements"][0]["answered_at"]
