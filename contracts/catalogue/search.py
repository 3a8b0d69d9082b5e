"""Finding procedures by words typed with or without diacritics, and the groups people browse by."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from contracts.catalogue.procedures import Procedure
from contracts.catalogue.rows import many, rows, verified


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """An event in life or business, and the procedures that belong to it. The assignment is ours, unverified."""

    code: str
    name_vi: str
    name_en: str
    procedures: tuple[str, ...]
    verified: bool


def folded(text: str) -> str:
    """`text` in small letters without diacritics: "Đăng ký khai sinh" is "dang ky khai sinh"."""
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("đ", "d")


def search(procedures: Iterable[Procedure], wanted: str) -> list[Procedure]:
    """Those in which every word of `wanted` begins a word, the best first: code, name, English name, field.

    A name that has the words side by side, as typed, comes before one that has them apart; among equals the order
    given stays.
    """
    phrase = " ".join(_words(wanted))
    if not phrase:
        return list(procedures)
    ranked = ((_rank(procedure, phrase), procedure) for procedure in procedures)
    found = [(rank, procedure) for rank, procedure in ranked if rank is not None]
    return [procedure for _, procedure in sorted(found, key=lambda pair: pair[0])]


def _rank(procedure: Procedure, phrase: str) -> tuple[int, bool] | None:
    texts = _texts(procedure.code, procedure.name_vi, procedure.name_en, f"{procedure.field_vi} {procedure.field_en}")
    wanted = phrase.split()
    for place, text in enumerate((*texts, "".join(texts))):
        if all(f" {word}" in text for word in wanted):
            return place, f" {phrase}" not in text
    return None


@cache
def _texts(*texts: str) -> tuple[str, ...]:
    """Each with a space before every word: a word that begins with "sinh" is one that has " sinh"."""
    return tuple(f" {' '.join(_words(text))}" for text in texts)


def _words(text: str) -> list[str]:
    marks = "".join(letter if letter.isalnum() or letter == "." else " " for letter in folded(text))
    return marks.split()


LIFE_EVENTS: Mapping[str, LifeEvent] = MappingProxyType(
    {
        row["code"]: LifeEvent(
            row["code"], row["name_vi"], row["name_en"], many(row["procedures"]), verified(row["mark"])
        )
        for row in rows("life_events.csv")
    }
)
