"""The pydantic models of the events; written first, for the services that `generate` asks for their documents import them.

python -m tools.docs.event_models
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts import schemas
from contracts.schemas import event_types, schema

SHOWN_IN_MODELS = (
    *("type", "pattern", "minLength", "maxLength", "minimum", "maximum", "enum", "required", "minItems", "maxItems"),
)


def event_class(event_type: str) -> str:
    """Name of the model of an event type: `dossier.result_ready.v1` is DossierResultReady; v2 says so at its end."""
    subject, past, version = event_type.split(".")
    name = "".join(word.capitalize() for word in (subject, *past.split("_")))
    return name if version == "v1" else name + version.upper()


def models() -> str:
    """The pydantic models of all events, with the two maps between types and classes."""
    bundle = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"Instant": {"type": "string"}}
        | {event_class(name): _for_models(schema(name)) for name in event_types()},
    }
    by_type = "".join(f'    "{name}": {event_class(name)},\n' for name in event_types())
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "events.json"), Path(folder, "models.py")
        source.write_text(json.dumps(bundle), encoding="utf-8")
        _run("datamodel_code_generator", "--input", source, "--output", target, *MODEL_OPTIONS)
        with target.open("a", encoding="utf-8") as file:
            file.write(f"\n\nBY_TYPE: dict[str, type[BaseModel]] = {{\n{by_type}}}\n")
            file.write("TYPE_OF: dict[type[BaseModel], str] = {model: name for name, model in BY_TYPE.items()}\n")
        _run("ruff", "check", "--isolated", "--quiet", "--select", "I", "--fix", target)
        _run("ruff", "format", "--isolated", "--quiet", "--line-length", "120", target)
        return target.read_text(encoding="utf-8")


MODEL_OPTIONS = (
    *("--input-file-type", "jsonschema", "--output-model-type", "pydantic_v2.BaseModel"),
    *("--target-python-version", "3.11", "--target-pydantic-version", "2.12", "--formatters", "builtin"),
    *(
        "--custom-file-header",
        '"""Events as pydantic models, generated from events/ by `make contracts`."""',
    ),
    *("--type-overrides", '{"Instant": "contracts.instant.Instant"}', "--strict-types", "int", "float", "bool"),
    *("--enum-field-as-literal", "all", "--use-annotated"),
    *("--use-union-operator", "--use-standard-collections", "--use-schema-description", "--use-double-quotes"),
    *("--enable-faux-immutability", "--disable-future-imports", "--skip-root-model", "--disable-timestamp"),
)


def _for_models(part: Mapping[str, Any]) -> dict[str, Any]:
    """What the generator needs of a schema: no prose, and a time as the one type that reads it strictly."""
    if part.get("format") == "date-time":
        return {"$ref": "#/$defs/Instant"}
    kept = {key: value for key, value in part.items() if key in SHOWN_IN_MODELS}
    if "properties" in part:
        kept["description"] = part["description"]
        kept["properties"] = {name: _for_models(inner) for name, inner in part["properties"].items()}
    if "items" in part:
        kept["items"] = _for_models(part["items"])
    return kept


def _run(module: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    (schemas.EVENTS.parent / "models.py").write_text(models(), encoding="utf-8")
