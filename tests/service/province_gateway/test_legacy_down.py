"""The reverse calls: what a province is told at the address of its old system, again until it says that it took it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import pytest

from contracts import lifecycle as law
from services.province_gateway.doors import silence
from tests.service.province_gateway.test_legacy_door import Client
from tests.service.province_gateway.test_webhook_door import Door
from tests.support.connector import Connector
from tests.support.country import Sandbox, problem
from tests.support.factories import CODE, FREE
from tests.support.receiver import Receiver, receiving, status


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        receiver.answers = [status(200, b'{"error_code": 0, "message": ""}')]
        yield receiver


class LegacyDoor(Door):
    password = ""


@pytest.fixture
async def door(sandbox: Sandbox, receiver: Receiver) -> LegacyDoor:
    door = LegacyDoor(Connector(sandbox), receiver)
    await door.connector.mode({"mode": "external", "via": "legacy", "url": receiver.url})
    drawn = (await door.connector.draw()).json()
    door.connector.key, door.password = drawn["key"], drawn["legacy"]["password"]
    return door


async def test_a_new_online_dossier_is_told_in_the_envelope_of_the_api(door: LegacyDoor) -> None:
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


async def test_the_site_of_a_client_that_chooses_by_it_can_be_set(door: LegacyDoor) -> None:
    mode = {"mode": "external", "via": "legacy", "url": door.receiver.url, "adapter": {"group_id": 55217}}
    await door.connector.mode(mode)
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    assert [each.headers["groupid"] for each in door.receiver.received] == ["55217"]


@pytest.mark.parametrize("answer", ['{"error_code": -1, "message": "no"}', "{}", "[]", "no JSON", ""])
async def test_an_answer_that_takes_nothing_is_tried_again_and_one_that_had_it_is_not(
    door: LegacyDoor, answer: str
) -> None:
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


async def test_what_the_api_has_no_call_for_is_not_sent_and_holds_nothing(door: LegacyDoor) -> None:
    await door.hears(law.DOSSIER_SUBMITTED, law.PAYMENT_REFUNDED)
    await door.send()
    assert len(door.receiver.received) == 1
    assert [row["state"] for row in await door.listed()] == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("call", "path", "members"),
    [
        (
            "promotion-notice",
            "createdossierfromdvcqg",
            ("MaHoSo", "MaTTHC", "MaSoThue", "TenThuongNhan", "TepDonDangKy"),
        ),
        ("promotion-amendment", "nhanhsdvcqg", ("data/MaHoSoQG", "data/ThongTinSuaDoi", "data/URLTepDangKy")),
        ("tax-notice", "nhantbthuedvcqg", ("service", "isUpdating", "data/FileThongBaoThue")),
        ("tax-receipt", "nhanhsdvcqg", ("data/MaSoThue", "data/UrlFileChungTu", "data/ThongTinThanhToan/SoTien")),
        ("payment-confirmation", "/o/pgi/ppdvcqg/dpnhankqthanhtoanhs", ("MaLoi", "MaThamChieu", "MaXacThuc", "MaHoSo")),
        ("fee-look-up", "/o/pgi/kpdvcqg/dptracuuthanhtoanhs", ("MaHoSo",)),
    ],
)
async def test_what_no_event_says_is_told_on_request_and_again_until_it_is_taken(
    door: LegacyDoor, call: str, path: str, members: tuple[str, ...]
) -> None:
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    door.receiver.answers = [status(500), status(200, b'{"error_code": 0, "MaLoi": "00"}')]
    asked = await door.connector.ask(
        "POST", "/connector/calls", json={"call": call, "dossier": CODE, "changes": {"x": 1}}
    )
    assert asked.status_code == 202, asked.text
    await door.send()
    await door.sandbox.move(seconds=10)
    await door.send()
    _, first, again = door.receiver.received
    assert (
        first.path == again.path == (path if path.startswith("/") else f"/events/{path}") and first.body == again.body
    )
    told = json.loads(first.body)
    assert told == asked.json()["body"] and told.get("data", told)["x"] == 1
    for member in members:
        found: object = told
        for name in member.split("/"):
            assert isinstance(found, dict)
            found = found[name]
        assert found not in ("", None), member
    (_, row) = await door.listed()
    assert (row["state"], row["type"]) == ("delivered", f"adapter.{call}")


async def test_a_payment_at_the_portal_is_told_as_a_confirmation(door: LegacyDoor) -> None:
    await door.hears(law.DOSSIER_SUBMITTED, law.PAYMENT_CONFIRMED)
    await door.send()
    told = json.loads(door.receiver.received[1].body)
    assert door.receiver.received[1].path == "/o/pgi/ppdvcqg/dpnhankqthanhtoanhs"
    order = "LoaiBanTin MaLoi MaDoiTac MaThamChieu SoTien MaTienTe MaGiaoDich MaNganHang ThoiGianGD ThongTinGiaoDich"
    text = "|".join([*(str(told[name]) for name in order.split()), door.password])
    assert told["MaXacThuc"] == hashlib.sha256(text.encode()).hexdigest() and told["MaHoSo"] == CODE


async def test_a_call_that_cannot_be_played_is_refused(door: LegacyDoor) -> None:
    body = {"call": "tax-notices", "dossier": CODE}
    refused = await door.connector.ask("POST", "/connector/calls", json=body)
    assert refused.status_code == 422 and "did you mean tax-notice" in refused.text.lower()
    unknown = await door.connector.ask("POST", "/connector/calls", json={**body, "call": "tax-notice"})
    problem(unknown, 404, "dossier-not-found")
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.connector.mode({"mode": "external", "via": "legacy"})
    nowhere = await door.connector.ask("POST", "/connector/calls", json={**body, "call": "tax-notice"})
    assert problem(nowhere, 409, "not-connected")["detail"].endswith("--via legacy --url URL.")


async def test_the_answer_to_a_call_is_in_its_reply(door: LegacyDoor) -> None:
    due = {
        "error_code": 1,
        "message": {"MaHoSo": CODE, "PhiLePhi": [{"TenPhiLePhi": "Lệ phí " * 60, "SoTien": "8000"}]},
    }
    door.receiver.answers = [status(200, json.dumps(due, ensure_ascii=False).encode())]
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    body = {"call": "fee-look-up", "dossier": CODE}
    calling = asyncio.create_task(door.connector.ask("POST", "/connector/calls", params={"wait": 30}, json=body))
    while not calling.done():
        await door.send()
        await asyncio.wait([calling], timeout=0.01)
    reply = calling.result().json()
    assert json.loads(reply["answer"]["head"]) == due and (reply["answer"]["status"], reply["answer"]["error"]) == (
        200,
        "",
    )
    assert [row["id"] for row in await door.listed()][-1] == reply["id"]
    unanswered = await door.connector.ask("POST", "/connector/calls", json=body)
    assert unanswered.status_code == 202 and unanswered.json()["answer"] is None


@pytest.mark.parametrize("via", ["webhook", "pull", "legacy"])
async def test_a_call_waits_while_the_province_listens_elsewhere_and_holds_nothing(
    door: LegacyDoor, receiver: Receiver, via: str
) -> None:
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    body = {"call": "tax-notice", "dossier": CODE}
    assert (await door.connector.ask("POST", "/connector/calls", json=body)).status_code == 202
    elsewhere = {"mode": "external", "via": via, **({"url": receiver.url} if via == "webhook" else {})}
    await door.connector.mode(elsewhere)
    await door.hears(law.WITHDRAWAL_REQUESTED)
    await door.send()
    if via == "legacy":  # listens nowhere: it is told by what it looks up
        client = Client(door.sandbox)
        client.password = door.password
        await client.log_in()
        await client.call("TraCuuHoSo", mahoso=CODE)
    elif via == "pull":
        batch = (await door.connector.ask("GET", "/events", params={"after": 0})).json()
        assert [event["type"] for event in batch] == [law.DOSSIER_SUBMITTED, law.WITHDRAWAL_REQUESTED]
        assert (await door.connector.ask("GET", "/events", params={"after": batch[-1]["delivery"]})).json() == []
    rows = await door.listed()
    assert [row["state"] for row in rows] == ["delivered", "waiting", "delivered"]
    assert rows[1]["waits_for"].startswith("the adapter API") and rows[0]["waits_for"] is None
    (told,) = [each for each in await silence.report(door.gateway, door.sandbox.id) if each["province"] == "37"]
    assert "reverse calls that wait: 1" in told["text"]
    of_dossier = await silence.of_dossier(door.gateway, door.sandbox.id, CODE)
    assert of_dossier is not None and (of_dossier["apart"], of_dossier["waiting"]) == (1, 0)
    assert of_dossier["told"] == law.WITHDRAWAL_REQUESTED

    await door.connector.mode({"mode": "external", "via": "legacy", "url": receiver.url})
    await door.send()
    assert receiver.received[-1].path == "/events/nhantbthuedvcqg"
    rows = await door.listed()
    assert (rows[1]["state"], rows[1]["waits_for"]) == ("delivered", None)


async def test_who_listens_nowhere_is_told_by_what_it_asks(sandbox: Sandbox, receiver: Receiver) -> None:
    door = LegacyDoor(Connector(sandbox), receiver)
    client = await Client(sandbox).connect()
    await client.log_in()
    door.connector.key = (await door.connector.draw()).json()["key"]
    await door.hears(law.DOSSIER_SUBMITTED)

    async def waits() -> str:
        rows = await silence.report(sandbox.country.gateway, sandbox.id)
        return str(next(row["text"] for row in rows if row["province"] == client.province))

    assert "listens nowhere, and has not looked up 1 delivery: TraCuuHoSo" in await waits()
    assert (await client.call("TraCuuHoSo", mahoso=CODE))["result"]
    assert "has not answered" in await waits() or "must act" in await waits()
    await door.hears(law.WITHDRAWAL_REQUESTED)
    assert "1 delivery" in await waits()
    await client.step("2", CODE)
    assert "delivery" not in await waits()
