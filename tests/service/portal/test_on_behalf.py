"""Filed for somebody else: a child, a company, whoever signed an authorisation; and for nobody without one of these."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.portal.sending import kept
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import FREE, told
from tests.support.office import Office, as_applicant, claims_of

STRANGER = {"kind": "person", "id": "037190912345", "name": "Phạm Thị Hư Cấu"}
COMPANY = {"kind": "organisation", "id": "9901234560", "name": "Công ty TNHH Không Ai"}


async def vouched(citizen: Citizen) -> dict[str, Any]:
    """For whom the identity provider says that this citizen may act."""
    (found,) = (await claims_of(citizen))["represents"]
    return dict(found)


async def authorisation(citizen: Citizen) -> list[dict[str, str]]:
    return [{"id": (await kept(citizen))["id"], "component": "authorisation"}]


@pytest.mark.parametrize(("persona", "capacity"), [("lan", "representative"), ("minh", "organisation")])
async def test_whoever_is_vouched_for_may_be_acted_for(
    country: Country, sandbox: Sandbox, persona: str, capacity: str
) -> None:
    citizen = await sandbox.sign_in(persona)
    owner = await vouched(citizen)
    answer = await citizen.submit(capacity=capacity, owner={"kind": owner["kind"], "id": owner["id"]})
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["capacity"], shown["owner"]) == (capacity, owner), "the name is the provider's, not the sender's"
    (event,) = await told(country.portal, sandbox.id, shown["code"])
    assert (event["capacity"], event["owner"]) == (capacity, owner)
    assert event["applicant"]["name"] == shown["applicant"]
    await sandbox.carry()
    assert (await Office(sandbox).shown(shown["code"]))["owner"] == owner["name"]


async def test_the_sender_cannot_rename_whom_the_provider_vouches_for(lan: Citizen) -> None:
    owner = await vouched(lan)
    shown = (await lan.submit(capacity="representative", owner={**owner, "name": "Ai Đó"})).json()
    assert shown["owner"]["name"] == owner["name"]


@pytest.mark.parametrize(
    ("persona", "capacity", "owner"),
    [
        ("minh", "representative", "lan"),
        ("lan", "organisation", "minh"),
        ("huong", "representative", "lan"),
        ("lan", "representative", STRANGER),
        ("minh", "organisation", COMPANY),
    ],
    ids=["another's child", "another's company", "nobody's parent", "a stranger", "a strange company"],
)
async def test_somebody_elses_child_or_company_cannot_be_acted_for(
    country: Country, sandbox: Sandbox, persona: str, capacity: str, owner: Any
) -> None:
    citizen = await sandbox.sign_in(persona)
    if isinstance(owner, str):
        owner = await vouched(await sandbox.sign_in(owner))
    refused = problem(await citizen.submit(capacity=capacity, owner=owner), 403, "no-right-to-represent")
    assert (refused["capacity"], refused["owner"]) == (capacity, owner["id"])
    assert (await citizen.ask("GET", "/dossiers")).json() == []


async def test_a_child_is_no_organisation(lan: Citizen) -> None:
    child = await vouched(lan)
    assert pointers(await lan.submit(capacity="organisation", owner=child)) == ["/owner/kind"]


async def test_the_right_to_act_belongs_to_its_sandbox(country: Country, lan: Citizen) -> None:
    child = await vouched(lan)
    there = await (await country.sandbox(seed="another seed")).sign_in("lan")
    problem(await there.submit(capacity="representative", owner=child), 403, "no-right-to-represent")


async def test_an_authorised_person_hands_in_the_authorisation(country: Country, lan: Citizen) -> None:
    answer = await lan.submit(capacity="authorised_person", owner=STRANGER, papers=await authorisation(lan))
    assert answer.status_code == 201, answer.text
    assert answer.json()["owner"] == STRANGER
    (event,) = await told(country.portal, lan.sandbox.id, answer.json()["code"])
    assert [paper["component"] for paper in event["papers"]] == ["authorisation"]


@pytest.mark.parametrize("component", [None, "other"])
async def test_without_that_paper_there_is_no_right(lan: Citizen, component: str | None) -> None:
    papers = [{"id": (await kept(lan))["id"], "component": component}] if component else []
    answer = await lan.submit(capacity="authorised_person", owner=STRANGER, papers=papers)
    assert "authorisation" in problem(answer, 403, "no-right-to-represent")["detail"]


async def test_a_parent_needs_no_authorisation_of_the_child(lan: Citizen) -> None:
    child = await vouched(lan)
    assert (await lan.submit(capacity="authorised_person", owner=child)).status_code == 201


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"owner": STRANGER}, ["/owner"]),
        ({"owner": STRANGER, "capacity": "self"}, ["/owner"]),
        ({"capacity": "representative"}, ["/owner"]),
        ({"capacity": "organisation", "owner": None}, ["/owner"]),
        ({"capacity": "friend", "owner": STRANGER}, ["/capacity"]),
        ({"capacity": "representative", "owner": {"id": "12"}}, ["/owner/id"]),
        ({"capacity": "representative", "owner": {**STRANGER, "kind": "dog"}}, ["/owner/kind"]),
        ({"capacity": "representative", "owner": {**STRANGER, "name": ""}}, ["/owner/name"]),
        ({"capacity": "authorised_person", "owner": {**STRANGER, "name": "\u200b"}}, ["/owner/name"]),
        ({"capacity": "representative", "owner": {**STRANGER, "age": 3}}, ["/owner/age"]),
    ],
    ids=str,
)
async def test_an_owner_and_a_capacity_go_together(lan: Citizen, change: dict[str, Any], where: list[str]) -> None:
    assert pointers(await lan.submit(**change)) == where


@pytest.mark.parametrize(
    ("owner", "where"),
    [
        ({"kind": "person", "id": STRANGER["id"]}, ["/owner/name"]),
        ({"kind": "person", "id": "0101234560", "name": "Ai Đó"}, ["/owner/id"]),
    ],
    ids=["nameless", "a tax code"],
)
async def test_a_stranger_is_named_with_a_number_of_their_kind(
    lan: Citizen, owner: dict[str, str], where: list[str]
) -> None:
    answer = await lan.submit(capacity="authorised_person", owner=owner, papers=await authorisation(lan))
    assert pointers(answer) == where


async def test_the_owner_sees_the_dossier_too_and_others_do_not(sandbox: Sandbox, lan: Citizen) -> None:
    minh, huong = await sandbox.sign_in("minh"), await sandbox.sign_in("huong")
    owner = {"kind": "person", **await as_applicant(minh)}
    answer = await lan.submit(
        capacity="authorised_person", owner=owner, papers=await authorisation(lan), procedure=FREE
    )
    code = answer.json()["code"]
    assert (await minh.dossier(code)) == (await lan.dossier(code))
    problem(await huong.ask("GET", f"/dossiers/{code}"), 404, "dossier-not-found")


async def test_the_owner_can_act_in_the_dossier(sandbox: Sandbox, lan: Citizen) -> None:
    minh = await sandbox.sign_in("minh")
    owner = {"kind": "person", **await as_applicant(minh)}
    answer = await lan.submit(capacity="authorised_person", owner=owner, papers=await authorisation(lan))
    code = answer.json()["code"]
    asked = await minh.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Tôi tự nộp"})
    assert (asked.status_code, asked.json()["withdrawal"]) == (202, "asked")
    problem(await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "x"}), 409, "withdrawal-already-asked")
    await sandbox.carry()
    assert (await Office(sandbox).made(code, law.GRANT_WITHDRAWAL))["status"]["slug"] == "withdrawn"


async def test_an_owner_finds_the_dossier_in_the_list(sandbox: Sandbox, lan: Citizen) -> None:
    minh = await sandbox.sign_in("minh")
    owner = {"kind": "person", **await as_applicant(minh)}
    answer = await lan.submit(capacity="authorised_person", owner=owner, papers=await authorisation(lan))
    assert [each["code"] for each in (await minh.ask("GET", "/dossiers")).json()] == [answer.json()["code"]]


@pytest.mark.parametrize("group", ["nobody", "Ordinary", "\u200b"])
async def test_a_payer_group_must_be_one_of_the_catalogue(lan: Citizen, group: str) -> None:
    assert pointers(await lan.submit(payer_group=group)) == ["/payer_group"]


async def test_a_favoured_payer_owes_less(sandbox: Sandbox, lan: Citizen) -> None:
    place = {"authority": {"province": "37", "commune": None}, "procedure": "3.000333"}
    codes = [await lan.submitted(**place, payer_group=group) for group in ("ordinary", "student", "elderly")]
    await sandbox.carry()
    fees = [(await Office(sandbox).made(code, law.RECEIVE))["fee_dong"] for code in codes]
    assert fees == [200_000, 100_000, None]
