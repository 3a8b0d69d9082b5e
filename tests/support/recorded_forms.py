"""What a recorded conversation says of a request or an answer: its form, filled in and compared with what came.

Forms. A plain value stands for itself, a list for as many elements, an object for its members; others may be there as well.
{"$is": NAME}                     a value of this kind, see KINDS; `least`: how many members an object has
{"$list": form, "least": number}  a list whose elements all have this form; `first`: form of the first one; `some`: form that one
                                  of them has; `least` can be the name of an earlier list, which is as long
{"$one": [forms]}                 any of these
{"$not": form}                    anything else
{"$has": text}                    a text with this in it
{"$json": form}                   a text with JSON
{"$xml": {element: form}}         XML in base64 in which an element of this name has a text of this form
{"$optional": {member: form}}     beside the members of an object: those that may be missing
"as": NAME                        the value is <NAME> from now on
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from tests.support.legacy_program import Json

NAMED = re.compile(r"<([a-z][a-z0-9-]*)>")


def is_base64(value: Any) -> bool:
    try:
        return bool(base64.b64decode(value, validate=True))
    except (TypeError, ValueError):
        return False


def is_number(value: Any) -> bool:
    """A number, or a text with one, as a Java `long` is written."""
    return not isinstance(value, bool) and re.fullmatch(r"-?\d+(\.\d+)?", str(value)) is not None


def is_time(form: str) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            return bool(datetime.strptime(value, form).strftime(form) == value)
        except (TypeError, ValueError):
            return False

    return fits


def written(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


KINDS: dict[str, Callable[[Any], bool]] = {
    "any": lambda value: True,
    "string": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str) and value.strip() != "",
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": is_number,
    "integer": lambda value: type(value) is int,
    "zero": lambda value: type(value) in (int, str) and str(value) == "0",  # what acknowledges a push
    "failure": lambda value: is_number(value) and float(value) != 0,
    "flag": lambda value: isinstance(value, bool),
    "url": written(r"https?://[^\s/]+/\S*"),
    "base64": is_base64,
    "pdf": lambda value: isinstance(value, bytes) and value.startswith(b"%PDF-"),
    "time14": is_time("%Y%m%d%H%M%S"),
    "day": is_time("%d-%m-%Y"),
    "code": written(r"[0-9A-Za-z][0-9A-Za-z.-]*"),
    "procedure": written(r"[0-3]\.\d{6}(\.000\.00\.00\.[GH]\d\d)?"),  # 0: a provisional code of ours
    "online-service": written(r"[123]\.\d{6}(\.000\.00\.00\.[GH]\d\d)?\.\d\d"),
    "kind-of-result": written(r"KQ\.G\d\d\.\d{6}"),
    "field": written(r"G\d\d-[A-Z]+\d+"),
    "ministry": written(r"G\d\d"),
}


def fill(value: Any, names: Json) -> Any:
    """The value with what is known in place of <NAME>; a text that is nothing else becomes a value of its own type."""
    if isinstance(value, dict):
        return {key: fill(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, names) for each in value]
    if not isinstance(value, str):
        return value
    if (whole := NAMED.fullmatch(value)) and whole[1] in names:
        return names[whole[1]]
    return NAMED.sub(lambda found: str(names.get(found[1], found[0])), value)


def checksum(members: str, message: Json, secret: str, *, keyed: bool) -> str:
    """keyed: HMAC-SHA256, as KeyPay has it; else SHA-256, with the secret as last value."""
    values = [str(message.get(name, "")) for name in members.split("|")]
    if keyed:
        return hmac.new(secret.encode(), "|".join(values).encode(), hashlib.sha256).hexdigest()
    return hashlib.sha256("|".join([*values, secret]).encode()).hexdigest()


def compare(form: Any, value: Any, names: Json, pointer: str = "") -> Iterator[str]:
    """A sentence for every place at which a value has another form; `names` takes what the form names."""
    before = pointer or "/"
    if isinstance(form, list):
        if not isinstance(value, list) or len(value) != len(form):
            yield f"{before}: {shown(value)} is no list of {len(form)}"
            return
        for place, (wanted, each) in enumerate(zip(form, value, strict=True)):
            yield from compare(wanted, each, names, f"{pointer}/{place}")
    elif not isinstance(form, dict):
        if type(value) is not type(form) or value != form:
            yield f"{before}: {shown(value)} is not {shown(form)}"
    elif "$one" in form:
        if all(any(compare(each, value, names)) for each in form["$one"]):
            yield f"{before}: {shown(value)} is none of {shown(form['$one'])}"
    elif "$not" in form:
        if not any(compare(form["$not"], value, {})):
            yield f"{before}: {shown(value)} must not be"
    elif "$has" in form:
        if not isinstance(value, str) or form["$has"] not in value:
            yield f"{before}: {shown(value)} has no {form['$has']!r}"
    elif "$json" in form:
        try:
            inner = json.loads(value)
        except (TypeError, ValueError):
            yield f"{before}: {shown(value)} is no text with JSON"
            return
        yield from compare(form["$json"], inner, names, pointer)
    elif "$xml" in form:
        yield from compare_xml(form["$xml"], value, before)
    elif "$is" in form:
        if not KINDS[form["$is"]](value) or ("least" in form and len(value) < form["least"]):
            yield f"{before}: {shown(value)} is not {form}"
    elif "$list" in form:
        yield from compare_list(form, value, names, pointer)
    elif not isinstance(value, dict):
        yield f"{before}: {shown(value)} is no object"
    else:
        optional = form.get("$optional", {})
        wanted = {name: each for name, each in form.items() if name != "$optional"}
        for name, each in {**optional, **wanted}.items():
            if name in value:
                yield from compare(each, value[name], names, f"{pointer}/{name}")
            elif name in wanted:
                yield f"{pointer}/{name}: is missing in {shown(value)}"
    if isinstance(form, dict) and isinstance(form.get("as"), str) and any(key.startswith("$") for key in form):
        names[form["as"]] = value


def compare_list(form: Json, value: Any, names: Json, pointer: str) -> Iterator[str]:
    before = pointer or "/"
    least = form.get("least", 0)
    least = len(names[least]) if isinstance(least, str) else least
    if not isinstance(value, list) or len(value) < least:
        yield f"{before}: {shown(value)} is no list of {least} or more"
        return
    for place, each in enumerate(value):
        yield from compare(form["$list"], each, names, f"{pointer}/{place}")
    if "first" in form and value:
        yield from compare(form["first"], value[0], names, f"{pointer}/0")
    if "some" in form and all(any(compare(form["some"], each, names)) for each in value):
        yield f"{before}: nothing in {shown(value)} is {shown(form['some'])}"


def compare_xml(elements: Json, value: Any, before: str) -> Iterator[str]:
    try:
        root = ElementTree.fromstring(base64.b64decode(value, validate=True))
    except (TypeError, ValueError, ElementTree.ParseError):
        yield f"{before}: {shown(value)} is no XML in base64"
        return
    for name, form in elements.items():
        texts = [element.text or "" for element in root.iter(name)]
        if all(any(compare(form, text, {})) for text in texts):
            yield f"{before}: no element {name} is {shown(form)}, but {texts} in {ElementTree.tostring(root, 'unicode')}"


def shown(value: Any) -> str:
    text = repr(value) if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"
