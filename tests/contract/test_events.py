"""Schemas, models, examples and the zoo say the same thing."""

import json
import re
from collections import Counter
from copy import deepcopy
from datetime import datetime
from typing import Any
from unicodedata import is_normalized

import jsonschema
import pytest
from pydantic import ValidationError

from contracts import models
from contracts.catalogue import COMMUNES, PROCEDURES, PROVINCES, agency_code
from contracts.gate.zoo import Specimen, specimens
from contracts.instant import RFC3339
from contracts.schemas import UnknownEventType, errors, event_types, rules, schema
from shared.sandbox.clock import BUSINESS_ZONE
from tools.docs import generate, python_types

ZOO = [each for each in specimens() if each.breaks]  # the rest of the zoo breaks rules of the gate: test_gate.py
EXAMPLES = [(name, example) for name in event_types() for example in schema(name)["examples"]]
INDEPENDENT = {
    name: jsonschema.Draft202012Validator(schema(name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    for name in event_types()
}


def parts(part: dict[str, Any]) -> list[dict[str, Any]]:
    inside = [*part.get("properties", {}).values(), *([part["items"]] if "items" in part else [])]
    return [part, *(deep for inner in inside for deep in parts(inner))]


def instants(body: Any) -> Any:
    """The same body with every time as an instant, so that two spellings of one are equal."""
    if isinstance(body, dict):
        return {key: instants(value) for key, value in body.items() if value is not None}
    if isinstance(body, str) and re.match(r"\d{4}-\d\d-\d\dT", body):
        return datetime.fromisoformat(body)
    return body


@pytest.mark.parametrize("name", event_types())
def test_a_schema_is_valid_and_tells_its_own_name(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$id"] == f"https://lienthong.example/contracts/events/{name}.json"
    assert len(schema(name)["examples"]) >= 2


@pytest.mark.parametrize("name", event_types())
def test_every_part_is_described_in_both_languages_and_has_a_rule(name: str) -> None:
    for part in parts(dict(schema(name))):
        for key in ("title", "x-title-vi", "description", "x-description-vi", "x-rule"):
            assert part[key].strip(), (name, key)
            assert is_normalized("NFC", part[key])
        assert re.fullmatch(r"LT-[A-Z]{3}-[0-9]{3}", part["x-rule"])
        assert part.get("additionalProperties", True) is True


def test_no_rule_id_is_given_twice() -> None:
    given = Counter(part["x-rule"] for name in event_types() for part in parts(dict(schema(name))))
    assert set(given.values()) == {1}
    assert sum(len(rules(name)) for name in event_types()) == len(given)


def test_a_title_means_one_shape_in_all_schemas() -> None:
    """Generators name classes by titles: two shapes with one title would become one class that fits only one of them."""
    prose = {"title", "description", "examples", "$id"}

    def shape(part: Any) -> Any:
        if not isinstance(part, dict):
            return part
        kept = {key: value for key, value in part.items() if key not in prose and not key.startswith("x-")}
        if "properties" in kept:
            kept["properties"] = {key: shape(value) for key, value in kept["properties"].items()}
        return {key: value if key == "properties" else shape(value) for key, value in kept.items()}

    shapes: dict[str, set[str]] = {}
    for name in event_types():
        for part in parts(dict(schema(name))):
            class_name = re.sub(r"\W", "", part["title"].title())
            shapes.setdefault(class_name, set()).add(json.dumps(shape(part), sort_keys=True))
    assert {title: len(found) for title, found in shapes.items() if len(found) > 1} == {}


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=lambda value: value if isinstance(value, str) else "")
def test_an_example_passes_the_gate_an_independent_validator_and_the_model(name: str, example: dict[str, Any]) -> None:
    assert errors(name, example) == []
    assert list(INDEPENDENT[name].iter_errors(example)) == []
    event = models.BY_TYPE[name].model_validate_json(json.dumps(example))
    written = json.loads(event.model_dump_json(exclude_unset=True))
    assert errors(name, written) == []
    assert instants(written) == instants(example)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=lambda value: value if isinstance(value, str) else "")
def test_an_example_speaks_of_places_and_procedures_that_exist(name: str, example: dict[str, Any]) -> None:
    if name == "lane.void.v1":
        return
    procedure = PROCEDURES[example["procedure"]]
    agency = example["dossier_code"].split("-")[0]
    commune = agency.split(".")[1] if "." in agency else None
    assert procedure.offered
    assert (commune is not None) == (procedure.level == "commune")
    assert agency == agency_code(example["province"], commune)
    if commune is not None:
        assert COMMUNES[commune].province == example["province"]
    if "applicant" in example:
        prefixes = {prefix for province in PROVINCES.values() for prefix in province.id_prefixes}
        assert example["applicant"]["id"][:3] in prefixes
        assert example["applicant"]["id"][6] == "9", "examples use the reserved serial range"
        assert example["applicant"].get("level", 2) >= procedure.identity_level, "only who files online has a level"


@pytest.mark.parametrize("name", event_types())
def test_a_reader_passes_over_fields_it_does_not_know(name: str) -> None:
    body = {**schema(name)["examples"][0], "a_field_of_tomorrow": {"x": 1}}
    assert errors(name, body) == []
    models.BY_TYPE[name].model_validate(body)


@pytest.mark.parametrize("name", event_types())
def test_gate_and_model_refuse_a_body_without_a_required_field(name: str) -> None:
    for missing in schema(name)["required"]:
        body = deepcopy(schema(name)["examples"][0])
        del body[missing]
        [error] = errors(name, body)
        assert error.pointer == f"/{missing}"
        assert error.rule == schema(name)["properties"][missing]["x-rule"]
        with pytest.raises(ValidationError):
            models.BY_TYPE[name].model_validate(body)


def test_class_and_type_find_each_other() -> None:
    assert set(models.BY_TYPE) == set(event_types())
    for name, model in models.BY_TYPE.items():
        assert model.__name__ == python_types.event_class(name)
        assert models.TYPE_OF[model] == name
    assert python_types.event_class("dossier.result_ready.v2") == "DossierResultReadyV2"


def told(bad: Specimen) -> tuple[str, Any]:
    """Type and body of a message of the zoo."""
    assert bad.event is not None
    return bad.event["type"], bad.event["data"]


@pytest.mark.parametrize("bad", ZOO, ids=lambda bad: bad.name)
def test_a_bad_message_breaks_exactly_the_rule_it_was_made_for(bad: Specimen) -> None:
    type, body = told(bad)
    found = errors(type, body)
    assert bad.breaks is not None
    assert {(error.pointer, error.rule) for error in found} == {(bad.breaks["pointer"], bad.breaks["rule"])}
    assert bad.breaks["rule"] in rules(type)
    assert all(error.detail for error in found)


@pytest.mark.parametrize("bad", ZOO, ids=lambda bad: bad.name)
def test_an_independent_validator_refuses_the_same_messages(bad: Specimen) -> None:
    type, body = told(bad)
    needs_calendar = bad.name == "day-that-does-not-exist"  # a format, which that package checks only with an add-on
    assert needs_calendar or list(INDEPENDENT[type].iter_errors(body))


@pytest.mark.parametrize("bad", ZOO, ids=lambda bad: bad.name)
def test_a_model_refuses_the_same_messages_as_the_gate(bad: Specimen) -> None:
    type, body = told(bad)
    with pytest.raises(ValidationError):
        models.BY_TYPE[type].model_validate_json(json.dumps(body))
    with pytest.raises(ValidationError):
        models.BY_TYPE[type].model_validate(body)


def test_the_zoo_breaks_every_kind_of_rule() -> None:
    kinds = {kind for bad in ZOO if bad.breaks for kind in rules(told(bad)[0])[bad.breaks["rule"]]}
    assert kinds >= {"type", "format", "pattern", "enum", "minimum", "minLength", "maxLength"}


def test_a_model_takes_a_moment_as_it_is_and_writes_its_offset() -> None:
    noon = datetime(2026, 11, 25, 12, tzinfo=BUSINESS_ZONE)
    event = models.DossierResultReturned(
        dossier_code="H42.14464-20261124-0000001",
        province="37",
        procedure="2.000635",
        returned_at=noon,
        channel="online",
    )
    assert event.returned_at == noon
    assert json.loads(event.model_dump_json())["returned_at"] == "2026-11-25T12:00:00+07:00"
    with pytest.raises(ValidationError):
        models.DossierResultReturned.model_validate({**event.model_dump(), "returned_at": datetime(2026, 11, 25, 12)})


def test_the_models_read_a_time_as_the_schemas_do() -> None:
    patterns = {part["pattern"] for name in event_types() for part in parts(dict(schema(name))) if "format" in part}
    assert patterns == {RFC3339}


def test_a_refusal_never_repeats_what_it_refuses() -> None:
    body = {**schema("dossier.withdrawn.v1")["examples"][0], "officer": ["Nguyễn Thị Bí Mật"]}
    assert "Bí Mật" not in " ".join(error.detail for error in errors("dossier.withdrawn.v1", body))


def test_an_unknown_event_type_is_refused_by_name() -> None:
    with pytest.raises(UnknownEventType) as refused:
        errors("dossier.vanished.v1", {})
    assert refused.value.facts["event_type"] == "dossier.vanished.v1"
    assert refused.value.facts["known"] == list(event_types())


@pytest.mark.parametrize("name", generate.outputs())
def test_what_is_computed_from_the_contracts_is_on_disk(name: str) -> None:
    assert generate.on_disk(name) == generate.outputs()[name](), "run `make contracts` and review the change"


def test_check_names_the_files_that_drift(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {
        "docs/lifecycle.md": generate.outputs()["docs/lifecycle.md"],
        "docs/glossary.md": lambda: "something else",
    }
    monkeypatch.setattr(generate, "outputs", lambda: outputs)
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    assert generate.main() == 1
    told = capsys.readouterr().out
    assert "docs/glossary.md" in told
    assert "docs/lifecycle.md" not in told
