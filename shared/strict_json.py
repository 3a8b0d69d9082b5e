"""JSON that every parser reads alike: RFC 8259 and I-JSON (RFC 7493), so no duplicate names in an object, and no NaN.

Limits depth and number of values, too.

Python's parser silently takes the last of two equal names; another parser of the same body may take the first.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from math import isfinite
from typing import Any

import msgspec

from shared.errors import BodyDoesNotFit, Misfit
from shared.problem_types import pointer_of
from shared.sentences import Sentence
from shared.text import storable

DEPTH = 32  # levels of objects and arrays; the deepest body that our contracts allow has four
MOST_VALUES = 5_000  # in one body; a sandbox with all people that it can have has fewer than 2,000
REPORT_LIMIT = 20  # errors in one response
LEAST, MOST = -(1 << 63), (1 << 64) - 1  # whole numbers that msgspec writes
TOO_LARGE = Sentence("is a number with too many digits", "là số có quá nhiều chữ số")
TOO_DEEP = ("", "is nested too deeply; no valid body has more than a few levels")
_NAME = re.compile(rb'"[ \t\r\n]*:')  # the end of every name; it may also match inside a string


def require_unambiguous(body: bytes) -> None:
    """Raises BodyDoesNotFit for JSON that parsers may read differently, or that is nested too deeply.

    Costs 10 µs for 1 KB (measured). If the text has as many names as the parsed objects, no name is a duplicate.
    """
    if not body:
        return
    try:
        document = msgspec.json.decode(body)
        counts = count_values(document)
    except (msgspec.DecodeError, ValueError, RecursionError):
        counts = None
    if counts is not None and sum(counts) > MOST_VALUES:  # before a model makes an error of each: 10 µs
        detail = f"is one of {sum(counts):,} values; no valid body has more than {MOST_VALUES:,}"
        first = [(pointer_of(path), detail) for path in islice(_values(document, ("body",)), REPORT_LIMIT)]
        raise BodyDoesNotFit(*first, more=sum(counts) - len(first))
    if counts is None or counts[0] != names_written(body):
        _find_errors(body)


def names_written(body: bytes) -> int:
    """How many names the text of a JSON document has, duplicates included; more if a string looks like one."""
    return len(_NAME.findall(body))


def count_values(document: Any) -> tuple[int, int] | None:
    """Number of members of all objects of `document`, and of elements of all arrays; None if it is nested too deeply."""
    members, elements, level = 0, 0, [document] if isinstance(document, dict | list) else []
    for _ in range(DEPTH):
        inner = []
        for part in level:
            if type(part) is dict:
                members += len(part)
                inner += [each for each in part.values() if type(each) is dict or type(each) is list]
            else:
                elements += len(part)
                inner += [each for each in part if type(each) is dict or type(each) is list]
        level = inner
        if not level:
            return members, elements
    return None


def _values(part: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The paths of all members and elements, in the order of the text."""
    for step, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield (*path, step)
        yield from _values(value, (*path, step))


class _Members(list[tuple[str, Any]]):
    """An object with all its members, duplicates included, in their order."""


def _no_constant(name: str) -> Any:
    raise BodyDoesNotFit(("", f"contains {name}, which is not JSON; leave it out, or send null"))


_DECODER = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_no_constant)


def _find_errors(body: bytes) -> None:
    """Parse `body` again with every member kept; raises BodyDoesNotFit with the duplicate names."""
    try:
        twice = duplicates(body)
    except RecursionError:
        raise BodyDoesNotFit(TOO_DEEP) from None
    except ValueError:  # no JSON, not UTF-8, a number of thousands of digits: the code that parses the body reports it
        return
    if twice:
        raise BodyDoesNotFit(*((pointer, "appears twice in its object; send it once") for pointer in twice))


def duplicates(body: bytes) -> list[str]:
    """Pointers of the first names that an object has twice. Raises RecursionError below DEPTH, ValueError for no JSON."""
    document = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    return [pointer_of(path) for path in islice(_duplicates(document, 1, ("body",)), REPORT_LIMIT)]


def _duplicates(part: Any, depth: int, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of duplicate names, in the order of the text. Raises RecursionError below DEPTH."""
    if not isinstance(part, list):
        return
    if depth > DEPTH:
        raise RecursionError
    seen = set[str | int]()
    for step, value in part if isinstance(part, _Members) else enumerate(part):
        if step in seen:
            yield (*path, step)
        if isinstance(part, _Members):
            seen.add(step)
        yield from _duplicates(value, depth + 1, (*path, step))


def storable_document(document: dict[str, Any]) -> dict[str, Any]:
    """A JSON object of any shape with its texts in NFC, as `shared.text.Text` has them.

    raises  BodyDoesNotFit for texts and numbers that cannot be stored: NUL, lone surrogates, more than 64 bits
    """
    misfits: list[Misfit] = []
    kept: dict[str, Any] = _storable(document, ("body",), misfits)
    if misfits:
        raise BodyDoesNotFit(*misfits)
    return kept


def _storable(part: Any, path: tuple[str | int, ...], misfits: list[Misfit]) -> Any:
    if isinstance(part, dict):
        return {_storable(name, (*path, name), misfits): _storable(part[name], (*path, name), misfits) for name in part}
    if isinstance(part, list):
        return [_storable(each, (*path, index), misfits) for index, each in enumerate(part)]
    if isinstance(part, str):
        try:
            return unicodedata.normalize("NFC", storable(part))
        except ValueError as error:
            misfits.append((pointer_of(path), error.args[0]))
    elif (isinstance(part, int) and not LEAST <= part <= MOST) or (isinstance(part, float) and not isfinite(part)):
        misfits.append((pointer_of(path), TOO_LARGE))
    return part
