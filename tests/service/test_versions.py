"""A procedure changes while dossiers lie: each keeps the version and the case in force at its reception."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import lifecycle as law
from tests.support.country import Citizen, Country, Sandbox, problem
from tests.support.factories import FREE
from tests.support.office import Office

# FREE has version 1 with 22 working days until 31 December 2025, version 2 with 10 from 1 January 2026; 2.002621 ends on
# 30 June 2026. Both days are ours (contracts/data/procedure_versions.csv).
OLD_BUNDLE = "2.002621"


async def submitted(country: Country, start: str, **wish: Any) -> tuple[Sandbox, Citizen, str]:
    sandbox = await country.sandbox(start=start)
    lan = await sandbox.sign_in("lan")
    code = await lan.submitted(**wish)
    await sandbox.carry()
    return sandbox, lan, code


@pytest.mark.parametrize(
    ("start", "version", "days", "due"),
    [
        ("2025-12-31T08:00:00+07:00", "1", 22, "2026-02-02"),  # 2 January was swapped for Saturday the 10th
        ("2026-01-05T08:00:00+07:00", "2", 10, "2026-01-16"),
    ],
)
async def test_the_version_of_the_day_of_reception_holds(
    country: Country, start: str, version: str, days: int, due: str
) -> None:
    sandbox, _, code = await submitted(country, start, procedure=FREE)
    shown = await Office(sandbox).made(code, law.RECEIVE)
    assert (shown["version"], shown["limit"]["value"], shown["due_at"][:10]) == (version, days, due)


async def test_a_version_that_changed_between_submission_and_reception_is_the_new_one(country: Country) -> None:
    sandbox, _, code = await submitted(country, "2025-12-31T16:30:00+07:00", procedure=FREE)
    assert (await Office(sandbox).shown(code))["version"] == "1"
    await sandbox.move(days=4, hours=16)  # Monday 5 January, 08:30
    shown = await Office(sandbox).made(code, law.RECEIVE)
    assert (shown["version"], shown["limit"]["value"]) == ("2", 10)
    await sandbox.carry()
    here = await (await sandbox.sign_in("lan")).dossier(code)
    assert (here["limit"]["value"], here["due_at"]) == (10, shown["due_at"])


async def test_the_portal_shows_the_version_of_reception_too(country: Country) -> None:
    sandbox, _, code = await submitted(country, "2025-12-31T16:30:00+07:00", procedure=FREE)
    await sandbox.move(days=4, hours=16)
    shown = await Office(sandbox).made(code, law.RECEIVE)
    await sandbox.carry()
    assert (await (await sandbox.sign_in("lan")).dossier(code))["version"] == shown["version"]


async def test_what_is_withdrawn_between_submission_and_reception_is_received_all_the_same(country: Country) -> None:
    sandbox, _, code = await submitted(country, "2026-06-30T16:30:00+07:00", procedure=OLD_BUNDLE)
    await sandbox.move(hours=15, minutes=30)
    problem(await (await sandbox.sign_in("lan")).submit(procedure=OLD_BUNDLE), 409, "procedure-withdrawn")
    shown = await Office(sandbox).made(code, law.RECEIVE)
    assert (shown["status"]["slug"], shown["version"]) == ("received", "1")
    assert (shown["limit"]["value"], shown["due_at"]) == (4, "2026-07-07T17:00:00.000+07:00")
    for verb in (law.START, law.FINISH, law.RETURN):
        await Office(sandbox).made(code, verb)
    result = await country.ask("gateway", "GET", f"/api/v1/provinces/37/dossiers/{code}/result", headers=sandbox.header)
    assert result.status_code == 200 and result.content.startswith(b"%PDF")


async def test_officials_receive_it_by_themselves_too(country: Country) -> None:
    sandbox, _, code = await submitted(country, "2026-06-30T16:30:00+07:00", procedure=OLD_BUNDLE)
    script = {"decisions": {"reception": "receive"}}
    await country.ask("gateway", "PUT", f"/_lab/officers/{code}", json=script, headers=sandbox.header)
    await sandbox.move(hours=15, minutes=30)
    assert await sandbox.fire() == ["reception"]
    assert (await Office(sandbox).shown(code))["status"]["slug"] == "received"
    assert (await country.gateway.pending(sandbox.id))["parked"] == []


async def test_the_case_that_was_chosen_is_kept_with_its_own_fee(country: Country) -> None:
    sandbox, lan, code = await submitted(country, "2026-06-09T08:00:00+07:00", procedure="1.004194", case="1.004194.02")
    shown = await Office(sandbox).made(code, law.RECEIVE)
    assert (shown["case"], shown["fee_dong"]) == ("1.004194.02", 5000)
    await sandbox.carry()
    assert (await lan.dossier(code))["case"] == "1.004194.02"
    first = await lan.submitted(procedure="1.004194")
    await sandbox.carry()
    shown = await Office(sandbox).made(first, law.RECEIVE)
    assert (shown["case"], shown["fee_dong"]) == ("1.004194.01", 7000)


async def test_the_fee_of_the_day_of_reception_holds(country: Country) -> None:
    fees = []
    for start in (
        "2025-12-30T08:00:00+07:00",
        "2026-01-05T08:00:00+07:00",
    ):  # a driving licence on line: 115.000, then 135.000
        place = {"authority": {"province": "37", "commune": None}}
        sandbox, _, code = await submitted(country, start, procedure="3.000346", **place)
        fees.append((await Office(sandbox).made(code, law.RECEIVE))["fee_dong"])
    assert fees == [115_000, 135_000]
