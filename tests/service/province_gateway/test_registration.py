"""Dossiers handed in at a counter or by public post: registered by the province, followed by the portal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts import lifecycle as law
from services.portal.codes import code_of
from services.portal.domain import INDICATORS
from tests.service.portal.test_payments import Till
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import COMMUNE, COPY, FREE, PROVINCE
from tests.support.office import APPLICANT, Office, as_applicant

OTHER_DESK = {"province": PROVINCE, "commune": "14488"}
BY_PROVINCE = "3.000348"  # a lost driving licence: the province handles it
RESIDENCE = "1.004222"  # depends on the place
SCORES = dict.fromkeys(INDICATORS, 2)


@pytest.fixture
def office(sandbox: Sandbox) -> Office:
    return Office(sandbox)


# --- codes and the two channels ---------------------------------------------------------------------------------------------
async def test_codes_have_the_short_date_and_count_per_agency_day_and_sandbox(country: Country, office: Office) -> None:
    async def code(by: Office, **change: Any) -> str:
        return str((await by.registered(**change))["code"])

    assert [await code(office), await code(office)] == ["H42.14464-260609-0001", "H42.14464-260609-0002"]
    assert await code(office, commune="14488") == "H42.14488-260609-0001"
    assert await code(office, commune=None, procedure=BY_PROVINCE) == "H42-260609-0001"
    neighbour = await country.sandbox(start=office.sandbox.start)
    assert await code(Office(neighbour)) == "H42.14464-260609-0001"
    await office.sandbox.move(days=1)
    assert await code(office) == "H42.14464-260610-0001"


async def test_ten_registrations_at_once_get_ten_codes(office: Office) -> None:
    codes = [shown["code"] for shown in await asyncio.gather(*(office.registered() for _ in range(10)))]
    assert sorted(codes) == [f"H42.14464-260609-{number:04d}" for number in range(1, 11)]


async def test_a_counter_receives_at_once_and_says_so_to_the_portal(office: Office) -> None:
    shown = await office.registered(procedure=FREE)
    assert (shown["status"]["slug"], shown["channel"], shown["return_by"]) == ("received", "direct", "direct")
    assert shown["due_at"] == "2026-06-23T17:00:00.000+07:00"
    registered, received = await office.told(shown["code"])
    assert (registered["type"], received["type"]) == (law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED)
    assert registered["applicant"] == APPLICANT
    assert registered["reception"] == registered["authority"] == {"province": PROVINCE, "commune": COMMUNE}
    assert (registered["version"], registered["case"]) == ("2", f"{FREE}.01")


async def test_what_comes_by_post_waits_for_the_desks_next_look(office: Office) -> None:
    shown = await office.registered(procedure=FREE, channel="public_postal")
    assert (shown["status"]["slug"], shown["received_at"]) == ("submitted", None)
    await office.sandbox.move(hours=2)
    assert await office.sandbox.fire() == ["reception"]


@pytest.mark.parametrize(("channel", "receive", "state"), [("direct", False, 1), ("public_postal", True, 2)])
async def test_the_desk_may_say_itself_whether_it_receives(
    office: Office, channel: str, receive: bool, state: int
) -> None:
    shown = await office.registered(procedure=FREE, channel=channel, receive=receive)
    assert shown["status"]["code"] == state


async def test_a_registration_is_made_once_however_often_it_is_sent(office: Office) -> None:
    answers = await asyncio.gather(*(office.register(key="k1") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    problem(await office.register(key="k1", note="khác"), 409, "idempotency-key-reused")


async def test_the_fee_at_the_counter_is_taken_by_the_officials_at_their_next_look(office: Office) -> None:
    shown = await office.registered()
    assert (shown["status"]["code"], shown["fee_dong"]) == (6, 8000)
    await office.sandbox.move(hours=2)
    assert await office.sandbox.fire() == ["take_payment"]
    assert (await office.told(shown["code"]))[-1]["method"] == "counter"


# --- at the portal ----------------------------------------------------------------------------------------------------------
async def test_the_portal_shows_it_to_the_person_with_that_number_and_to_nobody_else(
    office: Office, lan: Citizen
) -> None:
    papers = [{"component": f"{COPY}.01-TP01", "form": "original", "digitised": True}, {"component": "other"}]
    code = (await office.registered(applicant=await as_applicant(lan), papers=papers, note="Xin hai bản"))["code"]
    await office.sandbox.carry()
    shown = await lan.dossier(code)
    assert (shown["channel"], shown["status"]["code"], shown["note"]) == ("direct", 6, "Xin hai bản")
    assert [(paper["form"], paper["digitisation"]) for paper in shown["papers"]] == [("original", 1), ("original", 0)]
    assert shown["can"] == ["pay", "withdraw"]
    assert [each["code"] for each in (await lan.ask("GET", "/dossiers")).json()] == [code]
    minh = await office.sandbox.sign_in("minh")
    problem(await minh.ask("GET", f"/dossiers/{code}"), 404, "dossier-not-found")


async def test_its_fee_can_be_paid_online_with_a_reference_that_carries_its_code(
    country: Country, office: Office, lan: Citizen
) -> None:
    code = (await office.registered(applicant=await as_applicant(lan)))["code"]
    await office.sandbox.carry()
    till = Till(country, lan, code)
    reference = await till.reference()
    assert len(reference) <= 20 and code_of(reference) == code
    await till.confirm(reference)
    await office.sandbox.carry()
    province = await office.shown(code)
    assert (province["paid"], province["demands"][0]["paid_by"]) == (True, reference)
    assert (await office.made(code, law.START))["status"]["slug"] == "in_processing"


async def test_its_owner_can_withdraw_it_and_another_can_be_rated(office: Office, lan: Citizen) -> None:
    me = await as_applicant(lan)
    one, other = [(await office.registered(procedure=FREE, applicant=me))["code"] for _ in range(2)]
    for verb in (law.START, law.FINISH, law.RETURN):
        await office.made(other, verb)
    await office.sandbox.carry()
    assert (await lan.ask("POST", f"/dossiers/{one}/withdrawal", {"reason": "Đổi ý"})).status_code == 202
    assert (await lan.ask("POST", f"/dossiers/{other}/rating", {"scores": SCORES})).status_code == 201
    await office.sandbox.carry()
    assert (await office.made(one, law.GRANT_WITHDRAWAL))["status"]["slug"] == "withdrawn"
    assert (await office.shown(other))["rated"] == 18
    await office.sandbox.carry()
    assert (await lan.dossier(one))["withdrawal"] == "granted"


# --- received elsewhere -----------------------------------------------------------------------------------------------------
async def test_a_boundary_independent_procedure_is_received_elsewhere_and_handed_over(
    office: Office, lan: Citizen
) -> None:
    me = await as_applicant(lan)
    await office.sandbox.move(hours=7, minutes=30)  # 15:30: forwarded next morning
    code = (await office.registered(reception=OTHER_DESK, applicant=me))["code"]
    assert code.startswith("H42.14464-"), "the competent agency's code, wherever it is received"
    registered, received, *_ = await office.told(code)
    assert (registered["reception"], registered["officer"]) == (OTHER_DESK, "Bộ phận Một cửa H42.14488")
    assert received["forward_by"] == "2026-06-10T08:00:00.000+07:00"
    await office.sandbox.move(hours=16)
    shown = await office.made(code, law.HAND_OVER)
    assert shown["handed_over_at"] == "2026-06-10T07:30:00.000+07:00"
    told = (await office.told(code))[-1]
    assert (told["type"], told["from_unit"]) == (law.DOSSIER_HANDED_OVER, OTHER_DESK)
    assert told["to_unit"] == {"province": PROVINCE, "commune": COMMUNE}
    assert (told["handed_over_at"], told["forward_by"]) == (
        "2026-06-10T07:30:00.000+07:00",
        "2026-06-10T08:00:00.000+07:00",
    )
    await office.sandbox.carry()
    lan = await office.sandbox.sign_in("lan")
    seen = await lan.dossier(code)
    assert (seen["reception"], seen["handed_over_at"]) == (OTHER_DESK, "2026-06-10T07:30:00.000+07:00")


@pytest.mark.parametrize(
    ("procedure", "desk"),
    [(RESIDENCE, OTHER_DESK), (COPY, {"province": "01", "commune": "00004"}), (COPY, {"province": "01"})],
    ids=["it depends on the place", "another province", "another province's own desk"],
)
async def test_elsewhere_is_refused_where_the_place_matters(
    office: Office, procedure: str, desk: dict[str, str]
) -> None:
    problem(await office.register(procedure=procedure, reception=desk), 409, "reception-elsewhere")


# --- the catalogue's word ---------------------------------------------------------------------------------------------------
async def test_a_code_from_before_the_merger_is_understood_and_kept(office: Office, lan: Citizen) -> None:
    shown = await office.registered(commune="14467", applicant=await as_applicant(lan))
    assert (shown["commune"], shown["code"][:9]) == ("14464", "H42.14464")
    assert (await office.told(shown["code"]))[0]["filed_under"] == {"province": PROVINCE, "commune": "14467"}
    await office.sandbox.carry()
    assert (await lan.dossier(shown["code"]))["filed_under"] == {"province": PROVINCE, "commune": "14467"}


async def test_a_province_that_was_merged_is_understood_too(office: Office) -> None:
    old = Office(office.sandbox, "36")  # Nam Định, now part of 37
    shown = await old.registered(commune="13636")
    assert (shown["province"], shown["commune"]) == ("37", "13669")
    assert (await office.told(shown["code"]))[0]["filed_under"] == {"province": "36", "commune": "13636"}


async def test_an_old_commune_with_several_successors_names_them(office: Office) -> None:
    refused = problem(await office.register(commune="14503"), 409, "unit-split")
    assert {each["code"] for each in refused["successors"]} == {"14488", "14533"}


async def test_a_procedure_is_taken_until_its_last_day_and_no_longer(country: Country) -> None:
    last = await country.sandbox(start="2026-06-30T16:59:00+07:00")
    assert (await Office(last).register(procedure="2.002621")).status_code == 201
    after = await country.sandbox(start="2026-07-01T07:00:00+07:00")
    refused = problem(await Office(after).register(procedure="2.002621"), 409, "procedure-withdrawn")
    assert (refused["valid_to"], refused["replaced_by"]) == ("2026-07-01", "3.000722")


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"procedure": "9.999999"}, 404, "procedure-not-found"),
        ({"case": f"{COPY}.99"}, 404, "case-not-found"),
        ({"commune": "99999"}, 404, "commune-not-found"),
        ({"commune": None}, 409, "commune-outside-authority"),
        ({"procedure": BY_PROVINCE}, 409, "commune-outside-authority"),
        ({"commune": "00004"}, 409, "commune-outside-authority"),
        ({"reception": {"province": "99"}}, 404, "province-not-found"),
    ],
    ids=str,
)
async def test_what_the_catalogue_does_not_allow_is_refused(
    office: Office, change: dict[str, Any], status: int, slug: str
) -> None:
    problem(await office.register(**change), status, slug)


async def test_what_cannot_be_filed_on_line_can_be_handed_in(office: Office) -> None:
    assert (await office.registered(procedure="1.012812"))["status"]["slug"] == "received"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"channel": "online"}, ["/channel"]),
        ({"applicant": None}, ["/applicant"]),
        ({"applicant": {"id": "123", "name": "x"}}, ["/applicant/id"]),
        ({"applicant": {"id": APPLICANT["id"], "name": ""}}, ["/applicant/name"]),
        ({"payer_group": "nobody"}, ["/payer_group"]),
        ({"papers": [{"component": ""}]}, ["/papers/0/component"]),
        ({"papers": [{"component": "other"}] * 51}, ["/papers"]),
        ({"owner": {"kind": "person", "id": "037190900124", "name": "Bé An"}}, ["/owner"]),
        ({"capacity": "representative"}, ["/owner"]),
        (
            {"capacity": "authorised_person", "owner": {"kind": "person", "id": "0123456789", "name": "x"}},
            ["/owner/id"],
        ),
        ({"note": "a\x00b"}, ["/note"]),
        ({"receive": "yes please"}, ["/receive"]),
    ],
    ids=str,
)
async def test_a_registration_that_does_not_fit_gets_a_pointer(
    office: Office, change: dict[str, Any], where: list[str]
) -> None:
    assert pointers(await office.register(**change)) == where


async def test_a_dossier_for_somebody_else_names_its_owner(office: Office) -> None:
    owner = {"kind": "organisation", "id": "9901234560", "name": "Công ty TNHH Hư Cấu"}
    shown = await office.registered(capacity="organisation", owner=owner)
    assert shown["owner"] == owner["name"]
    assert (await office.told(shown["code"]))[0]["owner"] == owner
