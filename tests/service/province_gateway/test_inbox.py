"""What waits in a province's office: open dossiers, the first come in front, and what may be done with each."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from tests.service.province_gateway.stages import FEE, STAGES, Officials
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import COMMUNE, COPY, FREE, PROVINCE
from tests.support.office import Office

OTHER_COMMUNE = "14488"


async def ask(sandbox: Sandbox, province: str = PROVINCE, **query: Any) -> httpx.Response:
    url = f"/api/v1/provinces/{province}/inbox"
    return await sandbox.country.ask("gateway", "GET", url, headers=sandbox.header, params=query)


async def inbox(sandbox: Sandbox, **query: Any) -> list[dict[str, Any]]:
    answer = await ask(sandbox, **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


async def test_it_holds_every_open_dossier_and_says_what_may_be_done(country: Country, sandbox: Sandbox) -> None:
    desks = [await Officials(country, sandbox, n).brought_to(each) for n, each in enumerate(STAGES.values(), start=1)]
    found = {each["code"]: each for each in await inbox(sandbox)}
    for desk, stage in zip(desks, STAGES.values(), strict=True):
        shown = await desk.shown()
        assert (desk.code in found) == (stage.state not in law.FINAL or shown["withdrawal_asked"]), stage
        if desk.code in found:
            assert found[desk.code] == shown
            assert [kind for kind, _ in await desk.due() if kind != "answer_withdrawal"] == [
                each for each in [shown["planned"]] if each
            ]


async def test_the_first_come_is_in_front_page_by_page(country: Country, sandbox: Sandbox) -> None:
    for number in (3, 1, 2):
        at = f"2026-06-0{number}T08:00:00.000+07:00"
        await Officials(country, sandbox, number).submitted(procedure=FREE, submitted_at=at)
    first = await ask(sandbox, page_size=2)
    await Officials(country, sandbox, 1).does(law.REFUSE)
    await Officials(country, sandbox, 4).submitted(procedure=FREE, submitted_at="2026-06-04T08:00:00.000+07:00")
    second = await country.ask("gateway", "GET", first.links["next"]["url"], headers=sandbox.header)
    assert [each["code"][-1] for each in first.json() + second.json()] == ["1", "2", "3", "4"]
    assert "next" not in second.links


async def test_it_is_narrowed_to_a_department(sandbox: Sandbox) -> None:
    office = Office(sandbox)
    aid = (await office.registered(procedure=FREE))["code"]
    copy = (await office.registered(procedure=COPY))["code"]
    assert [each["code"] for each in await inbox(sandbox, field="social_protection")] == [aid]
    assert [each["code"] for each in await inbox(sandbox, field="civil_status", commune=COMMUNE)] == [copy]
    assert await inbox(sandbox, field="land") == []


async def test_it_is_searched_by_state_and_commune(country: Country, sandbox: Sandbox) -> None:
    office = Office(sandbox)
    here = (await office.registered(procedure=FREE))["code"]
    there = (await office.registered(procedure=FREE, commune=OTHER_COMMUNE, receive=False))["code"]
    assert [each["code"] for each in await inbox(sandbox)] == [here, there]
    assert [each["code"] for each in await inbox(sandbox, state="received")] == [here]
    assert [each["code"] for each in await inbox(sandbox, commune=OTHER_COMMUNE)] == [there]
    assert await inbox(sandbox, commune=OTHER_COMMUNE, state="received") == []
    assert [each["code"] for each in await inbox(sandbox, commune=COMMUNE, state="received", page_size=1)] == [here]
    assert await inbox(await country.sandbox()) == []


@pytest.mark.parametrize(
    ("query", "where", "hint"),
    [
        ({"state": "recieved"}, "/query/state", "did you mean received?"),
        ({"state": "withdrawn"}, "/query/state", "is no state of an open dossier"),
        ({"state": "a\x00"}, "/query/state", "NUL"),
        ({"commune": "00001"}, "/query/commune", "is no commune of province 37"),
        ({"field": "civil_state"}, "/query/field", "did you mean civil_status?"),
        ({"field": "\x1b"}, "/query/field", "is no field of administration"),
        ({"commune": "x"}, "/query/commune", "/api/v1/provinces/37/communes"),
        ({"page_size": 0}, "/query/page_size", "greater"),
        ({"page_token": "x"}, "/query/page_token", "no place"),
    ],
    ids=str,
)
async def test_what_it_cannot_be_searched_by_is_named(
    sandbox: Sandbox, query: dict[str, Any], where: str, hint: str
) -> None:
    answer = await ask(sandbox, **query)
    assert pointers(answer) == [where] and hint in answer.text


async def test_a_province_that_is_none_has_no_inbox(sandbox: Sandbox) -> None:
    problem(await ask(sandbox, "99"), 404, "province-not-found")


@pytest.mark.parametrize(
    ("stage", "needs", "facts"),
    [
        ("submitted", {law.DEMAND_FEE: "fee"}, {"fee": FEE}),
        ("asked at reception", {law.RECEIVE: "at_desk", law.DEMAND_FEE: "fee"}, {"at_desk": True}),
        ("asked later", {law.RESUME: "at_desk", law.DEMAND_FEE: "fee"}, {"at_desk": True}),
        ("answered later", {law.DEMAND_FEE: "fee"}, {"fee": FEE}),
        ("asked, with a fee", {}, {}),
        ("fee at reception", {}, {}),
    ],
)
async def test_a_move_says_which_fact_it_needs(
    country: Country, sandbox: Sandbox, stage: str, needs: dict[str, str], facts: dict[str, Any]
) -> None:
    desk = await Officials(country, sandbox).brought_to(STAGES[stage])
    shown = await desk.shown()
    assert shown["needs"] == needs and set(needs) <= set(shown["can"])
    for verb in list(needs)[:1]:
        assert (await desk.office.move(desk.code, verb)).status_code == 409
        assert (await desk.office.move(desk.code, verb, **facts)).status_code == 200
