"""Portal and province together, events carried by hand: the two copies agree at every step."""

from __future__ import annotations

import httpx
import pytest

from shared.lab import sandbox as lab
from shared.messaging import timers
from tests.support.country import Citizen, Country, Sandbox
from tests.support.factories import PROVINCE


async def test_a_dossier_travels_the_whole_way_and_both_copies_agree(
    country: Country, sandbox: Sandbox, lan: Citizen
) -> None:
    code = await lan.submitted()
    await sandbox.carry()
    script = {"decisions": {"reception": "receive", "processing_days": 0}}
    await country.ask("gateway", "PUT", f"/_lab/officers/{code}", json=script, headers=sandbox.header)
    seen = [await status(country, lan, code)]
    for hours in (2, 4, 2, 16):
        await sandbox.move(hours=hours)
        await sandbox.fire()
        lan = await sandbox.sign_in("lan")  # a token lives for an hour
        if (await lan.dossier(code))["can"][:1] == ["pay"]:
            begun = (await lan.ask("POST", f"/dossiers/{code}/payments", {"amount_dong": 8000})).json()
            await country.http.post(f"{begun['checkout_url']}/pay", json={})
            while (await lan.dossier(code))["fee"]["status"] != "paid":
                pass
            await sandbox.carry()
        seen.append(await status(country, lan, code))
    assert seen == ["submitted", "financial_obligation", "in_processing", "result_ready", "result_returned"]
    assert (await sandbox.lab("/settle", {})).json()["proof_of_absence"]


async def test_many_timers_that_are_due_fire_in_several_calls(
    country: Country, sandbox: Sandbox, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = sorted([await lan.submitted() for _ in range(3)])
    await sandbox.carry()
    monkeypatch.setattr(timers, "DUE_SQL", timers.DUE_SQL.replace(f"LIMIT {timers.BATCH}", "LIMIT 1"))
    monkeypatch.setattr(lab, "FIRE_SECONDS", 0)
    calls = []

    async def counted(request: httpx.Request) -> None:
        calls.append(request.url.path)

    country.portal.internal.event_hooks["request"].append(counted)
    advanced = (await sandbox.lab("/clock/advance", {"by": "8h"})).json()
    fired = [each["subject"] for each in advanced["fired"] if each["kind"] == "reception"]
    assert sorted(fired) == codes and calls.count(f"/_lab/sandboxes/{sandbox.id}/fire") > 3


async def status(country: Country, citizen: Citizen, code: str) -> str:
    """What both copies say."""
    path = f"/api/v1/provinces/{PROVINCE}/dossiers/{code}"
    province = (await country.ask("gateway", "GET", path, headers=citizen.sandbox.header)).json()
    shown = await citizen.dossier(code)
    assert (shown["status"], shown["due_at"]) == (province["status"], province["due_at"])
    return str(shown["status"]["slug"])
