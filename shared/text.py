"""Types for text in request bodies: text that PostgreSQL can store, and text that people can see."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.sentences import Sentence

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Letters or symbols in Unicode that look empty: Hangul fillers, blank Braille.
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800"


def _unfit(en: str, vi: str) -> ValueError:
    return ValueError(Sentence(en, vi))


def require_text(value: object) -> object:
    """Refuses digits for a time: pydantic would read 20261126 as seconds since 1970."""
    if not isinstance(value, str) or re.fullmatch(r"[+-]?[0-9.]+", value):
        raise _unfit(
            "is written as text, such as 2026-06-09 or 2026-06-09T08:00:00+07:00",
            "viết bằng chữ, như 2026-06-09 hoặc 2026-06-09T08:00:00+07:00",
        )
    return value


def storable(text: str) -> str:
    if "\x00" in text:
        raise _unfit(
            "contains the character NUL (U+0000), which cannot be stored; remove it",
            "có ký tự NUL (U+0000), không lưu được; hãy bỏ đi",
        )
    if _LONE_SURROGATE.search(text):
        raise _unfit(
            "contains a lone surrogate, which is not valid Unicode text; remove it",
            "có một nửa ký tự (surrogate), không hợp lệ; hãy bỏ đi",
        )
    return text


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFC", storable(text))


def is_visible(text: str) -> bool:
    """Whether it has a letter, digit, punctuation mark or symbol; a combining mark alone is not enough."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANKS for char in text)


def _visible(text: str) -> str:
    if not is_visible(text):
        raise _unfit(
            "has no visible character; write at least one letter, digit or sign",
            "không có ký tự nào nhìn thấy được; hãy viết ít nhất một chữ, số hoặc dấu",
        )
    return text


# Characters that act instead of being shown. Line breaks and tabs may stand in a note, the others in no text of ours.
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
_CONTROLS = re.compile(f"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_NONCHARACTERS}]")
_JOINERS = "\u200c\u200d"  # shape letters of some scripts, and join emoji; RFC 5892 appendix A


def acting(text: str) -> str | None:
    """The first character of a name that acts instead of being shown, as `U+202E`; None if there is none.

    Controls, line separators, and what is ignored when it is shown, such as bidi overrides: PRECIS has none of these in a
    name (RFC 8264 9.11, 9.13), nor noncharacters.
    """
    for char in text:
        is_hidden = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS
        if is_hidden or _CONTROLS.match(char):
            return f"U+{ord(char):04X}"
    return None


def _on_one_line(text: str) -> str:
    if char := acting(text):
        raise _unfit(
            f"contains {char}, a character that is not shown, or changes how others are shown; remove it",
            f"có {char}, ký tự không hiển thị hoặc làm thay đổi cách hiển thị; hãy bỏ đi",
        )
    return text


def _without_controls(text: str) -> str:
    if text.isprintable():  # 40 times as fast as the pattern; without line breaks, a note mostly is
        return text
    if match := _CONTROLS.search(text):
        raise _unfit(
            f"contains U+{ord(match[0]):04X}, a control character or noncharacter; remove it",
            f"có U+{ord(match[0]):04X}, ký tự điều khiển hoặc không phải ký tự; hãy bỏ đi",
        )
    return text


# Accepted in any Unicode normal form, stored as NFC, because keyboards for Vietnamese produce several forms.
Text = Annotated[str, AfterValidator(_normalised)]
Exact = Annotated[str, AfterValidator(storable)]  # stored unchanged: signed text, whose checksum covers the exact bytes
Line = Annotated[Text, AfterValidator(_on_one_line)]
Note = Annotated[Text, AfterValidator(_without_controls)]  # may keep line breaks
# Text for people to read: a name, on one line, or a reason. Stored with leading and trailing spaces, as it was sent.
ShownLine = Annotated[Line, AfterValidator(_visible), Field(json_schema_extra={"minLength": 1})]
Shown = Annotated[Note, AfterValidator(_visible), Field(json_schema_extra={"minLength": 1})]
