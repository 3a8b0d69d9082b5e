"""A word that is none of those known: said so, with the one that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

ALIKE = 0.6  # difflib's ratio from which two words are taken for one misspelt


def no_such(kind: str, word: str, known: Collection[str]) -> str:
    """A sentence for a pointer: `'manul' is no mode: did you mean manual? There are simulated, manual`."""
    all_of_them = ", ".join(known)
    for meant in get_close_matches(word.strip().lower(), known, n=1, cutoff=ALIKE):
        return f"'{word}' is no {kind}: did you mean {meant}? There are {all_of_them}"
    return f"'{word}' is no {kind}: there are {all_of_them}"
