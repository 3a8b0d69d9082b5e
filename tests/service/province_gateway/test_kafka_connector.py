"""A connector behind the Kafka door, on a real broker: it is told, it speaks, and every record gets one verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError
from confluent_kafka import Consumer, KafkaError

from contracts import lifecycle as law
from contracts.gate.zoo import specimens
from services.province_gateway.api import connectors as api
from services.province_gateway.doors import kafka_opening, speaking
from services.province_gateway.doors.kafka_worker import KafkaDoors
from services.province_gateway.runtime import Gateway
from shared.messaging import kafka_access
from shared.messaging.kafka import BrokerFault
from shared.messaging.kafka_access import Administrator
from shared.messaging.leases import Leases
from tests.support.command import PATIENCE
from tests.support.connector import Connector
from tests.support.country import Citizen, Country, Sandbox, problem
from tests.support.factories import FREE, told
from tests.support.kafka_door import Door, Program, binary, described, structured, unreadable


@pytest.fixture
async def door(
    country: Country,
    sandbox: Sandbox,
    broker: dict[str, str],
    broker_outside: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Door]:
    gateway = cast(Gateway, country.gateway)
    for runtime in (gateway, country.portal):
        settings = runtime.settings.model_copy(
            update={"kafka_bootstrap_servers": broker["bootstrap.servers"], "kafka_outside_bootstrap": broker_outside}
        )
        monkeypatch.setattr(runtime, "settings", settings)
    leases = Leases(gateway.database, f"doors:kafka:{sandbox.id}", "a-test", settings.lease)
    await leases.renew()
    doors = KafkaDoors(gateway, gateway.rules, gateway.bell, leases)
    yield Door(Connector(sandbox), doors, gateway)
    await doors.close()


@pytest.fixture
async def program(door: Door) -> Program:
    return await door.open()


@pytest.fixture
async def code(door: Door, program: Program, lan: Citizen) -> str:
    code = await lan.submitted(procedure=FREE)
    await door.connector.sandbox.carry()
    return code


async def test_deliveries_stand_on_the_inbox_in_order_in_binary_mode(
    door: Door, program: Program, lan: Citizen, code: str
) -> None:
    other = await lan.submitted(procedure=FREE)
    await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Tôi đổi ý"})
    await door.connector.sandbox.carry()
    await door.write()
    await door.write()  # nothing is left
    records = await program.read("inbox")
    assert [record.key.decode() for record in records] == [code, other, code]
    headers = dict(records[0].headers)
    assert headers["ce_type"] == law.DOSSIER_SUBMITTED.encode() and headers["ce_delivery"] == b"1"
    assert described("told.headers", records[0])
    assert msgspec.json.decode(records[0].value)["dossier_code"] == code
    over_http = (await door.connector.told(after=0))[0]
    assert over_http["id"] == headers["ce_id"].decode() and over_http["data"] == msgspec.json.decode(records[0].value)
    listed = await door.connector.country.ask(
        "gateway", "GET", f"{door.connector.path}/connector", headers=door.connector.sandbox.header
    )
    assert listed.json()["waiting"] == 0 and listed.json()["via"] == "kafka", "written is acknowledged"


async def test_both_modes_are_read_and_each_record_gets_one_verdict(
    country: Country, door: Door, program: Program, code: str
) -> None:
    received = await door.connector.example(law.DOSSIER_RECEIVED, code)
    await program.write(binary(received), structured(received))
    await door.read(program)
    started = await door.connector.example(law.PROCESSING_STARTED, code)
    await program.write(structured(started), (None, None, []))
    await door.read(program)
    verdicts = await program.verdicts()
    assert [verdict["outcome"] for verdict in verdicts] == ["accepted", "duplicate", "accepted", "rejected"]
    records = await program.read("verdicts")
    assert described("verdict.headers", records[0])
    assert [record.key.decode() for record in records] == [code, code, code, "3"]
    assert dict(records[0].headers) == {
        "content-type": b"application/json",
        "outbox-offset": b"0",
        "message-id": received["id"].encode(),
    }
    assert "message-id" not in dict(records[3].headers)
    published = await told(country.gateway, door.connector.sandbox.id, code)
    assert [event["type"] for event in published] == [law.DOSSIER_RECEIVED, law.PROCESSING_STARTED]


async def test_several_messages_are_judged_in_one_transaction_each_after_the_one_before(
    country: Country, door: Door, program: Program, code: str
) -> None:
    first = await door.connector.example(law.DOSSIER_RECEIVED, code)
    registered = await door.connector.example(law.DOSSIER_REGISTERED, "H42.14464-260609-0077")
    too_early = {**first, "id": "m2", "type": law.DOSSIER_RESULT_RETURNED}
    again = {**first, "data": {**first["data"], "officer": "Trần Văn Khác"}}
    await program.write(*map(binary, (first, too_early, registered, again, first)))
    await door.read(program)
    outcomes = [verdict["outcome"] for verdict in await program.verdicts()]
    assert outcomes == ["accepted", "rejected", "accepted", "rejected", "duplicate"]
    assert len(await told(country.gateway, door.connector.sandbox.id, code)) == 1
    received = await door.connector.example(law.DOSSIER_RECEIVED, registered["subject"])
    await program.write(binary(received))
    await door.read(program)
    assert (await program.verdicts())[-1]["outcome"] == "accepted"


async def test_what_is_no_message_is_shown_with_its_offset_and_first_bytes_and_stops_nothing(
    door: Door, program: Program, code: str
) -> None:
    event = binary(await door.connector.example(law.DOSSIER_RECEIVED, code))
    await program.write((None, None, []), (b"k", b"\x00\xffnothing", []), (code.encode(), b"x" * 900_000, []))
    await unreadable(program)
    await program.write((b"", event[1], event[2]), (b"another", event[1], event[2]), (None, event[1], event[2]), event)
    await door.read(program)
    verdicts = await program.verdicts()
    assert [verdict["outcome"] for verdict in verdicts] == [*["rejected"] * 7, "accepted"]
    assert {verdict["errors"][0]["rule"] for verdict in verdicts[4:7]} == {"LT-ENV-055", "LT-ENV-056"}
    assert "900,000 bytes" in [error["got"] for error in verdicts[2]["errors"]], "what stands before is read as it is"
    kept = (await door.connector.ask("GET", "/verdicts")).json()
    assert [row["offset"] for row in kept] == list(range(8)) and kept[1]["head"] == b"\x00\xffnothing".hex()


async def test_every_message_of_the_zoo_gets_a_verdict(door: Door, program: Program) -> None:
    zoo = [each for each in specimens() if len(each.message.body or b"") < 1_000_000]
    await program.write(*((each.message.key, each.message.body, each.message.headers) for each in zoo))
    await door.read(program)
    assert len(await program.verdicts()) == len(zoo)


async def test_a_worker_that_dies_between_effect_and_verdict_leaves_neither(
    country: Country, door: Door, program: Program, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await program.write(binary(await door.connector.example(law.DOSSIER_RECEIVED, code)))
    with monkeypatch.context() as patch:
        patch.setattr(speaking, "_row", lambda *_: 1 / 0)
        await door.doors.assign()
        while not await door.doors.read():
            pass
    assert await door.heard() == 0 and await told(country.gateway, door.connector.sandbox.id, code) == []
    await door.read(program)
    assert [verdict["outcome"] for verdict in await program.verdicts()] == ["accepted"]


async def test_what_the_database_refuses_is_rejected_alone(
    door: Door, program: Program, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, act = await door.connector.example(law.DOSSIER_RECEIVED, code), speaking._act

    def refused(work: Any, rules: Any, verdict: Any, known: Any) -> None:
        if verdict.id == "bad":
            raise asyncpg.DataError("as if a rule of the gate were missing")
        act(work, rules, verdict, known)

    monkeypatch.setattr(speaking, "_act", refused)
    await program.write(binary({**event, "id": "bad"}), binary(event))
    await door.read(program)
    verdicts = await program.verdicts()
    assert [verdict["outcome"] for verdict in verdicts] == ["rejected", "accepted"]
    assert "cannot be stored" in verdicts[0]["errors"][0]["expected"]


async def test_without_an_address_for_connectors_the_mode_is_refused(sandbox: Sandbox, country: Country) -> None:
    path = f"/_lab/sandboxes/{sandbox.id}/modes/37"
    answer = await country.ask("portal", "PUT", path, json={"mode": "external", "via": "kafka"})
    assert "set KAFKA_OUTSIDE_BOOTSTRAP" in problem(answer, 409, "broker-not-prepared")["detail"]
    made = await country.ask(
        "portal", "POST", "/_lab/sandboxes", json={"modes": {"*": {"mode": "external", "via": "kafka"}}}
    )
    problem(made, 409, "broker-not-prepared")


async def test_a_new_password_replaces_the_old_one_and_nothing_is_read_twice(
    door: Door, program: Program, code: str
) -> None:
    await program.write(binary(await door.connector.example(law.DOSSIER_RECEIVED, code)))
    again = await door.open()
    assert again.kafka["password"] != program.kafka["password"] and again.kafka["is_open"]
    with pytest.raises(KafkaConnectionError):
        await program.read("inbox")
    await door.read(again)
    await door.read(again)
    assert len(await again.verdicts()) == 1


async def test_who_is_disconnected_has_no_access_and_who_comes_again_goes_on(
    country: Country, door: Door, program: Program, code: str
) -> None:
    await door.write()
    received = await door.connector.example(law.DOSSIER_RECEIVED, code)
    await program.write(binary(received))
    await door.connector.mode({"mode": "manual"})
    assert await door.reconcile() == 1
    with pytest.raises(KafkaConnectionError):
        await program.read("inbox")
    await door.doors.assign()
    assert await door.doors.write() == 0 and await door.heard() == 0, (
        "nobody speaks for a province that is not connected"
    )
    again = await door.open()
    await door.read(again)
    assert [verdict["outcome"] for verdict in await again.verdicts()] == ["accepted"]
    numbers = [dict(record.headers)["ce_delivery"] for record in await again.read("inbox")]
    assert numbers.count(b"1") == 1, "what was written stays, and is not written again"


async def test_a_deleted_sandbox_leaves_the_broker_before_its_rows_are_swept(
    country: Country, door: Door, program: Program
) -> None:
    sandbox_id, database = door.connector.sandbox.id, country.gateway.database
    answer = await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox_id}")
    assert answer.status_code in (200, 202, 204), answer.text
    assert await door.reconcile() == 1 and await door.reconcile() == 0
    with pytest.raises(KafkaConnectionError):
        await program.read("inbox")
    assert await database.fetch("SELECT FROM kafka_doors WHERE sandbox = $1", sandbox_id) == []


async def test_a_connector_cannot_reach_the_topics_or_groups_of_another(door: Door, program: Program) -> None:
    neighbour = Door(Connector(door.connector.sandbox, "01"), door.doors, door.gateway)
    other = await neighbour.open()
    reader = Consumer({**program.librdkafka, "group.id": program.kafka["group_prefix"]})
    reader.subscribe([other.kafka["inbox"]])
    refused = await asyncio.to_thread(reader.poll, PATIENCE)
    reader.close()
    assert refused is not None and (error := refused.error()) is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    async with AIOKafkaProducer(**program.options) as producer:
        for topic in (other.kafka["outbox"], program.kafka["inbox"], program.kafka["verdicts"]):
            with pytest.raises(TopicAuthorizationFailedError):
                await producer.send_and_wait(topic, b"{}", key=b"k")
    consumer = AIOKafkaConsumer(program.kafka["inbox"], group_id=other.kafka["group_prefix"], **program.options)
    with pytest.raises(GroupAuthorizationFailedError):
        await consumer.start()
    await consumer.stop()


async def test_a_broker_that_lost_its_topics_gets_them_again_with_everything_that_is_kept(
    door: Door, program: Program, code: str, broker: dict[str, str]
) -> None:
    await door.write()
    await program.write(binary(await door.connector.example(law.DOSSIER_RECEIVED, code)))
    await door.read(program)
    async with Administrator(broker["bootstrap.servers"]) as admin:
        await admin.delete_topics(f"{door.connector.sandbox.id}.")
    await door.doors.find_forgotten()
    assert await door.reconcile() == 1
    await door.write()
    assert len(await program.read("inbox")) == 1 and len(await program.verdicts()) == 1


async def test_while_the_broker_is_away_everything_waits_and_the_reply_says_so(
    door: Door, lan: Citizen, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = door.gateway
    away = gateway.settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    with monkeypatch.context() as patch:
        patch.setattr(api, "OPENING_SECONDS", 0.1)
        patch.setattr(kafka_access, "SECONDS", 1.0)
        await door.connector.mode({"mode": "external", "via": "kafka"})
        login = (await door.connector.draw()).json()["kafka"]
        assert login["password"] and not login["is_open"] and login["security_protocol"] == ""
        with pytest.raises(BrokerFault):
            await kafka_opening.reconcile(gateway.database, away, gateway.ring, list(range(34)))
    program = await door.open()
    await lan.submitted(procedure=FREE)
    await door.connector.sandbox.carry()
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "settings", away)
        leases = Leases(gateway.database, f"doors:kafka:away:{door.connector.sandbox.id}", "a-test", away.lease)
        await leases.renew()
        with pytest.raises(BrokerFault):
            await KafkaDoors(gateway, gateway.rules, gateway.bell, leases).write()
    await door.write()
    assert len(await program.read("inbox")) == 1


async def test_two_workers_that_read_the_same_outbox_judge_each_record_once(
    country: Country, door: Door, program: Program, code: str
) -> None:
    event = await door.connector.example(law.DOSSIER_RECEIVED, code)
    await program.write(*[binary(event)] * 20)
    leases = Leases(
        door.gateway.database, f"doors:kafka:two:{door.connector.sandbox.id}", "a-test", door.gateway.settings.lease
    )
    await leases.renew()
    second = KafkaDoors(door.gateway, door.gateway.rules, door.gateway.bell, leases)
    try:
        await asyncio.gather(door.doors.assign(), second.assign())
        await asyncio.gather(door.read(program), *(second.read() for _ in range(4)))
    finally:
        await second.close()
    kept = (await door.connector.ask("GET", "/verdicts", params={"page_size": 100})).json()
    assert [row["offset"] for row in kept] == list(range(20)) and len(await program.verdicts()) == 20
    assert [row["outcome"] for row in kept] == ["accepted", *["duplicate"] * 19]
