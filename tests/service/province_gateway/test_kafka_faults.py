"""Faults at the Kafka door, on a real broker."""

from __future__ import annotations

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from tests.service.province_gateway import test_kafka_connector
from tests.support.country import Citizen
from tests.support.factories import FREE
from tests.support.kafka_door import Door, Program, structured

door, program = test_kafka_connector.door, test_kafka_connector.program


async def test_faults_bite_here_too(door: Door, program: Program, lan: Citizen) -> None:
    sandbox, gateway = door.connector.sandbox, door.gateway
    for fault in ({"fault": "delivery-other-mode", "times": 1}, {"fault": "verdict-late", "times": 1}):
        assert (await sandbox.lab("/faults", fault)).status_code == 201
    for _ in range(2):
        await lan.submitted(procedure=FREE)
    await sandbox.carry()
    await gateway.conductor.conduct(sandbox.id)
    await door.write()
    first, second = await program.read("inbox")
    assert dict(first.headers)["content-type"] == b"application/cloudevents+json"
    event = msgspec.json.decode(first.value)
    assert event["subject"] == first.key.decode() and event["delivery"] == 1
    assert dict(second.headers)["content-type"] == b"application/json"
    await program.write(structured({**event, "type": "x.v1"}), (None, None, []))
    await door.read(program)
    assert await program.verdicts() == []
    await sandbox.move(hours=1)
    await door.write()
    assert len(await program.verdicts()) == 2


async def test_while_its_credential_is_revoked_the_broker_refuses_it(door: Door, program: Program) -> None:
    sandbox = door.connector.sandbox
    assert (await sandbox.lab("/faults", {"fault": "credential-revoked"})).status_code == 201
    await door.reconcile()
    with pytest.raises(KafkaConnectionError):
        await program.read("inbox")
    path = f"/_lab/sandboxes/{sandbox.id}/faults"
    assert (await sandbox.country.ask("portal", "DELETE", path)).status_code == 204
    await door.reconcile()
    assert await program.read("inbox") == [], "the same password opens the door again"
