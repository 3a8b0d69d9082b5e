"""Faults of webhooks: each request is wrong once, as its rule says, and then the delivery comes as it should."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from contracts import lifecycle as law
from services.province_gateway.doors.webhook import SCHEDULE
from tests.service.province_gateway.test_webhook_door import Door
from tests.support.connector import Connector
from tests.support.country import Sandbox, problem
from tests.support.factories import CODE
from tests.support.receiver import Received, receiving, status


@pytest.fixture
async def door(sandbox: Sandbox) -> AsyncIterator[Door]:
    async with receiving() as receiver:
        yield await Door(Connector(sandbox), receiver).connect()


async def told(door: Door, fault: str, *answers: int, **more: Any) -> list[Received]:
    """What the receiver is sent about one event while a rule is on, until nothing is left; it gives these answers."""
    assert (await door.sandbox.lab("/faults", {"fault": fault, **more})).status_code == 201
    door.receiver.answers = [status(code) for code in (*answers, 204)]
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.gateway.conductor.conduct(door.sandbox.id)
    await door.send()
    await door.sandbox.move(seconds=SCHEDULE[0].total_seconds())
    await door.send()
    (row,) = await door.listed()
    assert row["state"] == "delivered"
    story = await door.gateway.timeline(door.sandbox.id, CODE)
    assert [line["data"]["fault"] for line in story if line["kind"] == "fault"] == [fault]
    return door.receiver.received


async def test_a_bad_signature_is_followed_by_the_true_one(door: Door) -> None:
    wrong, right = await told(door, "delivery-bad-signature", 401)
    with pytest.raises(WebhookVerificationError, match="signature"):
        Webhook(door.secret).verify(wrong.body, wrong.headers)
    assert Webhook(door.secret).verify(right.body, right.headers) and wrong.body == right.body


async def test_an_expired_timestamp_is_signed_and_refused_by_a_verifier(door: Door) -> None:
    old, now = await told(door, "delivery-expired-timestamp", 401)
    with pytest.raises(WebhookVerificationError, match="old"):
        Webhook(door.secret).verify(old.body, old.headers)
    assert Webhook(door.secret).verify(now.body, now.headers)
    by = int(now.headers["webhook-timestamp"]) - int(old.headers["webhook-timestamp"])
    assert timedelta(seconds=by) >= timedelta(minutes=59)


async def test_a_receiver_that_took_it_is_asked_again_when_its_answer_was_not_read(door: Door) -> None:
    first, again = await told(door, "delivery-connection-cut")
    assert first.body == again.body and first.headers["webhook-id"] == again.headers["webhook-id"]
    assert "a fault rule broke the connection in mid-answer" in await door.errors()


@pytest.mark.parametrize(
    ("mode", "other"), [("structured", "application/json"), ("binary", "application/cloudevents+json")]
)
async def test_the_other_mode_says_the_same(door: Door, mode: str, other: str) -> None:
    await door.connect(content_mode=mode)
    (received,) = await told(door, "delivery-other-mode")
    assert received.headers["content-type"] == other
    body = Webhook(door.secret).verify(received.body, received.headers)
    assert body.get("data", body)["dossier_code"] == CODE


async def test_a_refused_key_stops_what_is_said_and_not_what_is_told(door: Door) -> None:
    assert (await door.sandbox.lab("/faults", {"fault": "credential-revoked"})).status_code == 201
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    (received,) = door.receiver.received
    assert Webhook(door.secret).verify(received.body, received.headers)["subject"] == CODE
    problem(await door.connector.ask("GET", "/events"), 401, "connector-key-unknown")


async def test_without_credentials_nothing_is_sent_until_new_ones_are_drawn(door: Door) -> None:
    row = (await door.country.ask("portal", "GET", f"/_lab/sandboxes/{door.sandbox.id}")).json()
    headers = {"X-API-Key": row["api_key"]}
    answer = await door.country.ask("gateway", "DELETE", f"{door.connector.path}/connector", headers=headers)
    assert answer.status_code == 204
    await door.hears(law.DOSSIER_SUBMITTED)
    await door.send()
    assert door.receiver.received == []
    (report,) = (await door.gateway.pending(door.sandbox.id))["connectors"]
    assert "it has no credentials" in report["text"] and "lienthong connect --province 37" in report["text"]
    await door.connect()
    await door.send()
    assert door.receiver.told == [(CODE, law.DOSSIER_SUBMITTED)]
