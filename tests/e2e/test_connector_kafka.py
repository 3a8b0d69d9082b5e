"""A province's own connector behind the Kafka door, on the whole country: a journey in both modes, also when the worker dies."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka.admin import AdminClient

from lienthong import sync
from lienthong.client import Connector, Country, Sandbox
from lienthong.embedded import ports
from lienthong.embedded.stack import Stack
from tests.support.command import PATIENCE, command
from tests.support.specimens import a_pdf

PROVINCE, COMMUNE, COPY = "37", "14464", "2.000635"
Record = tuple[bytes, list[tuple[str, bytes]]]  # value, headers


def binary(event: dict[str, Any]) -> Record:
    attributes = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]
    return json.dumps(event["data"]).encode(), [*attributes, ("content-type", b"application/json")]


def structured(event: dict[str, Any]) -> Record:
    return json.dumps(event).encode(), [("content-type", b"application/cloudevents+json")]


class Program:
    """An integrator's connector over Kafka: it reads its inbox, writes its outbox, and waits for each verdict."""

    def __init__(
        self, connector: Connector, clients: tuple[AIOKafkaConsumer, AIOKafkaConsumer, AIOKafkaProducer]
    ) -> None:
        self.connector, self.kafka = connector, connector.credentials["kafka"]
        self.inbox, self.verdicts, self.producer = clients
        self.written = 0

    async def heard(self, type: str) -> Any:
        """The next record of the inbox, which is of this type."""
        record = await asyncio.wait_for(self.inbox.getone(), PATIENCE)
        await self.inbox.commit()
        assert dict(record.headers)["ce_type"].decode() == type
        return record

    async def says(self, type: str, code: str, how: Callable[[dict[str, Any]], Record]) -> None:
        """Write a message; wait for its verdict, which accepts it. A verdict can come twice, but never another one."""
        value, headers = how(await self.connector.example(f"dossier.{type}.v1", code))
        offset = await self.write(code, value, headers)
        while True:
            record = await asyncio.wait_for(self.verdicts.getone(), PATIENCE)
            if int(dict(record.headers)["outbox-offset"]) == offset:
                assert json.loads(record.value)["outcome"] == "accepted", record.value
                return

    async def write(self, code: str, value: bytes, headers: list[tuple[str, bytes]]) -> int:
        sent = await self.producer.send_and_wait(self.kafka["outbox"], value, key=code.encode(), headers=headers)
        self.written += 1
        return int(sent.offset)


@asynccontextmanager
async def running(connector: Connector) -> AsyncIterator[Program]:
    kafka = connector.credentials["kafka"]
    options = {
        "bootstrap_servers": kafka["bootstrap"],
        "security_protocol": kafka["security_protocol"],
        "sasl_mechanism": kafka["mechanism"],
        "sasl_plain_username": kafka["user"],
        "sasl_plain_password": kafka["password"],
    }
    reading = {**options, "auto_offset_reset": "earliest", "enable_auto_commit": False}
    group = f"{kafka['group_prefix']}-program"
    async with (
        AIOKafkaConsumer(kafka["inbox"], group_id=group, **reading) as inbox,
        AIOKafkaConsumer(kafka["verdicts"], group_id=f"{group}-verdicts", **reading) as verdicts,
        AIOKafkaProducer(**options, acks="all") as producer,
    ):
        yield Program(connector, (inbox, verdicts, producer))


async def test_a_whole_journey_over_kafka_while_the_worker_is_killed(tmp_path: Path) -> None:
    with Stack(tmp_path / "data", ports.free_base()) as stack:
        async with Country(stack.urls["portal-api"]) as country, country.sandbox(seed="kafka") as sandbox:
            connector = await sandbox.connect(PROVINCE, "kafka")
            assert connector.credentials["kafka"]["is_open"]
            async with running(connector) as program:
                code = await journey(stack, sandbox, program)
            assert (await sandbox.citizen("lan").dossier(code))["status"]["slug"] == "result_returned"
            kept = await connector.verdicts()
            assert [row["offset"] for row in kept] == list(range(program.written)), "one verdict for each record"
            assert {row["outcome"] for row in kept} == {"accepted", "duplicate"}
            said = [event["event"] for event in await sandbox.events(code) if event["service"] == "gateway"]
            assert len(said) == len(set(said)) == 5, "each effect once"
            await connector.disconnect()
            assert (await sandbox.connectors()) == []


async def journey(stack: Stack, sandbox: Sandbox, program: Program) -> str:
    lan = sandbox.citizen("lan")
    code: str = (await lan.submit(COPY, PROVINCE, COMMUNE))["code"]
    assert (await program.heard("dossier.submitted.v1")).key.decode() == code
    example = await program.connector.example("dossier.received.v1", code)
    worker = stack.pids()["gateway-worker"]
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    for _ in range(3):  # a program that is not sure sends again
        await program.write(code, *structured(example))
    os.kill(worker, signal.SIGKILL)
    await program.says("fee_demanded", code, binary)
    await sandbox.settle()
    await lan.pay(code)
    await program.heard("payment.confirmed.v1")
    await program.connector.hand_in_result(code, a_pdf())
    await program.says("processing_started", code, structured)
    stack.kill("gateway-worker")
    await program.says("result_ready", code, binary)
    await program.says("result_returned", code, structured)
    await sandbox.settle()
    return code


def test_what_connect_prints_works_as_it_is(lienthong_sync: sync.Country, sandbox_sync: sync.Sandbox) -> None:
    where = {"LIENTHONG_SANDBOX": sandbox_sync.id, "LANG": "C.UTF-8"}
    words = ("connect", "--province", PROVINCE, "--via", "kafka")
    printed = command(*words, url=lienthong_sync.url, **where)
    assert printed.returncode == 0, printed.stderr
    told = next(line for line in printed.stdout.splitlines() if "kcat" in line and " -C " in line)
    settings = dict(pair.split("=", 1) for pair in re.findall(r"-X (\S+)", told))
    address = re.findall(r"-b (\S+)", told)[0]
    topics = AdminClient({"bootstrap.servers": address, **settings}).list_topics(timeout=PATIENCE).topics
    assert sorted(topics) == [f"{sandbox_sync.id}.province.37.{name}.v1" for name in ("inbox", "outbox", "verdicts")]
    assert re.findall(r"-t (\S+)", told)[0] in topics and "kafka-console-consumer.sh" in printed.stdout
    again = json.loads(command(*words, "--json", url=lienthong_sync.url, **where).stdout)
    assert again["kafka"]["password"] not in printed.stdout and again["kafka"]["is_open"]
    listed = json.loads(command("connectors", "--json", url=lienthong_sync.url, **where).stdout)
    assert [row["via"] for row in listed] == ["kafka"]
