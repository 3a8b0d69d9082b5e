"""A program of somebody else writes into our topics: no event is lost, and `explain` says what was found."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping

import pytest
from confluent_kafka import Producer

from lienthong.client import Country, Sandbox
from tests.support.records import TO_PORTAL, TO_PROVINCE, WireRecord, records

PROCEDURE = "2.000635"
MANY = 64  # clients at once
pytestmark = pytest.mark.lienthong(seed="strange", start="2026-06-09T08:00:00+07:00")
Headers = Mapping[str, bytes]


def write(broker: dict[str, str], topic: str, lane: int, *headers: Headers) -> None:
    producer = Producer(broker)
    for each in headers:
        producer.produce(topic, b"{}", each["ce_subject"], lane, headers=list(each.items()))
    assert producer.flush(30) == 0


async def the_last(broker: dict[str, str], sandbox: Sandbox, topic: str) -> WireRecord:
    return (await asyncio.to_thread(records, broker, sandbox.id, [topic]))[-1]


def under_next_numbers(record: WireRecord, count: int, **changes: bytes) -> list[Headers]:
    """Headers as of `record`, with the numbers after its own."""
    number = int(record.header("ce_sequence"))
    return [{**record.headers, "ce_sequence": b"%d" % (number + step), **changes} for step in range(1, count + 1)]


async def submitted(sandbox: Sandbox, province: str, commune: str) -> str:
    code = str((await sandbox.citizen("lan").submit(PROCEDURE, province, commune))["code"])
    assert (await sandbox.settle(timeout_seconds=60))["verdict"] != "waiting"
    return code


STRANGE = {
    "made-up ids": {"ce_id": str(uuid.uuid4()).encode()},
    "a sandbox that nobody has": {"ce_source": b"/%s/s000000000000", "ce_sandbox": b"s000000000000"},
    "a huge epoch": {"ce_id": b"x", "ce_epoch": b"%d" % ((1 << 31) - 1)},
}
# Provinces that no other test asks `explain` about: what was found in their lanes stays there.
LANES = {"made-up ids": "31", "a sandbox that nobody has": "33", "a huge epoch": "38", "a copy": "40"}


@pytest.mark.parametrize("topic", [TO_PROVINCE, TO_PORTAL])
@pytest.mark.parametrize("kind", [*STRANGE, "a copy"])
async def test_real_events_arrive_and_the_strange_record_is_named(
    lienthong: Country, lienthong_kafka: dict[str, str], sandbox: Sandbox, topic: str, kind: str
) -> None:
    province = LANES[kind]
    commune = (await lienthong.communes(province))[0]["code"]
    first = await submitted(sandbox, province, commune)
    await sandbox.script(first, reception="receive")
    await sandbox.clock.advance("1d")
    last = await the_last(lienthong_kafka, sandbox, topic)
    source = last.header("ce_source").split("/")[1].encode()
    changes = {name: value.replace(b"%s", source) for name, value in STRANGE.get(kind, {}).items()}
    write(lienthong_kafka, topic, last.partition, *under_next_numbers(last, 5, **changes))

    code = await submitted(sandbox, province, commune)
    await sandbox.script(code, reception="receive")
    await sandbox.clock.advance("1d")
    events = [event["event"] for event in await sandbox.events(code)]
    assert events[:2] == ["dossier.submitted.v1", "dossier.received.v1"]
    assert (await sandbox.citizen("lan").dossier(code))["status"]["code"] != 1, "both sides have read their events"
    assert "foreign-record" in [cause["name"] for cause in await sandbox.explain(code)]
    assert (await sandbox.settle(timeout_seconds=60))["verdict"] == "still"


async def test_many_clients_at_one_office_are_served_or_asked_to_come_again(sandbox: Sandbox) -> None:
    citizens = [sandbox.citizen("lan") for _ in range(MANY)]
    dossiers = await asyncio.gather(*(citizen.submit(PROCEDURE, "37", "14464") for citizen in citizens))
    assert len({dossier["code"] for dossier in dossiers}) == MANY
