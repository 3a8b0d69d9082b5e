"""The reverse calls: what a province is told at the address of its old system, again until it says that it took it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from contracts import lifecycle as law
from tests.service.province_gateway.test_webhook_door import Door
from tests.support.connector import Connector
from tests.support.country import Sandbox
from tests.support.factories import CODE, FREE
from tests.support.receiver import Receiver, receiving, status


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        receiver.answers = [status(200, b'{"error_code": 0, "message": ""}')]
        yield receiver


@pytest.fixture
async def door(sandbox: Sandbox, receiver: Receiver) -> Door:
    door = Door(Connector(sandbox), receiver)
    await door.connector.mode({"mode": "external", "via": "legacy", "url": receiver.url})
    door.connector.key = (await door.connector.draw()).json()["key"]
    return door


async def test_a_new_online_dossier_is_told_in_the_envelope_of_the_api(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED)
    await door.send()
    first, second = door.receiver.received
    assert first.path == "/events/nhanhsdvcqg" and first.headers["groupid"] == "0"
    told = json.loads(first.body)
    assert (told["service"], told["isUpdating"]) == ("NhanHoSoDVCQG", False)
    assert told["data"]["MaHoSo"] == CODE and told["data"]["MaTTHC"] == FREE and told["data"]["KenhThucHien"] == "2"
    assert len(told["data"]["NgayNopHoSo"]) == 14
    assert json.loads(second.body)["isUpdating"] is True
    assert [row["state"] for row in await door.listed()] == ["delivered", "delivered"]


@pytest.mark.parametrize("answer", ['{"error_code": -1, "message": "no"}', "{}", "[]", "no JSON", ""])
async def test_an_answer_that_takes_nothing_is_tried_again_and_one_that_had_it_is_not(door: Door, answer: str) -> None:
    door.receiver.answers = [status(200, answer.encode()), status(200, b'{"error_code": 1}')]
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    assert [row["state"] for row in await door.listed()] == ["waiting"]
    assert await door.errors() == ["answered that it did not take it"]
    await door.sandbox.move(seconds=10)
    await door.send()
    assert [row["state"] for row in await door.listed()] == ["delivered"]
    assert await door.resend(dossier=CODE) == 1
    await door.send()
    assert len(door.receiver.received) == 3


async def test_what_the_api_has_no_call_for_is_not_sent_and_holds_nothing(door: Door) -> None:
    await door.hears(law.DOSSIER_SUBMITTED, law.PAYMENT_REFUNDED)
    await door.send()
    assert len(door.receiver.received) == 1
    assert [row["state"] for row in await door.listed()] == ["delivered", "delivered"]
