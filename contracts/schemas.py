"""Checks an event body against its JSON Schema, and names each broken rule."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from shared.errors import Refusal
from shared.sentences import Sentence

EVENTS = Path(__file__).parent / "events"

Schema = Mapping[str, Any]


class UnknownEventType(Refusal):
    """No contract exists for this event type. Facts: `event_type`, `known`."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One error: its JSON pointer (RFC 6901), the id of the broken rule, and what is expected instead."""

    pointer: str
    rule: str
    detail: Sentence


@cache
def event_types() -> tuple[str, ...]:
    """Every event type that has a contract, in alphabetical order."""
    return tuple(sorted(path.stem for path in EVENTS.glob("*.json")))


@cache
def schema(event_type: str) -> Schema:
    """The hand-written JSON Schema of one event type; raises UnknownEventType."""
    if event_type not in event_types():
        raise UnknownEventType(
            f"Send one of the {len(event_types())} known event types, with its version at the end.",
            event_type=event_type,
            known=list(event_types()),
        )
    document: Schema = json.loads((EVENTS / f"{event_type}.json").read_text(encoding="utf-8"))
    return document


@cache
def validator(event_type: str) -> jsonschema_rs.Draft202012Validator:
    """The compiled validator of one event type, formats included. Its messages never contain the refused values."""
    return jsonschema_rs.Draft202012Validator(dict(schema(event_type)), validate_formats=True, mask="the value")


def errors(event_type: str, body: Any) -> list[SchemaError]:
    """All errors of `body` against the contract of `event_type`; empty if it is valid.

    body     parsed JSON
    raises   UnknownEventType
    """
    return [_described(schema(event_type), error) for error in validator(event_type).iter_errors(body)]


def rules(event_type: str) -> dict[str, Schema]:
    """Stable rule id → the part of the schema that contains the rule, for one event type."""
    return {part["x-rule"]: part for _, part in parts(schema(event_type))}


def parts(part: Schema, pointer: str = "") -> Iterator[tuple[str, Schema]]:
    """Every part of a schema with the pointer to its values; `*` stands for each index of a list."""
    yield pointer, part
    for name, inner in part.get("properties", {}).items():
        yield from parts(inner, f"{pointer}/{name}")
    if "items" in part:
        yield from parts(part["items"], f"{pointer}/*")


def _described(root: Schema, error: jsonschema_rs.ValidationError) -> SchemaError:
    part: Any = root
    for step in error.schema_path[:-1]:
        part = part[step]
    path = [str(step) for step in error.instance_path]
    message, message_vi = error.message, ""
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        missing = error.kind.property
        part, path, message = part["properties"][missing], [*path, missing], "it is missing; add it"
        message_vi = "còn thiếu; hãy thêm vào. "
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
    detail = Sentence(
        f"{message}. {part['title']}: {part['description']}",
        f"{message_vi}{part['x-title-vi']}: {part['x-description-vi']}",
    )
    return SchemaError(pointer, part["x-rule"], detail)
