"""Types for text in request bodies: text that PostgreSQL can store, and text that people can see."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Letters or symbols in Unicode that look empty: Hangul fillers, blank Braille.
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800"


def storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("contains the character NUL (U+0000), which cannot be stored; remove it")
    if _LONE_SURROGATE.search(text):
        raise ValueError("contains a lone surrogate, which is not valid Unicode text; remove it")
    return text


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFC", storable(text))


def _visible(text: str) -> str:
    """`text` if it has a letter, digit, punctuation mark or symbol; a combining mark alone is not enough."""
    if not any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANKS for char in text):
        raise ValueError("has no visible character; write at least one letter, digit or sign")
    return text


# Accepted in any Unicode normal form, stored as NFC, because keyboards for Vietnamese produce several forms.
Text = Annotated[str, AfterValidator(_normalised)]
Exact = Annotated[str, AfterValidator(storable)]  # stored unchanged: signed text, whose checksum covers the exact bytes
# Text for people to read, such as a name or a reason. Stored with leading and trailing spaces, as it was sent.
Shown = Annotated[Text, AfterValidator(_visible), Field(json_schema_extra={"minLength": 1})]
