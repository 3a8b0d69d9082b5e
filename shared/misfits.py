"""Sentences in two languages for what pydantic finds wrong: its own never reach a user.

`misfits` is the only place that reads pydantic's errors; every body, query, header and file goes through it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from shared.did_you_mean import no_such
from shared.errors import Misfit
from shared.problem_types import pointer_of
from shared.sentences import Sentence

_QUOTED = re.compile(r"'([^']*)'")
_KINDS = {"does": "move", "when": "state", "state": "state", "at": "state", "reception": "choice"}  # member → of what
Location = tuple[int | str, ...]
Schema = Mapping[str, Any]  # a JSON Schema

_OBJECT = Sentence(
    'must be an object with members, such as {"name": "value"}',
    'phải là đối tượng có thành phần, ví dụ {"name": "value"}',
)
_LIST = Sentence("must be a list", "phải là danh sách")
_TEXT = Sentence("must be text: write it in quotes", "phải là chuỗi: đặt trong dấu ngoặc kép")
_WHOLE = Sentence("must be a whole number, without quotes", "phải là số nguyên, không đặt trong dấu ngoặc kép")
_NUMBER = Sentence("must be a number, without quotes", "phải là số, không đặt trong dấu ngoặc kép")
_YES_NO = Sentence("must be true or false, without quotes", "phải là true hoặc false, không đặt trong dấu ngoặc kép")
_INSTANT = Sentence(
    "must be an instant with its offset, such as 2026-12-01T08:00:00+07:00",
    "phải là thời điểm có múi giờ, ví dụ 2026-12-01T08:00:00+07:00",
)
_DATE = Sentence("must be a date, such as 2026-12-01", "phải là ngày, ví dụ 2026-12-01")
_FINITE = Sentence("must be a finite number", "phải là số hữu hạn")
_OTHER = Sentence(
    "is not a value that is accepted here; /openapi.json describes what is",
    "không phải là giá trị được chấp nhận ở đây; /openapi.json mô tả giá trị hợp lệ",
)
_FIXED: Mapping[str, Sentence] = {
    "missing": Sentence("is missing; add it", "còn thiếu; hãy thêm vào"),
    "string_type": _TEXT,
    "string_sub_type": _TEXT,
    "string_unicode": Sentence("is not valid Unicode text", "không phải là chuỗi Unicode hợp lệ"),
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": Sentence("is a number with too many digits", "là số có quá nhiều chữ số"),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _FINITE,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"), _INSTANT
    ),
    **dict.fromkeys(("timezone_naive", "timezone_aware", "timezone_offset"), _INSTANT),
}
_NO_KIND = ("union_tag_not_found", "union_tag_invalid")  # the member that says of which kind a body is
_BOUNDS = {
    "greater_than": ("gt", "must be greater than {}", "phải lớn hơn {}"),
    "greater_than_equal": ("ge", "must be {} or greater", "phải từ {} trở lên"),
    "less_than": ("lt", "must be less than {}", "phải nhỏ hơn {}"),
    "less_than_equal": ("le", "must be {} or less", "phải từ {} trở xuống"),
    "multiple_of": ("multiple_of", "must be a multiple of {}", "phải là bội số của {}"),
}


def misfits(items: Iterable[Mapping[str, Any]], schema: Callable[[], Schema]) -> list[Misfit]:
    """Pointer and sentence for each error of pydantic.

    items   as in `ValidationError.errors()`: type, loc, input, ctx
    schema  makes the JSON Schema of the value in which `loc` points: it has the names and examples that sentences mention
    """
    known: Schema | None = None
    by_place: dict[Location, list[tuple[Schema, Mapping[str, Any]]]] = {}
    for item in items:
        at: Location = tuple(item["loc"])
        if item["type"] == "json_invalid":  # FastAPI adds the position to the location
            at = at[:1]
        known = schema() if known is None else known
        root = at[: at[:1] == ("body",)]
        kind, inside = _of_kind(known, at[len(root) :])
        if item["type"] in _NO_KIND and "discriminator" in kind:
            inside = (*inside, kind["discriminator"]["propertyName"])
        by_place.setdefault(root + _in_document(kind, inside), []).append((kind, item))
    return [
        (pointer_of(place), _sentence(item, place[1:] if place[:1] == ("body",) else place, kind))
        for place, found in by_place.items()
        for kind, item in _closest(found)
    ]


def _of_kind(schema: Schema, at: Location) -> tuple[Schema, Location]:
    """The schema of the kind of a body that has several, told apart by a member, and the location without its name."""
    kinds = schema.get("discriminator", {}).get("mapping", {})
    if not at or at[0] not in kinds:
        return schema, at
    return {**_resolved(schema, {"$ref": kinds[at[0]]}), "$defs": schema["$defs"]}, at[1:]


def _in_document(schema: Schema, at: Location) -> Location:
    """The location without the names that pydantic adds for the alternatives of a value."""
    parts: list[Any] = [schema]
    steps: list[int | str] = []
    for step in at:
        parts = [each for part in parts for each in _alternatives(schema, part)]
        inner = [part["items"] if isinstance(step, int) else _member(part, step) for part in parts if _has(part, step)]
        if inner or len(parts) < 2:
            steps.append(step)
            parts = inner
    return tuple(steps)


def _has(part: Schema, step: int | str) -> bool:
    return isinstance(part.get("items") if isinstance(step, int) else _member(part, step), dict)


def _member(part: Schema, name: str) -> Any:
    return part.get("properties", {}).get(name) or part.get("additionalProperties")


def _alternatives(schema: Schema, part: Schema) -> list[Schema]:
    """What a value may be, besides null; references are followed."""
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    several = [each for each in part.get("anyOf", part.get("oneOf", ())) if each.get("type") != "null"]
    return [each for one in several for each in _alternatives(schema, one)] or [part]


def _closest(found: list[tuple[Schema, Mapping[str, Any]]]) -> list[tuple[Schema, Mapping[str, Any]]]:
    """Of the errors of several alternatives those of the one that the value was meant for: it has the right type."""
    return [each for each in found if not each[1]["type"].endswith("_type")] or found[:1]


def _sentence(item: Mapping[str, Any], at: Location, schema: Schema) -> str:
    kind, value, context = item["type"], item.get("input"), item.get("ctx") or {}
    name, part, parent = str(at[-1]) if at else "", _part(schema, at), _part(schema, at[:-1])
    words = _words(part, context) if kind in ("literal_error", "enum", "string_type") else []
    if kind == "value_error":  # our validators raise whole sentences
        why = context.get("error")
        text = why.args[0] if isinstance(why, Exception) and why.args else why
        return text if isinstance(text, str) else str(text)
    if kind == "json_invalid":
        return _not_json(item)
    if kind in _NO_KIND and "discriminator" in schema:
        return _no_kind(value.get(name) if isinstance(value, Mapping) else None, schema)
    if kind == "extra_forbidden":
        return _extra(name, parent.get("properties", {}))
    if value is None and kind != "missing":
        return _no_value(name in parent.get("required", ()))
    if isinstance(value, int | float) and (kind == "string_type" or (words and part.get("type") == "string")):
        read_as = (
            ("true or false", "true hoặc false")
            if isinstance(value, bool)
            else (f"the number {str(value)[:20]}", f"số {str(value)[:20]}")
        )
        return Sentence(
            f"is read as {read_as[0]}: write it in quotes", f"được đọc là {read_as[1]}: đặt trong ngoặc kép"
        )
    if isinstance(value, str) and words:
        return no_such(_KINDS.get(name, "value"), value, words)
    if words:
        return Sentence(f"must be one of {', '.join(words)}", f"phải là một trong: {', '.join(words)}")
    if kind in _BOUNDS:
        member, en, vi = _BOUNDS[kind]
        return Sentence(en.format(context.get(member)), vi.format(context.get(member)))
    if kind == "string_pattern_mismatch":
        return _of_form(context, part)
    return _of_size(kind, value, context) or _FIXED.get(kind, _OTHER)


def _not_json(item: Mapping[str, Any]) -> Sentence:
    place = item["loc"][-1] if item["loc"] else None  # FastAPI gives it, pydantic alone does not
    if not isinstance(place, int):
        return Sentence("is not JSON", "không phải là JSON")
    return Sentence(
        f"is not JSON: it cannot be read from character {place + 1} on", f"không phải là JSON, từ ký tự thứ {place + 1}"
    )


def _no_kind(value: Any, schema: Schema) -> Sentence:
    """What is wrong with the member that says of which kind a body is."""
    kinds = list(schema["discriminator"]["mapping"])
    if isinstance(value, str):
        return no_such("value", value, kinds)
    listed = ", ".join(kinds)
    if value is None:
        return Sentence(f"is missing; add one of {listed}", f"còn thiếu; hãy thêm một trong: {listed}")
    return Sentence(f"must be one of {listed}", f"phải là một trong: {listed}")


def _extra(name: str, known: Collection[str]) -> Sentence:
    if known:
        return no_such("member of this object", name, list(known))
    return Sentence(
        f"'{name}' is no member of this object: leave it out",
        f"'{name}' không phải là thành phần của đối tượng này: hãy bỏ đi",
    )


def _no_value(required: bool) -> Sentence:
    if required:
        return Sentence("has no value: give it a value", "không có giá trị: hãy điền giá trị")
    return Sentence("has no value: leave it out, or give it a value", "không có giá trị: hãy bỏ đi hoặc điền giá trị")


def _words(part: Schema, context: Mapping[str, Any]) -> list[str]:
    """The words that a value may be."""
    words = part.get("enum") or (
        [part["const"]] if "const" in part else _QUOTED.findall(str(context.get("expected", "")))
    )
    return [str(word) for word in words if word is not None]


def _of_size(kind: str, value: Any, context: Mapping[str, Any]) -> Sentence | None:
    least, most = context.get("min_length"), context.get("max_length")
    unit, unit_vi = ("characters", "ký tự") if isinstance(value, str) else ("entries", "mục")
    size = len(value) if hasattr(value, "__len__") else context.get("actual_length", "?")
    if kind in ("string_too_short", "too_short"):
        if size == 0:
            return Sentence("is empty: give it a value", "đang trống: hãy điền giá trị")
        return Sentence(f"has {size} {unit}; at least {least} are needed", f"có {size} {unit_vi}; cần ít nhất {least}")
    if kind in ("string_too_long", "too_long"):
        return Sentence(
            f"has {size} {unit}; at most {most} are allowed", f"có {size} {unit_vi}; nhiều nhất được {most}"
        )
    return None


def _of_form(context: Mapping[str, Any], part: Schema) -> Sentence:
    if examples := part.get("examples"):
        return Sentence(
            f"does not have the right form; write one such as {examples[0]}", f"sai dạng; ví dụ {examples[0]}"
        )
    pattern = context.get("pattern", "")
    return Sentence(f"does not have the right form; it must match {pattern}", f"sai dạng; phải khớp với {pattern}")


def _part(schema: Schema, at: Location) -> Schema:
    """The part of a schema that describes a location in a document; empty if there is none."""
    part: Any = schema
    for step in at:
        part = _resolved(schema, part)
        part = part.get("items") if isinstance(step, int) else _member(part, step)
        if not isinstance(part, dict):
            return {}
    return _resolved(schema, part)


def _resolved(schema: Schema, part: Any) -> Schema:
    """The part itself: references followed; of a value that may be null, what it is otherwise."""
    for _ in range(8):  # references to references
        if "$ref" in part:
            part = {
                **schema["$defs"][part["$ref"].rpartition("/")[2]],
                **{k: v for k, v in part.items() if k != "$ref"},
            }
        elif alternatives := [each for each in part.get("anyOf", ()) if each.get("type") != "null"]:
            part = {**alternatives[0], **{k: v for k, v in part.items() if k != "anyOf"}}
        else:
            break
    return part if isinstance(part, dict) else {}
