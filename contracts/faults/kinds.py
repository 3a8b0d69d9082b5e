"""The types of which the fault catalogue consists."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The type of the value of a setting."""

    DURATION = "duration"  # 2s, 3d, P1D
    INTEGER = "integer"
    WORD = "word"  # one of its choices


@dataclass(frozen=True)
class Setting:
    """A setting of a fault.

    what         its meaning
    least, most  limits of an integer, or of a duration in seconds
    """

    name: str
    kind: Kind
    default: Any
    what: str
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 86_400 * 366


@dataclass(frozen=True)
class NamedFault:
    """A fault that happens in the real world, and that a rule can switch on in a sandbox.

    edge     where it fires; two rules at the same edge that can match the same case contradict each other
    shows    the effect that the affected client sees
    released what happens to delayed actions when the rule is switched off
    teaches  the law, the RFC or the line of the fact sheets that a client must follow to handle it
    match    the attributes that a rule can match
    example  a useful rule in the form in which it is sent: match, with, nth …
    steady   the fault is a state, not an event: it holds as long as the rule is on, and has no frequency
    """

    name: str
    edge: str
    title_en: str
    title_vi: str
    shows: str
    released: str
    teaches: str
    match: tuple[str, ...]
    settings: tuple[Setting, ...] = ()
    example: dict[str, Any] = field(default_factory=dict)
    steady: bool = False

    @property
    def family(self) -> str:
        return self.edge.partition(".")[0]
