"""The doors of connectors: events per second out and in, and the delay from commit to connector.

Connector and receiver are cheap programs, each in its own process: `python -m tools.bench.doors inbox|outbox|receiver …`.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from contracts import lifecycle as law
from lienthong.client import Connector, Sandbox
from lienthong.embedded import Trouble, ports
from shared.messaging.kafka import access
from tools.bench import ceilings
from tools.bench.events import PATIENCE, RAW_TOPIC, SENT, Log
from tools.bench.load import percentile
from tools.bench.rows import Row

PACE = 50.0  # events per second of one province, while the delay is measured: a worker is far from busy
TOLD = "SELECT sum(told)::bigint FROM kafka_doors"
JUDGED = "SELECT sum(judged)::bigint FROM kafka_doors"
POSTED = "SELECT count(*) FROM deliveries WHERE sandbox = '{}' AND acknowledged_at IS NOT NULL"
CODES = "SELECT code FROM dossiers WHERE sandbox = $1 ORDER BY code"
OUTCOMES = "SELECT outcome, count(*) FROM verdicts WHERE sandbox = $1 GROUP BY outcome"
LOGIN = ("KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD")
Times = dict[str, float]  # id of an event → Unix time at which the connector had it


async def measure(log: Log, events: int, seconds: float) -> list[Row]:
    """The rows of the doors. All events belong to one province, so one lane and one connector carry them.

    events   for each throughput over Kafka; a third of them for webhooks, which are slower
    seconds  of events at PACE, for each delay
    raises   Trouble if something is not delivered, or a verdict does not accept
    """
    at_pace = round(PACE * seconds)
    async with log.country.sandbox(seed="bench") as sandbox:
        rows = await _kafka(log, sandbox, events)
    async with log.country.sandbox(seed="bench") as sandbox:
        rows += await _webhook(log, sandbox, events // 3)
    log.run_only("portal-worker", "gateway-worker")
    log.stack.wait_until(lambda status: bool(status["ready"]))
    async with log.country.sandbox(seed="bench") as sandbox:
        kafka = (await sandbox.connect(log.places[0].province, "kafka")).credentials["kafka"]
        with _program("inbox", kafka["bootstrap"], kafka["inbox"], at_pace, login=_login(kafka)) as program:
            rows += await _delays("over Kafka", log, sandbox, at_pace, program)
    async with log.country.sandbox(seed="bench") as sandbox:
        with _program("receiver", port := ports.free_base(), at_pace) as program:
            await sandbox.connect(log.places[0].province, "webhook", url=f"http://127.0.0.1:{port}/")
            rows += await _delays("by webhook", log, sandbox, at_pace, program)
    return rows


async def _kafka(log: Log, sandbox: Sandbox, events: int) -> list[Row]:
    connector = await sandbox.connect(log.places[0].province, "kafka")
    kafka = connector.credentials["kafka"]
    servers, secrets = log.stack.kafka_bootstrap, log.stack.plan.kafka_login
    await _relayed(log, sandbox, events)
    told = await log.rate(log.gateway, TOLD, events, "gateway-worker")
    produced = ceilings.measured("produce", servers, kafka["inbox"], events, RAW_TOPIC, secrets=secrets)
    said = await _answers(log, sandbox, connector)
    log.run_only()
    with _program("outbox", kafka["bootstrap"], kafka["outbox"], login=_login(kafka)) as program:
        await asyncio.to_thread(program.communicate, json.dumps(said))
    judged = await log.rate(log.gateway, JUDGED, events, "gateway-worker")
    outcomes = dict(map(tuple, await log.gateway.fetch(OUTCOMES, sandbox.id)))
    if outcomes != {"accepted": events}:
        raise Trouble(f"{events} messages of a connector were to be accepted; their verdicts are {outcomes}.")
    consumed = ceilings.measured("consume", servers, kafka["outbox"], events, secrets=secrets)
    send, get = (f"aiokafka {call}, the same records" for call in ("produce", "consume"))
    out = Row("Kafka door out, lane → one inbox", told, "events/s", None, produced, send)
    return [out, Row("Kafka door in, one outbox → verdicts", judged, "events/s", None, consumed, get)]


async def _answers(log: Log, sandbox: Sandbox, connector: Connector) -> list[dict[str, Any]]:
    """A message about each dossier: it was received."""
    codes = [row["code"] for row in await log.gateway.fetch(CODES, sandbox.id)]
    text = json.dumps(await connector.example(law.DOSSIER_RECEIVED, codes[0]))
    events = [json.loads(text.replace(codes[0], code)) for code in codes]
    return [{**event, "id": f"bench-{number}"} for number, event in enumerate(events)]


async def _webhook(log: Log, sandbox: Sandbox, events: int) -> list[Row]:
    with _program("receiver", port := ports.free_base(), 0):
        url = f"http://127.0.0.1:{port}/"
        connector = await sandbox.connect(log.places[0].province, "webhook", url=url)
        await _relayed(log, sandbox, events)
        posted = await log.rate(log.gateway, POSTED.format(sandbox.id), events, "gateway-worker")
        body = json.dumps((await connector.deliveries())[0], ensure_ascii=False)
        bare = ceilings.measured("post", url, events, body, secrets={})
    what = "httpx POST, the same receiver, body and number of connections"
    return [Row("webhooks, lane → one receiver", posted, "deliveries/s", None, bare, what)]


async def _relayed(log: Log, sandbox: Sandbox, events: int) -> None:
    """The submissions are on the lane, and the gateway's worker is stopped."""
    log.run_only()
    await log.submitted(sandbox, 1, events, (await sandbox.clock.read())["now"])
    await log.rate(log.portal, SENT, events, "portal-worker")


