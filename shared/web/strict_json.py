"""JSON bodies as RFC 8259 and I-JSON (RFC 7493) want them: a name once in an object, no NaN, no deeper than anybody needs.

Python's own reader takes the last of two equal names and says nothing; the next reader down the line may take the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from starlette.types import Message, Receive

from shared.errors import BodyDoesNotFit
from shared.problem_types import pointer_of

DEPTH = 32  # levels of objects and arrays; the deepest lawful body here has four
SHOWN = 20  # names that stand twice, in one answer
FORMS = (b"application/x-www-form-urlencoded", b"multipart/")
TOO_DEEP = ("", "is nested too deep; no body here has more than a few levels")
_NAME = re.compile(rb'"[ \t\r\n]*:')  # the end of every name, and perhaps something inside a text


def strict(receive: Receive, content_type: bytes) -> Receive:
    """`receive`, which refuses a JSON body with its last piece. What is no JSON is left to whoever reads it."""
    if content_type.startswith(FORMS):
        return receive
    pieces: list[bytes] = []

    async def checked() -> Message:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            must_be_plain(b"".join(pieces))
            pieces.clear()
        return message

    return checked


def must_be_plain(body: bytes) -> None:
    """Raises BodyDoesNotFit for JSON that readers may disagree about, or that is nested too deep.

    Costs 10 µs for 1 KB (measured): where the text has no more names than the objects read from it, none stands twice.
    """
    if not body:
        return
    try:
        names = _names(msgspec.json.decode(body))
    except (msgspec.DecodeError, ValueError, RecursionError):
        names = None
    if names is None or names != len(_NAME.findall(body)):
        _look_closely(body)


def _names(found: Any) -> int | None:
    """How many names stand in all objects together; None where they are nested too deep."""
    names, level = 0, [found] if isinstance(found, dict | list) else []
    for _ in range(DEPTH):
        inner = []
        for part in level:
            if type(part) is dict:
                names += len(part)
                inner += [each for each in part.values() if type(each) is dict or type(each) is list]
            else:
                inner += [each for each in part if type(each) is dict or type(each) is list]
        level = inner
        if not level:
            return names
    return None


class _Members(list[tuple[str, Any]]):
    """An object with all its members, in their order."""


def _no_constant(name: str) -> Any:
    raise BodyDoesNotFit(("", f"holds {name}, which is not JSON; leave it out, or send null"))


_WHOLE = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_no_constant)


def _look_closely(body: bytes) -> None:
    """As its reader reads it, but with every member kept."""
    try:
        found = _WHOLE.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        twice = list(islice(_twice(found, 1, ("body",)), SHOWN))
    except RecursionError:
        raise BodyDoesNotFit(TOO_DEEP) from None
    except ValueError:  # no JSON, not UTF-8, a number of thousands of digits: its reader has a word for each
        return
    if twice:
        raise BodyDoesNotFit(*((pointer_of(place), "stands twice in its object; send it once") for place in twice))


def _twice(part: Any, depth: int, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a name stands that its object had already, in the order of the text. Raises RecursionError below DEPTH."""
    if not isinstance(part, list):
        return
    if depth > DEPTH:
        raise RecursionError
    seen = set[str | int]()
    for step, value in part if isinstance(part, _Members) else enumerate(part):
        if step in seen:
            yield (*place, step)
        if isinstance(part, _Members):
            seen.add(step)
        yield from _twice(value, depth + 1, (*place, step))
