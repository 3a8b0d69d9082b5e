"""The AsyncAPI document names what really travels."""

import json
import re
from datetime import datetime
from typing import Any

import jsonschema
import pytest

from contracts import gate
from contracts.catalogue import PROVINCES
from contracts.gate import Known
from contracts.schemas import errors, event_types
from contracts.topics import FROM_PORTAL, FROM_PROVINCE, ROUTES, VOID
from contracts.topics import TOPICS as TOPICS_OF
from shared.messaging.cloudevents import Record, decode
from tests.support import yaml_files
from tools.docs.generate import REPOSITORY

FOLDER = REPOSITORY / "contracts"
DOCUMENT: dict[str, Any] = yaml_files.read(FOLDER / "asyncapi.yaml")
TOPICS = {"dossier.to-province.v1", "dossier.to-portal.v1"}
NOW = datetime.fromisoformat("2026-11-25T10:00:00+07:00")
LANES = {name: channel for name, channel in DOCUMENT["channels"].items() if "x-lanes" in channel}
DOORS = {name: channel for name, channel in DOCUMENT["channels"].items() if name not in LANES}


def resolved(reference: str) -> Any:
    file, _, pointer = reference.partition("#")
    found: Any = DOCUMENT if not file else json.loads((FOLDER / file).read_text(encoding="utf-8"))
    for step in pointer.strip("/").split("/") if pointer else []:
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


TOLD = {f"told.{name}" for name in (*FROM_PORTAL, *FROM_PROVINCE)}


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [deep for value in part.values() for deep in references(value)]
    return [deep for value in part for deep in references(value)] if isinstance(part, list) else []


def test_it_is_asyncapi_three_and_every_reference_leads_somewhere() -> None:
    assert DOCUMENT["asyncapi"].startswith("3.")
    for reference in references(DOCUMENT):
        assert resolved(reference)


def test_both_topics_have_one_partition_per_province() -> None:
    channels = LANES.values()
    assert {channel["address"] for channel in channels} == TOPICS
    for channel in channels:
        assert channel["bindings"]["kafka"]["topic"] == channel["address"]
        assert channel["bindings"]["kafka"]["partitions"] == len(PROVINCES) == 34


def test_every_event_type_is_a_message_with_its_schema_on_some_topic() -> None:
    messages = DOCUMENT["components"]["messages"]
    doors = {*(f"said.{name}" for name in FROM_PROVINCE), *TOLD, "verdict.v1"}
    assert set(messages) == {*event_types(), *doors}
    messages = {name: messages[name] for name in event_types()}
    for name, message in messages.items():
        assert resolved(message["payload"]["$ref"])["$id"].endswith(f"/{name}.json")
    travelling = {name for channel in LANES.values() for name in channel["messages"]}
    assert travelling == set(event_types())


def test_each_topic_has_one_speaker_and_one_listener() -> None:
    for channel in DOCUMENT["channels"]:
        on_it = [each for each in DOCUMENT["operations"].values() if each["channel"]["$ref"].endswith(f"/{channel}")]
        assert sorted(each["action"] for each in on_it) == ["receive", "send"]
        assert len({each["x-party"] for each in on_it}) == 2


@pytest.mark.parametrize("name", event_types())
def test_headers_are_cloudevents_of_one_event_type(name: str) -> None:
    headers = resolved(DOCUMENT["components"]["messages"][name]["headers"]["$ref"])
    named = headers["properties"]
    assert {"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"} <= set(named)
    assert {"ce_sandbox", "ce_sequence", "ce_epoch", "ce_dossierversion", "traceparent"} <= set(named)
    assert named["ce_type"] == {"type": "string", "const": name}
    extensions = [name.removeprefix("ce_") for name in named if name.startswith("ce_")]
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in extensions), "CloudEvents 1.0 section 3.1"


@pytest.mark.parametrize("name", event_types())
def test_a_reader_takes_every_example_of_a_message_from_its_own_source_alone(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    check = jsonschema.Draft202012Validator(resolved(message["headers"]["$ref"]))
    for example in message["examples"]:
        check.validate(example["headers"])
        assert errors(name, example["payload"]) == []
        fields = {key: value.encode() for key, value in example["headers"].items()}
        record = Record(0, 0, b"", json.dumps(example["payload"]).encode(), fields)
        topics = [topic for topic in TOPICS_OF if name in (*TOPICS_OF[topic], VOID)]
        readers = {source: decode(record, source) for source, _ in ROUTES.values()}
        own = [source for source, event in readers.items() if event is not None]
        assert own and set(own) <= {ROUTES[topic][0] for topic in topics}
    assert message["examples"]


def test_a_channel_lists_its_lanes_and_who_may_write() -> None:
    for channel in LANES.values():
        lanes = {lane["province"]: lane["partition"] for lane in channel["x-lanes"]}
        assert lanes == {province.code: province.lane for province in PROVINCES.values()}
        assert (channel["x-source"], channel["x-reader"]) == ROUTES[channel["address"]]
        for word in ("may write", "may read", "All sandboxes share", "7 days"):
            assert word in channel["description"]


def test_a_connector_has_three_topics_a_user_of_its_own_and_verdicts() -> None:
    topics = {channel["address"]: set(channel["messages"]) for channel in DOORS.values()}
    assert topics == {
        "province.{province}.inbox.v1": TOLD,
        "province.{province}.outbox.v1": {f"said.{name}" for name in FROM_PROVINCE},
        "province.{province}.verdicts.v1": {"verdict.v1"},
    }
    for channel in DOORS.values():
        assert channel["parameters"]["province"]["enum"] == list(PROVINCES)
        (server,) = channel["servers"]
        (scheme,) = resolved(server["$ref"])["security"]
        assert resolved(scheme["$ref"])["type"].startswith("scram")


def test_an_event_that_a_connector_sends_with_these_headers_passes_the_gate() -> None:
    known = Known.in_state("submitted", now=NOW)
    event = gate.example(known, "dossier.received.v1", NOW) or {}
    headers = {f"ce_{name}": event[name] for name in ("specversion", "id", "source", "type", "subject", "time")}
    headers["content-type"] = "application/json"
    message = DOCUMENT["components"]["messages"]["said.dossier.received.v1"]
    jsonschema.Draft202012Validator(resolved(message["headers"]["$ref"])).validate(headers)
    assert errors("dossier.received.v1", event["data"]) == []
    raw = tuple((name, value.encode()) for name, value in headers.items())
    record = gate.Message("kafka", "37", raw, json.dumps(event["data"]).encode(), event["partitionkey"].encode())
    assert gate.check(record, known, NOW).outcome == "accepted"
