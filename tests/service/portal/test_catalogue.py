"""The catalogue's doors: reading, searching, pages, fees, units in time; and what a choice meets when it is filed."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from contracts.catalogue import (
    COMMUNES,
    PROCEDURES,
    PROVINCES,
    Choice,
    ProcedureNotOffered,
    choose,
    communes_of,
    old_communes,
)
from services.portal import queries
from shared.storage.page import LARGEST
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import COMMUNE, COPY, PROVINCE

SUMMER = date(2026, 6, 9)
ONLY_ON_PAPER = "1.012812"  # conciliation of a land dispute
WITHDRAWN, REPLACEMENT = "2.002621", "3.000722"  # the older bundle for a birth: until 30 June 2026
MINISTRY = "3.000330"
ANY_LEVEL = "2.000908"
DIVIDED = next(
    old
    for code, old in old_communes().items()
    if code not in COMMUNES and len(old.became) > 1 and COMMUNES[old.became[0][0]].province == PROVINCE
)
RENAMED = next(
    old
    for code, old in old_communes().items()
    if code not in COMMUNES and len(old.became) == 1 and old.province == "35"  # Hà Nam, part of Ninh Bình since
)


async def get(country: Country, path: str, sandbox: Sandbox | None = None, **asked: Any) -> httpx.Response:
    headers = sandbox.header if sandbox else {}
    return await country.ask("portal", "GET", f"/api/v1{path}", params=asked, headers=headers)


async def read(country: Country, path: str, sandbox: Sandbox | None = None, **asked: Any) -> Any:
    answer = await get(country, path, sandbox, **asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_country_is_read_in_one_page_and_in_many(country: Country) -> None:
    provinces = await get(country, "/provinces")
    assert [each["code"] for each in provinces.json()] == list(PROVINCES)
    assert provinces.headers["X-Total-Count"] == "34" and "next" not in provinces.links
    largest = await read(country, "/provinces/79/communes")
    assert [each["code"] for each in largest] == [commune.code for commune in communes_of("79")]
    pages = [await get(country, "/provinces/79/communes", page_size=50)]
    while "next" in pages[-1].links:
        pages.append(await country.ask("portal", "GET", pages[-1].links["next"]["url"]))
    assert [each for page in pages for each in page.json()] == largest
    assert len(pages) == 4


@pytest.mark.parametrize("path", ["/provinces", "/procedures", "/fields", "/life-events", "/payer-groups"])
async def test_every_list_comes_in_pages(country: Country, path: str) -> None:
    whole, first = await get(country, path), await get(country, path, page_size=2)
    assert first.json() == whole.json()[:2] and "next" in first.links
    assert int(first.headers["X-Total-Count"]) == len(whole.json())
    assert pointers(await get(country, path, page_size=LARGEST + 1)) == ["/query/page_size"]
    assert pointers(await get(country, path, page_token="nowhere")) == ["/query/page_token"]


async def test_a_province_has_the_type_of_the_day(country: Country, sandbox: Sandbox) -> None:
    today = await read(country, "/provinces/75", sandbox)
    later = await read(country, "/provinces/75", sandbox, on="2026-10-31")
    assert (today["unit_type"], later["unit_type"]) == ("province", "centrally_run_city")
    assert [each["code"] for each in today["merged_from"]] == ["70", "75"]


async def test_an_old_province_finds_its_successor(country: Country) -> None:
    assert (await read(country, "/provinces/35"))["code"] == PROVINCE
    assert {each["province"] for each in await read(country, "/provinces/35/communes")} == {PROVINCE}
    old = await read(country, "/units/35")
    assert (old["in_force"], old["valid_to"]) == (False, "2025-07-01")
    assert [each["code"] for each in old["became"]] == [PROVINCE]


async def test_a_code_that_lived_through_the_merger_is_another_unit_before_it(country: Country) -> None:
    now, before = await read(country, "/units/37"), await read(country, "/units/37", on="2025-06-30")
    assert (now["in_force"], now["valid_from"], now["became"]) == (True, "2025-07-01", [])
    assert [each["code"] for each in now["was"]] == ["35", "36", "37"]
    assert (before["in_force"], before["valid_to"], before["was"]) == (True, "2025-07-01", [])


async def test_a_commune_says_what_it_was_made_of_and_an_old_one_what_it_became(country: Country) -> None:
    new = await read(country, f"/units/{COMMUNE}")
    assert (new["kind"], new["name_vi"], new["province"]) == ("commune", "Xã Gia Viễn", PROVINCE)
    for each in new["was"]:
        old = await read(country, f"/units/{each['code']}", on="2025-06-30")
        assert old["in_force"] and COMMUNE in {part["code"] for part in old["became"]}
    divided = await read(country, f"/units/{DIVIDED.code}")
    assert {part["share"] for part in divided["became"]} == {"split"} and len(divided["became"]) > 1


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/provinces/99", "province-not-found"),
        ("/provinces/99/communes", "province-not-found"),
        ("/units/99", "unit-not-found"),
        ("/units/99999", "unit-not-found"),
        ("/units/khai-sinh", "unit-not-found"),
        ("/procedures/9.999999", "procedure-not-found"),
        ("/procedures/9.999999/fee?province=37", "procedure-not-found"),
        (f"/procedures/{COPY}/fee?province=99", "province-not-found"),
        (f"/procedures/{COPY}/fee?province=37&case=2.000635.09", "case-not-found"),
        (f"/procedures/{COPY}/fee?province=37&payer_group=friend", "payer-group-not-found"),
    ],
)
async def test_what_is_not_there_is_said_to_be_missing(country: Country, path: str, slug: str) -> None:
    problem(await country.ask("portal", "GET", f"/api/v1{path}"), 404, slug)


async def test_a_sandbox_that_is_not_there_has_no_today(country: Country) -> None:
    answer = await country.ask("portal", "GET", "/api/v1/procedures", headers={"X-Sandbox": "nowhere"})
    problem(answer, 404, "sandbox-not-found")


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"on": "2026-02-30"}, "/query/on"),
        ({"level": "village"}, "/query/level"),
        ({"channel": "pigeon"}, "/query/channel"),
        ({"q": "a" * 201}, "/query/q"),
        ({"q": "a\x00"}, "/query/q"),
        ({"offered": "perhaps"}, "/query/offered"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_question_that_does_not_fit_gets_a_pointer(country: Country, asked: dict[str, Any], where: str) -> None:
    assert pointers(await get(country, "/procedures", **asked)) == [where]


async def test_procedures_are_found_without_diacritics_and_narrowed(country: Country, sandbox: Sandbox) -> None:
    found = await read(country, "/procedures", sandbox, q="dang ky khai sinh")
    assert found[0]["code"] == "1.001193"
    assert [each["code"] for each in await read(country, "/procedures", sandbox, q="khai sinh luu dong")] == [
        "1.003583"
    ]
    for asked, member in (
        ({"field": "residence"}, "field_en"),
        ({"level": "ministry"}, "level"),
        ({"life_event": "vehicles"}, "life_events"),
        ({"channel": "online"}, "channels"),
    ):
        narrowed = await read(country, "/procedures", sandbox, **asked)
        (wanted,) = asked.values()
        assert narrowed and all(wanted == each[member] or wanted in each[member] for each in narrowed)
        assert len(narrowed) < len(PROCEDURES)
    assert await read(country, "/procedures", sandbox, field="nothing") == []


async def test_the_groups_people_browse_by_lead_to_procedures(country: Country, sandbox: Sandbox) -> None:
    for field in await read(country, "/fields"):
        assert len(await read(country, "/procedures", sandbox, field=field["code"])) == field["procedures"]
    event = next(each for each in await read(country, "/life-events") if each["code"] == "vehicles")
    found = await read(country, "/procedures", sandbox, life_event="vehicles")
    assert {each["code"] for each in found} == set(event["procedures"]) and not event["verified"]
    groups = {each["code"]: each["verified"] for each in await read(country, "/payer-groups")}
    assert groups["digital_citizen"] and not groups["child"]


async def test_a_procedure_shows_everything_and_how_far_to_trust_it(country: Country, sandbox: Sandbox) -> None:
    marriage = await read(country, "/procedures/1.000894", sandbox)
    usual, verification = marriage["cases"]
    assert usual["limits"]["online"] == {"value": 1.0, "unit": "same_day"} and usual["limit_verified"]
    assert verification["limits"]["direct"] == {"value": 5.0, "unit": "working_day"} and verification["limit_verified"]
    assert not usual["on_behalf"]
    assert {paper["verified"] for paper in usual["components"]} == {False}
    assert marriage["verified"] and marriage["versions"][0] == {
        "version": "1",
        "valid_from": "2025-07-01",
        "valid_to": None,
        "replaced_by": None,
        "verified": False,
    }
    unknown = await read(country, "/procedures/2.001283", sandbox)
    assert (unknown["limit_verified"], unknown["verified"]) == (False, False)


async def test_the_version_shown_is_the_one_of_the_day(country: Country, sandbox: Sandbox) -> None:
    before = await read(country, "/procedures/1.001776", sandbox, on="2025-12-31")
    today = await read(country, "/procedures/1.001776", sandbox)
    assert [(each["version"], each["working_days"]) for each in (before, today)] == [("1", 22.0), ("2", 10.0)]
    assert before["versions"] == today["versions"]


async def test_a_withdrawn_procedure_is_still_shown_and_no_more_offered(country: Country, sandbox: Sandbox) -> None:
    async def offered() -> set[str]:
        return {each["code"] for each in await read(country, "/procedures", sandbox, offered=True)}

    assert await offered() == set(PROCEDURES)
    await sandbox.move(days=22)  # 1 July
    assert set(PROCEDURES) - await offered() == {WITHDRAWN, "2.002622"}
    shown = await read(country, f"/procedures/{WITHDRAWN}", sandbox)
    assert (shown["offered"], shown["replaced_by"]) == (False, REPLACEMENT)
    refused = problem(
        await get(country, f"/procedures/{WITHDRAWN}/fee", sandbox, province="37"), 409, "procedure-withdrawn"
    )
    assert (refused["valid_to"], refused["replaced_by"]) == ("2026-07-01", REPLACEMENT)
    early = await get(country, f"/procedures/{COPY}/fee", sandbox, province="37", on="2025-06-30")
    assert problem(early, 409, "procedure-not-yet-in-force")["valid_from"] == "2025-07-01"


async def test_a_fee_says_how_much_to_whom_and_why(country: Country, sandbox: Sandbox) -> None:
    usual = await read(country, f"/procedures/{COPY}/fee", sandbox, province=PROVINCE)
    assert (usual["total_dong"], usual["verified"], usual["exempt"], usual["on"]) == (8000, True, False, "2026-06-09")
    assert (usual["case"], usual["version"], usual["items"][0]["kind"]) == ("2.000635.01", "1", "service_fee")
    digital = {"province": "35", "payer_group": "digital_citizen", "on": "2026-09-01"}
    waived = await read(country, f"/procedures/{COPY}/fee", sandbox, **digital)
    assert (waived["total_dong"], waived["exempt"], waived["province"]) == (0, True, PROVINCE)
    assert waived["why_vi"] and waived["why_en"]
    paper = await get(country, f"/procedures/{ONLY_ON_PAPER}/fee", sandbox, province=PROVINCE)
    assert problem(paper, 409, "procedure-not-offered")["channels"] == ["direct", "public_postal"]


def a_choice(procedure: str = COPY, province: str = PROVINCE, commune: str | None = COMMUNE, **other: Any) -> Choice:
    return choose(procedure, province, commune, **{"on": SUMMER, "channel": "online", **other})


def test_a_choice_holds_what_the_dossier_keeps() -> None:
    choice = a_choice("1.000894", case="1.000894.02")
    assert (choice.procedure.version, choice.case.code, choice.was) == ("1", "1.000894.02", None)
    assert choice.agency == "H42.14464"


def test_a_choice_under_old_codes_is_made_under_the_new_ones() -> None:
    choice = a_choice(province="35", commune=RENAMED.code)
    assert (choice.province, choice.commune) == (PROVINCE, RENAMED.became[0][0])
    assert choice.was is not None and (choice.was.province, choice.was.commune) == ("35", RENAMED.code)


def test_who_decides_says_who_may_receive() -> None:
    assert a_choice(MINISTRY, commune=None).agency == "H42"
    assert a_choice(ANY_LEVEL, commune=None).agency == "H42"
    assert a_choice(ANY_LEVEL).agency == "H42.14464"


def test_only_filing_online_asks_for_an_electronic_identity() -> None:
    with pytest.raises(queries.LevelTooLow):
        queries.choose(1, COPY, PROVINCE, COMMUNE, on=SUMMER)
    assert queries.choose(2, COPY, PROVINCE, COMMUNE, on=SUMMER) == a_choice()
    for channel in ("direct", "public_postal"):
        assert a_choice(channel=channel).agency == "H42.14464"


def test_a_channel_that_a_procedure_lacks_is_refused() -> None:
    with pytest.raises(ProcedureNotOffered):
        a_choice(ONLY_ON_PAPER)
    assert a_choice(ONLY_ON_PAPER, channel="direct").case.code == f"{ONLY_ON_PAPER}.01"


async def test_a_procedure_withdrawn_between_choosing_and_filing_is_refused(country: Country) -> None:
    sandbox = await country.sandbox(start="2026-06-30T16:00:00+07:00")
    lan = await sandbox.sign_in("lan")
    chosen = await read(country, f"/procedures/{WITHDRAWN}", sandbox)
    assert chosen["offered"]
    await lan.submitted(procedure=WITHDRAWN)
    await sandbox.move(hours=8)
    lan = await sandbox.sign_in("lan")
    refused = problem(await lan.submit(procedure=chosen["code"]), 409, "procedure-withdrawn")
    assert (refused["valid_to"], refused["replaced_by"]) == ("2026-07-01", REPLACEMENT)
    assert (await lan.submit(procedure=refused["replaced_by"])).status_code == 201


async def test_a_dossier_filed_under_old_codes_is_answered_with_the_new_ones(lan: Citizen) -> None:
    answer = await lan.submit(province="35", commune=RENAMED.code)
    assert answer.status_code == 201, answer.text
    authority = answer.json()["authority"]
    assert (authority["province"], authority["commune"]) == (PROVINCE, RENAMED.became[0][0])
    assert answer.json()["code"].startswith(f"H42.{RENAMED.became[0][0]}-")


async def test_an_old_commune_without_a_unique_successor_is_refused_with_all_of_them(lan: Citizen) -> None:
    refused = problem(await lan.submit(commune=DIVIDED.code), 409, "unit-split")
    assert refused["commune"] == DIVIDED.code and refused["name_vi"] == DIVIDED.name_vi
    assert [each["code"] for each in refused["successors"]] == [code for code, _ in DIVIDED.became]
    assert (await lan.submit(commune=refused["successors"][0]["code"])).status_code == 201