async def _delays(how: str, log: Log, sandbox: Sandbox, many: int, program: subprocess.Popen[str]) -> list[Row]:
    """From the commit in the portal until the connector has the event: both workers, the lane and the door."""
    await sandbox.settle()
    await log.write_at_rate(sandbox, many, PACE)
    output, _ = await asyncio.to_thread(program.communicate, timeout=PATIENCE)
    received: Times = json.loads(output)
    committed = await log.committed(sandbox)
    delays = sorted((received[id] - at.timestamp()) * 1000 for id, at in committed.items())
    note = f"at {PACE:.0f} events/s of one province"
    median = Row(f"commit → connector, {how}: 50 % within", percentile(delays, 50), "ms", note=note)
    return [median, Row("… 99 % within", percentile(delays, 99), "ms", note=note)]


def _login(kafka: Mapping[str, Any]) -> dict[str, str]:
    members = ("security_protocol", "mechanism", "user", "password")
    return dict(zip(LOGIN, (kafka[member] for member in members), strict=True))


@contextmanager
def _program(name: str, *arguments: object, login: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A connector's program; it is ready."""
    words = [sys.executable, "-m", "tools.bench.doors", name, *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env={**os.environ, **(login or {})}, stdin=pipe, stdout=pipe, text=True) as program:
        try:
            if program.stdout is None or program.stdout.readline() != "ready\n":
                raise Trouble(f"The program {name} of a connector did not start.")
            yield program
        finally:
            program.kill()


async def inbox(servers: str, topic: str, many: int) -> Times:
    """Read an inbox until it has `many` different events."""
    times: Times = {}
    async with AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest", **access()) as consumer:
        print("ready", flush=True)
        async for record in consumer:
            times.setdefault(dict(record.headers)["ce_id"].decode(), time.time())
            if len(times) == many:
                break
    return times


async def outbox(servers: str, topic: str) -> None:
    """Write the events of stdin on an outbox, in binary mode."""
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", **access()) as producer:
        print("ready", flush=True)
        for event in json.load(sys.stdin):
            headers = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]
            headers.append(("content-type", b"application/json"))
            await producer.send(topic, json.dumps(event["data"]).encode(), event["subject"].encode(), headers=headers)


def receiver(port: int, many: int) -> Times:
    """Answer 204 to every request, until `many` different events were received."""
    times: Times = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        times.setdefault(dict(scope["headers"]).get(b"webhook-id", b"").decode(), time.time())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        server.should_exit = len(times) == many

    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    listening = socket.create_server(("127.0.0.1", port))
    print("ready", flush=True)
    server.run(sockets=[listening])
    return times


def main() -> None:
    name, *words = sys.argv[1:]
    if name == "receiver":
        print(json.dumps(receiver(int(words[0]), int(words[1]))))
    elif name == "inbox":
        print(json.dumps(uvloop.run(inbox(words[0], words[1], int(words[2])))))
    else:
        uvloop.run(outbox(words[0], words[1]))


if __name__ == "__main__":
    main()
