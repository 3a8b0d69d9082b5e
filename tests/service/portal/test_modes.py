"""The door at which a province's mode is set: what it takes, what it shows, and who hears of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from contracts.catalogue import PROVINCES
from tests.support.country import Country, Sandbox, pointers, problem

BY_DEFAULT = {"mode": "simulated", "tempo": "working_clock", "decisions": None, "set_for": None}
REFUSING = {"reception": "refuse", "reason": "Thiếu giấy tờ", "steps": [{"does": "stop", "at": "received"}]}


async def door(sandbox: Sandbox, method: str, province: str = "", body: Any = None) -> httpx.Response:
    path = f"/_lab/sandboxes/{sandbox.id}/modes" + (f"/{province}" if province else "")
    return await sandbox.country.ask("portal", method, path, json=body)


async def shown(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Every province, by its code, without its names."""
    answer = await door(sandbox, "GET")
    assert answer.status_code == 200, answer.text
    return {each["province"]: {name: each[name] for name in BY_DEFAULT} for each in answer.json()}


async def test_every_province_acts_by_the_working_clock_unless_told_otherwise(sandbox: Sandbox) -> None:
    assert await shown(sandbox) == dict.fromkeys(PROVINCES, BY_DEFAULT)
    answer = await sandbox.country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}/modes?page_size=2")
    assert [each["name_vi"] for each in answer.json()] == ["Hà Nội", "Cao Bằng"] and "next" in answer.links


async def test_a_mode_is_set_shown_and_put_back(sandbox: Sandbox) -> None:
    manual = {**BY_DEFAULT, "mode": "manual", "tempo": None}
    answer = await door(sandbox, "PUT", "37", {"mode": "manual"})
    assert answer.status_code == 200 and answer.json()["name_vi"] == "Ninh Bình"
    assert await shown(sandbox) == {**dict.fromkeys(PROVINCES, BY_DEFAULT), "37": {**manual, "set_for": "37"}}
    answer = await door(sandbox, "PUT", "*", {"mode": "simulated", "tempo": "at_once"})
    assert (answer.json()["province"], answer.json()["tempo"], answer.json()["set_for"]) == ("*", "at_once", "*")
    fast = {**BY_DEFAULT, "tempo": "at_once", "set_for": "*"}
    assert await shown(sandbox) == {**dict.fromkeys(PROVINCES, fast), "37": {**manual, "set_for": "37"}}
    assert (await door(sandbox, "DELETE", "37")).json()["tempo"] == "at_once", "as all others now"
    assert (await door(sandbox, "DELETE", "*")).json()["set_for"] is None
    assert await shown(sandbox) == dict.fromkeys(PROVINCES, BY_DEFAULT)
    assert (await door(sandbox, "DELETE", "*")).status_code == 200, "a repetition is harmless"


async def test_decisions_are_kept_as_they_were_said(sandbox: Sandbox) -> None:
    body = {"mode": "simulated", "tempo": "scripted", "decisions": REFUSING}
    assert (await door(sandbox, "PUT", "37", body)).json()["decisions"] == REFUSING
    assert (await shown(sandbox))["37"]["decisions"] == REFUSING


async def test_what_the_adapter_api_answers_is_shown(sandbox: Sandbox) -> None:
    adapter = {"profile": "opencps-old", "latency_ms": 200}
    body = {"mode": "external", "via": "legacy", "adapter": adapter}
    assert (await door(sandbox, "PUT", "37", body)).json()["adapter"] == adapter
    assert (await door(sandbox, "PUT", "37", {**body, "adapter": None})).json()["adapter"] == {"profile": "plain"}
    assert (await door(sandbox, "PUT", "37", {"mode": "external", "via": "pull"})).json()["adapter"] is None


async def test_every_service_has_it_when_the_door_answers(country: Country, sandbox: Sandbox) -> None:
    await door(sandbox, "PUT", "37", {"mode": "manual"})
    for name in ("portal", "gateway", "identity", "payment"):
        rows = await country.apps[name].state.runtime.database.fetch(
            "SELECT modes FROM sandboxes WHERE id = $1", sandbox.id
        )
        assert rows[0]["modes"] == '{"37": {"mode": "manual"}}', name


