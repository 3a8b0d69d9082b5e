"""Scenario files: YAML limited to what JSON has, and the portal's errors with the line of the file."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from lienthong.did_you_mean import nearest

READY = Path(__file__).with_name("ready")
SCHEMA = Path(__file__).with_name("scenario.schema.json")
Answer = TypeVar("Answer")
PASSING = (408, 429)  # statuses that do not mean that the request was wrong
LARGEST = 256 * 1024  # bytes
NOT_JSON = "JSON has no infinity, no number with thousands of digits and no half of a character: write something else"
TEXT = "tag:yaml.org,2002:str"
PLAIN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map"))


class ScenarioFault(Exception):
    """A file that is not a valid scenario or cannot be staged; the text says what is wrong, where, and how to fix it."""


@dataclass(frozen=True)
class ScenarioFile:
    """A parsed scenario file.

    where     name of the file in messages
    text      the YAML
    document  its JSON values
    lines     JSON pointer → line, from 1
    """

    where: str
    text: str
    document: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def error(self, pointer: str, sentence: str) -> str:
        """`birth.yaml, line 12, /dossiers/0/procedure: …`; for a missing member the line of its parent."""
        known = pointer
        while known not in self.lines and known:
            known = known.rpartition("/")[0]
        line = f", line {self.lines[known]}" if known in self.lines else ""
        return f"{self.where}{line}{', ' + pointer if pointer else ''}: {sentence}"

    async def checked(self, under: str, work: Awaitable[Answer]) -> Answer:
        """The result of a request made from a part of this file. If it is refused, raises ScenarioFault with the lines.

        under  JSON pointer of that part
        """
        from lienthong.client.http import Problem

        try:
            return await work
        except Problem as problem:
            if problem.status >= 500 or problem.status in PASSING:
                raise  # the machine's trouble is not the author's mistake
            errors = problem.facts.get("errors") or [{"pointer": "", "detail": str(problem)}]
            raise ScenarioFault(
                "\n".join(self.error(under + each["pointer"], each["detail"]) for each in errors)
            ) from problem


class _JsonLoader(yaml.SafeLoader):
    """Loads only what JSON has: names are text and unique, there are no references, and dates stay text."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            raise _error(f"*{alias.anchor} refers to another part: write it out", alias)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = set[str]()
        for name, _ in node.value:
            if name.tag != TEXT:
                raise _error("a name must be text: write it in quotes", name)
            if name.value in names:
                raise _error(f"'{name.value}' is written twice: remove one", name)
            names.add(name.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(node, yaml.ScalarNode):
                json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except ValueError as error:
            raise _error(NOT_JSON, node) from error
        return value


def _error(problem: str, position: yaml.Node | yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast(yaml.Mark, position.start_mark))


_JsonLoader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.startswith(PLAIN)
}
_JsonLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def ready() -> dict[str, Path]:
    """The scenarios that come with the package, by name."""
    return {path.stem: path for path in sorted(READY.glob("*.yaml"))}


def read(source: str | Path) -> ScenarioFile:
    """A scenario from a file, or a scenario of the package by its name. Raises ScenarioFault."""
    path = Path(source)
    try:
        if not path.suffix and (not path.exists() or path.is_dir()):
            path = _ready_one(str(source))
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)  # the size of a pipe or device is not known beforehand
        if len(content) > LARGEST:
            raise ScenarioFault(f"{path} has more than {LARGEST // 1024} KiB, which is too long for a scenario.")
        return parse(content.decode(), path.name)
    except OSError as error:
        raise ScenarioFault(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ScenarioFault(f"{path}, line {line}: is not UTF-8: save the file in that encoding.") from error


def _ready_one(name: str) -> Path:
    known = ready()
    if name not in known:
        similar = nearest(name, known)
        hint = f"did you mean {similar}? " if similar else ""
        raise ScenarioFault(f"There is no scenario '{name}': {hint}There are {', '.join(known)}; or name a file.")
    return known[name]


def parse(text: str, where: str = "scenario") -> ScenarioFile:
    """A scenario from YAML text. Raises ScenarioFault if it is not YAML, has more than JSON has, or is not an object."""
    try:
        loader = _JsonLoader(text)
        node = loader.get_single_node()
        document = loader.construct_document(node) if node is not None else None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ScenarioFault(f"{where}, line {line}: contains U+{error.character:04X}: remove it.") from error
    except yaml.MarkedYAMLError as error:
        line_text = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ScenarioFault(f"{where}{line_text}: cannot be read: {error.problem}.") from error
    except (ValueError, RecursionError) as error:  # an escape beyond Unicode; thousands of brackets
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ScenarioFault(f"{where}: cannot be read: {reason}.") from error
    if not isinstance(document, dict):
        raise ScenarioFault(f"{where}: is not a scenario; begin with `scenario: 1`, or copy a scenario of the package.")
    return ScenarioFile(where, text, document, dict(_lines(node, "")))


def _lines(node: yaml.Node | None, pointer: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = key.value.replace("~", "~0").replace("/", "~1")
            yield f"{pointer}/{name}", key.start_mark.line + 1
            yield from _lines(value, f"{pointer}/{name}")
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield f"{pointer}/{place}", value.start_mark.line + 1
            yield from _lines(value, f"{pointer}/{place}")
