"""Python types generated from JSON schemas by datamodel-code-generator: our events, and what the client reads and sends."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.schemas import event_types, schema

Schema = Mapping[str, Any]
SHOWN_IN_EVENTS = (
    *("type", "pattern", "minLength", "maxLength", "minimum", "maximum", "enum", "required", "minItems", "maxItems"),
)
SHOWN_IN_CLIENT = ("type", "required", "description", "additionalProperties")
# Names that users import, by the service and the schema that they are generated from.
CLIENT_TYPES = {
    "Dossier": ("portal", "DossierView"),
    "ProvinceDossier": ("province_gateway", "DossierView"),
    "ProvinceMode": ("portal", "ModeView"),
    "Wish": ("portal", "NewSandbox"),
    "SandboxRow": ("portal", "SandboxView"),
    "Reading": ("portal", "ClockView"),
    "Advance": ("portal", "Advanced"),
    "Verdict": ("portal", "VerdictView"),
    "Cause": ("portal", "CauseView"),
    "Arrival": ("portal", "AnswerView"),
    "News": ("portal", "NewsView"),
    "Entry": ("portal", "TimelineEntry"),
}
NAMES = {key: name for name, key in CLIENT_TYPES.items()}
PREFIXES = {"portal": "", "province_gateway": "Province"}
OPTIONS = (
    *("--input-file-type", "jsonschema", "--target-python-version", "3.11", "--formatters", "builtin"),
    *("--use-union-operator", "--use-standard-collections", "--use-schema-description", "--use-double-quotes"),
    *("--skip-root-model", "--disable-timestamp"),
)
MODEL_OPTIONS = (
    *("--output-model-type", "pydantic_v2.BaseModel", "--target-pydantic-version", "2.12"),
    *("--custom-file-header", '"""Events as pydantic models, generated from events/ by `make contracts`."""'),
    *("--type-overrides", '{"Instant": "contracts.instant.Instant"}', "--strict-types", "int", "float", "bool"),
    *("--enum-field-as-literal", "all", "--use-annotated", "--enable-faux-immutability", "--disable-future-imports"),
)
CLIENT_HEADER = '"""What services answer and what a new sandbox takes, generated from openapi/ by `make contracts`."""'
CLIENT_OPTIONS = (
    *("--output-model-type", "typing.TypedDict", "--no-use-closed-typed-dict", "--use-single-line-docstring"),
    *("--custom-file-header", CLIENT_HEADER),
)


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
    return _generated({"Instant": {"type": "string"}} | schemas, MODEL_OPTIONS, maps)


def client_types(portal: Schema, province_gateway: Schema) -> str:
    """lienthong/client/types.py: CLIENT_TYPES and what they consist of, as TypedDicts, from two OpenAPI documents."""
    documents = {"portal": portal, "province_gateway": province_gateway}
    schemas: dict[str, Schema] = {}
    missing = list(CLIENT_TYPES.values())
    while missing:
        service, name = missing.pop()
        if (client_name := _client_name(service, name)) not in schemas:
            given = documents[service]["components"]["schemas"][name]
            schemas[client_name] = _for_client(service, given, optional=client_name == "Wish")
            missing += [(service, inner) for inner in _referred(given)]
    return _generated(dict(sorted(schemas.items())), CLIENT_OPTIONS)


def _generated(schemas: Mapping[str, Schema], options: tuple[str, ...], end: str = "") -> str:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "schemas.json"), Path(folder, "types.py")
        bundle = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": schemas}
        source.write_text(json.dumps(bundle), encoding="utf-8")
        _run("datamodel_code_generator", "--input", source, "--output", target, *OPTIONS, *options)
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
