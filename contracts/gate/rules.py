"""What a rule of the gate is, and a finding: one place where a message breaks a rule.

The rules themselves are in `envelope_rules` and `law_rules`; those of the bodies are in the schemas of `contracts/events`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from contracts.sources import CITED
from shared.sentences import Sentence
from shared.storage.value import Value

Stage = Literal["envelope", "contract", "law"]
Patch = tuple[dict[str, Any], ...]  # RFC 6902, over the structured form of the message
MOST_SHOWN = 120  # characters of a refused value that are repeated

RULES: dict[str, Rule] = {}  # by id, in the order of the table


class Finding(Value, frozen=True):
    """One error of a message.

    rule      stable id, of the gate or of a schema
    pointer   JSON pointer (RFC 6901) into the structured form of the message: `/id`, `/data/due_at`
    expected  what would have been right, as a value or a sentence; `expected_vi` only for sentences
    got       what was sent, shortened and with control characters shown; None: nothing
    source    article of law, section of a standard, line of a fact sheet, or file of the schema
    patch     JSON Patch that mends this error; None: no single change does
    tolerable whether `lenient` takes it as a deviation
    """

    rule: str
    stage: Stage
    pointer: str
    title: str
    title_vi: str
    expected: str
    source: str
    expected_vi: str | None = None
    got: str | None = None
    patch: Patch | None = None
    tolerable: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the gate.

    text     what is asked, as one sentence; a finding repeats it unless it knows the very value
    lenient  whether a province in lenient mode may break it: the deviation is recorded
    """

    id: str
    stage: Stage
    title: str
    title_vi: str
    text: str
    text_vi: str
    source: str
    lenient: bool = False

    def at(self, pointer: str, got: Any = None, *, expected: object = None, patch: Patch | None = None) -> Finding:
        """A finding at `pointer`.

        expected  a value, or a Sentence; None: the text of the rule
        """
        wanted = Sentence(self.text, self.text_vi) if expected is None else expected
        return Finding(
            rule=self.id,
            stage=self.stage,
            pointer=pointer,
            title=self.title,
            title_vi=self.title_vi,
            expected=str(wanted),
            expected_vi=wanted.vi if isinstance(wanted, Sentence) else None,
            got=None if got is None else shown(got),
            source=self.source,
            patch=patch,
            tolerable=self.lenient,
        )


def rule(
    id: str, title: str, title_vi: str, text: str, text_vi: str, source: str, *, stage: Stage, lenient: bool
) -> Rule:
    """A new rule of the table. An id is never given twice."""
    if id in RULES:
        raise ValueError(f"{id} is given twice")
    RULES[id] = Rule(id, stage, title, title_vi, text, text_vi, str(source), lenient)
    return RULES[id]


def is_law(source: str) -> bool:
    """Whether a source cites an instrument of law."""
    return CITED.search(source) is not None


def shown(value: Any) -> str:
    """A value of others in one short line: what is not printable as an escape such as `\\x1b`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    cut = text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"
    if cut.isprintable():
        return cut
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in cut
    )


def replaced(pointer: str, value: Any) -> Patch:
    """The patch that puts `value` in place of what is at `pointer`."""
    return ({"op": "replace", "path": pointer, "value": value},)


def added(pointer: str, value: Any) -> Patch:
    """The patch that adds a member, or puts `value` in its place."""
    return ({"op": "add", "path": pointer, "value": value},)


def removed(pointer: str) -> Patch:
    """The patch that removes what is at `pointer`."""
    return ({"op": "remove", "path": pointer},)
