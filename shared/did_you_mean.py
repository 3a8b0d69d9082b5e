"""Error sentences for an unknown word, with the known word that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

SIMILARITY = 0.6  # difflib's ratio from 0 to 1; above it, the unknown word counts as a misspelling of the known one


def nearest(word: str, known: Collection[str], similarity: float = SIMILARITY) -> str | None:
    """The known word that is most similar to `word`; None if no word reaches `similarity` (0 to 1)."""
    return next(iter(get_close_matches(word, known, n=1, cutoff=similarity)), None)


def no_such(kind: str, word: str, known: Collection[str]) -> str:
    """The detail of an error: `'manul' is no mode: did you mean manual? There are simulated, manual`."""
    choices = ", ".join(known)
    if similar := nearest(word.strip().lower(), known):
        return f"'{word}' is no {kind}: did you mean {similar}? There are {choices}"
    return f"'{word}' is no {kind}: there are {choices}"
