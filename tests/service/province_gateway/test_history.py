"""A connector that joins is told what happened before, per open dossier, in order and once; a switch loses nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from contracts import lifecycle as law
from tests.support.connector import Connector
from tests.support.country import Citizen, Country, Sandbox
from tests.support.factories import COPY, FREE
from tests.support.office import Office

MANUAL = {"mode": "manual"}


@pytest.fixture
async def connector(sandbox: Sandbox) -> Connector:
    """Not connected yet; the province is worked by hand."""
    connector = Connector(sandbox)
    await connector.mode(MANUAL)
    return connector


def types(events: list[dict[str, Any]], code: str) -> list[str]:
    return [event["type"] for event in events if event["subject"] == code]


async def test_a_connector_is_told_the_history_of_open_dossiers_from_the_beginning(
    sandbox: Sandbox, lan: Citizen, connector: Connector
) -> None:
    office = Office(sandbox)
    ended, asked, registered = (await lan.submitted(procedure=FREE)), (await lan.submitted(procedure=FREE)), ""
    await sandbox.carry()
    await office.made(ended, law.REFUSE, reason="Thiếu giấy tờ")
    await office.made(asked, law.REQUEST_SUPPLEMENT, items=["Ảnh"])
    registered = (await office.registered(procedure=FREE))["code"]
    await sandbox.carry()
    await lan.ask("POST", f"/dossiers/{asked}/supplement", {"note": "Đây ạ"})
    await sandbox.carry()
    await connector.connect()
    told = await connector.told()
    assert types(told, asked) == [law.DOSSIER_SUBMITTED, law.SUPPLEMENT_REQUESTED, law.SUPPLEMENT_ANSWERED]
    assert types(told, registered) == [law.DOSSIER_REGISTERED, law.DOSSIER_RECEIVED]
    assert types(told, ended) == [] and [event["delivery"] for event in told] == [1, 2, 3, 4, 5]
    submitted = told[0]["data"]
    assert submitted["applicant"]["name"] and submitted["applicant"]["id"] and submitted["procedure"] == FREE
    assert {event["source"].split("/")[1] for event in told} == {"portal", "gateway"}


async def test_what_was_told_is_not_told_again_when_a_connector_returns(
    sandbox: Sandbox, lan: Citizen, connector: Connector
) -> None:
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    await connector.connect()
    before = await connector.told()
    await connector.mode(MANUAL)
    await Office(sandbox).made(code, law.RECEIVE)
    await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Tôi đổi ý"})
    await sandbox.carry()
    await connector.connect(gate="lenient")
    assert types(await connector.told(), code) == [law.DOSSIER_RECEIVED, law.WITHDRAWAL_REQUESTED]
    assert types(await connector.told(after=0), code)[0] == before[0]["type"]
    await connector.connect(gate="strict")
    assert await connector.told() == [], "another gate is no new connector"


async def test_what_comes_during_the_change_is_told_after_what_came_before(
    country: Country, sandbox: Sandbox, lan: Citizen, connector: Connector
) -> None:
    code = await lan.submitted(procedure=COPY)
    await sandbox.carry()

    async def meanwhile(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/earlier-events") and not is_asked:
            is_asked.append(True)
            answer = await country.streets["portal"].handle_async_request(request)
            await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Tôi đổi ý"})
            await sandbox.carry()
            return answer
        return None

    is_asked: list[bool] = []
    async with country.fault("portal", meanwhile):
        await connector.connect()
    assert types(await connector.told(), code) == [law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED]
    assert is_asked == [True]


async def test_while_the_portal_does_not_reply_the_history_waits_and_so_does_what_follows(
    country: Country, sandbox: Sandbox, lan: Citizen, connector: Connector
) -> None:
    code = await lan.submitted(procedure=FREE)
    await sandbox.carry()
    async with country.silent("portal", "/earlier-events"):
        await connector.connect()
        await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Tôi đổi ý"})
        await sandbox.carry()
        assert await connector.told() == []
        assert "are being planned again" in str((await country.gateway.pending(sandbox.id))["under_way"])
    await connector.mode({"mode": "external", "via": "pull", "gate": "lenient"})
    assert types(await connector.told(), code) == [law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED]
