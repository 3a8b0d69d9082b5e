"""What travels over Kafka is what the contracts say, to a plain client and to independent validators."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from jsonschema import Draft202012Validator, FormatChecker

from lienthong.client import Country
from lienthong.journeys import catalogue, travel
from tests.support.records import TO_PORTAL, TO_PROVINCE, WireRecord, records

SCHEMAS = Path(__file__).parents[2] / "contracts" / "events"
REQUIRED = {"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type"}
EXTENSIONS = {"ce_sandbox", "ce_sequence", "ce_epoch", "ce_dossierversion", "ce_signature"}
SPEAKERS = {TO_PROVINCE: "portal", TO_PORTAL: "gateway"}
LANES = 34


@pytest.fixture(scope="module")
async def travelled(lienthong: Country, lienthong_kafka: dict[str, str]) -> tuple[str, list[WireRecord]]:
    """A sandbox in which every named path was walked, and all its records."""
    async with lienthong.sandbox(seed="wire") as sandbox:
        assert all(each.reached for each in await travel.travel_all(sandbox, catalogue.ALL_MOVES))
        return sandbox.id, records(lienthong_kafka, sandbox.id)


def test_every_record_is_a_cloudevent_with_the_headers_of_the_contract(
    travelled: tuple[str, list[WireRecord]],
) -> None:
    sandbox, found = travelled
    assert found
    for record in found:
        assert set(record.headers) == REQUIRED | EXTENSIONS | {"traceparent"}
        assert record.header("ce_specversion") == "1.0"
        assert record.header("content-type") == "application/json"
        assert record.header("ce_source") == f"/{SPEAKERS[record.topic]}/{sandbox}"
        assert record.header("ce_time").endswith("+07:00")
        assert record.key.decode() == record.header("ce_subject") == record.body["dossier_code"]
    assert len({record.header("ce_id") for record in found}) == len(found)


def test_the_official_sdk_reads_the_same_event(travelled: tuple[str, list[WireRecord]]) -> None:
    for record in travelled[1]:
        event = from_binary_event(KafkaMessage(record.headers, record.key, record.value))
        assert event.get_type() == record.header("ce_type")
        assert event.get_subject() == record.header("ce_subject")
        assert event.get_time().isoformat(timespec="milliseconds") == record.header("ce_time")  # type: ignore[union-attr]
        assert event.get_extension("dossierversion") == record.header("ce_dossierversion")
        assert event.get_data() == record.body


def test_every_body_fits_its_schema(travelled: tuple[str, list[WireRecord]]) -> None:
    validators = {path.stem: _validator(path) for path in SCHEMAS.glob("*.json")}
    for record in travelled[1]:
        validators[record.header("ce_type")].validate(record.body)
    told = {record.header("ce_type") for record in travelled[1]}
    assert told == set(validators) - {"lane.void.v1"}, "between them the paths tell every event of a dossier"


def _validator(path: Path) -> Draft202012Validator:
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Draft202012Validator(schema, format_checker=FormatChecker())


def test_a_dossiers_events_are_numbered_from_one_by_each_source(travelled: tuple[str, list[WireRecord]]) -> None:
    versions: dict[tuple[str, str], list[int]] = {}
    for record in travelled[1]:
        story = versions.setdefault((record.header("ce_source"), record.header("ce_subject")), [])
        story.append(int(record.header("ce_dossierversion")))
    assert len({subject for _, subject in versions}) == len(catalogue.ALL_MOVES)
    assert all(story == list(range(1, len(story) + 1)) for story in versions.values())


async def test_a_province_has_the_partition_of_its_place_in_code_order(
    lienthong: Country, travelled: tuple[str, list[WireRecord]]
) -> None:
    codes = sorted(str(province["code"]) for province in await lienthong.provinces())
    assert len(codes) == LANES
    assert all(codes[record.partition] == record.body["province"] for record in travelled[1])
