"""Scenario files: YAML read plainly, and what a portal says of one said again with the line it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lienthong.doors import Problem

READY = Path(__file__).with_name("ready")
SCHEMA = Path(__file__).with_name("scenario.schema.json")
Answer = TypeVar("Answer")
LARGEST = 256 * 1024  # bytes


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
    """Dates stay text, for JSON has none."""


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
    if not path.suffix and not path.exists():
        known = ready()
        if str(wanted) not in known:
            meant = get_close_matches(str(wanted), known, n=1)
            asked = f"did you mean {meant[0]}? " if meant else ""
            raise ScenarioFault(
                f"There is no scenario '{wanted}': {asked}Ready are {', '.join(known)}; or name a file."
            )
        path = known[str(wanted)]
    try:
        if path.stat().st_size > LARGEST:
            raise ScenarioFault(f"{path} has more than {LARGEST // 1024} KiB, which is no scenario.")
        return parse(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioFault(f"{path} cannot be read: {error}.") from error


def parse(text: str, where: str = "scenario") -> ScenarioFile:
    """A scenario from YAML, of which JSON is a part. Raises ScenarioFault for what is no YAML, or no object."""
    try:
        node = yaml.compose(text, _Plain)
        alias = next((each for each in yaml.parse(text, _Plain) if isinstance(each, yaml.AliasEvent)), None)
        document = yaml.load(text, _Plain) if alias is None else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        raise ScenarioFault(f"{where}{at}: is no YAML: {getattr(error, 'problem', None) or error}.") from error
    if alias is not None:
        at = f", line {alias.start_mark.line + 1}" if alias.start_mark else ""
        raise ScenarioFault(f"{where}{at}: *{alias.anchor} refers to another part: write it out.")
    if not isinstance(document, dict):
        raise ScenarioFault(f"{where}: holds no scenario; begin with `scenario: 1`, or copy a ready one.")
    return ScenarioFile(where, text, document, dict(_lines(node, "")))


def _lines(node: yaml.Node | None, pointer: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value).replace("~", "~0").replace("/", "~1")
            yield f"{pointer}/{name}", key.start_mark.line + 1
            yield from _lines(value, f"{pointer}/{name}")
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield f"{pointer}/{place}", value.start_mark.line + 1
            yield from _lines(value, f"{pointer}/{place}")
