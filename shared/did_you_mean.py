"""Error sentences for an unknown word, with the known word that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

SIMILARITY = 0.6  # difflib's ratio from 0 to 1; above it, the unknown word counts as a misspelling of the known one


def no_such(kind: str, word: str, known: Collection[str]) -> str:
    """The detail of an error: `'manul' is no mode: did you mean manual? There are simulated, manual`."""
    choices = ", ".join(known)
    for nearest in get_close_matches(word.strip().lower(), known, n=1, cutoff=SIMILARITY):
        return f"'{word}' is no {kind}: did you mean {nearest}? There are {choices}"
    return f"'{word}' is no {kind}: there are {choices}"
