"""The services of the adapter API, from their hand-written schemas, and what is wrong with a request by them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from contracts.gate.rules import Finding
from contracts.legacy import FOLDER, personal, rules
from contracts.legacy import services as services
from contracts.legacy.values import time_of, written

MOST = 50  # findings per request: a field that is always wrong is wrong in every row
MOST_READ = 3_000  # errors of a request, of some millions that 24 MB can have
Schema = Mapping[str, Any]


@cache
def schema(service: str) -> Schema:
    """The schema of the parameters of a service; KeyError if there is no such service."""
    if service not in services():
        raise KeyError(service)
    document: Schema = json.loads((FOLDER / f"{service}.json").read_text(encoding="utf-8"))
    return document


@cache
def _validator(service: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(schema(service)), mask="the value")


@cache
def answers(service: str) -> jsonschema_rs.Draft202012Validator:
    """The validator of the result of a service; KeyError if it has none."""
    return jsonschema_rs.Draft202012Validator(schema(service)["$defs"]["result"])


def findings(service: str, request: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the parameters of a request; of what can be taken at most MOST. Unknown members are never wrong."""
    if _validator(service).is_valid(dict(request)):
        return []
    kept, tolerable = list[Finding](), 0
    for finding in islice(_findings(service, request), MOST_READ):
        tolerable += finding.tolerable
        if not finding.tolerable or tolerable <= MOST:
            kept.append(finding)
    return kept


def _findings(service: str, request: Mapping[str, Any]) -> Iterator[Finding]:
    for error in _validator(service).iter_errors(dict(request)):
        path = list(error.instance_path)
        value = personal.shown(path, _value(request, path))
        if isinstance(error.kind, Kind.Required):
            yield rules.MISSING.at(_pointer([*path, error.kind.property]))
        elif isinstance(error.kind, Kind.MinLength):
            yield rules.MISSING.at(_pointer(path), value)
        elif isinstance(error.kind, Kind.MaxLength):
            yield rules.TOO_LONG.at(_pointer(path), value, expected=f"at most {error.kind.limit} characters")
        elif isinstance(error.kind, Kind.Pattern) and "yyyyMMddHHmmss" in _part(service, error)["description"]:
            meant = time_of(value)  # no time is hidden
            yield rules.TIME_FORM.at(_pointer(path), value, expected=written(meant) if meant else None)
        else:
            yield rules.FORM.at(_pointer(path), value, expected=_wanted(_part(service, error)))


def _wanted(part: Schema) -> str:
    choices = [each for each in part.get("enum", ()) if isinstance(each, str) and each]
    return f"{part.get('description', '')} {'One of: ' + ', '.join(choices) + '.' if choices else ''}".strip()


def _part(service: str, error: jsonschema_rs.ValidationError) -> Any:
    part: Any = schema(service)
    for step in error.schema_path[:-1]:
        part = part[step]
    return part


def _value(request: Any, path: Any) -> Any:
    for step in path:
        request = request[step]
    return request


def _pointer(path: list[Any]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
