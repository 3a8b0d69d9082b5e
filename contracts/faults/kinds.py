"""What a named fault is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a setting's value is."""

    DURATION = "duration"  # 2s, 3d, P1D
    INTEGER = "integer"
    WORD = "word"  # one of its choices


@dataclass(frozen=True)
class Setting:
    """Something that a fault may be told.

    least, most  bounds of an integer, or of a duration in seconds
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
    """One thing that goes wrong in the real world, and here at a word.

    edge     where it bites; two rules of one edge that look at the same things contradict each other
    shows    what whoever is hit sees
    released what happens with what it held, once it is off
    teaches  the law, the RFC or the line of the fact sheets that a client must have read to cope
    match    by what a rule may choose its victims
    example  a rule worth trying, as it is sent: match, with, nth …
    steady   a state, not an occasion: it holds as long as it is on, and cannot be told how often
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
