"""The contract stage: the body against the JSON Schema of its type, each error with a patch where one change mends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from contracts.gate import law_rules as rules
from contracts.gate.attributes import instant, of_digits
from contracts.gate.rules import Finding, Patch, added, replaced, shown
from contracts.schemas import Schema, errors, schema, validator
from shared.did_you_mean import nearest
from shared.sandbox.clock import wire

LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
ABSENT = object()
ITEMS_RULE = "LT-SRQ-006"  # the items of a request for a supplement
NO_GUESS = ("reason", "items", "result_number", "note", "text", "name")  # what only the office knows


def findings(type: str, data: Any, example: Any = None) -> Iterator[Finding]:
    """Every rule of the schema that the body breaks; the most specific named oddity stands for its schema rule.

    example  the body of a message that would be accepted now: missing facts are taken from it
    """
    if validator(type).is_valid(data):
        return
    for error in {(error.rule, error.pointer): error for error in errors(type, data)}.values():
        part = _part(type, error.rule)
        value = _at(data, error.pointer)
        yield _odd(part, f"/data{error.pointer}", value) or Finding(
            rule=error.rule,
            stage="contract",
            pointer=f"/data{error.pointer}",
            title=part["title"],
            title_vi=part["x-title-vi"],
            expected=str(error.detail),
            expected_vi=f"{part['x-title-vi']}: {part['x-description-vi']}",
            got=None if value is ABSENT else shown(value),
            source=f"contracts/events/{type}.json",
            patch=_patch(part, error.pointer, value, example),
        )


def _part(type: str, rule: str) -> Schema:
    return next(part for part in _parts(schema(type)) if part["x-rule"] == rule)


def _parts(part: Schema) -> Iterator[Schema]:
    yield part
    for inner in (*part.get("properties", {}).values(), *([part["items"]] if "items" in part else [])):
        yield from _parts(inner)


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return ABSENT
    return value


def _odd(part: Schema, pointer: str, value: Any) -> Finding | None:
    if part["x-rule"] == ITEMS_RULE and value == []:
        return rules.NO_ITEMS.at(pointer, "[]")
    if part.get("format") == "date-time" and isinstance(value, str) and (mended := of_digits(value)):
        return rules.DIGIT_TIME.at(pointer, value, expected=mended, patch=replaced(pointer, mended))
    if part.get("type") == "boolean" and value in (0, 1, "0", "1") and not isinstance(value, bool):
        truth = value in (1, "1")
        return rules.ZERO_ONE.at(pointer, value, expected="true" if truth else "false", patch=replaced(pointer, truth))
    return None


def _patch(part: Schema, pointer: str, value: Any, example: Any) -> Patch | None:
    """The one change that makes this part valid, if it is plain what was meant."""
    if value is ABSENT:
        meant = _at(example, pointer) if isinstance(example, dict) else ABSENT
        if meant is ABSENT or pointer.rpartition("/")[2] in NO_GUESS:
            return None
        return added(f"/data{pointer}", meant)
    mended = _mended(part, value)
    return None if mended is None else replaced(f"/data{pointer}", mended)


def _mended(part: Schema, value: Any) -> Any:
    kind = part.get("type")
    if part.get("format") == "date-time" and isinstance(value, str):
        moment = instant(value)
        if moment is not None and moment.year > 1:
            return wire(moment)
        if LOCAL_TIME.fullmatch(value):
            seconds = "" if value.count(":") == 2 else ":00"
            local = value.replace(" ", "T") + seconds + "+07:00"
            return local if instant(local) else None
        return None
    if kind in ("integer", "number") and isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        number = int(value)
        return number if part.get("minimum", 0) <= number <= part.get("maximum", number) else None
    if "enum" in part and isinstance(value, str):
        return nearest(value[:60].strip().lower(), part["enum"])
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return None
