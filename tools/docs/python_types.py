"""Python types generated from JSON schemas by datamodel-code-generator: our events, and what the client reads and sends."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from contracts.faults import CATALOGUE
from contracts.lifecycle import LIFECYCLE, OFFICIALS
from contracts.schemas import event_types, schema

Schema = Mapping[str, Any]
Option = Literal[True] | str | tuple[str, ...]
# What limits a value is kept; `additionalProperties`, formats and prose are not.
SHOWN_IN_EVENTS = {"type", "pattern", "enum", "required", "minimum", "maximum"}
SHOWN_IN_EVENTS |= {"minLength", "maxLength", "minItems", "maxItems"}
SHOWN_IN_CLIENT = ("type", "required", "description", "additionalProperties")
# Names that users import, by the service and the schema that they are generated from.
CLIENT_TYPES = {
    "Dossier": ("portal", "DossierView"),
    "ProvinceDossier": ("province_gateway", "DossierView"),
    "Batch": ("province_gateway", "BatchView"),
    "BatchOutcome": ("province_gateway", "OutcomeView"),
    "ProvinceMode": ("portal", "ModeView"),
    "ConnectorRow": ("province_gateway", "ConnectorView"),
    "Credentials": ("province_gateway", "CredentialsView"),
    "Delivery": ("province_gateway", "DeliveryView"),
    "DeliveryAttempt": ("province_gateway", "AttemptView"),
    "Wish": ("portal", "NewSandbox"),
    "SandboxRow": ("portal", "SandboxView"),
    "Reading": ("portal", "ClockView"),
    "Advance": ("portal", "Advanced"),
    "Verdict": ("portal", "VerdictView"),
    "Cause": ("portal", "CauseView"),
    "Arrival": ("portal", "AnswerView"),
    "News": ("portal", "NewsView"),
    "Entry": ("portal", "TimelineEntry"),
    "RedrivenLetter": ("portal", "RedrivenLetter"),
}
# Closed lists, as names that users import. They are for type checkers and editors: at run time a client takes any value,
# so it also understands a newer country.
CHOICES: Mapping[str, Sequence[str]] = {
    "State": [state.slug for state in LIFECYCLE.states],
    "Move": sorted({move.does for move in LIFECYCLE.moves if move.who in OFFICIALS}),
    "Event": event_types(),
    "FaultName": [fault.name for fault in CATALOGUE],
}
# Members with such a value: of a schema of the client.
CHOSEN = {
    ("Status", "slug"): "State",
    ("ProvinceStatus", "slug"): "State",
    ("ProvinceDossier", "can"): "Move",
    ("Entry", "event"): "Event",
    ("Step", "does"): "Move",
    ("Step", "at"): "State",
    ("RuleBody", "fault"): "FaultName",
}
NAMES = {key: name for name, key in CLIENT_TYPES.items()}
PREFIXES = {"portal": "", "province_gateway": "Province"}


def event_class(event_type: str) -> str:
    """Name of the model of an event type: `dossier.result_ready.v1` is DossierResultReady; v2 says so at its end."""
    subject, past, version = event_type.split(".")
    name = "".join(word.capitalize() for word in (subject, *past.split("_")))
    return name if version == "v1" else name + version.upper()


def event_models() -> str:
    """contracts/models.py: the pydantic models of all events, with the two maps between types and classes."""
    schemas = {event_class(name): _for_events(schema(name)) for name in event_types()}
    by_type = "".join(f'    "{name}": {event_class(name)},\n' for name in event_types())
    maps = (
        f"\n\nBY_TYPE: dict[str, type[BaseModel]] = {{\n{by_type}}}\n"
        "TYPE_OF: dict[type[BaseModel], str] = {model: name for name, model in BY_TYPE.items()}\n"
    )
    return _generated(
        {"Instant": {"type": "string"}} | schemas,
        '"""Events as pydantic models, generated from events/ by `make contracts`."""',
        output_model_type="pydantic_v2.BaseModel",
        target_pydantic_version="2.12",
        type_overrides='{"Instant": "contracts.instant.Instant"}',
        strict_types=("int", "float", "bool"),
        enum_field_as_literal="all",
        use_annotated=True,
        enable_faux_immutability=True,
        disable_future_imports=True,
        end=maps,
    )


def client_types(portal: Schema, province_gateway: Schema) -> str:
    """lienthong/client/types.py: CLIENT_TYPES and what they consist of, as TypedDicts, from two OpenAPI documents."""
    documents = {"portal": portal, "province_gateway": province_gateway}
    schemas: dict[str, Schema] = {}
    missing = list(CLIENT_TYPES.values())
    while missing:
        service, name = missing.pop()
        if (client_name := _client_name(service, name)) not in schemas:
            given = documents[service]["components"]["schemas"][name]
            schemas[client_name] = _with_choices(
                client_name, _for_client(service, given, optional=client_name == "Wish")
            )
            missing += [(service, inner) for inner in _referred(given)]
    choices = {name: {"type": "string", "enum": list(values)} for name, values in CHOICES.items()}
    return _generated(
        dict(sorted((choices | schemas).items())),
        '"""What services answer and what a new sandbox takes, generated from openapi/ by `make contracts`."""',
        output_model_type="typing.TypedDict",
        no_use_closed_typed_dict=True,
        use_single_line_docstring=True,
        enum_field_as_literal="all",
    )


def _generated(schemas: Mapping[str, Schema], header: str, *, end: str = "", **options: Option) -> str:
    """Python code for `schemas`; `options` are those of datamodel-code-generator, with _ for -, True for a flag."""
    options |= {
        "custom_file_header": header,
        "input_file_type": "jsonschema",
        "target_python_version": "3.11",
        "formatters": "builtin",
        "use_union_operator": True,
        "use_standard_collections": True,
        "use_schema_description": True,
        "use_double_quotes": True,
        "skip_root_model": True,
        "disable_timestamp": True,
    }
    words: list[str] = []
    for name, value in options.items():
        words.append("--" + name.replace("_", "-"))
        words += () if value is True else (value,) if isinstance(value, str) else value
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "schemas.json"), Path(folder, "types.py")
        bundle = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": schemas}
        source.write_text(json.dumps(bundle), encoding="utf-8")
        _run("datamodel_code_generator", "--input", source, "--output", target, *words)
        with target.open("a", encoding="utf-8") as file:
            file.write(end)
        _run("ruff", "check", "--isolated", "--quiet", "--select", "I", "--fix", target)
        _run("ruff", "format", "--isolated", "--quiet", "--line-length", "120", target)
        return target.read_text(encoding="utf-8")


def _for_events(part: Schema) -> dict[str, Any]:
    """What the generator needs of a schema: no prose, and a time as the one type that reads it strictly."""
    if part.get("format") == "date-time":
        return {"$ref": "#/$defs/Instant"}
    kept = {key: value for key, value in part.items() if key in SHOWN_IN_EVENTS}
    if "properties" in part:
        kept["description"] = part["description"]
        kept["properties"] = {name: _for_events(inner) for name, inner in part["properties"].items()}
    if "items" in part:
        kept["items"] = _for_events(part["items"])
    return kept


def _for_client(service: str, part: Schema, *, optional: bool = False) -> dict[str, Any]:
    """Only shapes: limits and choices are checked by the service. `optional`: every property may be None, too."""
    if "$ref" in part:
        return {"$ref": "#/$defs/" + _client_name(service, _schema_name(part))}
    kept = {key: value for key, value in part.items() if key in SHOWN_IN_CLIENT}
    if "anyOf" in part:
        kept["anyOf"] = [_for_client(service, inner) for inner in part["anyOf"]]
    if "items" in part:
        kept["items"] = _for_client(service, part["items"])
    if isinstance(part.get("additionalProperties"), dict):
        kept["additionalProperties"] = _for_client(service, part["additionalProperties"])
    if "properties" in part:
        kept["properties"] = {name: _for_client(service, inner) for name, inner in part["properties"].items()}
        if optional:
            null = {"type": "null"}
            kept["properties"] = {name: {"anyOf": [inner, null]} for name, inner in kept["properties"].items()}
    else:
        kept.pop("description", None)
    return kept


def _with_choices(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """The schema with the names of closed lists instead of text, where CHOSEN says so."""
    for member, inner in part.get("properties", {}).items():
        if choice := CHOSEN.get((name, member)):
            part["properties"][member] = _chosen(choice, inner)
    return part


def _chosen(choice: str, part: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in part:
        return part | {"anyOf": [_chosen(choice, inner) for inner in part["anyOf"]]}
    if "items" in part:
        return part | {"items": _chosen(choice, part["items"])}
    return {"$ref": f"#/$defs/{choice}"} if part.get("type") == "string" else part


def _referred(part: Any) -> Iterator[str]:
    """Names of the schemas that a schema refers to."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield _schema_name(part)
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _referred(inner)


def _schema_name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _client_name(service: str, name: str) -> str:
    return NAMES.get((service, name)) or PREFIXES[service] + name.removesuffix("View")


def _run(module: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, capture_output=True)


if __name__ == "__main__":  # alone and first: a handler of a new event imports its model
    (Path(__file__).resolve().parents[2] / "contracts/models.py").write_text(event_models(), encoding="utf-8")
