"""Waiting knows about outsiders: a silent connector is named, and while it may speak nothing is proven."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import lifecycle as law
from tests.support.connector import Connector
from tests.support.country import Citizen, Country, Sandbox
from tests.support.factories import COPY


@pytest.fixture
async def connector(sandbox: Sandbox) -> Connector:
    return await Connector(sandbox).connect()


@pytest.fixture
async def code(sandbox: Sandbox, connector: Connector, lan: Citizen) -> str:
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()
    return code


async def settled(sandbox: Sandbox) -> tuple[str, bool, list[tuple[str, str]]]:
    answer = (await sandbox.lab("/settle", {"timeout_seconds": 0.0})).json()
    named = [(each["name"], each["detail"]) for each in answer["waiting_for"] if "connector" in each["name"]]
    return answer["verdict"], answer["proof_of_absence"], named


async def cause(country: Country, sandbox: Sandbox, code: str) -> dict[str, Any]:
    answer = await country.ask("portal", "GET", f"/_lab/explain/{code}?timeout_seconds=0", headers=sandbox.header)
    return next(dict(each) for each in answer.json()["causes"] if each["name"] == "connector-silent")


async def test_a_connector_that_has_nothing_to_do_is_named_and_nothing_is_proven(
    sandbox: Sandbox, connector: Connector
) -> None:
    verdict, is_proof, ((name, detail),) = await settled(sandbox)
    assert (verdict, is_proof, name) == ("still", False, "connector") and "can speak at any time" in detail
    await connector.mode(None)
    assert await settled(sandbox) == ("still", True, [])


async def test_what_it_has_not_acknowledged_not_answered_and_got_wrong_is_said(
    country: Country, sandbox: Sandbox, connector: Connector, code: str
) -> None:
    verdict, is_proof, ((name, detail),) = await settled(sandbox)
    assert (verdict, is_proof, name) == ("held", False, "silent-connector")
    assert detail.startswith("province 37 has 1 delivery it has not acknowledged, the oldest since 20")
    assert "has not acknowledged 1 delivery about the dossier" in (await cause(country, sandbox, code))["sentence_en"]

    await connector.told()
    await connector.told()  # asks for what comes after it
    ((_, detail),) = (await settled(sandbox))[2]
    assert detail.startswith(f"province 37 was told {law.DOSSIER_SUBMITTED} of {code} at 20")
    assert "and has not answered" in (await cause(country, sandbox, code))["sentence_en"]

    await connector.say(await connector.example(law.DOSSIER_RESULT_READY, code))
    ((_, detail),) = (await settled(sandbox))[2]
    assert "; its last message was rejected: LT-LAW-" in detail
    silent = await cause(country, sandbox, code)
    assert "rejected: LT-LAW-" in silent["sentence_en"] and silent["facts"]["can"][0] == law.DOSSIER_RECEIVED
    assert f"lienthong trigger {law.DOSSIER_RECEIVED} --dossier {code} --sandbox" in silent["mend_en"]

    await connector.says(law.DOSSIER_RECEIVED, code)
    await sandbox.carry()
    assert (await settled(sandbox))[2][0][1] == f"province 37 must act on {code}"


async def test_an_event_of_a_connector_is_waited_for_to_the_end_and_never_proven_absent(
    sandbox: Sandbox, connector: Connector, code: str
) -> None:
    awaited = {"event": law.DOSSIER_RECEIVED, "dossier": code, "timeout_seconds": 0.0}
    answer = (await sandbox.lab("/wait-for", awaited)).json()
    assert answer["verdict"] == "waiting" and answer["cause"]["name"] == "connector-silent"
    assert "no proof that it never comes: a connector can still speak" in answer["sentence_en"]
    assert "silent-connector" in {each["name"] for each in answer["waiting_for"]}


async def test_an_advance_passes_a_silent_connector_and_names_it(sandbox: Sandbox, code: str) -> None:
    answer = (await sandbox.lab("/clock/advance", {"by": "P3D"})).json()
    assert answer["now"].startswith("2026-06-12") and answer["fired"] == []
    assert "silent-connector" in {each["name"] for each in answer["verdict"]["waiting_for"]}
