"""What may come with a submission: another desk, old codes, a way of return, papers; and values nobody means."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import lifecycle as law
from tests.service.portal.sending import kept
from tests.support.country import Citizen, Country, Sandbox, pointers, problem
from tests.support.factories import COMMUNE, FREE, PROVINCE, told
from tests.support.office import Office

OTHER_DESK = {"province": PROVINCE, "commune": "14488"}
RESIDENCE = "1.004222"  # depends on the place


async def said(country: Country, lan: Citizen, code: str) -> dict[str, Any]:
    """The submission as the province hears it."""
    return (await told(country.portal, lan.sandbox.id, code))[0]


async def test_another_desk_of_the_province_receives_and_hands_over(
    country: Country, sandbox: Sandbox, lan: Citizen
) -> None:
    code = await lan.submitted(reception=OTHER_DESK)
    assert code.startswith("H42.14464-"), "the competent agency's code"
    event = await said(country, lan, code)
    assert (event["reception"], event["authority"]["commune"]) == (OTHER_DESK, COMMUNE)
    await sandbox.carry()
    office = Office(sandbox)
    assert "hand_over" in (await office.made(code, law.RECEIVE))["can"]
    handed = await office.made(code, law.HAND_OVER)
    assert handed["handed_over_at"] == "2026-06-09T08:00:00.000+07:00"
    await sandbox.carry()
    shown = await lan.dossier(code)
    assert (shown["reception"], shown["handed_over_at"]) == (OTHER_DESK, handed["handed_over_at"])


async def test_officials_hand_over_by_themselves_before_they_start(sandbox: Sandbox, lan: Citizen) -> None:
    code = await lan.submitted(procedure="1.001193", reception=OTHER_DESK)
    await sandbox.carry()
    script = {"decisions": {"reception": "receive", "processing_days": 0}}
    await sandbox.country.ask("gateway", "PUT", f"/_lab/officers/{code}", json=script, headers=sandbox.header)
    fired = []
    for hours in (2, 4, 2, 16):
        await sandbox.move(hours=hours)
        fired += await sandbox.fire()
    assert fired == ["reception", "hand_over", "start", "finish"]


async def test_its_own_desk_named_is_no_other(country: Country, lan: Citizen) -> None:
    code = await lan.submitted(reception={"province": PROVINCE, "commune": COMMUNE})
    assert "reception" not in await said(country, lan, code)
    assert (await lan.dossier(code))["reception"] is None


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"procedure": RESIDENCE, "reception": OTHER_DESK}, 409, "reception-elsewhere"),
        ({"reception": {"province": "01", "commune": "00004"}}, 409, "reception-elsewhere"),
        ({"reception": {"province": "99"}}, 404, "province-not-found"),
        ({"reception": {"province": PROVINCE, "commune": "99999"}}, 404, "commune-not-found"),
        ({"reception": {"province": PROVINCE, "commune": "14503"}}, 409, "unit-split"),
        ({"commune": "14503"}, 409, "unit-split"),
        ({"case": "2.000635.99"}, 404, "case-not-found"),
        ({"papers": [{"id": "0" * 64}]}, 404, "paper-not-found"),
    ],
    ids=str,
)
async def test_what_the_catalogue_does_not_allow_is_refused(
    lan: Citizen, change: dict[str, Any], status: int, slug: str
) -> None:
    problem(await lan.submit(**change), status, slug)
    assert (await lan.ask("GET", "/dossiers")).json() == []


async def test_a_code_from_before_the_merger_is_understood_and_kept(country: Country, lan: Citizen) -> None:
    code = await lan.submitted(province="36", commune="13636")
    shown = await lan.dossier(code)
    assert shown["authority"] == {"province": "37", "commune": "13669"}
    assert (
        shown["filed_under"]
        == (await said(country, lan, code))["filed_under"]
        == {"province": "36", "commune": "13636"}
    )


@pytest.mark.parametrize("channel", ["direct", "online", "public_postal"])
async def test_the_result_comes_back_as_the_citizen_wished(sandbox: Sandbox, lan: Citizen, channel: str) -> None:
    code, office = await lan.submitted(procedure=FREE, return_by=channel), Office(sandbox)
    await sandbox.carry()
    for verb in (law.RECEIVE, law.START, law.FINISH, law.RETURN):
        await office.made(code, verb)
    await sandbox.carry()
    assert (await lan.dossier(code))["result"]["returned_by"] == channel


async def test_where_one_was_helped_decides_nothing(country: Country, lan: Citizen) -> None:
    helped = {"province": "01", "commune": "00004"}
    code = await lan.submitted(help_at=helped)
    event = await said(country, lan, code)
    assert (event["help_at"], event["authority"]["province"]) == (helped, PROVINCE)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"papers": [{"id": "g" * 64}]}, ["/papers/0/id"]),
        ({"papers": [{"id": "0" * 64}] * 51}, ["/papers"]),
        ({"papers": {}}, ["/papers"]),
        ({"papers": [{"id": "0" * 64, "component": "\u200b"}]}, ["/papers/0/component"]),
        ({"return_by": "pigeon"}, ["/return_by"]),
        ({"case": "2.000635"}, ["/case"]),
        ({"reception": {"commune": COMMUNE}}, ["/reception/province"]),
        ({"help_at": {"province": "37", "commune": "x"}}, ["/help_at/commune"]),
        ({"note": "\u0958" * 1001}, ["/note"]),
        ({"payer_group": "x" * 41}, ["/payer_group"]),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_does_not_fit_gets_a_pointer(lan: Citizen, change: dict[str, Any], where: list[str]) -> None:
    assert pointers(await lan.submit(**change)) == where


async def test_everything_at_once_travels_to_the_province(country: Country, sandbox: Sandbox, lan: Citizen) -> None:
    paper = await kept(lan)
    papers = [{"id": paper["id"], "component": "e\u0302\u0323" * 60}] * 50
    note = "e\u0302\u0323" * 2000
    code = await lan.submitted(
        procedure="1.001193",
        case="1.001193.02",
        reception=OTHER_DESK,
        help_at=OTHER_DESK,
        papers=papers,
        note=note,
        return_by="public_postal",
        payer_group="merit",
    )
    await sandbox.carry()
    shown = await Office(sandbox).shown(code)
    assert (shown["papers"], shown["case"], shown["return_by"]) == (50, "1.001193.02", "public_postal")
    assert (shown["reception"], shown["help_at"]) == (OTHER_DESK, OTHER_DESK)
    assert (await said(country, lan, code))["note"] == "ệ" * 2000
    assert (await country.gateway.pending(sandbox.id))["parked"] == []


async def test_what_is_taken_at_the_end_of_the_calendar_can_be_received(country: Country) -> None:
    sandbox = await country.sandbox(start="2027-12-01T16:30:00+07:00")
    answer = await (await sandbox.sign_in("lan")).submit()
    if answer.status_code == 201:  # else it is refused as calendar-too-short, which is as good
        await sandbox.carry()
        await sandbox.move(hours=16)
        await sandbox.fire()
        assert (await country.gateway.pending(sandbox.id))["parked"] == []
