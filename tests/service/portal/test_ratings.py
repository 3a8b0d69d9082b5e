"""How it was handled is rated by nine indicators (TT 01/2018/TT-VPCP art. 13), once, after the end."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, State
from services.portal.domain import INDICATORS
from tests.service.portal.test_projection import WAYS
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import FREE, an_event, hear, told
from tests.support.office import Office

SCORES = {name: number % 3 for number, name in enumerate(INDICATORS)}


async def rate(citizen: Citizen, code: str, scores: Any = None, **more: Any) -> httpx.Response:
    key = more.pop("key", None)
    body = {"scores": SCORES if scores is None else scores, **more}
    return await citizen.ask("POST", f"/dossiers/{code}/rating", body, key=key)


async def ended(country: Country, citizen: Citizen, state: State = law.RESULT_RETURNED) -> str:
    """The code of a dossier that the province brought to this state."""
    code = await citizen.submitted(procedure=FREE)
    await hear(country.portal, *(an_event(type, citizen.sandbox.id, code) for type in WAYS[state]))
    return code


def test_there_are_nine_indicators() -> None:
    assert len(set(INDICATORS)) == 9


@pytest.mark.parametrize("state", LIFECYCLE.states, ids=lambda state: state.slug)
async def test_a_dossier_is_rated_after_its_end_except_where_the_citizen_took_it_back(
    country: Country, lan: Citizen, state: State
) -> None:
    code = await ended(country, lan, state)
    can, answer = (await lan.dossier(code))["can"], await rate(lan, code, comment="Nhanh")
    if state in (law.RESULT_RETURNED, law.REFUSED, law.STOPPED):
        assert answer.status_code == 201 and "rate" in can
        assert (answer.json()["rating"], answer.json()["can"]) == (SCORES, [])
    else:
        assert problem(answer, 409, "not-ended-yet")["state"] == state.slug
        assert "rate" not in can


async def test_a_rating_is_told_with_its_scores_and_comment(country: Country, lan: Citizen) -> None:
    code = await ended(country, lan)
    await rate(lan, code, comment="Cán bộ tận tình")
    event = (await told(country.portal, lan.sandbox.id, code))[-1]
    assert (event["type"], event["scores"], event["comment"]) == (law.DOSSIER_RATED, SCORES, "Cán bộ tận tình")
    assert event["rated_at"] == "2026-06-09T08:00:00.000+07:00"


@pytest.mark.parametrize("comment", [None, ""])
async def test_a_comment_is_not_needed(country: Country, lan: Citizen, comment: str | None) -> None:
    code = await ended(country, lan)
    assert (await rate(lan, code, comment=comment)).status_code == 201
    assert "comment" not in (await told(country.portal, lan.sandbox.id, code))[-1]


async def test_a_dossier_is_rated_once(country: Country, lan: Citizen) -> None:
    code = await ended(country, lan)
    assert (await rate(lan, code)).status_code == 201
    problem(await rate(lan, code, dict.fromkeys(INDICATORS, 2)), 409, "already-rated")
    assert (await lan.dossier(code))["rating"] == SCORES


async def test_of_many_ratings_at_the_same_moment_one_counts(country: Country, lan: Citizen) -> None:
    code = await ended(country, lan)
    answers = await asyncio.gather(*(rate(lan, code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    events = await told(country.portal, lan.sandbox.id, code)
    assert [event["type"] for event in events].count(law.DOSSIER_RATED) == 1


async def test_the_same_key_gives_the_same_reply(country: Country, lan: Citizen) -> None:
    code = await ended(country, lan)
    first, again = await rate(lan, code, key="k1"), await rate(lan, code, key="k1")
    assert (first.status_code, first.content) == (again.status_code, again.content)


async def test_only_its_own_citizen_rates(country: Country, lan: Citizen) -> None:
    code = await ended(country, lan)
    problem(await rate(await lan.sandbox.sign_in("minh"), code), 404, "dossier-not-found")


@pytest.mark.parametrize("missing", INDICATORS)
async def test_every_indicator_is_needed(country: Country, lan: Citizen, missing: str) -> None:
    code = await ended(country, lan)
    scores = {name: score for name, score in SCORES.items() if name != missing}
    assert pointers(await rate(lan, code, scores)) == [f"/scores/{missing}"]


@pytest.mark.parametrize("score", [-1, 3, 10**30, 1.5, "2", True, None, []])
async def test_a_score_is_0_1_or_2(country: Country, lan: Citizen, score: Any) -> None:
    code = await ended(country, lan)
    assert pointers(await rate(lan, code, {**SCORES, "attitude": score})) == ["/scores/attitude"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"scores": {**SCORES, "smile": 2}}, ["/scores/smile"]),
        ({"scores": []}, ["/scores"]),
        ({"scores": SCORES, "stars": 5}, ["/stars"]),
        ({"scores": SCORES, "comment": "a" * 2001}, ["/comment"]),
        ({"scores": SCORES, "comment": "a\x00"}, ["/comment"]),
        ({}, ["/scores"]),
    ],
    ids=["unknown indicator", "no object", "unknown member", "too long", "NUL", "nothing"],
)
async def test_what_is_no_rating_gets_a_pointer(
    country: Country, lan: Citizen, body: dict[str, Any], where: list[str]
) -> None:
    code = await ended(country, lan)
    assert pointers(await lan.ask("POST", f"/dossiers/{code}/rating", body)) == where


@pytest.mark.parametrize(
    "verbs",
    [
        (law.RECEIVE, law.START, law.FINISH, law.RETURN),
        (law.REFUSE,),
        (law.RECEIVE, law.REJECT),
        (law.RECEIVE, law.STOP),
    ],
    ids=lambda verbs: verbs[-1],
)
async def test_the_province_notes_the_sum(sandbox: Sandbox, lan: Citizen, verbs: tuple[str, ...]) -> None:
    office, code = Office(sandbox), await lan.submitted(procedure=FREE)
    await sandbox.carry()
    for verb in verbs:
        await office.made(code, verb)
    await sandbox.carry()
    assert (await office.shown(code))["rated"] is None
    assert (await rate(lan, code)).status_code == 201
    await sandbox.carry()
    assert (await office.shown(code))["rated"] == 9 == sum(SCORES.values())
