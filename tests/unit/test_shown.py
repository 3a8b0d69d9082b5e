"""Text for people to read: a name, a reason. It shows something, and is kept as it was sent."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.text import Shown

SHOWN: TypeAdapter[str] = TypeAdapter(Shown)
HIDDEN = {
    "nothing": "",
    "spaces": "   ",
    "no-break space": "\u00a0",
    "zero width space": "\u200b",
    "a line and a tab": "\n\t",
    "joiners among spaces": " \u200d\u2060 \ufeff",
    "written from right to left": "\u202e",
    "soft hyphen": "\u00ad",
    "tags": "\U000e0041\U000e007f",
    "Hangul filler": "\u3164",
    "empty Braille": "\u2800",
    "a mark without a letter": "\u0301",
    "variation selector": "\ufe0f",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_what_shows_nothing_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(
        ValidationError, match="has no visible character; write at least one letter, digit or sign"
    ) as refused:
        SHOWN.validate_python(text)
    assert refused.value.error_count() == 1


@pytest.mark.parametrize("text", ["Lan", "ệ", "1", "-", "🙂", "việc\u200b", "  Trần Ngọc Lan ", "ᄀ", "한"])
def test_what_shows_something_is_kept_with_the_spaces_around_it(text: str) -> None:
    assert SHOWN.validate_python(text) == text


@given(
    st.text(st.characters(categories=["Cf", "Zs", "Zl", "Zp"], include_characters="\n\r\t")),
    st.text("Aệ9", min_size=1),
)
def test_one_letter_among_whatever_shows_nothing_is_enough(hidden: str, letter: str) -> None:
    assert SHOWN.validate_python(hidden + letter) == unicodedata.normalize("NFC", hidden + letter)
    with pytest.raises(ValidationError):
        SHOWN.validate_python(hidden)


def test_the_contract_says_that_something_must_stand_there() -> None:
    assert SHOWN.json_schema() == {"type": "string", "minLength": 1}
