"""The known word that was probably meant by one that is unknown; what users install imports nothing of ours."""

from __future__ import annotations

from collections.abc import Collection


def nearest(word: str, known: Collection[str], alike: float = 0.6) -> str | None:
    """The known word that is most like `word`; None if none is at least `alike` (difflib's ratio, 0 to 1)."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, n=1, cutoff=alike)), None)
