"""A word that is none of those known: said so, with the one that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

ALIKE = 0.6  # difflib's ratio from which two words are taken for one misspelt


def nearest(word: str, known: Collection[str], alike: float = ALIKE) -> str | None:
    """The known word that is most like `word`; None if none is at least `alike` (0 to 1)."""
    return next(iter(get_close_matches(word, known, n=1, cutoff=alike)), None)


def no_such(kind: str, word: str, known: Collection[str]) -> str:
    """A sentence for a pointer: `'manul' is no mode: did you mean manual? There are simulated, manual`."""
    all_of_them = ", ".join(known)
    if meant := nearest(word.strip().lower(), known):
        return f"'{word}' is no {kind}: did you mean {meant}? There are {all_of_them}"
    return f"'{word}' is no {kind}: there are {all_of_them}"
