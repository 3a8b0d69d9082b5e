"""Search for procedures by words, with or without diacritics; and life events, by which people browse procedures."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from contracts.catalogue.procedures import Procedure
from contracts.catalogue.rows import many, rows, verified


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """An event in life or business, with its procedures. The assignment is our own, unverified."""

    code: str
    name_vi: str
    name_en: str
    procedures: tuple[str, ...]
    verified: bool


def folded(text: str) -> str:
    """`text` in lower case without diacritics: "Đăng ký khai sinh" becomes "dang ky khai sinh"."""
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("đ", "d")


def search(procedures: Iterable[Procedure], wanted: str) -> list[Procedure]:
    """The procedures in which every word of `wanted` is the beginning of a word.

    Order: matches in the code, the name, the English name, the field. A text with the words side by side, as typed, comes
    before one with the words apart. Equal matches keep the given order.
    """
    phrase = " ".join(_words(wanted))
    if not phrase:
        return list(procedures)
    ranked = ((_rank(procedure, phrase), procedure) for procedure in procedures)
    matches = [(rank, procedure) for rank, procedure in ranked if rank is not None]
    return [procedure for _, procedure in sorted(matches, key=lambda pair: pair[0])]


def _rank(procedure: Procedure, phrase: str) -> tuple[int, bool] | None:
    texts = _texts(procedure.code, procedure.name_vi, procedure.name_en, f"{procedure.field_vi} {procedure.field_en}")
    wanted = phrase.split()
    for index, text in enumerate((*texts, "".join(texts))):
        if all(f" {word}" in text for word in wanted):
            return index, f" {phrase}" not in text
    return None


@cache
def _texts(*texts: str) -> tuple[str, ...]:
    """Each text with a space before every word: so `" sinh" in text` means that a word begins with "sinh"."""
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
