"""Just enough of PromQL to say which series and labels an expression names; what it cannot read it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

FUNCTIONS = {"rate", "increase", "changes", "histogram_quantile", "delta", "irate", "abs", "clamp_min", "vector"}
AGGREGATORS = {"sum", "max", "min", "avg", "count", "topk", "bottomk", "quantile"}
LABEL_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "offset", "bool"}
_TOKEN = re.compile(
    r"""\s+ | (?P<string>"(?:[^"\\]|\\.)*") | (?P<range>\[(?:\d+[smhdwy]|\$__rate_interval|\$__range)\])
    | (?P<number>\d+(?:\.\d+)?(?:[smhdwy](?!\w))?) | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<mark>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},])""",
    re.VERBOSE,
)


class NotPromQL(ValueError):
    """The expression cannot be read."""


@dataclass
class Named:
    """What an expression names.

    series   in the order of their places
    labels   label → the values it is compared with, as (operator, text); none where results are grouped by it
    """

    series: list[str] = field(default_factory=list)
    labels: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def named(expression: str) -> Named:
    """The series and labels of an expression. Raises NotPromQL."""
    found, tokens = Named(), list(_tokens(expression))
    depth, at = 0, 0
    while at < len(tokens):
        kind, text = tokens[at]
        after = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        at += 1
        if text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
        elif kind == "name" and text in LABEL_LISTS:
            at = _label_list(tokens, at, found)
        elif kind == "name" and text in FUNCTIONS | AGGREGATORS:
            if after != "(" and not (text in AGGREGATORS and after in ("by", "without")):
                raise NotPromQL(f"{text} without its arguments in {expression}")
        elif kind == "name" and text not in WORDS:
            if after == "(":
                raise NotPromQL(f"no function {text} is known: {expression}")
            found.series.append(text)
            if after == "{":
                at = _matchers(tokens, at + 1, found)
        elif text in ("{", "}"):
            raise NotPromQL(f"a selector without a name in {expression}")
        if depth < 0:
            raise NotPromQL(f"one ) too many in {expression}")
    if depth or not found.series:
        raise NotPromQL(f"one ( too many, or no series in {expression}")
    return found


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise NotPromQL(f"at {expression[at:][:20]!r} in {expression}")
        at = match.end()
        if match.lastgroup:
            yield match.lastgroup, match[0]


def _label_list(tokens: list[tuple[str, str]], at: int, found: Named) -> int:
    _expect(tokens, at, "(")
    at += 1
    while tokens[at][1] != ")":
        kind, text = tokens[at]
        if kind == "name":
            found.labels.setdefault(text, [])
        elif text != ",":
            raise NotPromQL(f"{text} among labels")
        at += 1
        if at == len(tokens):
            raise NotPromQL("a list of labels that does not end")
    return at + 1


def _matchers(tokens: list[tuple[str, str]], at: int, found: Named) -> int:
    while True:
        words = [text for _, text in tokens[at : at + 4]]
        kinds = [kind for kind, _ in tokens[at : at + 3]]
        if len(words) < 4 or kinds != ["name", "mark", "string"] or words[1] not in ("=", "!=", "=~", "!~"):
            raise NotPromQL(f"no matcher: {' '.join(words)}")
        found.labels.setdefault(words[0], []).append((words[1], words[2][1:-1]))
        at += 4
        if words[3] == "}":
            return at
        if words[3] != ",":
            raise NotPromQL(f"between matchers stands {words[3]}")


def _expect(tokens: list[tuple[str, str]], at: int, text: str) -> None:
    if at >= len(tokens) or tokens[at][1] != text:
        raise NotPromQL(f"{text} is missing")
