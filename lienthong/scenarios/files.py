"""Scenario files: YAML read plainly, and what a portal says of one said again with the line it is about."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from lienthong.client.http import Problem
from lienthong.did_you_mean import nearest

READY = Path(__file__).with_name("ready")
SCHEMA = Path(__file__).with_name("scenario.schema.json")
Answer = TypeVar("Answer")
LARGEST = 256 * 1024  # bytes
UNSPEAKABLE = "JSON has no infinity, no number of thousands of digits and no half of a character: write something else"
TEXT = "tag:yaml.org,2002:str"
PLAIN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map"))


class ScenarioFault(Exception):
    """A file that is no scenario, or one that cannot be staged: what is wrong, where, and how to mend it."""


@dataclass(frozen=True)
class ScenarioFile:
    """A scenario as it was written.

    where     how messages name the file
    text      the YAML
    document  its JSON values
    lines     JSON pointer → line, from 1
    """

    where: str
    text: str
    document: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def says(self, pointer: str, sentence: str) -> str:
        """`birth.yaml, line 12, /dossiers/0/procedure: …`; of something that is missing, the line of what it belongs to."""
        known = pointer
        while known not in self.lines and known:
            known = known.rpartition("/")[0]
        line = f", line {self.lines[known]}" if known in self.lines else ""
        return f"{self.where}{line}{', ' + pointer if pointer else ''}: {sentence}"

    async def told(self, under: str, work: Awaitable[Answer]) -> Answer:
        """What a door answers to a part of this file. Raises ScenarioFault, line by line, where it refuses.

        under  pointer of that part
        """
        try:
            return await work
        except Problem as problem:
            errors = problem.facts.get("errors") or [{"pointer": "", "detail": str(problem)}]
            raise ScenarioFault(
                "\n".join(self.says(under + each["pointer"], each["detail"]) for each in errors)
            ) from problem


class _Plain(yaml.SafeLoader):
    """No more than JSON has: a name is text and stands once, nothing refers to something else, and dates stay text."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            raise _amiss(f"*{alias.anchor} refers to another part: write it out", alias)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = set[str]()
        for name, _ in node.value:
            if name.tag != TEXT:
                raise _amiss("a name must be text: write it in quotes", name)
            if name.value in names:
                raise _amiss(f"'{name.value}' stands twice: leave one out", name)
            names.add(name.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            found = super().construct_object(node, deep)
            if isinstance(node, yaml.ScalarNode):
                json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
        except ValueError as error:
            raise _amiss(UNSPEAKABLE, node) from error
        return found


def _amiss(said: str, there: yaml.Node | yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=said, problem_mark=cast(yaml.Mark, there.start_mark))


_Plain.yaml_constructors = {
    tag: made for tag, made in yaml.SafeLoader.yaml_constructors.items() if tag is None or tag.startswith(PLAIN)
}
_Plain.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def ready() -> dict[str, Path]:
    """The scenarios that come with the package, by name."""
    return {path.stem: path for path in sorted(READY.glob("*.yaml"))}


def read(wanted: str | Path) -> ScenarioFile:
    """A file, or one of the ready scenarios by its name. Raises ScenarioFault."""
    path = Path(wanted)
    try:
        if not path.suffix and (not path.exists() or path.is_dir()):
            path = _ready_one(str(wanted))
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)  # a pipe or a device does not say how much it holds
        if len(found) > LARGEST:
            raise ScenarioFault(f"{path} has more than {LARGEST // 1024} KiB, which is no scenario.")
        return parse(found.decode(), path.name)
    except OSError as error:
        raise ScenarioFault(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ScenarioFault(f"{path}, line {line}: is no UTF-8: save the file in that encoding.") from error


def _ready_one(name: str) -> Path:
    known = ready()
    if name not in known:
        meant = nearest(name, known)
        asked = f"did you mean {meant}? " if meant else ""
        raise ScenarioFault(f"There is no scenario '{name}': {asked}Ready are {', '.join(known)}; or name a file.")
    return known[name]


def parse(text: str, where: str = "scenario") -> ScenarioFile:
    """A scenario from YAML, as far as JSON goes. Raises ScenarioFault for what is more, or no YAML, or no object."""
    try:
        loader = _Plain(text)
        node = loader.get_single_node()
        document = loader.construct_document(node) if node is not None else None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ScenarioFault(f"{where}, line {line}: holds U+{error.character:04X}: take it out.") from error
    except yaml.MarkedYAMLError as error:
        at = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ScenarioFault(f"{where}{at}: cannot be read: {error.problem}.") from error
    except (ValueError, RecursionError) as error:  # an escape beyond Unicode; thousands of brackets
        said = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise ScenarioFault(f"{where}: cannot be read: {said}.") from error
    if not isinstance(document, dict):
        raise ScenarioFault(f"{where}: holds no scenario; begin with `scenario: 1`, or copy a ready one.")
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
