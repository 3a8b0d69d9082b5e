"""Text that PostgreSQL can keep and people can see, as types for bodies."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800"  # letters and a symbol to Unicode, drawn as nothing: Hangul, Braille


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds the character NUL (U+0000), which cannot be kept; take it out")
    if _LONE_SURROGATE.search(text):
        raise ValueError("holds a lone surrogate, which is not Unicode text; take it out")
    return text


def _keepable(text: str) -> str:
    return unicodedata.normalize("NFC", _storable(text))


def _visible(text: str) -> str:
    """Holds a letter, digit, punctuation or symbol; a mark alone has nothing to sit on."""
    if not any(unicodedata.category(each)[0] in "LNPS" and each not in _BLANKS for each in text):
        raise ValueError("shows nothing; write at least one letter, digit or sign that can be seen")
    return text


# Accepted in any normal form, kept as NFC: Vietnamese is typed in both.
Text = Annotated[str, AfterValidator(_keepable)]
Exact = Annotated[str, AfterValidator(_storable)]  # kept letter by letter: signed text, whose checksum covers its bytes
# For people to read: a name, a reason. Kept with the spaces around it, as it was sent.
Shown = Annotated[Text, AfterValidator(_visible), Field(json_schema_extra={"minLength": 1})]