async def test_another_sandbox_keeps_its_own(country: Country, sandbox: Sandbox) -> None:
    await door(sandbox, "PUT", "*", {"mode": "manual"})
    assert await shown(await country.sandbox()) == dict.fromkeys(PROVINCES, BY_DEFAULT)


@pytest.mark.parametrize("province", ["99", "3", "Ninh%20Binh", "**", "a" * 500])
async def test_a_province_that_is_none_is_refused(sandbox: Sandbox, province: str) -> None:
    for method in ("PUT", "DELETE"):
        answer = await door(sandbox, method, province, {"mode": "manual"} if method == "PUT" else None)
        assert pointers(answer) == ["/path/province"]
    assert "Ninh Bình has the code 37" in (await door(sandbox, "PUT", "ninh binh", {"mode": "manual"})).text


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (None, ""),
        ([], ""),
        ({}, "/mode"),
        ({"mode": "external"}, "/via"),
        ({"mode": "Manual"}, "/mode"),
        ({"mode": "manual", "tempo": "at_once"}, "/tempo"),
        ({"mode": "simulated", "tempo": "slowly"}, "/tempo"),
        ({"mode": "manual", "decisions": {}}, "/decisions"),
        ({"mode": "simulated", "tempo": "scripted"}, "/decisions"),
        ({"mode": "simulated", "tempo": "scripted", "decisions": {"reception": "x"}}, "/decisions/reception"),
        ({"mode": "simulated", "tempo": "scripted", "decisions": {"reason": "a\x00"}}, "/decisions/reason"),
        (
            {"mode": "simulated", "tempo": "scripted", "decisions": {"steps": [{"does": "return", "at": "received"}]}},
            "/decisions/steps/0/at",
        ),
    ],
    ids=str,
)
async def test_a_document_that_says_nothing_sensible_is_refused_and_changes_nothing(
    sandbox: Sandbox, body: Any, where: str
) -> None:
    assert pointers(await door(sandbox, "PUT", "37", body)) == [where]
    assert await shown(sandbox) == dict.fromkeys(PROVINCES, BY_DEFAULT)


async def test_a_sandbox_that_is_none_has_no_modes(country: Country, sandbox: Sandbox) -> None:
    nobody = Sandbox(country, {"id": "nobody", "now": ""})
    for method, province, body in (("GET", "", None), ("PUT", "37", {"mode": "manual"}), ("DELETE", "37", None)):
        problem(await door(nobody, method, province, body), 404, "sandbox-not-found")


async def test_a_service_that_does_not_hear_of_it_is_named_and_hears_of_it_later(
    country: Country, sandbox: Sandbox
) -> None:
    async with country.silent("gateway"):
        refused = problem(await door(sandbox, "PUT", "37", {"mode": "manual"}), 503, "service-down")
        assert refused["lagging"] == ["gateway"]
    await sandbox.lab("/settle", {"timeout_seconds": 0})
    rows = await country.gateway.database.fetch("SELECT modes FROM sandboxes WHERE id = $1", sandbox.id)
    assert rows[0]["modes"] == '{"37": {"mode": "manual"}}'


async def test_changes_at_the_same_time_follow_each_other_and_none_fails(country: Country, sandbox: Sandbox) -> None:
    connected, manual = {"mode": "external", "via": "pull"}, {"mode": "manual"}
    changes = [("PUT", connected), ("DELETE", None), ("PUT", manual)] * 4
    answers = await asyncio.gather(*(door(sandbox, method, "37", body) for method, body in changes))
    assert {answer.status_code for answer in answers} == {200}
    (row,) = await country.gateway.database.fetch("SELECT modes FROM sandboxes WHERE id = $1", sandbox.id)
    listed = (await shown(sandbox))["37"]["mode"]
    assert json.loads(row["modes"]).get("37", {"mode": "simulated"})["mode"] == listed


async def test_a_service_that_is_ahead_of_the_portal_has_not_the_change(country: Country, sandbox: Sandbox) -> None:
    """As after the portal's database was restored from a backup."""
    await country.gateway.database.pool.execute(
        "UPDATE sandboxes SET version = version + 60000000 WHERE id = $1", sandbox.id
    )
    refused = problem(await door(sandbox, "PUT", "37", {"mode": "manual"}), 503, "service-down")
    assert refused["lagging"] == ["gateway"]
